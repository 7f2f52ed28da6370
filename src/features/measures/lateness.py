"""Lateness: how late invoices are paid, those still open counted at their lateness so far."""

from typing import TYPE_CHECKING

import numpy as np

from ..declaration import Column, Missing, Values, measure
from ..facts import ends_of, starts_of, sum_by

if TYPE_CHECKING:
    from ..history import View

DAYS = (-365.0, 365.0)  # lateness is cut to this
GRACE = 5  # days a bank may take
# PAYDEX-like points by days late, linear between, flat outside
PAYDEX_DAYS = (-30, -20, 0, 15, 22, 30, 60, 90, 120)
PAYDEX_POINTS = (100, 90, 80, 70, 60, 50, 40, 30, 20)


@measure
def dbt(view: "View", *, due_within: int) -> Column:
    """Days beyond terms by money: each payment at its day - due, the unpaid rest at T - due."""
    return _by_money(view, due_within, lambda days: days)


@measure
def paydex_like(view: "View", *, due_within: int) -> Column:
    """Mean by money of points for promptness, 100 (a month early) to 20 (four months late)."""
    return _by_money(view, due_within, lambda days: np.interp(days, PAYDEX_DAYS, PAYDEX_POINTS))


def _by_money(view: "View", due_within: int, of_days) -> Column:  # type: ignore[no-untyped-def]
    here, paid = view.due_in(due_within), view.lateness
    mine = here[paid.slice_invoice]
    invoice, day, money = paid.slice_invoice[mine], paid.slice_day[mine], paid.slice_money[mine]
    worth = sum_by(view.customer[invoice], money * of_days(day - view.due[invoice]), view.n)
    weight = sum_by(view.customer[invoice], money, view.n)
    rest = here & ~view.settled
    unpaid = view.net - sum_by(paid.slice_invoice, paid.slice_money, len(view.net))
    worth += view.total(unpaid * of_days(view.T - view.due), rest)
    weight += view.total(unpaid, rest)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = worth / weight
    return Column.of(mean, (Missing.NEW, ~view.invoiced), (Missing.NODUE, weight == 0)).clipped(*DAYS)


@measure
def late_km_mean(view: "View", *, due_within: int) -> Column:
    """Kaplan-Meier mean of days late: open invoices are censored [Kaplan & Meier 1958; tail Efron 1967]."""
    here = np.flatnonzero(view.due_in(due_within))
    customer, late, event = view.customer[here], view.late[here], view.settled[here]
    order = np.lexsort((~event, late, customer))
    customer, late, event = customer[order], late[order], event[order]
    starts = starts_of(customer)
    values = np.full(view.n, np.nan)
    for lo, hi in zip(starts, ends_of(starts, len(customer)), strict=True):
        values[customer[lo]] = _km_mean(late[lo:hi], event[lo:hi])
    return Column.of(values, (Missing.NEW, ~view.invoiced), (Missing.NODUE, np.isnan(values))).clipped(*DAYS)


def _km_mean(late: Values, event: np.ndarray) -> float:
    """Of one customer; `late` ascending, events before censorings at ties."""
    fails = event / (len(late) - np.arange(len(late)))
    survival = np.cumprod(1.0 - fails)
    before = np.concatenate(([1.0], survival[:-1]))
    return float(late @ (before * fails) + late[-1] * survival[-1])  # at the largest value all that is left drops


@measure
def late_std(view: "View", *, due_within: int) -> Column:
    """Standard deviation (n - 1) of days late."""
    here = view.due_in(due_within)
    n = view.count(here)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = view.total(view.late, here) / n
        spread = view.total((view.late - mean[view.customer]) ** 2, here) / (n - 1)
    return Column.of(
        np.sqrt(spread), (Missing.NEW, ~view.invoiced), (Missing.NODUE, n == 0), (Missing.FEW, n < 3)
    ).clipped(*DAYS)


@measure
def late_share_by_count(view: "View", *, more_than: int, decided_in: int) -> Column:
    """Share of invoices more than k days late, of those whose k days are over (decided)."""
    here = view.due_in(decided_in, shifted=more_than + 1)
    n = view.count(here)
    with np.errstate(invalid="ignore"):
        share = view.count(here & (view.late > more_than)) / n
    return Column.of(share, (Missing.NEW, ~view.invoiced), (Missing.NODUE, n == 0))


