"""Tenure, activity and terms: how long, how much, how regularly a customer buys, and on what terms."""

from typing import TYPE_CHECKING

import numpy as np

from ..column import Column, Missing
from ..declaration import Measure, lifelong, measure
from ..engine import series
from ..engine.totals import Quantity
from .vocabulary import FEWEST, RATIO, issued

if TYPE_CHECKING:
    from ..engine.past import Past


@lifelong
def tenure(past: "Past") -> Column:
    """Days since the earlier of first issue day and onboarding."""
    return past.told(past.T - np.fmin(past.begun.first, past.onboarded))


@lifelong
def days_since_last_invoice(past: "Past") -> Column:
    """Days since the last issue day."""
    return past.told(past.T - past.begun.last)


@measure
def active_months(past: "Past", *, months: int) -> Column:
    """Blocks of one calendar month, of the last `months`, with an invoice."""
    return past.told((past.blocks(months).many > 0).sum(axis=1))


@measure
def growth_on_year(past: "Past", *, months: int) -> Column:
    """(a - b) / (a + b): a = net issued in the last months, b = in the same months a year before."""
    now = past.total(Quantity.NET, issued(months=months))
    then = past.total(Quantity.NET, issued(months=months, after=12))
    with np.errstate(invalid="ignore"):
        growth = (now - then) / (now + then)
    return past.told(growth, (Missing.YOUNG, past.young(past.start(months + 12))), (Missing.DORMANT, now + then == 0))


@measure
def sales_slope(past: "Past", *, months: int) -> Column:
    """Least-squares slope per month of net issued by block, over the mean of the blocks."""
    money = past.blocks(months).net
    rate = series.slope(np.ascontiguousarray(money[:, ::-1]))
    with np.errstate(invalid="ignore", divide="ignore"):
        value = rate / money.mean(axis=1)
    young = (Missing.YOUNG, past.young(past.start(months)))
    return past.told(value, young, (Missing.DORMANT, money.sum(axis=1) == 0)).clipped(*RATIO)


@measure
def surge(past: "Past", *, months: int) -> Column:
    """Net issued in the last month over the mean of the last `months` blocks."""
    money = past.blocks(months).net
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = money[:, 0] / money.mean(axis=1)
    return past.told(ratio, (Missing.DORMANT, money.sum(axis=1) == 0)).clipped(*RATIO)


@measure
def gap_variation(past: "Past", *, days: int) -> Column:
    """Standard deviation over mean of the gaps between successive distinct issue days."""
    gaps = past.gaps(days)
    return past.told(gaps.std / gaps.mean, (Missing.FEW, gaps.many < FEWEST)).clipped(*RATIO)


@lifelong
def gap_ratio(past: "Past", *, days: int) -> Column:
    """Days since the last invoice over the median gap between issue days, of who has something open."""
    gaps = past.gaps(days)
    ratio = (past.T - past.begun.last) / gaps.median
    few, closed = (Missing.FEW, gaps.many < FEWEST), (Missing.NOOPEN, past.open == 0)
    return past.told(ratio, closed, few).clipped(*RATIO)


@measure
def largest_to_median(past: "Past", *, recent: int, days: int) -> Column:
    """The largest invoice of the recent days over the median of the window, both net."""
    sizes = past.sizes(days, recent)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = sizes.largest / sizes.median
    few, idle = (Missing.FEW, sizes.many < FEWEST), (Missing.DORMANT, sizes.largest == 0)
    return past.told(ratio, idle, few).clipped(*RATIO)


@measure
def terms(past: "Past", *, days: int, after: int = 0) -> Column:
    """Days of terms (due less issued) by money, of what was issued in the window."""
    told = past.terms(by_due=False, after=after, days=days)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = told.days / told.net
    return past.told(mean, (Missing.DORMANT, told.net == 0))


@measure
def to_terms(past: "Past", *, of: Measure, days: int) -> Column:
    """A measure of days over the terms of the invoices due in the window."""
    late, told = past.column(of), past.terms(by_due=True, after=0, days=days)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = told.days / told.net
        ratio = late.values / mean
    return past.told(ratio, (Missing.NOBASE, ~(mean >= 1)), like=late.missing).clipped(*RATIO)
