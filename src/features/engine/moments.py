"""Moments: the days on which each customer is looked at, and the earlier days that its trends compare with."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...compiled import compiled
from ..calendar import months_before
from .facts import Ints, Longs

SERIES = 12  # months that the longest series looks back
LOOK_BACK = 15  # months that the farthest window reaches back


class Moments(NamedTuple):
    """The moments of customers, in order of customer, then day.

    Attributes
    ----------
    begins : int64, length n + 1
        Where each customer's moments begin; a customer may have none.
    place : int32
        Of each moment's day in the calendar.
    day : int32
    back : int32 (moments, SERIES + 1 or 1)
        The place of the same customer's moment j months before; -1 where it was not asked for.
    """

    begins: Longs
    place: Ints
    day: Ints
    back: Ints


@dataclass(frozen=True)
class Calendar:
    """All days that are moments of any customer, ascending, and which of them is the first to see a day.

    Attributes
    ----------
    days : int32, length g
    back : int32 (g, SERIES + 1), or (g, 1) without `series`
        The place of the day j months before; -1 where it is not in `days`.
    series : bool
        Are the months before each day that is asked for among them?
    """

    days: Ints
    back: Ints
    series: bool

    @classmethod
    def of(cls, asked: npt.NDArray[np.int64], *, series: bool) -> "Calendar":
        """The days that are asked for, with the months before them where trends need them."""
        return _calendar(tuple(int(day) for day in asked), series)

    @classmethod
    def _of(cls, asked: tuple[int, ...], series: bool) -> "Calendar":
        months = range(1, SERIES + 1) if series else range(0)
        days = np.unique([*asked, *(months_before(int(day), j) for day in asked for j in months)]).astype(np.int32)
        back = np.full((len(days), len(months) + 1), -1, np.int32)
        back[:, 0] = np.arange(len(days))
        for j in months:
            then = np.array([months_before(int(day), j) for day in days], np.int32)
            at = np.searchsorted(days, then)
            found = np.minimum(at, len(days) - 1)
            back[:, j] = np.where(days[found] == then, found, -1)
        return cls(days, back, series)

    @cached_property
    def begun(self) -> Ints:
        """(LOOK_BACK + 1, g): the day j months before each of the days."""
        then = [[months_before(int(day), j) for day in self.days] for j in range(LOOK_BACK + 1)]
        return np.array(then, np.int32)

    @cached_property
    def base(self) -> int:
        """The first day that the tables tell of; whatever is earlier every moment has seen."""
        return int(self.begun[:, 0].min()) - 1

    @cached_property
    def first(self) -> Ints:
        """(LOOK_BACK + 1, days): place of the first day whose day j months before is not before `base` + column."""
        asked = np.arange(self.base, int(self.days[-1]) + 2)
        return np.array([np.searchsorted(row, asked, side="left") for row in self.begun], np.int32)

    @cached_property
    def _numbers(self) -> tuple[int, Ints]:
        """The first of the days, and the place of each day from it on."""
        first = int(self.days[0])
        places = np.zeros(int(self.days[-1]) - first + 1, np.int32)
        places[self.days - first] = np.arange(len(self.days))
        return first, places

    def places(self, day: npt.NDArray[Any]) -> Ints:
        """The place of each of these days, all of which were asked for."""
        first, places = self._numbers
        return places[day - first]

    def moments(self, customer: Ints, place: Ints, n: int) -> tuple[Moments, Ints]:
        """The moments of n customers, each asked for at some places of the calendar (and the months before them).

        What is asked for comes in order of customer (0 to n - 1); with the moment that each of it is.
        """
        begins, places, back, asked = _moments(customer, place, self.back, n)
        return Moments(begins, places, self.days[places], back), asked


@lru_cache(maxsize=32)
def _calendar(asked: tuple[int, ...], series: bool) -> Calendar:
    """The desk asks for the same day again and again."""
    return Calendar._of(asked, series)


@compiled
def _moments(customer, place, back, n):  # type: ignore[no-untyped-def]
    g, series = back.shape
    begins = np.zeros(n + 1, np.int64)
    marked = np.zeros(g, np.bool_)
    at = np.full(g, -1, np.int32)
    room = 0
    row = 0
    for c in range(n):  # once to count, so that nothing has to grow
        marked[:] = False
        while row < len(place) and customer[row] == c:
            for j in range(series):
                if back[place[row], j] >= 0:
                    marked[back[place[row], j]] = True
            row += 1
        room += marked.sum()
        begins[c + 1] = room
    places = np.empty(room, np.int32)
    links = np.full((room, series), -1, np.int32)
    asked = np.empty(len(place), np.int32)
    row = 0
    for c in range(n):
        marked[:] = False
        begun = row
        while row < len(place) and customer[row] == c:
            for j in range(series):
                if back[place[row], j] >= 0:
                    marked[back[place[row], j]] = True
            row += 1
        k = begins[c]
        for day in range(g):
            if marked[day]:
                places[k], at[day] = day, k
                k += 1
        for j in range(begun, row):
            asked[j] = at[place[j]]
        for k in range(begins[c], begins[c + 1]):
            for j in range(series):
                then = back[places[k], j]
                if then >= 0 and marked[then]:
                    links[k, j] = at[then]
    return begins, places, links, asked