@measure
def late_share_by_money(view: "View", *, more_than: int, decided_in: int) -> Column:
    """Share of money unpaid k days after due, of the invoices whose k days are over (decided)."""
    share, weight = late_money(view, more_than, view.due_in(decided_in, shifted=more_than + 1))
    return Column.of(share, (Missing.NEW, ~view.invoiced), (Missing.NODUE, weight == 0))


def late_money(view: "View", more_than: int, here: np.ndarray) -> tuple[Values, Values]:
    """Share of the money of these invoices that was unpaid k days after due, and the money."""
    weight = view.total(view.net, here)
    with np.errstate(invalid="ignore", divide="ignore"):
        return view.total(view.unpaid_after(more_than), here) / weight, weight


@measure
def early_share_by_money(view: "View", *, days_early: int, due_within: int) -> Column:
    """Share of money paid at least so many days before it was due."""
    here = view.due_in(due_within)
    share, weight = late_money(view, -days_early, here)
    return Column.of(1.0 - share, (Missing.NEW, ~view.invoiced), (Missing.NODUE, weight == 0))


@measure
def streak(view: "View", *, late: bool) -> Column:
    """Latest due days in a row, from T - 6 back, with (or without) an invoice more than 5 days late."""
    customer, _, bad = _due_days(view)
    hit = bad == late
    n = np.bincount(customer, minlength=view.n)
    # counted from the end: the streak is what comes after the last day that breaks it
    place = np.arange(len(customer))
    last_break = np.full(view.n, -1)
    np.maximum.at(last_break, customer[~hit], place[~hit])
    last = np.full(view.n, -1)
    np.maximum.at(last, customer, place)
    length = np.where(last_break >= 0, last - last_break, n).astype(float)
    return Column.of(length, (Missing.NEW, ~view.invoiced), (Missing.NODUE, n == 0))


def _due_days(view: "View") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Customer, due day (ascending), and whether an invoice of that day was more than 5 days late."""
    here = np.flatnonzero(view.owed & (view.due <= view.T - GRACE - 1))
    order = here[np.lexsort((view.due[here], view.customer[here]))]
    customer, due, late = view.customer[order], view.due[order], view.late[order] > GRACE
    starts = starts_of(customer, due)
    any_late = np.logical_or.reduceat(late, starts) if len(starts) else late
    return customer[starts], due[starts], any_late


@measure
def last_late_mean(view: "View", *, latest: int) -> Column:
    """Mean days late of the latest invoices due by T - 6; of ties the later-paid first."""
    here = np.flatnonzero(view.owed & (view.due <= view.T - GRACE - 1))
    order = here[np.lexsort((view.late[here], view.due[here], view.customer[here]))]
    customer = view.customer[order]
    n = np.bincount(customer, minlength=view.n)
    from_end = np.cumsum(n)[customer] - np.arange(len(customer))
    final = order[from_end <= latest]
    mean = sum_by(view.customer[final], view.late[final], view.n) / latest
    return Column.of(mean, (Missing.NEW, ~view.invoiced), (Missing.NODUE, n == 0), (Missing.FEW, n < latest)).clipped(
        *DAYS
    )


@measure
def worst_dpd(view: "View", *, days: int) -> Column:
    """The greatest days past due of an arrear at the close of any of the last days; 0 if none."""
    spells = view.arrears
    last = np.minimum(spells.end - 1, view.T)
    dpd = last - view.due[spells.invoice]
    inside = (last > view.T - days) & (spells.start <= view.T) & (dpd > 0)
    worst = np.zeros(view.n)
    np.maximum.at(worst, view.customer[spells.invoice[inside]], dpd[inside])
    return Column.of(worst, (Missing.NEW, ~view.invoiced)).clipped(*DAYS)


@measure
def days_over(view: "View", *, dpd: int, days: int) -> Column:
    """Of the last days, those at whose close an arrear was more than `dpd` days past due."""
    spells = view.arrears
    start = np.maximum(spells.start, view.due[spells.invoice] + dpd + 1)
    real = start < spells.end
    covered = view.daily_count(spells.invoice[real], start[real], spells.end[real], days) > 0
    return Column.of(covered.sum(axis=1).astype(float), (Missing.NEW, ~view.invoiced))
