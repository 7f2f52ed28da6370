"""Signals from outside the ledger: the latest of a kind, and those that are adverse."""

from typing import NamedTuple

import numpy as np

from ...compiled import compiled, inlined
from .facts import Floats
from .gate import known
from .states import first_at


class Latest(NamedTuple):
    """The latest visible value at some days, and the day on which it was observed; NaN where there is none."""

    value: Floats
    observed: Floats


@inlined
def _tell_latest(signals, key, begins, days, c0, c1, value, observed):  # type: ignore[no-untyped-def]
    for c in range(c0, c1):
        s0, s1 = signals.begins[c], signals.begins[c + 1]
        top = s0
        for m in range(begins[c - c0], begins[c - c0 + 1]):
            while top < s1 and signals.day[top] <= days[m]:
                top += 1
            for s in range(top - 1, s0 - 1, -1):
                if signals.key[s] == key and known(signals.seen[s], days[m]):
                    value[m], observed[m] = signals.value[s], signals.day[s]
                    break


@compiled
def latest(signals, key, begins, days, c0, c1):  # type: ignore[no-untyped-def]
    """The latest value of a signal (by the number of its key), as it was known on these days."""
    value, observed = np.full(len(days), np.nan), np.full(len(days), np.nan)
    _tell_latest(signals, key, begins, days, c0, c1, value, observed)
    return Latest(value, observed)


@inlined
def _tell_counted(signals, keys, begins, days, c0, c1, window, many):  # type: ignore[no-untyped-def]
    for c in range(c0, c1):
        for m in range(begins[c - c0], begins[c - c0 + 1]):
            start = first_at(days[m] - window + 1, signals.day, signals.begins[c], signals.begins[c + 1])
            for s in range(start, first_at(days[m] + 1, signals.day, start, signals.begins[c + 1])):
                if known(signals.seen[s], days[m]) and signals.value[s] > 0:
                    for key in keys:
                        many[m] += signals.key[s] == key


@compiled
def counted(signals, keys, begins, days, c0, c1, window):  # type: ignore[no-untyped-def]
    """How many of these signals, with a value above 0, were observed in the window."""
    many = np.zeros(len(days))
    _tell_counted(signals, keys, begins, days, c0, c1, window, many)
    return many
