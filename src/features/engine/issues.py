"""Issues: what was invoiced, when and how much at a time."""

from typing import NamedTuple

import numpy as np

from ...compiled import compiled, inlined
from .facts import Floats
from .ordering import after, median, widest


class Begun(NamedTuple):
    """First and last issue day of any invoice that is known at every moment; NaN where there is none."""

    first: Floats
    last: Floats


@inlined
def _tell_begun(states, order, begins, days, first, last):  # type: ignore[no-untyped-def]
    for c in range(len(begins) - 1):
        r0, r1 = states.begins[c], states.begins[c + 1]
        oldest = r0  # no row before it holds at this moment or later
        for m in range(begins[c], begins[c + 1]):
            while oldest < r1 and states.hi[order[oldest]] <= m:
                oldest += 1
            for k in range(oldest, r1):
                if states.lo[order[k]] <= m < states.hi[order[k]]:
                    first[m] = states.issued[order[k]]
                    break
            for k in range(after(states.issued, order, r0, r1, days[m]) - 1, r0 - 1, -1):
                if states.lo[order[k]] <= m < states.hi[order[k]]:
                    last[m] = states.issued[order[k]]
                    break


@compiled
def begun(states, order, begins, days):  # type: ignore[no-untyped-def]
    """When invoicing began, and when it was last done."""
    first, last = np.full(len(days), np.nan), np.full(len(days), np.nan)
    _tell_begun(states, order, begins, days, first, last)
    return Begun(first, last)


class Blocks(NamedTuple):
    """(moments, months): net money, and invoices, issued in (T_{j+1}, T_j] for j = 0, 1, ..."""

    net: Floats
    many: Floats


@inlined
def _tell_blocks(states, order, begins, edges, months, net, count):  # type: ignore[no-untyped-def]
    for c in range(len(begins) - 1):
        r0, r1 = states.begins[c], states.begins[c + 1]
        for m in range(begins[c], begins[c + 1]):
            start = after(states.issued, order, r0, r1, edges[m, months])
            block = months - 1
            for k in range(start, after(states.issued, order, start, r1, edges[m, 0])):
                r = order[k]
                if states.lo[r] <= m < states.hi[r]:
                    while states.issued[r] > edges[m, block]:
                        block -= 1
                    net[m, block] += states.net[r]
                    count[m, block] += 1


@compiled
def blocks(states, order, begins, edges):  # type: ignore[no-untyped-def]
    """What was issued month by month; `edges` (moments, months + 1) holds T_j."""
    months = edges.shape[1] - 1
    net, count = np.zeros((len(edges), months)), np.zeros((len(edges), months))
    _tell_blocks(states, order, begins, edges, months, net, count)
    return Blocks(net, count)


class Gaps(NamedTuple):
    """Gaps between successive distinct issue days of a window: how many, and their mean, standard deviation (n - 1)
    and median; NaN where there are too few for it."""

    many: Floats
    mean: Floats
    std: Floats
    median: Floats


@inlined
def _tell_gaps(states, order, begins, days, window, many, mean, std, middle, between):  # type: ignore[no-untyped-def]
    for c in range(len(begins) - 1):
        r0, r1 = states.begins[c], states.begins[c + 1]
        for m in range(begins[c], begins[c + 1]):
            start = after(states.issued, order, r0, r1, days[m] - window)
            k_gaps, previous = 0, -1
            for k in range(start, after(states.issued, order, start, r1, days[m])):
                r = order[k]
                if states.lo[r] <= m < states.hi[r]:
                    if previous >= 0 and states.issued[r] > previous:
                        between[k_gaps] = states.issued[r] - previous
                        k_gaps += 1
                    previous = states.issued[r]
            many[m] = k_gaps
            if k_gaps == 0:
                continue
            usual, spread = 0.0, 0.0
            for k in range(k_gaps):
                usual += between[k] / k_gaps
            mean[m] = usual
            middle[m] = median(between, k_gaps)
            for k in range(k_gaps):
                spread += (between[k] - usual) ** 2
            if k_gaps > 1:
                std[m] = np.sqrt(spread / (k_gaps - 1))


@compiled
def gaps(states, order, begins, days, window):  # type: ignore[no-untyped-def]
    """How regularly a customer orders."""
    n = len(days)
    many, mean, std, middle = np.zeros(n), np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    between = np.empty(widest(states.begins))
    _tell_gaps(states, order, begins, days, window, many, mean, std, middle, between)
    return Gaps(many, mean, std, middle)


class Sizes(NamedTuple):
    """Invoices of a window that are not void: how many, their median, and the largest of the recent ones (0: none)."""

    many: Floats
    median: Floats
    largest: Floats


@inlined
def _tell_sizes(  # type: ignore[no-untyped-def]
    states, order, begins, days, window, recent, many, middle, largest, money
):
    for c in range(len(begins) - 1):
        r0, r1 = states.begins[c], states.begins[c + 1]
        for m in range(begins[c], begins[c + 1]):
            start = after(states.issued, order, r0, r1, days[m] - window)
            k_money = 0
            for k in range(start, after(states.issued, order, start, r1, days[m])):
                r = order[k]
                if not states.void[r] and states.lo[r] <= m < states.hi[r]:
                    money[k_money] = states.net[r]
                    if states.issued[r] > days[m] - recent:
                        largest[m] = max(largest[m], money[k_money])
                    k_money += 1
            many[m] = k_money
            if k_money:
                middle[m] = median(money, k_money)


@compiled
def sizes(states, order, begins, days, window, recent):  # type: ignore[no-untyped-def]
    """How large invoices are, net, in minor units."""
    many, middle, largest = np.zeros(len(days)), np.full(len(days), np.nan), np.zeros(len(days))
    money = np.empty(widest(states.begins))
    _tell_sizes(states, order, begins, days, window, recent, many, middle, largest, money)
    return Sizes(many, middle, largest)


@inlined
def _tell_countback(states, order, begins, days, open_, most, back):  # type: ignore[no-untyped-def]
    for c in range(len(begins) - 1):
        r0, r1 = states.begins[c], states.begins[c + 1]
        for m in range(begins[c], begins[c + 1]):
            if open_[m] == 0:
                continue
            back[m], reached = most, 0
            for k in range(after(states.issued, order, r0, r1, days[m]) - 1, r0 - 1, -1):
                r = order[k]
                if states.issued[r] <= days[m] - most:
                    break
                if states.lo[r] <= m < states.hi[r]:
                    reached += states.net[r]
                    if reached >= open_[m]:
                        back[m] = days[m] - states.issued[r] + 1
                        break


@compiled
def countback(states, order, begins, days, open_, most):  # type: ignore[no-untyped-def]
    """Least n such that net issued in n days reaches what is open; 0 if nothing is, at most `most` days."""
    back = np.zeros(len(days))
    _tell_countback(states, order, begins, days, open_, most, back)
    return back
