"""History, the one gate of time: what was known of each customer at the close of a day.

A fact is visible at T when its own date and its `known_on` are not after T. Features see a `View` and
nothing else, so a feature's author cannot look ahead.
"""

from collections import OrderedDict
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .calendar import months_before
from .declaration import Column, Measure
from .facts import NEVER, Facts, Floats, Ints, Places, ends_of, starts_of, sum_by
from .replay import Lateness, Spells, Steps, arrears, lateness, steps, untold_bounces

_VIEWS_KEPT = 4


class History:
    """The past of one partition of customers, seen from any day."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._views: OrderedDict[int, View] = OrderedDict()
        self._columns: dict[tuple[int, Measure], Column] = {}

    def at(self, day: int) -> "View":
        """What was known at the close of `day` (a day number)."""
        if day not in self._views:
            facts, numbers = self._facts.known(by=day)
            self._views[day] = View(self, facts, numbers, day)
            while len(self._views) > _VIEWS_KEPT:
                self._views.popitem(last=False)
        self._views.move_to_end(day)
        return self._views[day]

    def column(self, measure: Measure, day: int) -> Column:
        """A measure at the close of `day`; computed once, also where it is a base of another."""
        key = (day, measure)
        if key not in self._columns:
            self._columns[key] = measure(self.at(day))
        return self._columns[key]

    def forget(self, *, before: int) -> None:
        """Let go of what was computed for days before `before`."""
        self._columns = {key: column for key, column in self._columns.items() if key[0] >= before}


class View:
    """What was known of `n` customers at the close of day `T`.

    Per-invoice arrays have length m (visible invoices); `customer` numbers are rows of the partition.
    Money is in minor units of the reporting currency; `minor` turns it into units.
    """

    def __init__(self, history: History, facts: Facts, numbers: Ints, day: int) -> None:
        self._history, self.facts, self.T = history, facts, day
        self.numbers = numbers
        self.n = facts.n
        self.minor = facts.minor

    # ---- the same measures, seen from an earlier day

    def back(self, months: int) -> int:
        """T_j, the day `months` calendar months before T."""
        return months_before(self.T, months)

    def then(self, measure: Measure, months: int) -> Column:
        """The measure as an observation of `months` months ago saw it; never restated."""
        return self._history.column(measure, self.back(months))

    def view_then(self, months: int) -> "View":
        """The whole view of `months` months ago."""
        return self.on(self.back(months))

    def on(self, day: int) -> "View":
        """The whole view of an earlier day."""
        assert day <= self.T, "a view never looks ahead"
        return self._history.at(day)

    def has(self, source: str) -> bool:
        """Is the optional source declared, and complete at T?"""
        return self.facts.since.get(source, NEVER) <= self.T

    # ---- invoices

    @property
    def customer(self) -> Ints:
        """Of each invoice."""
        return self.facts.invoices.customer

    @property
    def issued(self) -> Ints:
        """Issue days; a credit note without invoice has one too."""
        return self.facts.invoices.issued

    @property
    def due(self) -> Ints:
        """Due days."""
        return self.facts.invoices.due

    @cached_property
    def lateness(self) -> Lateness:
        """Net, settlement and the payments that count, by invoice."""
        return lateness(self.facts)

    @property
    def net(self) -> Floats:
        """Amount less all visible credit notes; 0 where void."""
        return np.where(self.lateness.void, 0.0, self.lateness.net)

    @cached_property
    def owed(self) -> npt.NDArray[np.bool_]:
        """Not void: the invoices that have a lateness."""
        return ~self.lateness.void

    @cached_property
    def is_invoice(self) -> npt.NDArray[np.bool_]:
        """A document that is an invoice (a negative row is a credit note)."""
        return self.facts.invoices.amount > 0

    @cached_property
    def settled(self) -> npt.NDArray[np.bool_]:
        """No more than max(eps, 5 %) unpaid by T."""
        return self.lateness.settle < NEVER

    @cached_property
    def late(self) -> Floats:
        """Days from due to settlement; T - due, a lower bound, where unsettled (censored)."""
        return np.where(self.settled, self.lateness.settle, self.T) - self.due.astype(float)

    @cached_property
    def invoiced(self) -> npt.NDArray[np.bool_]:
        """Customers with a visible invoice; the others are NEW."""
        return self.count(self.is_invoice) > 0

    @cached_property
    def first_issued(self) -> Ints:
        """First issue day of each customer; NEVER where NEW."""
        first = np.full(self.n, NEVER)
        np.minimum.at(first, self.customer[self.is_invoice], self.issued[self.is_invoice])
        return first

    def due_in(self, days: int, *, shifted: int = 0) -> npt.NDArray[np.bool_]:
        """Non-void invoices due in (T - days - shifted, T - shifted]."""
        end = self.T - shifted
        return self.owed & (self.due > end - days) & (self.due <= end)

    def issued_after(self, start: int, end: int | None = None) -> npt.NDArray[np.bool_]:
        """Documents issued in (start, end], end = T unless given."""
        return (self.issued > start) & (self.issued <= (self.T if end is None else end)) & self.is_invoice

    def unpaid_after(self, days: int) -> Floats:
        """Of each invoice: net less what was paid by due + days."""
        paid = self.lateness
        early = paid.slice_day <= self.due[paid.slice_invoice] + days
        by_then = sum_by(paid.slice_invoice[early], paid.slice_money[early], len(self.due))
        return self.net - by_then

    # ---- sums per customer

    def count(self, where: Places) -> Floats:
        """How many of the invoices in `where`, for each customer."""
        return np.bincount(self.customer[where], minlength=self.n).astype(float)

    def total(self, weight: Floats, where: Places) -> Floats:
        """Sum of `weight` over the invoices in `where`, for each customer."""
        return sum_by(self.customer[where], weight[where], self.n)

    # ---- stocks

    @cached_property
    def steps(self) -> Steps:
        """Open and undisputed money of each invoice over time, as known at T: x(s|T)."""
        return steps(self.facts)

    @cached_property
    def steps_believed(self) -> Steps:
        """The same as it was believed on each day: x(s|s)."""
        return steps(self.facts, when_known=True)

    @cached_property
    def open_now(self) -> tuple[Ints, Floats, Floats]:
        """Invoice, open and undisputed at the close of T, where anything is open."""
        return self.steps.at(self.T)

    @cached_property
    def arrears(self) -> Spells:
        """Spells of arrear, as known at T."""
        return arrears(self.facts, self.steps)

    def stock(self, amount: Floats) -> Floats:
        """Sum over what is open now, for each customer."""
        return sum_by(self.customer[self.open_now[0]], amount, self.n)

    @cached_property
    def open_amount(self) -> Floats:
        """All open money of each customer."""
        return self.stock(self.open_now[1])

    @cached_property
    def dpd_now(self) -> Ints:
        """Days past due of each row of `open_now`; negative before the due date."""
        return self.T - self.due[self.open_now[0]]

    def overdue(self, *, more_than: int = 0) -> Floats:
        """Undisputed money more than so many days past due, for each customer."""
        return self.stock(np.where(self.dpd_now > more_than, self.open_now[2], 0.0))

    @cached_property
    def bounces(self) -> Ints:
        """Places of the `bounced` events that no negative payment tells already."""
        return untold_bounces(self.facts.payments, self.facts.events)

    def daily_open(self, days: int) -> Floats:
        """(n, days): open money as it was believed at the close of each of the last `days` days."""
        held = self.steps_believed
        return self._daily(self.customer[held.invoice], held.day, held.until, held.open, days)

    def daily_count(self, invoice: Ints, start: Ints, end: Ints, days: int) -> Floats:
        """(n, days): how many of the spells [start, end) cover each of the last `days` days."""
        return self._daily(self.customer[invoice], start, end, np.ones(len(invoice)), days)

    def _daily(self, customer: Ints, start: Ints, end: Ints, amount: Floats, days: int) -> Floats:
        first = self.T - days + 1
        grid = np.zeros((self.n, days + 1))
        live = (end > first) & (start <= self.T) & (amount != 0)
        np.add.at(grid, (customer[live], np.maximum(start[live], first) - first), amount[live])
        np.add.at(grid, (customer[live], np.minimum(end[live], self.T + 1) - first), -amount[live])
        return np.asarray(np.cumsum(grid[:, :days], axis=1))

    def daily_limit(self, days: int) -> Floats:
        """(n, days): the credit limit in force and known on each of the last `days` days; NaN where none."""
        first = self.T - days + 1
        grid = np.full((self.n, days), np.nan)
        limits = self.facts.limits
        start = np.maximum(np.maximum(limits.start, limits.known), max(first, self.facts.since.get("limits", NEVER)))
        live = (limits.end >= first) & (start <= self.T)
        day = np.arange(first, self.T + 1)
        rows = np.flatnonzero(live)
        turn = _nth_of_customer(limits.customer[rows])
        for nth in range(int(turn.max(initial=-1)) + 1):  # in order of knowledge: a later row paints over
            now = rows[turn == nth]
            inside = (day >= start[now, None]) & (day <= limits.end[now, None])
            where = limits.customer[now]
            grid[where] = np.where(inside, limits.amount[now, None], grid[where])
        return grid

    @cached_property
    def limit(self) -> Floats:
        """The credit limit in force and known at T; NaN where none."""
        return self.daily_limit(1)[:, 0]


def _nth_of_customer(customer: Ints) -> Ints:
    """For each row: how many earlier rows the same customer has."""
    order = np.argsort(customer, kind="stable")
    ordered = customer[order]
    starts = starts_of(ordered)
    nth = np.empty(len(customer), np.int64)
    nth[order] = np.arange(len(customer)) - np.repeat(starts, ends_of(starts, len(customer)) - starts)
    return nth
