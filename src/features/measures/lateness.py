"""Lateness: how late invoices are paid, those still open counted at their lateness so far."""

from typing import TYPE_CHECKING

import numpy as np

from ..column import Column, Missing
from ..declaration import Measure, lifelong, measure, monthly
from .vocabulary import DAYS, FEWEST

if TYPE_CHECKING:
    from ..engine.past import Past


@measure
def dbt(past: "Past", *, due_within: int) -> Column:
    """Days beyond terms by money: each payment at its day - due, the unpaid rest at T - due."""
    slices = past.slices(due_within)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = slices.days / slices.money
    return past.told(mean, (Missing.NODUE, slices.money == 0)).clipped(*DAYS)


@measure
def paydex_like(past: "Past", *, due_within: int) -> Column:
    """Mean by money of points for promptness, 100 (a month early) to 20 (four months late)."""
    slices = past.slices(due_within)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = slices.points / slices.money
    return past.told(mean, (Missing.NODUE, slices.money == 0))


@measure
def late_km_mean(past: "Past", *, due_within: int) -> Column:
    """Kaplan-Meier mean of days late: open invoices are censored [Kaplan & Meier 1958; tail Efron 1967]."""
    late = past.lateness(due_within, 0.5)
    return past.told(late.mean, (Missing.NODUE, late.many == 0)).clipped(*DAYS)


@measure
def late_km_quantile(past: "Past", *, due_within: int, q: float) -> Column:
    """Kaplan-Meier quantile of days late: the least t with S(t) <= 1 - q."""
    late = past.lateness(due_within, q)
    return past.told(late.quantile, (Missing.NODUE, late.many == 0), (Missing.FEW, late.many < FEWEST)).clipped(*DAYS)


@measure
def late_std(past: "Past", *, due_within: int, q: float = 0.9) -> Column:
    """Standard deviation (n - 1) of days late."""
    late = past.lateness(due_within, q)
    return past.told(late.std, (Missing.NODUE, late.many == 0), (Missing.FEW, late.many < FEWEST)).clipped(*DAYS)


@lifelong
def streak(past: "Past", *, late: bool) -> Column:
    """Latest due days in a row, from T - 6 back, with (or without) an invoice more than 5 days late."""
    length = past.runs.late if late else past.runs.on_time
    return past.told(length, (Missing.NODUE, np.isnan(length)))


@lifelong
def last_late_mean(past: "Past") -> Column:
    """Mean days late of the three latest invoices due by T - 6; of ties the later-paid first."""
    runs = past.runs
    return past.told(runs.mean, (Missing.NODUE, runs.many == 0), (Missing.FEW, runs.many < FEWEST)).clipped(*DAYS)


@lifelong
def last_late_less(past: "Past", *, less: Measure) -> Column:
    """Share more than 5 days late of the three latest invoices due by T - 6, less a measure of the year."""
    runs, year = past.runs, past.column(less)
    few = (Missing.FEW, runs.many < FEWEST)
    return past.told(runs.late5 - year.values, (Missing.NODUE, runs.many == 0), few, like=year.missing)


@lifelong
def first_late(past: "Past") -> Column:
    """Largest days late of the first due day; unknown for who was a customer before the declared first invoice day."""
    late, begins = past.first_late, past.facts.since.get("invoices")
    before = np.zeros(past.n, bool) if begins is None else past.onboarded < begins
    return past.told(late, (Missing.NOSRC, before), (Missing.NODUE, np.isnan(late))).clipped(*DAYS)


# ---- arrears, on any day of the past as it is known now


@lifelong
def ever_over(past: "Past", *, dpd: int) -> Column:
    """1 if something was ever more than so many days past due."""
    return past.told(~np.isnan(past.last_over(dpd)))


@lifelong
def days_since_over(past: "Past", *, dpd: int) -> Column:
    """Days since something was last more than so many days past due."""
    last = past.last_over(dpd)
    return past.told(past.T - last, (Missing.NEVER, np.isnan(last)))


@measure
def worst_dpd(past: "Past", *, days: int) -> Column:
    """The greatest days past due of an arrear at the close of any of the last days; 0 if none."""
    return past.told(past.worst(days).dpd).clipped(*DAYS)


@measure
def days_since_worst(past: "Past", *, days: int) -> Column:
    """Days since the worst of the last days was last reached."""
    on = past.worst(days).on
    return past.told(past.T - on, (Missing.NEVER, np.isnan(on)))


@measure
def days_over(past: "Past", *, dpd: int, days: int) -> Column:
    """Of the last days, those at whose close something was more than so many days past due."""
    return past.told(past.days_over(dpd, days))


# ---- trend and shock


@monthly
def bucket_change(past: "Past", *, months: int) -> Column:
    """Ageing bucket of the oldest arrear (0, 1-30, 31-60, 61-90, over 90) less that of then."""
    buckets = _buckets(past, months)
    return past.told(buckets[:, 0] - buckets[:, months], (Missing.YOUNG, past.young(past.start(months))))


@monthly
def roll_ups(past: "Past", *, months: int) -> Column:
    """Monthly steps of the last `months` on which the bucket rose."""
    buckets = _buckets(past, months)
    rose = (buckets[:, :-1] > buckets[:, 1:]).sum(axis=1)
    return past.told(rose, (Missing.YOUNG, past.young(past.start(months))))


@monthly
def cures(past: "Past", *, months: int) -> Column:
    """Monthly steps of the last `months` from a bucket of more than 30 days to nothing past due."""
    buckets = _buckets(past, months)
    cured = ((buckets[:, :-1] == 0) & (buckets[:, 1:] >= 2)).sum(axis=1)
    return past.told(cured, (Missing.YOUNG, past.young(past.start(months))))


@monthly
def slipped_share(past: "Past", *, months: int) -> Column:
    """Of the invoices unpaid months ago: share still unpaid and in a higher ageing bucket now."""
    rolled = past.rolled(months)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = rolled.slipped / rolled.above_then
    return past.told(share, (Missing.NOBASE, rolled.above_then == 0))


@monthly
def rolled_share(past: "Past", *, months: int) -> Column:
    """Of the money overdue months ago, the share still open now."""
    rolled = past.rolled(months)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = rolled.still_open / rolled.overdue_then
    return past.told(share, (Missing.NOBASE, rolled.overdue_then == 0))


@lifelong
def late_ewma(past: "Past", *, half_life: int) -> Column:
    """Share of money more than 5 days late, each invoice fading by half every `half_life` days."""
    faded = past.faded(half_life)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = faded.unpaid5 / faded.net
    return past.told(share, (Missing.NODUE, faded.net == 0))


def _buckets(past: "Past", months: int) -> np.ndarray:
    oldest = past.series(past.standing.oldest, range(months + 1))
    return np.ceil(np.clip(oldest, 0, 91) / 30.0)
