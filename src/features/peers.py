"""Peers: what a customer is compared with, the others of its segment and of its group, as it was known on the day.

A second, small pass. First every part of the book tells of all its customers on each day (`stand`); what that comes to
by segment and by group (`Survey`) is some numbers a day, from which a customer's own part can be taken out again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from .catalogue.lateness import DBT_YEAR
from .default import DefaultRecipe, Defaults
from .engine.facts import Facts, Members
from .engine.loading import MOST
from .observations import Exposure, observed
from .pasts import pasts

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Days = npt.NDArray[np.int64]
YEAR = 365
MANY, LOW, MIDDLE, HIGH, COUNTED, FELL = range(6)  # what is told of a segment on a day
MEMBERS, OVERDUE, OPEN = range(3)  # and of a group


@dataclass(frozen=True)
class PeerRecipe:
    """Who counts as exposed and as defaulted a year before: the rules by which observations and outcomes are made."""

    exposure: Exposure
    default: DefaultRecipe


USUAL = PeerRecipe(Exposure(), DefaultRecipe())


class Counts(NamedTuple):
    """(n, k): was a customer exposed and not in default a year before a day; and if so, did a trigger hold since."""

    counted: Flags
    fell: Flags


@dataclass(frozen=True)
class Standing:
    """How the customers of one part of the book stood on each of k days: arrays (n, k).

    Attributes
    ----------
    segment, group : int
        By number; -1 where none was known yet.
    late : float32
        Days beyond terms over a year, as the feature tells them; NaN where nothing was due.
    open, overdue : int64
        Minor units.
    counts : Counts
    """

    days: Days
    segments: tuple[str, ...]
    groups: tuple[str, ...]
    segment: npt.NDArray[Any]
    group: npt.NDArray[Any]
    late: npt.NDArray[np.float32]
    open: npt.NDArray[np.int64]
    overdue: npt.NDArray[np.int64]
    counts: Counts


def stand(facts: Facts, days: Days, recipe: PeerRecipe) -> Standing:
    """How the customers of these facts stood on some days (ascending), by what was known on each."""
    n, k = facts.n, len(days)
    customer, day = np.repeat(np.arange(n), k), np.tile(days, n)
    late, open_, overdue = np.empty(n * k, np.float32), np.empty(n * k, np.int64), np.empty(n * k, np.int64)
    for rows, places, past in pasts(facts, customer, day):
        late[rows] = past.column(DBT_YEAR).values[places]
        open_[rows], overdue[rows] = past.open[places], past.overdue()[places]
    defaults, fell = Defaults(facts, recipe.default), np.zeros(n * k, bool)
    counted = observed(facts, customer, day - YEAR, recipe.exposure, defaults)
    who, to = customer[counted], day[counted]
    fell[counted] = defaults.triggered(who, after=to - YEAR, to=to, known_by=to).any(axis=1)
    row = facts.members.at(customer, day)
    segment, group = (np.append(code, -1)[row] for code in (facts.members.segment, facts.members.group))
    counts = Counts(counted.reshape(n, k), fell.reshape(n, k))
    told = {"segment": segment, "group": group, "late": late, "open": open_, "overdue": overdue}
    shaped: dict[str, Any] = {name: one.reshape(n, k) for name, one in told.items()}
    return Standing(days, facts.segments, facts.groups, **shaped, counts=counts)


@dataclass(frozen=True)
class Survey:
    """What all customers of the book come to, by segment and by group, on each of k days.

    Attributes
    ----------
    days : int64, ascending
    segments, groups : dict of name to row
    by_segment : float64 (segments + 1, k, 6)
        Customers with a lateness, the two or three middle ones of their days beyond terms, those counted a year before,
        and those of them that fell. Row 0 is the whole book, also for customers of no segment.
    by_group : int64 (groups + 1, k, 3)
        Members, overdue and open money. Row 0 is that of no group, and 0.
    """

    days: Days
    segments: dict[str, int]
    groups: dict[str, int]
    by_segment: Floats
    by_group: npt.NDArray[np.int64]

    @classmethod
    def of(cls, standings: Iterable[Standing]) -> "Survey":
        """Of all parts of the book, one after the other; of each customer and day eight bytes are kept."""
        segments, groups, kept = dict[str, int](), dict[str, int](), list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]()
        years, money, days = np.zeros((0, 0, 2)), np.zeros((0, 0, 3), np.int64), np.zeros(0, np.int64)
        most = np.zeros(0)
        for one in standings:
            days = one.days
            own, group = _rows(segments, one.segments)[one.segment], _rows(groups, one.groups)[one.group]
            place = np.broadcast_to(np.arange(len(days)), own.shape)
            most = most if len(most) else np.zeros(len(days))
            years, money = _grown(years, segments, len(days)), _grown(money, groups, len(days))
            for what, flags in enumerate(one.counts):
                np.add.at(years[..., what], (own, place), flags)
            for what, amount in enumerate((np.ones_like(one.open), one.overdue, one.open)):
                np.add.at(money[..., what], (group, place), amount)
            most += np.where(group > 0, one.open, 0).sum(axis=0, dtype=float)
            if most.max(initial=0.0) >= MOST:
                raise Mistake("groups of companies: what they have open sums to more than can be counted exactly.")
            kept.append((one.late, own.astype(np.int32)))
        by_segment = np.zeros((len(segments) + 1, len(days), 6))
        by_segment[..., COUNTED:] = years
        by_segment[0, :, COUNTED:] = years.sum(axis=0)
        for day in range(len(days)):
            late, own = (np.concatenate([column[:, day] for column in told]) for told in zip(*kept, strict=True))
            late, own = late[there := ~np.isnan(late)], own[there]
            order = np.lexsort((late, own))
            ends = np.searchsorted(own[order], np.arange(1, len(segments) + 2))
            by_segment[0, day, : HIGH + 1] = _middle(np.sort(late))
            for row in range(len(segments)):
                by_segment[row + 1, day, : HIGH + 1] = _middle(late[order][ends[row] : ends[row + 1]])
        money[0] = 0
        return cls(days, segments, groups, by_segment, money)

    def beside(self, facts: Facts, counts: Counts) -> Facts:
        """The facts of a part of the book, knowing of the rest of it."""
        segment, group = _rows(self.segments, facts.segments), _rows(self.groups, facts.groups)
        return replace(facts, peers=Peers(self, facts.members, segment, group, counts))


@dataclass(frozen=True)
class Others:
    """At n moments, what the others come to: rows as in `Survey`, the customer's own part in defaults taken out."""

    segment: Floats
    everybody: Floats
    group: npt.NDArray[np.int64]

    @property
    def members(self) -> npt.NDArray[np.int64]:
        """Of the group, the customer included; 0 where it is of none."""
        return np.asarray(self.group[:, MEMBERS])

    @property
    def overdue(self) -> npt.NDArray[np.int64]:
        """Overdue money of the group, the customer's included, in minor units."""
        return np.asarray(self.group[:, OVERDUE])

    @property
    def open(self) -> npt.NDArray[np.int64]:
        """Open money of the group, the customer's included, in minor units."""
        return np.asarray(self.group[:, OPEN])

    def median(self, own: Floats, fewest: int) -> Floats:
        """Median of the days beyond terms of the others of the segment; of all others where those are too few.

        `own` (length n) is taken out of them; NaN where nobody is left.
        """
        few = self.segment[:, MANY] - 1 < fewest
        return _median_without(np.where(few[:, None], self.everybody, self.segment), own)

    def default_rate(self, weight: float) -> Floats:
        """Share of the others of the segment that fell, drawn to that of all others by so many customers' weight."""
        with np.errstate(invalid="ignore", divide="ignore"):
            whole = self.everybody[:, FELL] / self.everybody[:, COUNTED]
        return np.asarray((self.segment[:, FELL] + weight * whole) / (self.segment[:, COUNTED] + weight))


