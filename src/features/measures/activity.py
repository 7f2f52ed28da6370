"""Tenure and activity: how long, how much, how regularly a customer buys."""

from typing import TYPE_CHECKING

import numpy as np

from ..declaration import Column, Missing, measure
from ..facts import starts_of, sum_by

if TYPE_CHECKING:
    from ..history import View

RATIO = (-10.0, 10.0)  # unit-free ratios are cut to this


@measure
def tenure(view: "View") -> Column:
    """Days since the earlier of first issue day and onboarding."""
    began = np.minimum(view.first_issued, view.facts.onboarded)
    return Column.of(view.T - began.astype(float), (Missing.NEW, ~view.invoiced))


@measure
def days_since_last_invoice(view: "View") -> Column:
    """Days since the last issue day."""
    last = np.full(view.n, -1)
    np.maximum.at(last, view.customer[view.is_invoice], view.issued[view.is_invoice])
    return Column.of(view.T - last.astype(float), (Missing.NEW, ~view.invoiced))


@measure
def invoices_issued(view: "View", *, months: int) -> Column:
    """Invoices issued in the last calendar months."""
    return Column.of(view.count(view.issued_after(view.back(months))), (Missing.NEW, ~view.invoiced))


@measure
def amount_issued(view: "View", *, months: int) -> Column:
    """Net money issued in the last calendar months."""
    money = view.total(view.net, view.issued_after(view.back(months))) / view.minor
    return Column.of(money, (Missing.NEW, ~view.invoiced))


@measure
def active_months(view: "View", *, months: int) -> Column:
    """Blocks of one calendar month, of the last `months`, with an invoice."""
    return Column.of((_blocks(view, months)[1] > 0).sum(axis=1).astype(float), (Missing.NEW, ~view.invoiced))


@measure
def growth_on_year(view: "View", *, months: int) -> Column:
    """(a - b) / (a + b): a = net issued in the last months, b = in the same months a year before."""
    now = view.total(view.net, view.issued_after(view.back(months)))
    then = view.total(view.net, view.issued_after(view.back(months + 12), view.back(12)))
    with np.errstate(invalid="ignore"):
        growth = (now - then) / (now + then)
    return Column.of(
        growth,
        (Missing.NEW, ~view.invoiced),
        (Missing.YOUNG, view.first_issued > view.back(months + 12)),
        (Missing.DORMANT, now + then == 0),
    )


@measure
def surge(view: "View", *, months: int) -> Column:
    """Net issued in the last month over the mean of the last `months` blocks."""
    money = _blocks(view, months)[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = money[:, 0] / money.mean(axis=1)
    return Column.of(ratio, (Missing.NEW, ~view.invoiced), (Missing.DORMANT, money.sum(axis=1) == 0)).clipped(*RATIO)


@measure
def gap_variation(view: "View", *, days: int) -> Column:
    """Standard deviation over mean of the gaps between successive distinct issue days."""
    customer, gap = _issue_gaps(view, days)
    n = np.bincount(customer, minlength=view.n)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sum_by(customer, gap, view.n) / n
        spread = sum_by(customer, (gap - mean[customer]) ** 2, view.n) / (n - 1)
        variation = np.sqrt(spread) / mean
    return Column.of(variation, (Missing.NEW, ~view.invoiced), (Missing.FEW, n < 3)).clipped(*RATIO)


def _issue_gaps(view: "View", days: int) -> tuple[np.ndarray, np.ndarray]:
    here = view.issued_after(view.T - days)
    customer, day = view.customer[here], view.issued[here]  # in order of customer, then day
    first = starts_of(customer, day)
    customer, day = customer[first], day[first]
    same = customer[1:] == customer[:-1]
    return customer[1:][same], np.diff(day)[same].astype(float)


def _blocks(view: "View", months: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, months): net issued, and invoices issued, in block j = (T_{j+1}, T_j]."""
    edges = [view.back(j) for j in range(months + 1)]
    parts = [view.issued_after(edges[j + 1], edges[j]) for j in range(months)]
    money = np.column_stack([view.total(view.net, part) for part in parts])
    return money, np.column_stack([view.count(part) for part in parts])
