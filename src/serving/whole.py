"""Whole: numbers printed without decimals that still add up."""

from collections.abc import Sequence

import numpy as np


def whole(parts: Sequence[float], total: int) -> list[int]:
    """Whole numbers near the parts that add up to `total`, which is near their sum (largest remainder).

    >>> whole([-3.6, -2.6, -1.6, -2.4], -10)
    [-3, -3, -2, -2]
    """
    told = np.floor(np.asarray(parts, float)).astype(int)
    order = np.argsort(told - np.asarray(parts, float), kind="stable")
    lack = total - int(told.sum()) if len(order) else 0
    for k in range(abs(lack)):
        told[order[k % len(order)] if lack > 0 else order[-1 - k % len(order)]] += 1 if lack > 0 else -1
    return [int(one) for one in told]
