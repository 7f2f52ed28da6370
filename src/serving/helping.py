"""Helping: what a customer could do, and what its rating would be then, found by rating the changed ledger."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..features.engine.days import day_of
from ..features.ledger import Ledger, as_declared
from .what_if import WhatIf

QUARTER = 92  # days: three months
_FEW = 3  # invoices paid, where there are more overdue


@dataclass(frozen=True)
class Help:
    """One thing that the customer could do.

    Attributes
    ----------
    en, zh : str
        What, in words.
    days : int
        When its rating would be that; 0 is at once.
    amount : float
        To be paid for it today, in units of the reporting currency.
    points : float
        By how much the score would be better (or, below 0, worse) than it is.
    score : int; grade : str; pd : float
        As they would be.
    """

    en: str
    zh: str
    days: int
    amount: float
    points: float
    score: int
    grade: str
    pd: float


def what_would_help(if_: WhatIf, overdue: list[tuple[str, float]], log_odds: float) -> list[Help]:
    """What pays off, in the order told: invoices paid at once, then terms kept for three months.

    A plan that costs more and gains nothing more is not told.

    Parameters
    ----------
    overdue : list of (invoice id, open amount in the reporting currency)
        What is past due today and not in dispute, the heaviest first.
    log_odds : float
        Of its rating as it is.
    """
    plans: list[tuple[str, str, int, float, Ledger]] = []
    for some in ([overdue[:_FEW]] if len(overdue) > _FEW else []) + ([overdue] if overdue else []):
        n, amount = len(some), sum(money for _, money in some)
        heaviest = n < len(overdue)
        en = "Pay the overdue invoice" if n == 1 else f"Pay the {n} {'heaviest ' if heaviest else ''}overdue invoices"
        zh = "付清逾期发票" if n == 1 else f"付清{'金额最大的' if heaviest else '全部'}{n}张逾期发票"
        plans.append((en, zh, 0, amount, paid(if_.own, {name for name, _ in some}, if_.day)))
    en = "Pay what is overdue today and keep to terms for three months" if overdue else "Keep to terms for three months"
    zh = ("今日付清逾期款，并" if overdue else "") + "在三个月内按期付款"
    plans.append((en, zh, QUARTER, sum(money for _, money in overdue), kept_to_terms(if_.own, if_.day)))
    told = [_rated(if_, *plan, log_odds) for plan in plans]
    best, kept = 0.0, []
    for one in told:
        if one.points >= best + 1:
            kept.append(one)
            best = one.points
    return kept


def _rated(if_: WhatIf, en: str, zh: str, days: int, amount: float, ledger: Ledger, log_odds: float) -> Help:
    system = if_.bundle.system
    z = if_.rate(ledger, later=days).log_odds
    points = float(system.points.score(z)[0] - system.points.score(np.array([log_odds]))[0])
    grade = str(system.scale.grade(z)[0])
    return Help(en, zh, days, amount, points, int(system.score(z)[0]), grade, float(system.pd(z)[0]))


def paid(ledger: Ledger, ids: set[str] | None, day: int, *, earliest: pd.Timestamp | None = None) -> Ledger:
    """The same with what is open of some invoices (None: of all) at the close of a day paid, and known at once.

    It is paid on that day, or, given an `earliest`, when it is due, but not before that.
    """
    today = pd.Timestamp(day_of(day))
    invoices = _known(ledger.invoices, today)
    events = _known(ledger.events, today)
    taken = [_known(ledger.payments, today), events[events["kind"].isin(["credit_note", "write_off"])]]
    left = invoices.groupby("invoice_id")["amount"].sum()
    for rows, sign in (*((one, -1) for one in taken), (events[events["kind"] == "bounced"], 1)):
        left = left.add(sign * rows.groupby("invoice_id")["amount"].sum(), fill_value=0).reindex(left.index)
    left = left.reindex(invoices["invoice_id"])
    owing = invoices[(left.to_numpy() > 0) & (invoices["invoice_id"].isin(ids) if ids is not None else True)]
    days = (
        pd.Series(today, index=owing.index)
        if earliest is None
        else owing["due_on"].where(owing["due_on"] > earliest, earliest)
    )
    rows = pd.DataFrame(
        {
            "payment_id": "what-if:" + owing["invoice_id"],
            "customer_id": owing["customer_id"],
            "invoice_id": owing["invoice_id"],
            "paid_on": days,
            "amount": left[left.to_numpy() > 0].reindex(owing["invoice_id"]).to_numpy().astype(np.int64),
            "currency": owing["currency"],
            "known_on": days,
        }
    )
    added = as_declared("payments", rows.assign(delivery=1, replaced_in=0))
    return replace(ledger, payments=pd.concat([ledger.payments, added], ignore_index=True))


def kept_to_terms(ledger: Ledger, day: int) -> Ledger:
    """The next three months as the last three were, but everything is paid when it is due, what is overdue today.

    Invoices of the last three months are issued again three months later, on the same terms; signals stay as they are.
    """
    today, quarter = pd.Timestamp(day_of(day)), pd.Timedelta(days=QUARTER)
    recent = _known(ledger.invoices, today)
    recent = recent[recent["issued_on"] > today - quarter]
    again = recent.assign(
        invoice_id="what-if:" + recent["invoice_id"],
        **{name: recent[name] + quarter for name in ("issued_on", "due_on")},
        known_on=recent["issued_on"] + quarter,
    )
    signals = ledger.signals[ledger.signals["known_on"] <= today]
    last = signals.sort_values("observed_on").drop_duplicates(["source", "name"], keep="last")
    last = last.assign(observed_on=today + quarter, known_on=today + quarter)
    longer = replace(
        ledger,
        invoices=pd.concat([ledger.invoices, again], ignore_index=True),
        signals=pd.concat([ledger.signals, last], ignore_index=True),
    )
    return paid(longer, None, day + 2 * QUARTER, earliest=today)


def _known(rows: pd.DataFrame, today: pd.Timestamp) -> pd.DataFrame:
    """What was known at the close of a day, and not replaced by then."""
    there = rows["known_on"] <= today
    if "replaced_on" in rows:
        there &= ~(rows["replaced_on"] <= today)
    return rows[there]
