"""Series: what a row of values over months comes to; NaN where a month has none."""

from typing import NamedTuple

import numpy as np

from ...compiled import compiled
from .facts import Floats


class Level(NamedTuple):
    """Of each row: how many values there are, their mean, their standard deviation (n - 1); NaN: too few for it."""

    many: Floats
    mean: Floats
    std: Floats


@compiled
def level(series):  # type: ignore[no-untyped-def]
    """How many, mean and spread of each row (n, k)."""
    n, k = series.shape
    many, mean, std = np.zeros(n), np.full(n, np.nan), np.full(n, np.nan)
    for row in range(n):
        total, spread = 0.0, 0.0
        for j in range(k):
            if not np.isnan(series[row, j]):
                many[row] += 1
                total += series[row, j]
        if many[row]:
            mean[row] = total / many[row]
        for j in range(k):
            if not np.isnan(series[row, j]):
                spread += (series[row, j] - mean[row]) ** 2
        if many[row] > 1:
            std[row] = np.sqrt(spread / (many[row] - 1))
    return Level(many, mean, std)


@compiled
def slope(series):  # type: ignore[no-untyped-def]
    """Least-squares slope of each row (n, k) over its values, one step a column; NaN where there are fewer than two."""
    n, k = series.shape
    rate = np.full(n, np.nan)
    for row in range(n):
        many, time, value = 0, 0.0, 0.0
        for j in range(k):
            if not np.isnan(series[row, j]):
                many += 1
                time += j
                value += series[row, j]
        above, below = 0.0, 0.0
        for j in range(k):
            if not np.isnan(series[row, j]):
                above += (j - time / many) * (series[row, j] - value / many)
                below += (j - time / many) ** 2
        if below > 0:
            rate[row] = above / below
    return rate
