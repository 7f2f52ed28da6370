"""Receipts: on which days a customer pays, how much, and what was reversed."""

from typing import NamedTuple

import numpy as np

from ...compiled import compiled, inlined
from .facts import Floats, Kind
from .gate import holds, known
from .ordering import median, widest
from .replay import SAME_REVERSAL_DAYS
from .states import first_at

_BOUNCED = int(Kind.BOUNCED)
WEEKDAY_OF_DAY_0 = 3  # 1970-01-01 was a Thursday; Monday is 0


class Receipts(NamedTuple):
    """Receipt days, those whose payments sum to more than 0, at every moment.

    Attributes
    ----------
    last : the latest one; NaN where there is none
    gaps, gap_median : gaps between those of the window, and their median
    recent, before : those of the recent days, and of the rest of the window
    off_run : of the recent ones, those not on the commonest weekday (ties: nearer Monday) of the rest
    """

    last: Floats
    gaps: Floats
    gap_median: Floats
    recent: Floats
    before: Floats
    off_run: Floats


@inlined
def _tell_receipts(  # type: ignore[no-untyped-def]
    told, paid, begins, days, c0, c1, window, recent_in, between, weekdays, recent_weekdays
):
    for c in range(c0, c1):
        p0, p1 = paid.begins[c], paid.begins[c + 1]
        for m in range(begins[c - c0], begins[c - c0 + 1]):
            T = days[m]
            weekdays[:] = 0
            recent_weekdays[:] = 0
            n_gaps, later, k = 0, -1, first_at(T + 1, paid.day, p0, p1) - 1
            while k >= p0 and (paid.day[k] > T - window or later < 0):
                day, total = paid.day[k], 0
                while k >= p0 and paid.day[k] == day:
                    if holds(paid.seen[k], paid.replaced[k], T):
                        total += paid.amount[k]
                    k -= 1
                if total <= 0:
                    continue
                if later < 0:
                    told.last[m] = day
                if day > T - window:
                    if later >= 0:
                        between[n_gaps] = later - day
                        n_gaps += 1
                    weekday = (day + WEEKDAY_OF_DAY_0) % 7
                    if day > T - recent_in:
                        told.recent[m] += 1
                        recent_weekdays[weekday] += 1
                    else:
                        told.before[m] += 1
                        weekdays[weekday] += 1
                later = day
            told.gaps[m] = n_gaps
            if n_gaps:
                told.gap_median[m] = median(between, n_gaps)
            usual = 0
            for weekday in range(1, 7):
                if weekdays[weekday] > weekdays[usual]:
                    usual = weekday
            told.off_run[m] = told.recent[m] - recent_weekdays[usual]


@compiled
def receipts(paid, begins, days, c0, c1, window, recent_in):  # type: ignore[no-untyped-def]
    """When a customer pays."""
    n = len(days)
    told = Receipts(np.full(n, np.nan), np.zeros(n), np.full(n, np.nan), np.zeros(n), np.zeros(n), np.zeros(n))
    between = np.empty(widest(paid.begins[c0 : c1 + 1]))
    weekdays, recent_weekdays = np.zeros(7, np.int64), np.zeros(7, np.int64)
    _tell_receipts(told, paid, begins, days, c0, c1, window, recent_in, between, weekdays, recent_weekdays)
    return told


class Flows(NamedTuple):
    """Since a day, at every moment: payments less reversals (at least 0, in minor units), and how many reversals:
    negative payments and bounced events, one told both ways counted once."""

    collected: Floats
    reversals: Floats


@inlined
def _tell_flows(  # type: ignore[no-untyped-def]
    paid, notices, begins, days, since, c0, c1, collected, reversals, backs, told, bounces
):
    for c in range(c0, c1):
        p0, p1 = paid.begins[c], paid.begins[c + 1]
        n_backs, n_bounces = 0, 0
        for p in range(p0, p1):
            if paid.amount[p] < 0:
                backs[n_backs] = p
                n_backs += 1
        for e in range(notices.begins[c], notices.begins[c + 1]):
            if notices.kind[e] == _BOUNCED and notices.amount[e] > 0:
                bounces[n_bounces] = e
                n_bounces += 1
        for m in range(begins[c - c0], begins[c - c0 + 1]):
            T, money = days[m], 0
            start = first_at(since[m] + 1, paid.day, p0, p1)
            for p in range(start, first_at(T + 1, paid.day, start, p1)):
                if holds(paid.seen[p], paid.replaced[p], T):
                    money += paid.amount[p]
                    reversals[m] += paid.amount[p] < 0
            told[:n_backs] = False
            for i in range(n_bounces):
                e = bounces[i]
                if not known(notices.seen[e], T):
                    continue
                nearest, gap = -1, SAME_REVERSAL_DAYS + 1
                for j in range(n_backs):
                    p = backs[j]
                    if (
                        not told[j]
                        and paid.document[p] == notices.document[e]
                        and paid.amount[p] == -notices.amount[e]
                        and holds(paid.seen[p], paid.replaced[p], T)
                        and abs(paid.day[p] - notices.day[e]) < gap
                    ):
                        nearest, gap = j, abs(paid.day[p] - notices.day[e])
                if nearest >= 0:
                    told[nearest] = True
                elif notices.day[e] > since[m]:
                    reversals[m] += 1
                    money -= notices.amount[e]
            collected[m] = max(0, money)


@compiled
def flows(paid, notices, begins, days, since, c0, c1):  # type: ignore[no-untyped-def]
    """What came in after the day `since` of each moment."""
    collected, reversals = np.zeros(len(days)), np.zeros(len(days))
    most = widest(paid.begins[c0 : c1 + 1])
    backs, told = np.empty(most, np.int64), np.empty(most, np.bool_)
    bounces = np.empty(widest(notices.begins[c0 : c1 + 1]), np.int64)
    _tell_flows(paid, notices, begins, days, since, c0, c1, collected, reversals, backs, told, bounces)
    return Flows(collected, reversals)
