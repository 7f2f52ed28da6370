"""Replay: what stood open on each invoice, and how late it was paid, from events alone.

The arithmetic of stocks and of lateness (docs/conventions.md), for facts that a gate has already cut.
Nothing here decides what was known when.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .facts import NEVER, OPEN_ENDED, Events, Facts, Flags, Floats, Ints, Payments, ends_of, starts_of, sum_by

EPS = 1.00  # in units of the reporting currency: a smaller rest is nothing
REST = 0.05  # share of an invoice that may be left: cash discount, bank charges
_SAME_REVERSAL_DAYS = 7
_ISSUED, _CHANGED, _OPENED, _CLOSED = range(4)  # the order of a day's events on an invoice


@dataclass(frozen=True)
class Steps:
    """Stock of each invoice after each of its changes: it holds from `day` until the next step.

    Rows are in order of invoice, then day; `open` and `undisputed` are in minor units.
    """

    invoice: Ints
    day: Ints
    open: Floats
    undisputed: Floats

    @cached_property
    def until(self) -> Ints:
        """The day on which the next step of the same invoice begins, or NEVER."""
        end = np.full(len(self.day), NEVER)
        if len(end):
            same = self.invoice[1:] == self.invoice[:-1]
            end[:-1][same] = self.day[1:][same]
        return end

    def at(self, day: int) -> tuple[Ints, Floats, Floats]:
        """Invoice numbers, open and undisputed at the close of `day`, where anything was open."""
        now = (self.day <= day) & (day < self.until) & (self.open > 0)
        return self.invoice[now], self.open[now], self.undisputed[now]

    def open_on(self, invoice: Ints, day: Ints) -> Floats:
        """What was open on each of these invoices at the close of each of these days."""
        place = np.searchsorted(_key(self.invoice, self.day), _key(invoice, day), side="right") - 1
        found = (place >= 0) & (self.invoice[place] == invoice) if len(self.invoice) else np.zeros(len(invoice), bool)
        return np.where(found, self.open[place] if len(self.invoice) else 0.0, 0.0)


def paid_between(payments: Payments, invoice: Ints, after: Ints, to: Ints) -> Floats:
    """Payments less reversals on each of these invoices, dated in (after, to]."""
    key, total = _key(payments.invoice, payments.day), np.r_[0.0, np.cumsum(payments.amount)]
    ends = np.searchsorted(key, _key(invoice, to), side="right")
    return np.asarray(total[ends] - total[np.searchsorted(key, _key(invoice, after), side="right")])


def _key(invoice: Ints, day: Ints) -> Ints:
    """One number that sorts by invoice, then day."""
    return invoice * (4 * NEVER) + day


@dataclass(frozen=True)
class Spells:
    """Spells during which an invoice was an arrear but for its due date: days [start, end)."""

    invoice: Ints
    start: Ints
    end: Ints


@dataclass(frozen=True)
class Lateness:
    """How late each invoice was paid, by invoice number (length m).

    Attributes
    ----------
    net : money never void: amount less all visible credit notes
    settle : first day with no more than max(eps, 5 %) unpaid; NEVER where unsettled
    void : net is no more than eps, or the row is a credit note without invoice
    slice_invoice, slice_day, slice_money : payments that count, filling net by date
    """

    net: Floats
    settle: Ints
    void: Flags
    slice_invoice: Ints
    slice_day: Ints
    slice_money: Floats


def steps(facts: Facts, *, when_known: bool = False) -> Steps:
    """Replay stocks from facts dated by their own day, or by the day on which they were known as well.

    `when_known` dates each fact by the later of its own day and `known`: the stock as it was believed on each day.
    """
    invoices, payments, events = facts.invoices, facts.payments, facts.events

    def own(day: Ints, known: Ints) -> Ints:
        return np.maximum(day, known) if when_known else day

    issued, paid, told = (own(rows.day, rows.known) for rows in (invoices, payments, events))
    on_invoice = events.invoice >= 0
    falls = np.flatnonzero(np.isin(events.kind, ("credit_note", "write_off")) & on_invoice & (events.amount > 0))
    back = _bounced_invoices(payments, events)
    opens = np.flatnonzero((events.kind == "dispute_opened") & on_invoice)
    closes = np.flatnonzero((events.kind == "dispute_closed") & on_invoice)
    real, on = np.flatnonzero(invoices.amount > 0), np.flatnonzero(payments.invoice >= 0)
    parts: list[tuple[Any, ...]] = [  # rank within a day, invoice, day, change of what is open, what is disputed
        (_ISSUED, real, issued[real], invoices.amount[real], 0.0),
        (_CHANGED, payments.invoice[on], paid[on], -payments.amount[on], 0.0),
        (_CHANGED, events.invoice[falls], told[falls], -events.amount[falls], 0.0),
        (_CHANGED, events.invoice[back], told[back], events.amount[back], 0.0),
        (_CLOSED, events.invoice[closes], told[closes], 0.0, 0.0),
        (_OPENED, events.invoice[opens], told[opens], 0.0, events.amount[opens]),
    ]
    rank, invoice, day, change, disputed = (
        np.concatenate([np.broadcast_to(part[k], len(part[1])) for part in parts]) for k in range(5)
    )
    order = np.lexsort((rank, day, invoice))
    rank, invoice, change, disputed = rank[order], invoice[order], change[order], disputed[order]
    day = np.maximum(day[order], issued[invoice])  # what is paid before the issue counts from it
    starts = starts_of(invoice)
    balance = _running(change, starts)
    open_ = np.where(balance > EPS * facts.minor, balance, 0.0)
    # a closing ends every dispute opened by then
    since_closing = np.union1d(starts, np.flatnonzero(rank == _CLOSED))
    amounts = _running(np.where(disputed > 0, disputed, 0.0), since_closing)
    whole = _running((disputed == OPEN_ENDED).astype(float), since_closing)
    in_dispute = np.where(whole > 0, open_, np.minimum(open_, amounts))
    last = ends_of(starts_of(invoice, day), len(day)) - 1
    return Steps(invoice[last], day[last], open_[last], (open_ - in_dispute)[last])


def _running(values: Floats, starts: Ints) -> Floats:
    """Running sum that begins anew at each start."""
    total = np.cumsum(values)
    before = np.r_[0.0, total][starts]
    return np.asarray(total - np.repeat(before, ends_of(starts, len(values)) - starts))


def _bounced_invoices(payments: Payments, events: Events) -> Ints:
    bounces = untold_bounces(payments, events)
    return bounces[events.invoice[bounces] >= 0]


def untold_bounces(payments: Payments, events: Events) -> Ints:
    """Places of the `bounced` events that no negative payment tells already.

    A bounce and a negative payment of the same amount on the same invoice (or of the same customer, where neither
    names one) within 7 days are one reversal; each payment tells one event only.
    """
    told: dict[tuple[int, int, float], list[int]] = {}
    for row in np.flatnonzero(payments.amount < 0):
        key = (payments.customer[row], payments.invoice[row], -payments.amount[row])
        told.setdefault(key, []).append(int(payments.day[row]))
    untold = []
    for place in np.flatnonzero((events.kind == "bounced") & (events.amount > 0)):  # in order of day
        days = told.get((events.customer[place], events.invoice[place], events.amount[place]), [])
        near = [day for day in days if abs(day - events.day[place]) <= _SAME_REVERSAL_DAYS]
        if near:
            days.remove(min(near))
        else:
            untold.append(place)
    return np.array(untold, np.int64)


def arrears(facts: Facts, held: Steps) -> Spells:
    """Spells with more undisputed than max(eps, 5 % of amount less credit notes); a smaller rest is no arrear.

    Day s of a spell is an arrear of s - due days once that is at least one.
    """
    notes = _by_invoice(facts.events, "credit_note", len(facts.invoices.amount))
    floor = np.maximum(EPS * facts.minor, REST * (facts.invoices.amount - notes))
    above = held.undisputed > floor[held.invoice]
    return Spells(held.invoice[above], held.day[above], held.until[above])


def _by_invoice(events: Events, kind: str, m: int) -> Floats:
    here = (events.kind == kind) & (events.invoice >= 0) & (events.amount > 0)
    return sum_by(events.invoice[here], events.amount[here], m)


def lateness(facts: Facts) -> Lateness:
    """When each invoice was settled and which payments settled it, reversals undone as if never made."""
    invoices, payments, events = facts.invoices, facts.payments, facts.events
    eps = EPS * facts.minor
    net = invoices.amount - _by_invoice(events, "credit_note", len(invoices.amount))
    void = net <= eps
    on = payments.invoice >= 0
    invoice, day, money = payments.invoice[on], payments.day[on], _undone(payments, events)[on]
    real = (money > 0) & ~void[invoice]
    invoice, day, money = invoice[real], day[real], money[real]
    paid = _running(money, starts_of(invoice))
    before = paid - money
    room = np.maximum(0.0, net[invoice] - before)
    settle = np.full(len(net), NEVER)
    enough = net[invoice] - paid <= np.maximum(eps, REST * net[invoice])
    # the first such row of each invoice: write them last to first
    rows = np.flatnonzero(enough)[::-1]
    settle[invoice[rows]] = day[rows]
    counted = room > 0
    return Lateness(net, settle, void, invoice[counted], day[counted], np.minimum(money, room)[counted])


def _undone(payments: Payments, events: Events) -> Floats:
    """Payment amounts after each reversal took back the latest earlier payments on its invoice."""
    money = payments.amount.copy()
    bounced = _bounced_invoices(payments, events)
    takes = [
        *zip(payments.invoice[money < 0], payments.day[money < 0], -money[money < 0], strict=True),
        *zip(events.invoice[bounced], events.day[bounced], events.amount[bounced], strict=True),
    ]
    money = np.maximum(money, 0.0)
    for invoice, day, rest in sorted(takes, key=lambda take: take[1]):
        lo, hi = np.searchsorted(payments.invoice, [invoice, invoice + 1])
        for row in range(hi - 1, lo - 1, -1):
            if payments.day[row] <= day and rest > 0:
                taken = min(rest, money[row])
                money[row] -= taken
                rest -= taken
    return money
