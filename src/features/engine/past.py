"""The past: what was known of some customers at each of their moments. A measure reads it, and nothing else."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..column import Codes, Column, Flags, Missing
from ..declaration import Measure
from . import arrears, credit, disputes, dues, dunning, issues, outside, promises, promptness, receipts, rolling
from .days import NEVER
from .facts import Facts, Floats, Ints
from .moments import Calendar, Moments
from .ordering import rows_by
from .receipts import Flows, Receipts
from .replay import EPS
from .states import States, invoiced, states_of
from .totals import Anchor, Quantity, Total, Window, totals

if TYPE_CHECKING:
    from ..peers import Others


def _within_reach(days: int) -> None:
    if days > credit.REACH:
        raise ValueError(f"use of the limit is told for the last {credit.REACH} days, and {days} were asked for.")


class Past:
    """Every array has one number for each moment; money is in minor units, `minor` turns it into units.

    Attributes
    ----------
    T : float64
        The day number of each moment.
    n : int
        Moments.
    """

    def __init__(
        self, facts: Facts, moments: Moments, calendar: Calendar, customers: range, *, lifelong: bool = True
    ) -> None:
        self.facts, self.moments, self.calendar, self.customers = facts, moments, calendar, customers
        self._lifelong = lifelong
        self.minor, self.n = facts.minor, len(moments.day)
        self.T = moments.day.astype(np.float64)
        self._columns: dict[Measure, Column] = {}
        self._sums: dict[Total, Floats] = {}
        self._kept: dict[tuple[Any, ...], Any] = {}

    # ---- columns

    def column(self, measure: Measure) -> Column:
        """A measure at every moment; computed once, also where it is the base of another."""
        if measure not in self._columns:
            self._columns[measure] = measure(self)
        return self._columns[measure]

    def told(
        self, values: npt.NDArray[Any], *reasons: tuple[Missing, Flags | bool], like: Codes | None = None
    ) -> Column:
        """Values with their missing reasons; a customer without a visible invoice is NEW."""
        return Column.of(values, (Missing.NEW, self._new), *reasons, like=like)

    def back(self, values: npt.NDArray[Any], months: int | list[int]) -> Floats:
        """The values that the moment so many months before had, as they were known then."""
        assert self.calendar.series, "a measure that looks at earlier months is declared as monthly"
        place = self.moments.back[:, months]
        told = values[place].astype(np.float64, copy=False)
        told[place < 0] = np.nan
        return told

    def series(self, values: Floats, months: Iterable[int]) -> Floats:
        """(n, k): the values of the moments so many months before."""
        return self.back(values, list(months))

    def start(self, months: int) -> Ints:
        """T_j: the day so many calendar months before each moment."""
        return self.calendar.begun[months][self.moments.place]

    def has(self, source: str) -> Flags:
        """Is the optional source declared, and complete at T?"""
        return np.asarray(self.facts.since.get(source, NEVER) <= self.T)

    def young(self, start: npt.NDArray[Any]) -> Flags:
        """Was no invoice visible yet at the close of these days?"""
        return np.asarray(self._first_seen > start)

    @cached_property
    def _of_moment(self) -> npt.NDArray[np.int64]:
        """The customer of each moment, counted from the first."""
        return np.repeat(np.arange(len(self.customers)), np.diff(self.moments.begins))

    @cached_property
    def onboarded(self) -> Ints:
        """The day of onboarding, as it was known; NEVER where it is not stated."""
        members = self.facts.members
        row = members.at(self.customers.start + self._of_moment, self.moments.day)
        return np.append(members.onboarded, np.int32(NEVER))[row]

    @cached_property
    def _first_seen(self) -> Ints:
        """The day on which a first invoice was visible."""
        facts, lo, hi = self.facts, self.customers.start, self.customers.stop
        d0, d1 = facts.begins[lo], facts.begins[hi]
        v0, v1 = facts.documents.versions[d0], facts.documents.versions[d1]
        rows = facts.versions
        seen = np.maximum(rows.known[v0:v1], rows.issued[v0:v1])
        seen = np.where(rows.amount[v0:v1] > 0, seen, NEVER)
        owner = np.repeat(facts.documents.customer[d0:d1] - lo, np.diff(facts.documents.versions[d0 : d1 + 1]))
        first = np.full(hi - lo, NEVER, np.int32)
        np.minimum.at(first, owner, seen)
        return np.asarray(first[self._of_moment])

    @cached_property
    def others(self) -> "Others":
        """The other customers of each one's segment and group, as surveyed."""
        assert self.facts.peers is not None, "what compares with others is declared as such"
        return self.facts.peers.at(self.customers.start + self._of_moment, self.moments.day)

    # ---- what kernels tell

    def _once(self, kernel: Callable[..., Any], *given: Any, key: tuple[Any, ...] = ()) -> Any:
        """A kernel's result; computed once for each `key`."""
        name = (kernel, *key)
        if name not in self._kept:
            self._kept[name] = kernel(*given)
        return self._kept[name]

    @cached_property
    def _told(self) -> Any:
        return states_of(self.facts, self.moments, self.customers, lifelong=self._lifelong)

    @property
    def states(self) -> States:
        """Each document as it was known."""
        return self._told[0]

    @property
    def _looked_at(self) -> tuple[Any, ...]:
        return self.states, self.moments.begins, self.moments.day

    def _in_order_of(self, day: str) -> tuple[Any, ...]:
        order = self._once(rows_by, self.states.begins, getattr(self.states, day), key=(day,))
        return self.states, order, self.moments.begins, self.moments.day

    @property
    def _days(self) -> tuple[Any, ...]:
        return self.moments.begins, self.moments.day

    @property
    def _whom(self) -> tuple[int, int]:
        return self.customers.start, self.customers.stop

    def sum_up(self, wanted: Iterable[Total]) -> None:
        """Read many totals in one pass; `total` then has them."""
        self._sums |= totals((one for one in wanted if one not in self._sums), self.states, self.moments, self.calendar)

    @property
    def summed(self) -> list[Total]:
        """The totals that were asked for."""
        return list(self._sums)

    def total(self, quantity: Quantity, window: Window) -> Floats:
        """A quantity of the documents in a window."""
        one = Total(quantity, window)
        if one not in self._sums:
            self.sum_up([one])
        return self._sums[one]

    @cached_property
    def invoiced(self) -> Flags:
        """Is an invoice visible? Those without are NEW."""
        facts = self.facts
        told = invoiced(facts.begins, facts.documents, facts.versions, *self._days, *self._whom)
        return np.asarray(told)

    @cached_property
    def _new(self) -> Flags:
        return ~self.invoiced

    @property
    def open(self) -> Floats:
        """All open money."""
        return self.total(Quantity.OPEN, Window(Anchor.ISSUED))

    def overdue(self, *, more_than: int = 0) -> Floats:
        """Undisputed money more than so many days past due."""
        return self.total(Quantity.UNDISPUTED, Window(Anchor.DUE, after=more_than + 1))

    @property
    def begun(self) -> "issues.Begun":
        """First and last issue day."""
        return self._once(issues.begun, *self._in_order_of("issued"))

    def blocks(self, months: int) -> "issues.Blocks":
        """What was issued month by month, the newest first."""
        edges = np.ascontiguousarray(self.calendar.begun[: months + 1, self.moments.place].T)
        return self._once(issues.blocks, *self._in_order_of("issued")[:3], edges, key=(months,))

    def gaps(self, days: int) -> "issues.Gaps":
        """Gaps between issue days."""
        return self._once(issues.gaps, *self._in_order_of("issued"), days, key=(days,))

    def sizes(self, days: int, recent: int) -> "issues.Sizes":
        """How large invoices are."""
        return self._once(issues.sizes, *self._in_order_of("issued"), days, recent, key=(days, recent))

    def countback(self, most: int) -> Floats:
        """Days of sales that reach what is open."""
        return self._once(issues.countback, *self._in_order_of("issued"), self.open, most, key=(most,))

    def slices(self, due_within: int) -> "promptness.Slices":
        """Payments by money, days late and points."""
        return self._once(promptness.slices, *self._looked_at, due_within, key=(due_within,))

    def faded(self, half_life: int) -> "promptness.Faded":
        """Late money, the newest weighing most."""
        return self._once(promptness.faded, *self._looked_at, half_life, key=(half_life,))

    def terms(self, *, by_due: bool, after: int, days: int) -> "promptness.Terms":
        """Terms by money, of what was issued or due in (T - after - days, T - after]."""
        key = (by_due, after, days)
        return self._once(promptness.terms, *self._looked_at, *key, key=key)

    def lateness(self, due_within: int, quantile: float) -> "dues.Lateness":
        """The distribution of days late."""
        key = (due_within, quantile)
        return self._once(dues.lateness, *self._in_order_of("due"), *key, key=key)

    @property
    def runs(self) -> "dues.Runs":
        """Streaks and the latest three."""
        return self._once(dues.runs, *self._in_order_of("due"))

    @property
    def first_late(self) -> Floats:
        """Days late of the first due day."""
        return self._once(dues.first_late, *self._in_order_of("due"))

    @property
    def standing(self) -> "arrears.Standing":
        """Arrears now."""
        return self._once(arrears.standing, *self._looked_at)

    def worst(self, days: int) -> "arrears.Worst":
        """The worst days past due of a window."""
        return self._once(arrears.worst, self._told[1], *self._days, days, key=(days,))

    def last_over(self, dpd: int) -> Floats:
        """The last day with more than so many days past due."""
        return self._once(arrears.last_over, self._told[1], *self._days, dpd, key=(dpd,))

    def days_over(self, dpd: int, days: int) -> Floats:
        """Days of a window with more than so many days past due."""
        return self._once(arrears.days_over, self._told[1], *self._days, dpd, days, key=(dpd, days))

    def usual(self, days: int, quantile: float) -> "arrears.Usual":
        """How late the customer usually pays, where something is in arrear."""
        key = (days, quantile)
        return self._once(arrears.usual, *self._in_order_of("settle"), self.standing.oldest, *key, key=key)

    def rolled(self, months: int) -> "rolling.Rolled":
        """What became of the money that was unpaid months ago."""
        place = np.ascontiguousarray(self.moments.back[:, months])
        return self._once(rolling.rolled, *self._looked_at, place, key=(months,))

    @cached_property
    def _believed(self) -> "credit.Believed":
        facts = self.facts
        return credit.believed(
            facts.begins,
            facts.documents,
            facts.versions,
            facts.payments,
            facts.events,
            facts.limits,
            *self._days,
            *self._whom,
            facts.since.get("limits", NEVER),
            EPS * facts.minor,
        )

    def limit(self, before: int = 0) -> Floats:
        """The credit limit in force and known so many days before; NaN where none was."""
        _within_reach(before)
        return self._once(credit.limit_at, self._believed, *self._days, before, key=(before,))

    def peak_use(self, days: int) -> Floats:
        """Greatest use of the limit in a window."""
        _within_reach(days)
        return self._once(credit.peak, self._believed, *self._days, days, key=(days,))

    def days_above(self, days: int) -> Floats:
        """Days of a window above the limit."""
        _within_reach(days)
        return self._once(credit.days_above, self._believed, *self._days, days, key=(days,))

    def receipts(self, days: int, recent: int) -> Receipts:
        """Days on which money came in."""
        given = (self.facts.receipts, *self._days, *self._whom, days, recent)
        return self._once(receipts.receipts, *given, key=(days, recent))

    def flows(self, *, months: int | None = None, days: int | None = None) -> Flows:
        """Payments and reversals since T_months, or of the last days."""
        since = self.start(months) if months is not None else self.moments.day - np.int32(days or 0)
        given = (self.facts.receipts, self.facts.notices, *self._days, since, *self._whom)
        return self._once(receipts.flows, *given, key=(months, days))

    def promises(self, days: int) -> "promises.Promises":
        """How promises ended."""
        facts = self.facts
        given = (facts.begins, facts.documents, facts.versions, facts.payments, facts.events, facts.receipts)
        more = (facts.notices, *self._days, *self._whom, EPS * facts.minor, days)
        return self._once(promises.promises, *given, *more, key=(days,))

    def disputes(self, days: int) -> "disputes.Disputes":
        """How disputes ended."""
        given = (self.facts.begins, self.facts.documents, self.facts.events, *self._days, *self._whom, days)
        return self._once(disputes.disputes, *given, key=(days,))

    def dunning(self, days: int) -> "dunning.Dunning":
        """What had to be reminded of."""
        given = (self.facts.documents, self.facts.events, self.facts.notices, *self._looked_at, *self._whom, days)
        return self._once(dunning.dunning, *given, key=(days,))

    def signal(self, source: str, name: str, before: int = 0) -> "outside.Latest":
        """The latest value of a signal, as it was known so many days before."""
        number = self.facts.signal_keys.get((source, name), -1)
        given = (self.facts.signals, number, self.moments.begins, self.moments.day - np.int32(before), *self._whom)
        return self._once(outside.latest, *given, key=(source, name, before))

    def signals_in(self, keys: tuple[tuple[str, str], ...], days: int) -> Floats:
        """How many of these signals were observed in a window."""
        numbers = np.array([self.facts.signal_keys[key] for key in keys if key in self.facts.signal_keys], np.int32)
        given = (self.facts.signals, numbers, *self._days, *self._whom, days)
        return self._once(outside.counted, *given, key=(keys, days))
