"""Trend and shock: what has changed, each earlier value as it was seen at that time."""

from typing import TYPE_CHECKING

import numpy as np

from ..declaration import Column, Measure, Missing, Values, measure
from ..facts import sum_by
from .ageing import oldest_dpd
from .lateness import DAYS, GRACE, late_money

if TYPE_CHECKING:
    from ..history import View


@measure
def change_on_quarters(view: "View", *, of: Measure) -> Column:
    """The measure less its mean three, six and nine months ago (those that were present)."""
    now = view.then(of, 0)
    with np.errstate(invalid="ignore"):
        then = _mean(_series(view, of, (3, 6, 9)))
    return _difference(now, then)


@measure
def change_since(view: "View", *, of: Measure, months: int) -> Column:
    """The measure less the same of `months` months ago."""
    return _difference(view.then(of, 0), view.then(of, months).values)


@measure
def slope(view: "View", *, of: Measure, months: int) -> Column:
    """Least-squares slope per month of the measure at T_{months-1}..T_0; at least 4 points."""
    series = _series(view, of, range(months - 1, -1, -1))
    there = ~np.isnan(series)
    n = there.sum(axis=1)
    time = np.where(there, np.arange(months, dtype=float), 0.0)
    y = np.where(there, series, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        t_mean, y_mean = time.sum(axis=1) / n, y.sum(axis=1) / n
        dt = np.where(there, time - t_mean[:, None], 0.0)
        rate = (dt * np.where(there, y - y_mean[:, None], 0.0)).sum(axis=1) / (dt**2).sum(axis=1)
    now = view.then(of, 0)
    own = now.missing[:, None] == np.array([Missing.NEW, Missing.NOLIMIT], np.uint8)
    return Column.of(rate, (Missing.NOLIMIT, own[:, 1]), (Missing.NEW, own[:, 0]), (Missing.FEW, n < 4)).clipped(*DAYS)


@measure
def mean_over(view: "View", *, of: Measure, months: int) -> Column:
    """Mean of the measure at T_{months-1}..T_0, those that were present."""
    now = view.then(of, 0)
    mean = _mean(_series(view, of, range(months)))
    return Column.of(mean, *((Missing(code), now.missing == code) for code in np.unique(now.missing) if code))


@measure
def share_of_peak(view: "View", *, of: Measure, months: int) -> Column:
    """The measure over its maximum at T_0..T_months."""
    series = _series(view, of, range(months + 1))
    peak = np.where(np.isnan(series), 0.0, series).max(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Column.of(series[:, 0] / peak, (Missing.NEW, ~view.invoiced), (Missing.NOBASE, peak <= 0))


@measure
def late_share_change(view: "View", *, recent: int, before: int) -> Column:
    """Share of money more than 5 days late: in the recent days less in the days before (both decided)."""
    shift = GRACE + 1
    now, n_now = late_money(view, GRACE, view.due_in(recent, shifted=shift))
    then, n_then = late_money(view, GRACE, view.due_in(before, shifted=shift + recent))
    return Column.of(
        now - then, (Missing.NEW, ~view.invoiced), (Missing.NODUE, n_now == 0), (Missing.NOBASE, n_then == 0)
    )


@measure
def early_share_change(view: "View", *, days_early: int, recent: int, before: int) -> Column:
    """Share of money paid early: due in the recent days less due in the days before."""
    now, n_now = late_money(view, -days_early, view.due_in(recent))
    then, n_then = late_money(view, -days_early, view.due_in(before, shifted=recent))
    return Column.of(
        then - now, (Missing.NEW, ~view.invoiced), (Missing.NODUE, n_now == 0), (Missing.NOBASE, n_then == 0)
    )


@measure
def bucket_change(view: "View", *, months: int) -> Column:
    """Ageing bucket of the oldest arrear (0, 1-30, 31-60, 61-90, over 90) less that of then."""
    buckets = _buckets(view, (0, months))
    return Column.of(
        buckets[:, 0] - buckets[:, 1],
        (Missing.NEW, ~view.invoiced),
        (Missing.YOUNG, view.first_issued > view.back(months)),
    )


@measure
def roll_ups(view: "View", *, months: int) -> Column:
    """Monthly steps of the last `months` on which the bucket rose."""
    buckets = _buckets(view, range(months + 1))
    return Column.of(
        (buckets[:, :-1] > buckets[:, 1:]).sum(axis=1).astype(float),
        (Missing.NEW, ~view.invoiced),
        (Missing.YOUNG, view.first_issued > view.back(months)),
    )


@measure
def rolled_share(view: "View", *, months: int) -> Column:
    """Of the money overdue then, the share still open now."""
    past = view.view_then(months)
    invoice, _, undisputed = past.open_now
    late = past.dpd_now > 0
    number, then = past.numbers[invoice[late]], undisputed[late]
    now = np.zeros(int(max(view.numbers.max(initial=0), number.max(initial=0))) + 1)
    now[view.numbers[view.open_now[0]]] = view.open_now[2]
    customer = past.customer[invoice[late]]
    base = sum_by(customer, then, view.n)
    with np.errstate(invalid="ignore"):
        share = sum_by(customer, np.minimum(now[number], then), view.n) / base
    return Column.of(share, (Missing.NEW, ~view.invoiced), (Missing.NOBASE, base == 0))


@measure
def late_ewma(view: "View", *, half_life: int) -> Column:
    """Share of money more than 5 days late, each invoice fading by half every `half_life` days."""
    here = view.owed & (view.due <= view.T - GRACE - 1)
    weight = 2.0 ** (-(view.T - view.due) / half_life)
    base = view.total(weight * view.net, here)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = view.total(weight * view.unpaid_after(GRACE), here) / base
    return Column.of(share, (Missing.NEW, ~view.invoiced), (Missing.NODUE, view.count(here) == 0))


def _series(view: "View", of: Measure, months) -> Values:  # type: ignore[no-untyped-def]
    return np.column_stack([view.then(of, j).values for j in months])


def _mean(series: Values) -> Values:
    there = ~np.isnan(series)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(there, series, 0.0).sum(axis=1) / there.sum(axis=1))


def _difference(now: Column, then: Values) -> Column:
    own = ((Missing(code), now.missing == code) for code in np.unique(now.missing) if code)
    return Column.of(now.values - then, *own, (Missing.NOBASE, np.isnan(then)))


def _buckets(view: "View", months) -> Values:  # type: ignore[no-untyped-def]
    oldest = np.nan_to_num(_series(view, oldest_dpd(), months))
    return np.ceil(np.clip(oldest, 0, 91) / 30.0)
