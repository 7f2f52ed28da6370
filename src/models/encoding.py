"""Encoding: from a matrix to the columns that trees split."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from ..features.column import Missing
from ..features.matrix import Matrix
from .binning import by_risk

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Encoding:
    """A column for each feature, then a flag (1 or 0) for each typed missing reason that trees may tell apart.

    Attributes
    ----------
    features : tuple of k str
    levels : dict of str to tuple of str
        For each category its levels in order of risk, the safest first: a value is the place of its level. One that was
        not there in fitting is missing.
    flags : tuple of (feature, reason)
    """

    features: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]
    flags: tuple[tuple[str, str], ...]

    @classmethod
    def fit(cls, matrix: Matrix, bad: Floats, *, missing_rows: int) -> "Encoding":
        """Learn the order of levels, and which reasons have rows enough for a flag.

        A feature of which only one reason has `missing_rows` rows has no flag: that it is missing tells it. Of flags
        that are the same on every row the first is kept.
        """
        levels, flags, seen = {}, [], set()
        for declared in matrix.features:
            if declared.levels:
                values = matrix.column(declared.name)
                there = ~np.isnan(values)
                order = by_risk(values[there], bad[there])
                levels[declared.name] = tuple(declared.levels[place] for place in order)
            reasons = matrix.reasons(declared.name)
            codes, counts = np.unique(reasons[reasons != Missing.NONE], return_counts=True)
            many = [int(code) for code, count in zip(codes, counts, strict=True) if count >= missing_rows]
            for code in many if len(many) > 1 else []:
                pattern = np.packbits(reasons == code).tobytes()
                if pattern not in seen:
                    seen.add(pattern)
                    flags.append((declared.name, Missing(code).name))
        return cls(tuple(matrix.names), levels, tuple(flags))

    @property
    def names(self) -> list[str]:
        """Of the columns."""
        return [*self.features, *(f"{feature}.{reason}" for feature, reason in self.flags)]

    def rows(self, matrix: Matrix) -> Floats:
        """(n, k + flags): columns picked by name, whatever their order.

        Raises
        ------
        Mistake
            A value is infinite.
        """
        told = np.empty((len(matrix), len(self.features) + len(self.flags)))
        for k, name in enumerate(self.features):
            told[:, k] = self._places(matrix, name) if name in self.levels else matrix.column(name)
        for k, (name, reason) in enumerate(self.flags, start=len(self.features)):
            told[:, k] = matrix.reasons(name) == Missing[reason]
        if np.isinf(told).any():
            raise Mistake("features: an infinite value; every feature should be finite or missing.")
        return told

    def _places(self, matrix: Matrix, name: str) -> Floats:
        place = {level: float(k) for k, level in enumerate(self.levels[name])}
        known = [place.get(level, np.nan) for level in matrix.features[matrix.place(name)].levels]
        values = matrix.column(name)
        return np.array([*known, np.nan])[np.where(np.isnan(values), -1, values).astype(np.int64)]

    def fold(self, contributions: Floats) -> Floats:
        """(n, k): what the flags of a feature add goes to the feature."""
        told = np.array(contributions[:, : len(self.features)])
        for k, (name, _) in enumerate(self.flags, start=len(self.features)):
            told[:, self.features.index(name)] += contributions[:, k]
        return told

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        levels = {name: list(told) for name, told in self.levels.items()}
        return {"features": list(self.features), "levels": levels, "flags": [list(flag) for flag in self.flags]}

    @classmethod
    def of_dict(cls, said: dict[str, Any]) -> "Encoding":
        """What `as_dict` gave."""
        levels = {name: tuple(told) for name, told in said["levels"].items()}
        return cls(tuple(said["features"]), levels, tuple((name, reason) for name, reason in said["flags"]))
