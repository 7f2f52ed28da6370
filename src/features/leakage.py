"""The leak audit: features rebuilt without the future, and with a poisoned one, must not move by a bit.

Twice for each audited day T: from a ledger without all that is dated or became known after T, and from one whose
later rows are absurd and to which absurd facts were added that are dated before T but known only after it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from .catalogue import CATALOGUE
from .declaration import Feature
from .facts import Facts
from .history import History
from .ledger import OWN_DATE, Ledger, as_declared
from .matrix import Matrix, build

_ABSURD = 10**12 + 1  # minor units
Gate = Callable[[Facts], History]


@dataclass(frozen=True)
class Leak:
    """One cell that the future changed. `how`: "cut" or "poisoned"."""

    feature: str
    customer_id: str
    as_of: date
    how: str
    honest: float
    changed: float

    def __str__(self) -> str:
        return (
            f"{self.feature}: {self.customer_id} on {self.as_of} is {self.honest:g}, and {self.changed:g} when what is "
            f"known later is {self.how}"
        )


def audit(
    ledger: Ledger, keys: pd.DataFrame, features: Sequence[Feature] = CATALOGUE, *, gate: Gate = History
) -> list[Leak]:
    """Every cell of these observations that what became known later has changed.

    Parameters
    ----------
    keys : DataFrame
        customer_id and as_of of the observations to audit.
    gate : callable
        Makes the history from facts; the default is the one that features are built through.
    """
    leaks: list[Leak] = []
    for as_of, rows in keys.groupby("as_of"):
        day = pd.Timestamp(str(as_of)).date()
        here = rows[["customer_id", "as_of"]].sort_values("customer_id", ignore_index=True)
        mine = ledger.of_customers(set(here["customer_id"]))
        honest = _features(mine, here, features, gate)
        for how, other in (("cut", cut(mine, day)), ("poisoned", poisoned(mine, day))):
            leaks += _differences(honest, _features(other, here, features, gate), day, how)
    return leaks


def _features(ledger: Ledger, keys: pd.DataFrame, features: Sequence[Feature], gate: Gate) -> Matrix:
    facts = Facts.of(ledger)
    return build(gate(facts), keys, facts.customers["customer_id"], features)


def _differences(honest: Matrix, other: Matrix, day: date, how: str) -> list[Leak]:
    moved = (honest.missing != other.missing) | (honest.values.view(np.uint64) != other.values.view(np.uint64))
    return [
        Leak(
            honest.names[column],
            str(honest.keys["customer_id"].iloc[row]),
            day,
            how,
            float(honest.values[row, column]),
            float(other.values[row, column]),
        )
        for row, column in zip(*np.nonzero(moved), strict=True)
    ]


def _later(table: pd.DataFrame, name: str, day: date) -> pd.Series:
    """Rows that were not known at the close of `day`; a promise is dated by the day it was given."""
    late = table["known_on"] > pd.Timestamp(day)
    own = table[OWN_DATE[name]] > pd.Timestamp(day)
    if name == "events":
        own &= table["kind"] != "promise"
    return late | own


def cut(ledger: Ledger, day: date) -> Ledger:
    """The ledger as it was at the close of a day."""
    kept: dict[str, Any] = {}
    for name in OWN_DATE:
        table = getattr(ledger, name)
        kept[name] = _unreplaced(table[~_later(table, name, day)].reset_index(drop=True), day)
    return replace(ledger, **kept)


def _unreplaced(table: pd.DataFrame, day: date) -> pd.DataFrame:
    """The rows without the restatements that only became known later."""
    if "replaced_on" not in table:
        return table
    still = table["replaced_on"] <= pd.Timestamp(day)
    return table.assign(replaced_on=table["replaced_on"].where(still))


def poisoned(ledger: Ledger, day: date) -> Ledger:
    """The ledger with absurd values in every later row, and absurd facts that are known only later."""
    spoilt = {}
    for name in OWN_DATE:
        table = getattr(ledger, name).copy()
        late = _later(table, name, day)
        if "amount" in table:
            table.loc[late, "amount"] = _ABSURD
        if "value" in table:
            table.loc[late, "value"] = -1e9
        if "due_on" in table:
            table.loc[late, "due_on"] += pd.Timedelta(days=1)
        more = as_declared(name, _invented(ledger, name, day).reset_index(drop=True))
        spoilt[name] = pd.concat([table, more], ignore_index=True).astype(table.dtypes)
    return replace(ledger, **spoilt)


def _invented(ledger: Ledger, name: str, day: date) -> pd.DataFrame:
    """Facts dated a few days before `day`, known the day after it: one for each customer, or invoice, and kind."""
    ids = ledger.customers["customer_id"]
    before, after = pd.Timestamp(day - timedelta(days=5)), pd.Timestamp(day + timedelta(days=1))
    dated: dict[str, Any] = {OWN_DATE[name]: before, "known_on": after, "amount": _ABSURD}
    every = pd.DataFrame({"customer_id": ids})
    on = ledger.invoices[["customer_id", "invoice_id"]]
    if name == "invoices":
        return every.assign(invoice_id="later-" + ids, due_on=before, currency=ledger.reporting_currency, **dated)
    if name == "payments":
        return on.assign(payment_id="later-" + on["invoice_id"], **dated)
    if name == "events":
        kinds = ("credit_note", "write_off", "dispute_opened", "bounced", "promise", "insolvency")
        parts = [on.assign(kind=kind, **dated) for kind in kinds]
        return pd.concat(parts)
    if name == "limits":
        return every.assign(valid_to=pd.Series(pd.NaT, index=every.index), **dated)
    told = ledger.signals[["source", "name"]].drop_duplicates()
    del dated["amount"]
    return every.merge(told, how="cross").assign(value=-1e9, **dated)