@dataclass(frozen=True)
class Peers:
    """A survey, seen from one part of the book: the rows of its segments and groups, and who of it counts."""

    survey: Survey
    members: Members
    segment: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]
    counts: Counts

    def at(self, customer: npt.NDArray[Any], day: npt.NDArray[Any]) -> Others:
        """The others of each customer (by its number) on a day; nobody where the day was not surveyed."""
        survey, row = self.survey, self.members.at(customer, day)
        place = np.minimum(np.searchsorted(survey.days, day), len(survey.days) - 1)
        there = (survey.days[place] == day)[:, None]
        segment = self.segment[np.append(self.members.segment, -1)[row]]
        group = self.group[np.append(self.members.group, -1)[row]]
        own = np.zeros((len(customer), 6))
        own[:, COUNTED], own[:, FELL] = self.counts.counted[customer, place], self.counts.fell[customer, place]
        nobody = np.where(there, 0.0, np.nan)
        of_segment, of_all = survey.by_segment[segment, place] - own, survey.by_segment[0, place] - own
        return Others(of_segment + nobody, of_all + nobody, survey.by_group[group, place] * there)


def surveyed(standings: Iterable[Standing]) -> tuple[Survey, list[Counts]]:
    """What all parts of the book come to, and who of each part counts."""
    counts: list[Counts] = []

    def one_by_one() -> Iterator[Standing]:
        for standing in standings:
            counts.append(standing.counts)
            yield standing

    return Survey.of(one_by_one()), counts


def among_themselves(facts: Facts, days: Days, recipe: PeerRecipe) -> Facts:
    """The facts of a whole book, knowing of each other on some days.

    Raises
    ------
    ValueError
        The facts are a part of the book; survey all parts first.
    """
    if not facts.whole:
        raise ValueError("these facts are a part of the book: survey all parts, and give them what that came to.")
    survey, (counts,) = surveyed([stand(facts, np.unique(days), recipe)])
    return survey.beside(facts, counts)


def _rows(known: dict[str, int], names: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """The row of each name by its number, new ones at the end; 0 for "" (none), and for the number -1."""
    for name in names:
        if name:
            known.setdefault(name, len(known) + 1)
    return np.array([*(known.get(name, 0) for name in names), 0])


def _grown(table: npt.NDArray[Any], rows: dict[str, int], k: int) -> npt.NDArray[Any]:
    """A table with room for all rows on k days."""
    grown = np.zeros((len(rows) + 1, k, table.shape[2]), table.dtype)
    grown[: len(table), : table.shape[1]] = table
    return grown


def _middle(value: npt.NDArray[np.float32]) -> tuple[float, float, float, float]:
    """How many values in order there are, and the ones that the median without any one of them is made of."""
    n = len(value)
    if n < 2:
        return n, np.nan, np.nan, np.nan
    if n % 2:
        return n, value[n // 2 - 1], value[n // 2], value[n // 2 + 1]
    return n, value[n // 2 - 1], np.nan, value[n // 2]


def _median_without(told: Floats, own: Floats) -> Floats:
    """The median when a value is taken out again.

    Of an even number one of the two middle ones is left, of an odd number the mean of two of the middle three.
    """
    low, middle, high = told[:, LOW], told[:, MIDDLE], told[:, HIGH]
    even = np.where(own <= low, high, low)
    odd = np.where(own < middle, middle + high, np.where(own > middle, low + middle, low + high)) / 2
    return np.where(told[:, MANY] % 2 == 0, even, odd)
