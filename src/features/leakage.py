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

from .building import build
from .catalogue import CATALOGUE, feature
from .declaration import Feature
from .engine.facts import Facts
from .engine.loading import facts_of
from .ledger import Ledger, as_declared, as_frame, members_of
from .matrix import Matrix
from .schemas import OWN_DATE

_ABSURD = 10**12 + 1  # minor units
Read = Callable[[Ledger], Facts]
_TABLES = (*OWN_DATE, "memberships")
_NAMED_BY = {
    "memberships": "customer_id",
    "invoices": "invoice_id",
    "payments": "payment_id",
    "events": "kind",
    "limits": "amount",
    "signals": "name",
}


@dataclass(frozen=True)
class Leak:
    """One cell that the future changed. `how`: "cut" or "poisoned"; `row`: the row that leaked."""

    feature: str
    customer_id: str
    as_of: date
    how: str
    honest: float
    changed: float
    row: str = ""

    def __str__(self) -> str:
        return (
            f"{self.feature}: {self.customer_id} on {self.as_of} is {self.honest:g}, and {self.changed:g} when what is "
            f"known later is {self.how}" + (f"; it sees {self.row}" if self.row else "")
        )


def audit(
    ledger: Ledger, keys: pd.DataFrame, features: Sequence[Feature] = CATALOGUE, *, read: Read = facts_of
) -> list[Leak]:
    """Every cell of these observations that what became known later has changed.

    The first leak of each feature names the row that it sees. Where a feature compares with other customers, all that
    the ledger holds are cut, and poisoned; else only the customers of the observations.

    Parameters
    ----------
    keys : DataFrame
        customer_id and as_of of the observations to audit.
    read : callable
        Makes facts of a ledger; the default is what features are built from.
    """
    leaks: list[Leak] = []
    compare = any(one.measure.among_others for one in features)
    ledger = replace(ledger, memberships=_members(ledger), whole=True)
    for as_of, rows in keys.groupby("as_of"):
        day = pd.Timestamp(str(as_of)).date()
        here = rows[["customer_id", "as_of"]].sort_values("customer_id", ignore_index=True)
        mine = ledger if compare else ledger.of_customers(set(here["customer_id"]))
        honest = build(read(mine), here, features)
        for how, other in (("cut", cut(mine, day)), ("poisoned", poisoned(mine, day))):
            leaks += _differences(honest, build(read(other), here, features), day, how)
    named: set[str] = set()
    for place, leak in enumerate(leaks):
        if leak.feature not in named:
            named.add(leak.feature)
            alone = not feature(leak.feature).measure.among_others
            held = ledger.of_customers([leak.customer_id]) if alone else ledger
            leaks[place] = replace(leak, row=_culprit(held, leak, read))
    return leaks


def _culprit(ledger: Ledger, leak: Leak, read: Read) -> str:
    """A row that was not known yet and that the cell sees: told by halving the rows that are let in."""
    declared = (feature(leak.feature),)
    keys = pd.DataFrame({"customer_id": [leak.customer_id], "as_of": [pd.Timestamp(leak.as_of)]})
    held = poisoned(ledger, leak.as_of) if leak.how == "poisoned" else ledger
    later = [(name, row) for name in _TABLES for row in np.flatnonzero(_later(getattr(held, name), name, leak.as_of))]

    def first(many: int) -> Matrix:
        """The cell when of the later rows only the first so many are there."""
        kept: dict[str, Any] = {}
        for name in _TABLES:
            table = getattr(held, name)
            gone = [row for other, row in later[many:] if other == name]
            kept[name] = table[~np.isin(np.arange(len(table)), gone)].reset_index(drop=True)
        return build(read(replace(held, **kept)), keys, declared)

    none, low, high = first(0), 0, len(later)
    if not _differences(none, first(high), leak.as_of, leak.how):
        return ""
    while high - low > 1:  # with the first `low` of them nothing changes, with the first `high` something does
        middle = (low + high) // 2
        low, high = (low, middle) if _differences(none, first(middle), leak.as_of, leak.how) else (middle, high)
    name, row = later[high - 1]
    one = getattr(held, name).iloc[row]
    told = f"{_NAMED_BY[name]} {one[_NAMED_BY[name]]}"
    told += f", {OWN_DATE[name]} {one[OWN_DATE[name]].date()}" if name in OWN_DATE else ""
    return f"the row of {name} with {told}, known on {one['known_on'].date()}"


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
    if name not in OWN_DATE:
        return late
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
    members = _members(ledger)
    return replace(ledger, **kept, memberships=members[~_later(members, "memberships", day)])


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
    spoilt["invoices"] = _restated(spoilt["invoices"], day)
    members, after = _members(ledger), pd.Timestamp(day + timedelta(days=1))
    moved = members.drop_duplicates("customer_id").assign(segment="later", group_id="later", known_on=after)
    moved["onboarded_on"] = pd.Timestamp(day - timedelta(days=4000))
    spoilt["memberships"] = pd.concat([members, moved.astype(members.dtypes)], ignore_index=True)
    return replace(ledger, **spoilt)


def _members(ledger: Ledger) -> pd.DataFrame:
    return as_frame(members_of(ledger))


def _restated(table: pd.DataFrame, day: date) -> pd.DataFrame:
    """Invoices with an absurd version of each that is known the day after."""
    after = pd.Timestamp(day + timedelta(days=1))
    standing = ~_later(table, "invoices", day) & ~(table["replaced_on"] <= after)
    again = table[standing].assign(amount=_ABSURD, known_on=after, replaced_on=pd.Timestamp("NaT"))
    again = again.assign(due_on=again["due_on"] + pd.Timedelta(days=300), delivery=again["delivery"] + 1)
    return pd.concat([table.assign(replaced_on=table["replaced_on"].mask(standing, after)), again.astype(table.dtypes)])


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
        kinds = ("credit_note", "write_off", "dispute_opened", "dispute_closed", "bounced", "promise", "dunning")
        parts = [on.assign(kind=kind, **dated) for kind in kinds]
        return pd.concat(parts)
    if name == "limits":
        return every.assign(valid_to=pd.Series(pd.NaT, index=every.index), **dated)
    told = ledger.signals[["source", "name"]].drop_duplicates()
    del dated["amount"]
    return every.merge(told, how="cross").assign(value=-1e9, **dated)
