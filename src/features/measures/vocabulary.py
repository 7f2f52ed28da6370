"""The vocabulary: counts, sums and shares over windows, and what any measure did over months.

A new feature is mostly one of these said of another quantity or window.
"""

from typing import TYPE_CHECKING

import numpy as np

from ..column import Column, Missing, Values
from ..declaration import Measure, measure, monthly
from ..engine import series
from ..engine.totals import Anchor, Quantity, Total, Window

if TYPE_CHECKING:
    from ..engine.past import Past

RATIO = (-10.0, 10.0)  # unit-free ratios are cut to this
DAYS = (-365.0, 365.0)  # lateness, days past due and days of sales are cut to this
FEWEST = 3  # items that a set needs
FEWEST_POINTS = 4  # of a slope


# ---- windows


def issued(*, days: int | None = None, months: int | None = None, after: int = 0) -> Window:
    """Documents issued in (T - after - days, T - after], or in calendar months."""
    return Window(Anchor.ISSUED, after, days, months)


def due(*, days: int | None = None, after: int = 0) -> Window:
    """Invoices due in (T - after - days, T - after]; all that are due by T - after where no days are given."""
    return Window(Anchor.DUE, after, days)


def decided(late: int, *, days: int, before: int = 0) -> Window:
    """Invoices of which it is known at T whether they are more than `late` days late, in `days` (`before` them)."""
    return Window(Anchor.DUE, late + 1 + before, days)


def settled(*, days: int, after: int = 0) -> Window:
    """Invoices settled in (T - after - days, T - after]."""
    return Window(Anchor.SETTLED, after, days)


def extended(*, days: int) -> Window:
    """Invoices whose extension became known in (T - days, T]."""
    return Window(Anchor.EXTENDED, 0, days)


def of(quantity: Quantity, window: Window) -> Total:
    """A quantity summed over a window."""
    return Total(quantity, window)


# ---- counts, sums, shares


@measure
def count(past: "Past", *, of: Total, source: str | None = None) -> Column:
    """How many."""
    return past.told(past.total(of.quantity, of.window), *_without(past, source))


@measure
def amount(past: "Past", *, of: Total) -> Column:
    """How much, in units of the reporting currency."""
    return past.told(past.total(of.quantity, of.window) / past.minor)


@measure
def share(
    past: "Past",
    *,
    of: Total,
    to: Total,
    none: Missing = Missing.NODUE,
    fewest: int = 0,
    complement: bool = False,
    source: str | None = None,
) -> Column:
    """One total over another; `complement` tells 1 less it."""
    part, whole = past.total(of.quantity, of.window), past.total(to.quantity, to.window)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = part / whole
    reasons = [(none, whole == 0)] if not fewest else [(Missing.FEW, whole < fewest)]
    return past.told(1.0 - value if complement else value, *reasons, *_without(past, source)).clipped(*RATIO)


@measure
def change(past: "Past", *, of: Measure, less: Measure) -> Column:
    """A measure of a recent window less the same of the time before; NOBASE where there is nothing before."""
    now, then = past.column(of), past.column(less)
    few, gone = then.missing == Missing.FEW, np.isnan(then.values)
    reasons = (Missing.FEW, few), (Missing.NOBASE, gone & ~few)
    return Column.of(now.values - then.values, *reasons, like=now.missing)


# ---- what a measure did over months


@monthly
def change_since(past: "Past", *, of: Measure, months: int) -> Column:
    """The measure less the same of `months` months ago, as it was known then."""
    now = past.column(of)
    return _minus(now, past.back(now.values, months))


@monthly
def change_on_quarters(past: "Past", *, of: Measure) -> Column:
    """The measure less its mean three, six and nine months ago (those that were present)."""
    now = past.column(of)
    return _minus(now, series.level(past.series(now.values, (3, 6, 9))).mean)


@monthly
def standing_out(past: "Past", *, of: Measure, floor: float, fewest: int) -> Column:
    """The measure less its mean 3 to 12 months ago, over its standard deviation then (n - 1, at least `floor`)."""
    now = past.column(of)
    before = series.level(past.series(now.values, range(3, 13)))
    with np.errstate(invalid="ignore"):
        value = (now.values - before.mean) / np.maximum(floor, before.std)
    return past.told(value, (Missing.FEW, before.many < fewest), like=now.missing).clipped(*RATIO)


@monthly
def slope(past: "Past", *, of: Measure, months: int, cut: tuple[float, float]) -> Column:
    """Least-squares slope per month of the measure at T_{months-1}..T_0; at least 4 points."""
    now = past.column(of)
    points = past.series(now.values, range(months - 1, -1, -1))
    rate, many = series.slope(points), (~np.isnan(points)).sum(axis=1)
    kept = np.where(now.missing <= Missing.NEW, now.missing, np.uint8(0))  # NOSRC, NOLIMIT, NEW
    return past.told(rate, (Missing.FEW, many < FEWEST_POINTS), like=kept).clipped(*cut)


@monthly
def mean_over(past: "Past", *, of: Measure, months: int) -> Column:
    """Mean of the measure at T_{months-1}..T_0, those that were present."""
    now = past.column(of)
    return past.told(series.level(past.series(now.values, range(months))).mean, like=now.missing)


@monthly
def share_of_peak(past: "Past", *, of: Measure, months: int) -> Column:
    """The measure over its maximum at T_0..T_months."""
    now = past.column(of)
    seen = past.series(now.values, range(months + 1))
    peak = np.where(np.isnan(seen), 0.0, seen).max(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return past.told(now.values / peak, (Missing.NOBASE, peak <= 0))


# ---- pieces that measures share


def _without(past: "Past", source: str | None) -> list[tuple[Missing, np.ndarray]]:
    return [] if source is None else [(Missing.NOSRC, ~past.has(source))]


def _minus(now: Column, then: Values) -> Column:
    return Column.of(now.values - then, (Missing.NOBASE, np.isnan(then)), like=now.missing)
