"""Arrears: how long something stood unpaid, on each day of the past as it is known now, and today."""

from typing import NamedTuple

import numpy as np

from ...compiled import compiled, inlined
from .facts import Floats
from .ordering import after, put_in_order, rows_by, widest
from .states import first_at


class Standing(NamedTuple):
    """What stands unpaid at the close of every moment.

    Attributes
    ----------
    oldest : largest days past due of an arrear; 0 if there is none
    weighted : undisputed overdue money times its days past due, in minor units
    """

    oldest: Floats
    weighted: Floats


@inlined
def _tell_standing(states, begins, days, oldest, weighted):  # type: ignore[no-untyped-def]
    for c in range(len(begins) - 1):
        for r in range(states.begins[c], states.begins[c + 1]):
            money = states.undisputed[r]
            if money == 0:
                continue
            for m in range(first_at(states.due[r] + 1, days, states.lo[r], states.hi[r]), states.hi[r]):
                dpd = days[m] - states.due[r]
                weighted[m] += float(money) * dpd
                if money > states.floor[r]:
                    oldest[m] = max(oldest[m], float(dpd))


@compiled
def standing(states, begins, days):  # type: ignore[no-untyped-def]
    """Arrears and overdue money now."""
    oldest, weighted = np.zeros(len(days)), np.zeros(len(days))
    _tell_standing(states, begins, days, oldest, weighted)
    return Standing(oldest, weighted)


class Worst(NamedTuple):
    """Arrears on the days of a window, as known at every moment: the largest days past due (0 if none), and the last
    day on which it was reached (NaN where it is 0)."""

    dpd: Floats
    on: Floats


@inlined
def _tell_worst(spells, begins, days, window, dpd, on):  # type: ignore[no-untyped-def]
    for c in range(len(begins) - 1):
        for s in range(spells.begins[c], spells.begins[c + 1]):
            end = spells.end[s]
            for m in range(first_at(spells.start[s], days, spells.lo[s], spells.hi[s]), spells.hi[s]):
                last = min(end - 1, days[m])
                if last <= days[m] - window:
                    break  # over, and too long ago for all moments to come
                past = last - spells.due[s]
                if past > dpd[m] or (past == dpd[m] and last > on[m]):
                    dpd[m], on[m] = past, last


@compiled
def worst(spells, begins, days, window):  # type: ignore[no-untyped-def]
    """The worst on a day of (T - window, T]."""
    dpd, on = np.zeros(len(days)), np.full(len(days), np.nan)
    _tell_worst(spells, begins, days, window, dpd, on)
    return Worst(dpd, on)


@inlined
def _tell_last_over(spells, begins, days, limit, on):  # type: ignore[no-untyped-def]
    for c in range(len(begins) - 1):
        for s in range(spells.begins[c], spells.begins[c + 1]):
            if spells.end[s] - 1 - spells.due[s] <= limit:
                continue
            start = max(spells.start[s], spells.due[s] + limit + 1)
            for m in range(first_at(start, days, spells.lo[s], spells.hi[s]), spells.hi[s]):
                last = min(spells.end[s] - 1, days[m])
                if not on[m] >= last:
                    on[m] = last


@compiled
def last_over(spells, begins, days, limit):  # type: ignore[no-untyped-def]
    """The last day on which something was more than so many days past due, as known at every moment; NaN: never."""
    on = np.full(len(days), np.nan)
    _tell_last_over(spells, begins, days, limit, on)
    return on


def days_over(spells, begins, days, limit, window):  # type: ignore[no-untyped-def]
    """Days of (T - window, T] on which something was more than so many days past due."""
    start = np.maximum(spells.start, spells.due + np.int32(limit + 1))
    return _days_over(spells, start, rows_by(spells.begins, start), begins, days, window)


@inlined
def _tell_days_over(spells, start, order, begins, days, window, over, late):  # type: ignore[no-untyped-def]
    for c in range(len(begins) - 1):
        many = 0
        for k in range(spells.begins[c], spells.begins[c + 1]):
            if spells.end[order[k]] > start[order[k]]:
                late[many] = order[k]
                many += 1
        front = 0
        for m in range(begins[c], begins[c + 1]):
            counted = days[m] - window  # spells come in order of their start: days up to here were counted
            while front < many and (spells.hi[late[front]] <= m or spells.end[late[front]] <= counted + 1):
                front += 1
            for k in range(front, many):
                s = late[k]
                if start[s] > days[m]:
                    break
                if spells.lo[s] <= m < spells.hi[s]:
                    begin, last = max(start[s], counted + 1), min(spells.end[s] - 1, days[m])
                    if last >= begin:
                        over[m] += last - begin + 1
                        counted = last


@compiled
def _days_over(spells, start, order, begins, days, window):  # type: ignore[no-untyped-def]
    over, late = np.zeros(len(days)), np.empty(widest(spells.begins), np.int64)
    _tell_days_over(spells, start, order, begins, days, window, over, late)
    return over


class Usual(NamedTuple):
    """Of the invoices settled in a window: how many, and a quantile (inverse ECDF) of their days late."""

    many: Floats
    late: Floats


@inlined
def _tell_usual(states, order, begins, days, oldest, window, q, many, late_, late):  # type: ignore[no-untyped-def]
    for c in range(len(begins) - 1):
        r0, r1 = states.begins[c], states.begins[c + 1]
        for m in range(begins[c], begins[c + 1]):
            if oldest[m] == 0:
                continue
            n = 0
            start = after(states.settle, order, r0, r1, days[m] - window)
            for k in range(start, after(states.settle, order, start, r1, days[m])):
                r = order[k]
                if states.lo[r] <= m < states.hi[r]:
                    late[n] = states.settle[r] - states.due[r]
                    n += 1
            many[m] = n
            if n:
                put_in_order(late, 0, n)
                late_[m] = late[int(np.ceil(q * n - 1e-9)) - 1]


@compiled
def usual(states, order, begins, days, oldest, window, q):  # type: ignore[no-untyped-def]
    """How late the customer usually pays; told where something is in arrear (`oldest` above 0) alone."""
    many, late_ = np.zeros(len(days)), np.full(len(days), np.nan)
    late = np.empty(widest(states.begins), np.int64)
    _tell_usual(states, order, begins, days, oldest, window, q, many, late_, late)
    return Usual(many, late_)
