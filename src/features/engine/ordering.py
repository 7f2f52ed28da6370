"""Ordering: rows of a customer by one of their days, so that a moment reads its window and not the whole history."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ...compiled import compiled, inlined

_SHORT = 24  # so few are put in order by insertion


def order_by(*keys: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The order of rows by some columns, the first of which leads; as they stand where that is in order."""
    alike = np.ones(max(0, len(keys[0]) - 1), bool)
    for key in keys:
        if (alike & ~(key[:-1] <= key[1:])).any():
            return np.lexsort(keys[::-1])
        alike &= key[:-1] == key[1:]
    return np.arange(len(keys[0]))


@inlined
def widest(begins):  # type: ignore[no-untyped-def]
    """The most rows that one customer has; at least 1."""
    most = 1
    for c in range(len(begins) - 1):
        most = max(most, begins[c + 1] - begins[c])
    return most


@inlined
def _sink(values, start, at, many):  # type: ignore[no-untyped-def]
    """Let a value of a heap of so many sink to its place."""
    one = values[start + at]
    while 2 * at + 1 < many:
        child = 2 * at + 1
        if child + 1 < many and values[start + child] < values[start + child + 1]:
            child += 1
        if values[start + child] <= one:
            break
        values[start + at] = values[start + child]
        at = child
    values[start + at] = one


@inlined
def put_in_order(values, lo, hi):  # type: ignore[no-untyped-def]
    """Put values[lo:hi] in order: few by insertion, as do those that are nearly in order; others by a heap."""
    moves, most = 0, 4 * (hi - lo) + _SHORT * _SHORT
    for k in range(lo + 1, hi):
        one, j = values[k], k
        while j > lo and values[j - 1] > one:
            values[j] = values[j - 1]
            j -= 1
        values[j] = one
        moves += k - j
        if moves > most:
            break
    if moves <= most:
        return
    many = hi - lo
    for at in range(many // 2 - 1, -1, -1):
        _sink(values, lo, at, many)
    for last in range(many - 1, 0, -1):
        values[lo], values[lo + last] = values[lo + last], values[lo]
        _sink(values, lo, 0, last)


@compiled
def rows_by(begins, day):  # type: ignore[no-untyped-def]
    """Row numbers, each customer's in order of `day`; rows of one day as they came."""
    keys = np.empty(begins[-1], np.int64)  # the day above, the row below: each key is told once
    for row in range(begins[-1]):
        keys[row] = (np.int64(day[row]) << 32) | row
    for c in range(len(begins) - 1):
        put_in_order(keys, begins[c], begins[c + 1])
    for row in range(begins[-1]):
        keys[row] &= 0xFFFFFFFF
    return keys


@inlined
def after(day, order, lo, hi, start):  # type: ignore[no-untyped-def]
    """The first place of `order` in [lo, hi) whose day lies after `start`."""
    while lo < hi:
        middle = (lo + hi) // 2
        if day[order[middle]] <= start:
            lo = middle + 1
        else:
            hi = middle
    return lo


@inlined
def median(values, n):  # type: ignore[no-untyped-def]
    """The median of the first n values, which are put in order."""
    put_in_order(values, 0, n)
    return values[n // 2] if n % 2 else (values[n // 2 - 1] + values[n // 2]) / 2.0
