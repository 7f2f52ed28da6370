"""Seen: what was met of a feature in training, so that what was never met can be told."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..features.matrix import Matrix


@dataclass(frozen=True)
class Seen:
    """Of one feature, over the rows that the model was fitted on.

    Attributes
    ----------
    low, high : float or None
        Least and greatest value; None if it was always missing.
    missing : float in [0, 1]
        Share of rows without a value.
    """

    low: float | None
    high: float | None
    missing: float

    def beyond(self, values: np.ndarray) -> np.ndarray:
        """Which values lie outside of what was met, length n; a missing one does not."""
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return (values < low) | (values > high)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def seen_in(matrix: Matrix) -> Mapping[str, Seen]:
    """Of every feature of a matrix."""
    told = {}
    for name in matrix.names:
        values = matrix.column(name)
        there = values[~np.isnan(values)]
        low, high = (float(there.min()), float(there.max())) if len(there) else (None, None)
        told[name] = Seen(low, high, 1 - len(there) / max(1, len(values)))
    return told
