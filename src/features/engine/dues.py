"""Dues: how late the invoices of a window were, one by one: distributions, streaks, the latest ones.

Open invoices are censored at their lateness so far. The distribution is Kaplan-Meier's [Kaplan & Meier 1958], at the
largest value all that is left drops [Efron 1967].
"""

from typing import NamedTuple

import numpy as np

from ...compiled import compiled, inlined
from .days import NEVER
from .facts import Floats
from .ordering import after, put_in_order, widest

GRACE = 5  # days a bank may take
LATEST = 3


class Lateness(NamedTuple):
    """Of the invoices due in a window: how many, and of their days late Kaplan-Meier's mean and quantile and the
    standard deviation (n - 1); NaN where there are too few for it."""

    many: Floats
    mean: Floats
    quantile: Floats
    std: Floats


@inlined
def _late(states, r, T):  # type: ignore[no-untyped-def]
    """Days from due to settlement, or so far."""
    return (states.settle[r] if states.settle[r] < NEVER else T) - states.due[r]


@inlined
def _mean(codes, n):  # type: ignore[no-untyped-def]
    """Kaplan-Meier mean of n codes in order: twice the days late, and one more where still open."""
    survival, mean = 1.0, 0.0
    for k in range(n):
        late, open_ = codes[k] >> 1, codes[k] & 1
        if not open_:
            drop = survival / (n - k)
            mean += late * drop
            survival -= drop
    return mean + (codes[n - 1] >> 1) * survival


@inlined
def _quantile(codes, n, q):  # type: ignore[no-untyped-def]
    """The least value at which Kaplan-Meier's survival is 1 - q or less."""
    survival = 1.0
    for k in range(n):
        if not codes[k] & 1:
            survival -= survival / (n - k)
            later = k + 1 < n and codes[k + 1] == codes[k]
            if survival <= 1.0 - q + 1e-12 and not later:
                return codes[k] >> 1
    return codes[n - 1] >> 1


@inlined
def _tell_lateness(  # type: ignore[no-untyped-def]
    states, order, begins, days, window, q, many, mean, quantile, std, codes
):
    for c in range(len(begins) - 1):
        r0, r1 = states.begins[c], states.begins[c + 1]
        for m in range(begins[c], begins[c + 1]):
            start = after(states.due, order, r0, r1, days[m] - window)
            found, total = 0, 0
            for k in range(start, after(states.due, order, start, r1, days[m])):
                r = order[k]
                if not states.void[r] and states.lo[r] <= m < states.hi[r]:
                    late = _late(states, r, days[m])
                    codes[found] = 2 * late + (states.settle[r] == NEVER)
                    found += 1
                    total += late
            many[m] = found
            if found == 0:
                continue
            put_in_order(codes, 0, found)
            mean[m], quantile[m] = _mean(codes, found), _quantile(codes, found, q)
            spread = 0.0
            for k in range(found):
                spread += ((codes[k] >> 1) - total / found) ** 2
            if found > 1:
                std[m] = np.sqrt(spread / (found - 1))


@compiled
def lateness(states, order, begins, days, window, q):  # type: ignore[no-untyped-def]
    """How late the invoices due in (T - window, T] are."""
    n = len(days)
    many, mean, quantile, std = np.zeros(n), np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    codes = np.empty(widest(states.begins), np.int64)
    _tell_lateness(states, order, begins, days, window, q, many, mean, quantile, std, codes)
    return Lateness(many, mean, quantile, std)


class Runs(NamedTuple):
    """What the latest due days tell, at every moment; NaN where nothing was due by T - 6.

    Attributes
    ----------
    on_time, late : the latest due days in a row, from T - 6 back, without, and with, an invoice more than 5 days late
    many : of the latest three invoices due by T - 6 (ties: greater late first), how many there are
    mean, late5 : mean days late of these three, and share more than 5 days late
    """

    on_time: Floats
    late: Floats
    many: Floats
    mean: Floats
    late5: Floats


