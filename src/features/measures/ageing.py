"""Ageing and exposure: what is open, how much of it is overdue and for how long."""

from typing import TYPE_CHECKING

import numpy as np

from ..declaration import Column, Missing, measure
from ..facts import sum_by
from .lateness import DAYS

if TYPE_CHECKING:
    from ..history import View


@measure
def open_amount(view: "View") -> Column:
    """All that is open, in units of the reporting currency."""
    return Column.of(view.open_amount / view.minor, (Missing.NEW, ~view.invoiced))


@measure
def overdue_share(view: "View", *, more_than: int) -> Column:
    """Undisputed money more than so many days past due, of all that is open."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = view.overdue(more_than=more_than) / view.open_amount
    return Column.of(share, (Missing.NEW, ~view.invoiced), (Missing.NOOPEN, view.open_amount == 0))


@measure
def mean_dpd_overdue(view: "View") -> Column:
    """Days past due of what is overdue, by money; 0 if nothing is."""
    money = np.where(view.dpd_now > 0, view.open_now[2], 0.0)
    base = view.stock(money)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(base > 0, view.stock(money * view.dpd_now) / base, 0.0)
    return Column.of(mean, (Missing.NEW, ~view.invoiced)).clipped(*DAYS)


@measure
def oldest_dpd(view: "View") -> Column:
    """The greatest days past due of an arrear at the close of T; 0 if there is none."""
    oldest = np.zeros(view.n)
    invoice, dpd = _arrears_now(view)
    np.maximum.at(oldest, view.customer[invoice], dpd)
    return Column.of(oldest, (Missing.NEW, ~view.invoiced)).clipped(*DAYS)


@measure
def arrears_count(view: "View") -> Column:
    """Invoices in arrear at the close of T."""
    invoice, _ = _arrears_now(view)
    return Column.of(np.bincount(view.customer[invoice], minlength=view.n).astype(float), (Missing.NEW, ~view.invoiced))


def _arrears_now(view: "View") -> tuple[np.ndarray, np.ndarray]:
    spells = view.arrears
    dpd = view.T - view.due[spells.invoice]
    now = (spells.start <= view.T) & (spells.end > view.T) & (dpd > 0)
    return spells.invoice[now], dpd[now]


@measure
def days_of_sales(view: "View", *, months: int, overdue_only: bool) -> Column:
    """Days of recent sales that are open (DSO), or overdue (average days delinquent)."""
    start = view.back(months)
    sales = view.total(view.net, view.issued_after(start))
    money = view.overdue() if overdue_only else view.open_amount
    with np.errstate(invalid="ignore", divide="ignore"):
        days = (view.T - start) * money / sales
    return Column.of(days, (Missing.NEW, ~view.invoiced), (Missing.DORMANT, sales == 0)).clipped(*DAYS)


@measure
def collection_effectiveness(view: "View", *, months: int) -> Column:
    """Receipts of the last months over receipts and what is overdue now."""
    receipts, overdue = receipts_since(view, view.back(months)), view.overdue()
    with np.errstate(invalid="ignore"):
        share = receipts / (receipts + overdue)
    return Column.of(share, (Missing.NEW, ~view.invoiced), (Missing.NOBASE, receipts + overdue == 0))


def receipts_since(view: "View", start: int) -> np.ndarray:
    """Payments less reversals after `start`, of each customer; at least 0."""
    pays, events = view.facts.payments, view.facts.events
    now = pays.day > start
    net = sum_by(pays.customer[now], pays.amount[now], view.n)
    back = view.bounces[events.day[view.bounces] > start]
    return np.maximum(0.0, net - sum_by(events.customer[back], events.amount[back], view.n))
