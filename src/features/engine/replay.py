"""Replay: one document as it was known at the close of a day: how late it was paid, and what stood open on each day.

The arithmetic of lateness and of stocks (docs/conventions.md), in one place for features, outcomes and case pages.
"""

from typing import Any, NamedTuple

import numpy as np

from ...compiled import allocating, inlined
from .days import NEVER
from .facts import WHOLE, Kind
from .gate import holds, known

EPS = 1.00  # in units of the reporting currency: a smaller rest is nothing
REST = 0.05  # share of an invoice that may be left: cash discount, bank charges
SHORT = 0.005  # a rest above this share is short-paid
SAME_REVERSAL_DAYS = 7
MARKS = (-3, 0, 5, 30, 60)  # days after due at which what is unpaid is told
PAYDEX = ((-30, 100.0), (-20, 90.0), (0, 80.0), (15, 70.0), (22, 60.0), (30, 50.0), (60, 40.0), (90, 30.0), (120, 20.0))
_CREDIT_NOTE, _WRITE_OFF, _BOUNCED = int(Kind.CREDIT_NOTE), int(Kind.WRITE_OFF), int(Kind.BOUNCED)
_OPENED, _CLOSED = int(Kind.DISPUTE_OPENED), int(Kind.DISPUTE_CLOSED)


class Work(NamedTuple):
    """Room for the rows of one document: its payments that count, its reversals, and its steps."""

    pay_day: Any
    pay_money: Any
    back_day: Any
    back_money: Any
    told: Any  # negative payments that an event has told already
    step_day: Any
    step_open: Any
    step_undisputed: Any


@allocating
def room(size):  # type: ignore[no-untyped-def]
    """Room for a document of so many payments and events."""
    return Work(
        np.empty(size, np.int32),
        np.empty(size, np.int64),
        np.empty(size, np.int32),
        np.empty(size, np.int64),
        np.empty(size, np.bool_),
        np.empty(size + 1, np.int32),
        np.empty(size + 1, np.int64),
        np.empty(size + 1, np.int64),
    )


@inlined
def paydex(days):  # type: ignore[no-untyped-def]
    """Points for promptness, 100 (a month early) to 20 (four months late), linear between."""
    if days <= PAYDEX[0][0]:
        return PAYDEX[0][1]
    for k in range(1, len(PAYDEX)):
        if days <= PAYDEX[k][0]:
            a, b = PAYDEX[k - 1], PAYDEX[k]
            return a[1] + (b[1] - a[1]) * (days - a[0]) / (b[0] - a[0])
    return PAYDEX[len(PAYDEX) - 1][1]


@inlined
def credited(events, start, end, T):  # type: ignore[no-untyped-def]
    """All visible credit notes of a document, whatever their date."""
    money = 0
    for e in range(start, end):
        if events.kind[e] == _CREDIT_NOTE and events.amount[e] > 0 and known(events.seen[e], T):
            money += events.amount[e]
    return money


@inlined
def tells_anew(payments, p0, p1, e, events, T, told):  # type: ignore[no-untyped-def]
    """Is a bounce a reversal of its own? A negative payment of its amount within 7 days tells the same one.

    Each payment tells one event only: `told` (by payment, from p0) remembers.
    """
    nearest, gap = -1, SAME_REVERSAL_DAYS + 1
    for p in range(p0, p1):
        same = payments.amount[p] == -events.amount[e] and not told[p - p0]
        away = abs(payments.day[p] - events.day[e])
        if same and away < gap and holds(payments.seen[p], payments.replaced[p], T):
            nearest, gap = p, away
    if nearest >= 0:
        told[nearest - p0] = True
    return nearest < 0


@inlined
def collect(payments, p0, p1, events, e0, e1, T, work):  # type: ignore[no-untyped-def]
    """Fill `work` with the payments known at T and the reversals, both in order of day; how many of each."""
    pays, backs = 0, 0
    bounces = False
    for p in range(p0, p1):
        if holds(payments.seen[p], payments.replaced[p], T):
            if payments.amount[p] > 0:
                work.pay_day[pays], work.pay_money[pays] = payments.day[p], payments.amount[p]
                pays += 1
            elif payments.amount[p] < 0:
                work.back_day[backs], work.back_money[backs] = payments.day[p], -payments.amount[p]
                backs += 1
    for e in range(e0, e1):
        bounces |= events.kind[e] == _BOUNCED
    if bounces:
        work.told[: p1 - p0] = False
        for e in range(e0, e1):
            if events.kind[e] != _BOUNCED or events.amount[e] <= 0 or not known(events.seen[e], T):
                continue
            if tells_anew(payments, p0, p1, e, events, T, work.told):
                k = backs
                while k > 0 and work.back_day[k - 1] > events.day[e]:
                    work.back_day[k], work.back_money[k] = work.back_day[k - 1], work.back_money[k - 1]
                    k -= 1
                work.back_day[k], work.back_money[k] = events.day[e], events.amount[e]
                backs += 1
    return pays, backs


@inlined
def undo(work, pays, backs):  # type: ignore[no-untyped-def]
    """Each reversal takes back the latest payments before it, as if never made."""
    for b in range(backs):
        rest = work.back_money[b]
        for p in range(pays - 1, -1, -1):
            if rest > 0 and work.pay_day[p] <= work.back_day[b]:
                taken = min(rest, work.pay_money[p])
                work.pay_money[p] -= taken
                rest -= taken


@inlined
def stocks(issued, amount, events, e0, e1, T, eps, work, pays, backs):  # type: ignore[no-untyped-def]
    """Open and undisputed money at the close of each day on which they change, before any reversal was undone.

    Fills `work.step_*` and returns how many steps there are; a step holds until the next. What is dated before the
    issue counts from it.
    """
    steps, p, b, e = 0, 0, 0, e0
    balance, disputed, whole = amount, 0, False
    day = issued
    while True:
        while p < pays and work.pay_day[p] <= day:
            balance -= work.pay_money[p]
            p += 1
        while b < backs and work.back_day[b] <= day:
            balance += work.back_money[b]
            b += 1
        closed = False
        while e < e1 and events.day[e] <= day:
            if known(events.seen[e], T):
                kind = events.kind[e]
                if kind in (_CREDIT_NOTE, _WRITE_OFF) and events.amount[e] > 0:
                    balance -= events.amount[e]
                elif kind == _OPENED:
                    if events.amount[e] == WHOLE:
                        whole = True
                    else:
                        disputed += events.amount[e]
                elif kind == _CLOSED:
                    closed = True
            e += 1
        if closed:  # a closing ends all that was opened by then
            disputed, whole = 0, False
        open_ = balance if balance > eps else 0
        work.step_day[steps] = day
        work.step_open[steps] = open_
        work.step_undisputed[steps] = 0 if whole else open_ - min(open_, disputed)
        steps += 1
        day = NEVER
        if p < pays:
            day = min(day, work.pay_day[p])
        if b < backs:
            day = min(day, work.back_day[b])
        while e < e1 and not known(events.seen[e], T):
            e += 1
        if e < e1:
            day = min(day, events.day[e])
        if day > T:  # a promise lies ahead and is no stock
            return steps
