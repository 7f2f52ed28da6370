"""Bins: a feature cut into ranges or levels of similar risk, each with its weight of evidence."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ..features.column import Missing
from ..features.declaration import Risk
from ..features.matrix import Matrix

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bins:
    """The bins of one feature.

    Attributes
    ----------
    feature : str
        Name in the catalogue.
    edges : tuple of float, length n_bins - 1
        Inner edges of a number; a value equal to an edge lies above it. Empty for a category.
    levels : tuple of n_bins tuples of str
        Names of the levels in each bin of a category. Empty for a number.
    woe : tuple of float, length n_bins
        ln(share of bads / share of goods): higher is riskier [Siddiqi 2017].
    goods, bads : tuple of int, length n_bins
        Unweighted counts of the rows it was fitted on.
    missing_woe : dict of str to float
        Weight of evidence of each typed missing reason; `MISSING` serves one not met in fitting.
    missing_policy : dict of str to {"stated", "safest", "own", "pooled", "neutral", "expert", "fixed"}
        Where each of them comes from: see `BinningRecipe`; people may fix its points (see `Edit`).
    missing_counts : dict of str to (goods, bads)
    iv : float
        Information value: sum over all bins of (share of bads - share of goods) x woe.
    """

    feature: str
    edges: tuple[float, ...]
    levels: tuple[tuple[str, ...], ...]
    woe: tuple[float, ...]
    goods: tuple[int, ...]
    bads: tuple[int, ...]
    missing_woe: dict[str, float]
    missing_policy: dict[str, str]
    missing_counts: dict[str, tuple[int, int]]
    iv: float

    def place(self, matrix: Matrix) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
        """The bin of each row, -1 where missing, and the typed reason, both of length n.

        A level that no bin holds is missing as UNSEEN.
        """
        place = matrix.place(self.feature)
        values, reasons = matrix.values[:, place], matrix.missing[:, place]
        if not self.levels:
            return np.where(np.isnan(values), -1, np.searchsorted(self.edges, values, side="right")), reasons
        bin_of = {level: k for k, levels in enumerate(self.levels) for level in levels}
        known = np.array([*(bin_of.get(level, -1) for level in matrix.features[place].levels), -1])
        told = known[np.where(np.isnan(values), -1, values).astype(np.int64)]
        unseen = (told < 0) & (reasons == Missing.NONE)
        return told, np.where(unseen, np.uint8(Missing.UNSEEN), reasons)

    def look_up(self, matrix: Matrix, of_bins: Sequence[float], of_missing: dict[str, float]) -> Floats:
        """What a table holds for the bin or missing reason of each row, length n."""
        place, reasons = self.place(matrix)
        found = np.asarray(of_bins, float)[np.maximum(place, 0)]
        for code in np.unique(reasons):
            if code != Missing.NONE:
                name = Missing(int(code)).name
                found = np.where(reasons == code, of_missing.get(name, of_missing["MISSING"]), found)
        return found

    def weigh(self, matrix: Matrix) -> Floats:
        """Weight of evidence of each row, length n."""
        return self.look_up(matrix, self.woe, self.missing_woe)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    @classmethod
    def of_dict(cls, said: dict[str, Any]) -> "Bins":
        """What `as_dict` gave."""
        tuples = {name: tuple(said[name]) for name in ("edges", "woe", "goods", "bads")}
        levels = tuple(tuple(names) for names in said["levels"])
        counts = {name: (n[0], n[1]) for name, n in said["missing_counts"].items()}
        return cls(**{**said, **tuples, "levels": levels, "missing_counts": counts})


def turn(risks: Sequence[float], risk: Risk) -> int:
    """The first bin, counted from 1, after which what should rise with risk goes the other way; 0 for none."""
    moves = (later - sooner for sooner, later in pairwise(risks))
    return next((k for k, move in enumerate(moves, start=1) if move * risk.value < 0), 0)


def weight_of_evidence(goods: float, bads: float, all_good: float, all_bad: float) -> float:
    """ln(share of bads / share of goods) of a cell: higher is riskier [Siddiqi 2017].

    Half an event on either side keeps an empty cell finite; one without rows tells nothing (0), nor does one of a
    sample that is all good or all bad.
    """
    if goods + bads == 0 or not all_good or not all_bad:
        return 0.0
    pad = 0.0 if goods and bads else 0.5
    return math.log(((bads + pad) / all_bad) / ((goods + pad) / all_good))
