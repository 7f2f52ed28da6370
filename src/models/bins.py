"""Bins: a feature cut into ranges of similar risk, each with its weight of evidence."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from ..features.column import Missing
from ..features.declaration import Feature, Risk
from ..features.matrix import Matrix

Floats = npt.NDArray[np.float64]
_TREND = {Risk.RISES: "ascending", Risk.FALLS: "descending", Risk.FREE: "auto_asc_desc"}


@dataclass(frozen=True)
class Bins:
    """The bins of one feature.

    Attributes
    ----------
    feature : str
        Name in the catalogue.
    edges : tuple of float, length n_bins - 1
        Inner edges; a value equal to an edge lies above it.
    woe : tuple of float, length n_bins
        ln(share of bads / share of goods): higher is riskier [Siddiqi 2017].
    goods, bads : tuple of int, length n_bins
        Unweighted counts of the rows it was fitted on.
    missing_woe : dict of str to float
        Weight of evidence of each typed missing reason; `MISSING` serves one not met in fitting.
    missing_counts : dict of str to (goods, bads)
    iv : float
        Information value: sum over all bins of (share of bads - share of goods) x woe.
    """

    feature: str
    edges: tuple[float, ...]
    woe: tuple[float, ...]
    goods: tuple[int, ...]
    bads: tuple[int, ...]
    missing_woe: dict[str, float]
    missing_counts: dict[str, tuple[int, int]]
    iv: float

    def place(self, values: Floats) -> npt.NDArray[np.int64]:
        """The bin of each value, length n; -1 where missing."""
        return np.where(np.isnan(values), -1, np.searchsorted(self.edges, values, side="right"))

    def look_up(
        self, values: Floats, reasons: npt.NDArray[np.uint8], of_bins: Sequence[float], of_missing: dict[str, float]
    ) -> Floats:
        """What a table holds for the bin or missing reason of each row, length n."""
        found = np.asarray(of_bins, float)[np.maximum(self.place(values), 0)]
        for code in np.unique(reasons):
            if code != Missing.NONE:
                name = Missing(int(code)).name
                found = np.where(reasons == code, of_missing.get(name, of_missing["MISSING"]), found)
        return found

    def weigh(self, values: Floats, reasons: npt.NDArray[np.uint8]) -> Floats:
        """Weight of evidence of each row, length n."""
        return self.look_up(values, reasons, self.woe, self.missing_woe)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    @classmethod
    def of_dict(cls, said: dict[str, Any]) -> "Bins":
        """What `as_dict` gave."""
        tuples = {name: tuple(said[name]) for name in ("edges", "woe", "goods", "bads")}
        counts = {name: (n[0], n[1]) for name, n in said["missing_counts"].items()}
        return cls(**{**said, **tuples, "missing_counts": counts})


@dataclass(frozen=True)
class BinningRecipe:
    """How features are cut: the section `binning` of params.yaml.

    Attributes
    ----------
    max_bins : int
    min_rows : float in (0, 0.5)
        Least share of the rows in a bin.
    min_bads : int
        Least number of bads in a bin, counted unweighted.
    missing_rows, missing_bads : int
        A missing reason with fewer is not judged by its own rows: it is pooled with the other reasons and,
        if these are too few as well, neutral (0).
    """

    max_bins: int = 8
    min_rows: float = 0.02
    min_bads: int = 10
    missing_rows: int = 200
    missing_bads: int = 5

    def __post_init__(self) -> None:
        if self.max_bins < 2 or not 0 < self.min_rows < 0.5:
            raise Mistake(
                "params.yaml: binning.max_bins should be at least 2 and binning.min_rows lie in (0, 0.5), "
                f"got {self.max_bins} and {self.min_rows}."
            )

    def fit(self, matrix: Matrix, bad: Floats) -> tuple[Bins, ...]:
        """Cut every feature in the declared direction of risk.

        Parameters
        ----------
        matrix : Matrix, n rows
        bad : array, length n
            1 or 0.

        Raises
        ------
        Mistake
            If there are no bads or no goods to learn from.
        """
        n_bad = int(bad.sum())
        if n_bad == 0 or n_bad == len(bad):
            raise Mistake(f"train: {n_bad} bads in {len(bad)} rows; a scorecard needs both bads and goods.")
        return tuple(self._fit_one(declared, matrix, bad) for declared in matrix.features)

    def _fit_one(self, declared: Feature, matrix: Matrix, bad: Floats) -> Bins:
        values, reasons = matrix.column(declared.name), matrix.reasons(declared.name)
        there = ~np.isnan(values)
        edges = self._edges(declared, values[there], bad[there])
        place = np.searchsorted(edges, values[there], side="right")
        goods = np.bincount(place, 1 - bad[there], minlength=len(edges) + 1)
        bads = np.bincount(place, bad[there], minlength=len(edges) + 1)
        all_bad, all_good = bad.sum(), len(bad) - bad.sum()
        woe = [weight_of_evidence(g, b, all_good, all_bad) for g, b in zip(goods, bads, strict=True)]
        pooled = ~there
        own = {"MISSING": (int((1 - bad[pooled]).sum()), int(bad[pooled].sum()))}
        for code in np.unique(reasons[pooled]):
            here = reasons == code
            own[Missing(int(code)).name] = (int((1 - bad[here]).sum()), int(bad[here].sum()))
        missing_woe = {name: self._of_missing(name, own, woe, all_good, all_bad) for name in own}
        iv = sum(
            (b / all_bad - g / all_good) * w
            for g, b, w in [
                *zip(goods, bads, woe, strict=True),
                *((g, b, missing_woe[name]) for name, (g, b) in own.items() if name != "MISSING"),
            ]
        )
        return Bins(
            declared.name,
            tuple(float(edge) for edge in edges),
            tuple(woe),
            tuple(int(g) for g in goods),
            tuple(int(b) for b in bads),
            missing_woe,
            own,
            float(iv),
        )

    def _edges(self, declared: Feature, values: Floats, bad: Floats) -> Floats:
        if len(values) == 0 or bad.sum() < 2 * self.min_bads or np.ptp(values) == 0:
            return np.empty(0)
        from optbinning import OptimalBinning  # takes seconds to import; scoring never comes here

        cut = OptimalBinning(
            name=declared.name,
            prebinning_method="cart",
            max_n_bins=self.max_bins,
            min_bin_size=self.min_rows,
            min_bin_n_event=self.min_bads,
            monotonic_trend=_TREND[declared.risk],
            solver="cp",
            time_limit=20,
        ).fit(values, bad.astype(int))
        return np.asarray(cut.splits, float)

    def _of_missing(
        self, name: str, own: dict[str, tuple[int, int]], woe: list[float], all_good: float, all_bad: float
    ) -> float:
        if name == Missing.NEVER.name:
            return min(woe)  # it never happened: the safest there is
        for goods, bads in (own[name], own["MISSING"]):
            if goods + bads >= self.missing_rows and bads >= self.missing_bads:
                return weight_of_evidence(goods, bads, all_good, all_bad)
        return 0.0


def weight_of_evidence(goods: float, bads: float, all_good: float, all_bad: float) -> float:
    """ln(share of bads / share of goods) of a cell: higher is riskier [Siddiqi 2017].

    Half an event on either side keeps an empty cell finite; one without rows tells nothing (0).
    """
    if goods + bads == 0:
        return 0.0
    pad = 0.0 if goods and bads else 0.5
    return math.log(((bads + pad) / all_bad) / ((goods + pad) / all_good))
