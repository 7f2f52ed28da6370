"""Totals: sums over the documents of a window, for every moment at once.

A document enters a window on one day and leaves it on another, so each of its rows is one addition and one subtraction
however many moments see it; then the changes are cumulated. Sums are whole numbers and exact.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from .compiled import compiled, inlined
from .days import NEVER
from .facts import Floats
from .moments import Calendar, Moments
from .replay import MARKS
from .states import States


class Anchor(IntEnum):
    """The day of a document that has to lie in the window."""

    ISSUED = 0
    DUE = 1
    SETTLED = 2
    EXTENDED = 3


class Quantity(IntEnum):
    """What is summed. Void documents count as ANY, CREDITS and AMOUNT only."""

    ANY = 0  # 1 for each
    ONE = 1  # 1 for each that is not void
    NET = 2
    AMOUNT = 3
    CREDITS = 4
    LATE = 5  # 1 for each settled, or still open, later than due
    LATE5 = 6  # more than 5 days later
    UNPAID_EARLY = 7  # of net, after due - 3
    UNPAID = 8  # after due
    UNPAID5 = 9
    UNPAID30 = 10
    UNPAID60 = 11
    DISPUTED = 12  # 1 for each that was ever disputed
    IN_PARTS = 13  # 1 for each paid on two days or more
    SHORT = 14  # 1 for each short-paid
    OPEN = 15  # the stock at the close of the moment
    UNDISPUTED = 16
    ARREAR = 17  # 1 for each above the floor of an arrear


@dataclass(frozen=True)
class Window:
    """Documents whose anchor lies in (T - after - days, T - after], or in calendar months (T_{after+months}, T_after].

    Give `days` or `months`; neither: all up to T - after.
    """

    anchor: Anchor
    after: int = 0
    days: int | None = None
    months: int | None = None

    def __str__(self) -> str:
        unit, width = ("months", self.months) if self.months is not None else ("days", self.days)
        told = f"{self.anchor.name.lower()} in {width} {unit}" if width is not None else f"{self.anchor.name.lower()}"
        return told + (f", {self.after} {unit} before" if self.after else "")


@dataclass(frozen=True)
class Total:
    """A quantity summed over a window."""

    quantity: Quantity
    window: Window

    def __str__(self) -> str:
        return f"{self.quantity.name.lower()} of {self.window}"


def totals(wanted: Iterable[Total], states: States, moments: Moments, calendar: Calendar) -> dict[Total, Floats]:
    """Each total at every moment, in minor units or counts."""
    by_window: dict[Window, list[Total]] = {}
    for one in dict.fromkeys(wanted):
        by_window.setdefault(one.window, []).append(one)
    order = [one for group in by_window.values() for one in group]
    if not order:
        return {}
    ends = np.cumsum([0, *(len(group) for group in by_window.values())])
    sums = _totals(
        np.array([one.quantity for one in order], np.int64),
        np.array([_edges(window) for window in by_window], np.int64),
        ends,
        states,
        moments.begins,
        moments.place,
        len(calendar.days),
        calendar.first,
        calendar.base,
    )
    return dict(zip(order, sums, strict=True))


def _edges(window: Window) -> Sequence[int]:
    """anchor; months and days back at which a document enters; the same at which it leaves."""
    if window.months is not None:
        return window.anchor, window.after, 0, window.after + window.months, 0
    return window.anchor, 0, window.after, 0, NEVER if window.days is None else window.after + window.days


@inlined
def _place(first, months, day, base):  # type: ignore[no-untyped-def]
    """Place in the calendar of the first day whose day so many months before is not before `day`."""
    return first[months, min(max(day - base, 0), first.shape[1] - 1)]


@inlined
def _quantity(code, states, r):  # type: ignore[no-untyped-def]
    owed = not states.void[r]
    if code == Quantity.ANY:
        return 1
    if code == Quantity.ONE:
        return 1 if owed else 0
    if code == Quantity.NET:
        return states.net[r]
    if code == Quantity.AMOUNT:
        return states.amount[r]
    if code == Quantity.CREDITS:
        return states.credits[r]
    if code == Quantity.LATE:
        return 1 if owed and states.settle[r] > states.due[r] else 0
    if code == Quantity.LATE5:
        return 1 if owed and states.settle[r] > states.due[r] + 5 else 0
    if code <= Quantity.UNPAID60:
        return states.unpaid[r, code - Quantity.UNPAID_EARLY]
    if code == Quantity.DISPUTED:
        return 1 if states.disputed[r] else 0
    if code == Quantity.IN_PARTS:
        return 1 if states.pay_days[r] >= 2 else 0
    if code == Quantity.SHORT:
        return 1 if states.short[r] else 0
    if code == Quantity.OPEN:
        return states.open[r]
    if code == Quantity.UNDISPUTED:
        return states.undisputed[r]
    return 1 if states.undisputed[r] > states.floor[r] else 0


@compiled
def _totals(quantities, windows, ends, states, begins, place, g, first, base):  # type: ignore[no-untyped-def]
    terms = len(quantities)
    sums = np.zeros((terms, len(place)))
    change = np.zeros((terms, g + 1), np.int64)
    reached = np.zeros(g + 1, np.int32)  # the first moment of the customer at or after each day of the calendar
    for c in range(len(begins) - 1):
        m0, m1 = begins[c], begins[c + 1]
        if m0 == m1:
            continue
        k = m0
        for day in range(g + 1):
            while k < m1 and place[k] < day:
                k += 1
            reached[day] = k
        many = m1 - m0
        change[:, : many + 1] = 0
        for r in range(states.begins[c], states.begins[c + 1]):
            lo, hi = states.lo[r], states.hi[r]
            for w in range(len(windows)):
                anchor = windows[w, 0]
                if anchor == 0:
                    day = states.issued[r]
                elif anchor == 1:
                    day = states.due[r]
                elif anchor == 2:
                    day = states.settle[r]
                else:
                    day = states.extended[r]
                    if day < 0:
                        continue
                enters = reached[_place(first, windows[w, 1], day + windows[w, 2], base)]
                if enters >= hi:
                    continue
                enters = max(enters, lo)
                leaves = min(reached[_place(first, windows[w, 3], day + windows[w, 4], base)], hi)
                if enters >= leaves:
                    continue
                for t in range(ends[w], ends[w + 1]):
                    amount = _quantity(quantities[t], states, r)
                    change[t, enters - m0] += amount
                    change[t, leaves - m0] -= amount
        for t in range(terms):
            total = 0
            for k in range(many):
                total += change[t, k]
                sums[t, m0 + k] = total
    return sums


assert len(MARKS) == Quantity.UNPAID60 - Quantity.UNPAID_EARLY + 1