@inlined
def _tell_runs(states, order, begins, days, on_time, behind, many, mean, late5, codes):  # type: ignore[no-untyped-def]
    for c in range(len(begins) - 1):
        r0, r1 = states.begins[c], states.begins[c + 1]
        # the due days at the beginning whose rows will not change any more: how many at their end are on time, are late
        sure, sure_on_time, sure_late = r0, 0, 0
        for m in range(begins[c], begins[c + 1]):
            T = days[m]
            # streaks: the due days that are sure are counted once, the others are read at each moment
            end = after(states.due, order, r0, r1, T - GRACE - 1)
            while sure < end:
                day, stop, certain, found, bad = states.due[order[sure]], sure, True, False, False
                while stop < r1 and states.due[order[stop]] == day:
                    r = order[stop]
                    if states.hi[r] > m:
                        certain &= states.lo[r] <= m and states.hi[r] == begins[c + 1]
                        if not states.void[r]:
                            found = True
                            bad |= states.settle[r] > day + GRACE
                    stop += 1
                if not certain:
                    break
                if found:
                    sure_on_time, sure_late = (0, sure_late + 1) if bad else (sure_on_time + 1, 0)
                sure = stop
            clean, dirty, broken, any_due = 0, 0, False, sure_on_time + sure_late > 0
            k = end - 1
            while k >= sure and not broken:
                day, found, bad = states.due[order[k]], False, False
                while k >= sure and states.due[order[k]] == day:
                    r = order[k]
                    if states.lo[r] <= m < states.hi[r] and not states.void[r]:
                        found = True
                        bad |= states.settle[r] > day + GRACE
                    k -= 1
                if found:
                    any_due = True
                    if bad and clean == 0:
                        dirty += 1
                    elif not bad and dirty == 0:
                        clean += 1
                    else:
                        broken = True
            if not broken:
                if dirty == 0:
                    clean += sure_on_time
                if clean == 0 or (dirty > 0 and sure_on_time == 0):
                    dirty += sure_late
            if any_due:
                on_time[m], behind[m] = clean, dirty
            # the latest three
            kept, held, day = 0, 0, -NEVER
            for k in range(end - 1, r0 - 1, -1):
                r = order[k]
                if kept >= LATEST and states.due[r] != day:
                    break
                if states.void[r] or not states.lo[r] <= m < states.hi[r]:
                    continue
                late = _late(states, r, T)
                if states.due[r] != day:
                    day, held = states.due[r], kept
                if kept < LATEST:
                    kept += 1
                elif held >= LATEST or codes[LATEST - 1] >= late:
                    continue
                j = kept - 1  # within a due day the later comes first
                while j > held and codes[j - 1] < late:
                    codes[j] = codes[j - 1]
                    j -= 1
                codes[j] = late
            many[m] = kept
            if kept >= LATEST:
                total, worse = 0.0, 0
                for k in range(LATEST):
                    total += codes[k]
                    worse += codes[k] > GRACE
                mean[m], late5[m] = total / LATEST, worse / LATEST


@compiled
def runs(states, order, begins, days):  # type: ignore[no-untyped-def]
    """Streaks and the latest three."""
    n = len(days)
    on_time, behind = np.full(n, np.nan), np.full(n, np.nan)
    many, mean, late5 = np.zeros(n), np.full(n, np.nan), np.full(n, np.nan)
    codes = np.empty(LATEST, np.int64)
    _tell_runs(states, order, begins, days, on_time, behind, many, mean, late5, codes)
    return Runs(on_time, behind, many, mean, late5)


@inlined
def _tell_first_late(states, order, begins, days, first):  # type: ignore[no-untyped-def]
    for c in range(len(begins) - 1):
        r1 = states.begins[c + 1]
        oldest = states.begins[c]
        for m in range(begins[c], begins[c + 1]):
            while oldest < r1 and (states.hi[order[oldest]] <= m or states.void[order[oldest]]):
                oldest += 1
            day = NEVER
            for k in range(oldest, r1):
                r = order[k]
                if states.due[r] > days[m] or states.due[r] > day:
                    break
                if not states.void[r] and states.lo[r] <= m < states.hi[r]:
                    late = _late(states, r, days[m])
                    first[m] = late if day == NEVER else max(first[m], late)
                    day = states.due[r]


@compiled
def first_late(states, order, begins, days):  # type: ignore[no-untyped-def]
    """Largest days late of the first due day that is past; NaN where there is none."""
    first = np.full(len(days), np.nan)
    _tell_first_late(states, order, begins, days, first)
    return first
