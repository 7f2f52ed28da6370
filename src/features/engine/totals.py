"""Totals: sums over the documents of a window, for every moment at once.

A document enters a window on one day and leaves it on another, so each of its rows is one addition and one subtraction
however many moments see it; then the changes are cumulated. Sums are whole numbers and exact.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...compiled import compiled, inlined
from .days import NEVER
from .facts import Floats, Ints, Longs
from .moments import LOOK_BACK, Calendar, Moments
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


MANY_QUANTITIES, MANY_MARKS = len(Quantity), len(MARKS)


class Window(NamedTuple):
    """Documents whose anchor lies in (T - after - days, T - after], or in calendar months (T_{after+months}, T_after].

    Give `days` or `months`; neither: all up to T - after.
    """

    anchor: Anchor
    after: int = 0
    days: int | None = None
    months: int | None = None

    @property
    def endless(self) -> bool:
        """Does nothing ever leave it?"""
        return self.days is None and self.months is None

    @property
    def reach(self) -> int:
        """Days after its anchor within which a document has left; 0 where it never does."""
        return 31 * (self.after + self.months) + 31 if self.months is not None else self.after + (self.days or 0)

    @property
    def edges(self) -> Sequence[int]:
        """Anchor; months and days after which a document enters; the same after which it leaves."""
        if self.months is not None:
            if self.after + self.months > LOOK_BACK:
                raise ValueError(f"{self}: a window of months should reach back {LOOK_BACK} at most; give days.")
            return self.anchor, self.after, 0, self.after + self.months, 0
        return self.anchor, 0, self.after, 0, NEVER if self.days is None else self.after + self.days

    def __str__(self) -> str:
        unit, width = ("months", self.months) if self.months is not None else ("days", self.days)
        told = f"{self.anchor.name.lower()} in {width} {unit}" if width is not None else f"{self.anchor.name.lower()}"
        return told + (f", {self.after} {unit} before" if self.after else "")


class Total(NamedTuple):
    """A quantity summed over a window."""

    quantity: Quantity
    window: Window

    @property
    def reach(self) -> int:
        """Days that the window reaches back."""
        return self.window.reach

    def __str__(self) -> str:
        return f"{self.quantity.name.lower()} of {self.window}"


def totals(wanted: Iterable[Total], states: States, moments: Moments, calendar: Calendar) -> dict[Total, Floats]:
    """Each total at every moment, in minor units or counts."""
    order, plan = _plan(tuple(wanted))
    if not order:
        return {}
    clock = _Clock(moments.begins, moments.place, moments.day, len(calendar.days), calendar.first, calendar.base)
    return dict(zip(order, _totals(plan, states, clock), strict=True))


class _Plan(NamedTuple):
    """What is summed: quantities, those of one window together (`ends`; `alone`: there is but one); windows with an end
    come first, `bounded` of them, and the longest reaches back so many days."""

    quantities: Longs
    windows: Longs
    ends: Longs
    alone: npt.NDArray[np.bool_]
    bounded: int
    reach: int


class _Clock(NamedTuple):
    """The moments, and which day of the calendar (of so many `days`) is the first to see a day."""

    begins: Longs
    place: Ints
    day: Ints
    days: int
    first: Ints
    base: int


@lru_cache(maxsize=64)
def _plan(wanted: tuple[Total, ...]) -> tuple[list[Total], _Plan]:
    """Totals in order of their windows, and as the kernel reads them."""
    by_window: dict[Window, list[Total]] = {}
    for one in sorted(dict.fromkeys(wanted), key=lambda total: total.window.endless):
        by_window.setdefault(one.window, []).append(one)
    order = [one for group in by_window.values() for one in group]
    ends = np.cumsum([0, *(len(group) for group in by_window.values())])
    plan = _Plan(
        np.array([one.quantity for one in order], np.int64),
        np.array([window.edges for window in by_window], np.int64),
        ends,
        np.diff(ends) == 1,
        sum(not window.endless for window in by_window),
        max((window.reach for window in by_window if not window.endless), default=0),
    )
    return order, plan


@inlined
def _place(first, months, day, base):  # type: ignore[no-untyped-def]
    """Place in the calendar of the first day whose day so many months before is not before `day`."""
    return first[months, min(max(day - base, 0), first.shape[1] - 1)]


@inlined
def _quantities(states, r, told):  # type: ignore[no-untyped-def]
    """All quantities of a row, in the order of `Quantity`."""
    owed = not states.void[r]
    late = states.settle[r] - states.due[r] if owed else 0
    told[0] = told[1] = 1
    if not owed:
        told[1] = 0
    told[2], told[3], told[4] = states.net[r], states.amount[r], states.credits[r]
    told[5], told[6] = late > 0, late > 5
    for mark in range(MANY_MARKS):
        told[7 + mark] = states.unpaid[r, mark]
    told[12], told[13], told[14] = states.disputed[r], states.pay_days[r] >= 2, states.short[r]
    told[15], told[16], told[17] = states.open[r], states.undisputed[r], states.undisputed[r] > states.floor[r]


@inlined
def _tell_totals(sums, plan, states, clock, change, told, anchors, reached):  # type: ignore[no-untyped-def]
    begins, quantities, windows, ends, first = clock.begins, plan.quantities, plan.windows, plan.ends, clock.first
    alone = plan.alone
    for c in range(len(begins) - 1):
        m0, m1 = begins[c], begins[c + 1]
        if m0 == m1:
            continue
        k = m0
        for day in range(clock.days + 1):
            while k < m1 and clock.place[k] < day:
                k += 1
            reached[day] = k
        many = m1 - m0
        change[:, : many + 1] = 0
        for r in range(states.begins[c], states.begins[c + 1]):
            lo, hi = states.lo[r], states.hi[r]
            anchors[0], anchors[1] = states.issued[r], states.due[r]
            anchors[2], anchors[3] = states.settle[r], states.extended[r]
            latest = max(anchors[0], anchors[1], anchors[3])
            if anchors[2] < NEVER:
                latest = max(latest, anchors[2])
            # what left every window with an end before the first moment is looked for in the endless ones alone
            start = plan.bounded if latest + plan.reach <= clock.day[lo] else 0
            _quantities(states, r, told)
            for w in range(start, len(windows)):
                if alone[w] and told[quantities[ends[w]]] == 0:
                    continue  # nothing to add
                day = anchors[windows[w, 0]]
                if day < 0:
                    continue  # it has no such day
                enters = max(reached[_place(first, windows[w, 1], day + windows[w, 2], clock.base)], lo)
                if enters >= hi:
                    continue
                leaves = min(reached[_place(first, windows[w, 3], day + windows[w, 4], clock.base)], hi)
                if enters >= leaves:
                    continue
                for t in range(ends[w], ends[w + 1]):
                    change[t, enters - m0] += told[quantities[t]]
                    change[t, leaves - m0] -= told[quantities[t]]
        for t in range(len(quantities)):
            total = 0
            for k in range(many):
                total += change[t, k]
                sums[t, m0 + k] = total


@compiled
def _totals(plan, states, clock):  # type: ignore[no-untyped-def]
    sums = np.zeros((len(plan.quantities), len(clock.place)))
    change = np.zeros((len(plan.quantities), clock.days + 1), np.int64)
    told, anchors = np.zeros(MANY_QUANTITIES, np.int64), np.zeros(4, np.int64)
    reached = np.zeros(
        clock.days + 1, np.int32
    )  # the first moment of the customer at or after each day of the calendar
    _tell_totals(sums, plan, states, clock, change, told, anchors, reached)
    return sums


assert MANY_MARKS == Quantity.UNPAID60 - Quantity.UNPAID_EARLY + 1
