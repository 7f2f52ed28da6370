"""Binning: where features are cut, in the declared direction of risk."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from ..features.column import Missing
from ..features.declaration import Feature, Risk
from ..features.matrix import Matrix
from .bins import Bins, weight_of_evidence

Floats = npt.NDArray[np.float64]
_TREND = {Risk.RISES: "ascending", Risk.FALLS: "descending", Risk.FREE: "auto_asc_desc"}
_PRIOR = 5  # rows
_SAMPLE = 200_000  # rows: of more, a tree that proposes cuts sees so many


@dataclass(frozen=True)
class BinningRecipe:
    """How features are cut: the section `binning` of params.yaml.

    A missing reason is weighed by the first of these that it allows: a stated weight; the safest bin, if it never
    happened; its own rows; the rows of all reasons of the feature together; neutral (0). A level that was not there in
    fitting (UNSEEN) has no rows: it is stated or neutral.

    Attributes
    ----------
    max_bins : int
    min_rows : float in (0, 0.5)
        Least share, in a bin, of the rows whose value is known.
    min_bads : int
        Least number of bads in a bin, counted unweighted.
    missing_rows, missing_bads : int
        With fewer, the rows of a missing reason tell nothing.
    stated : dict of str to float
        Weights of evidence that people state, by reason ("NODUE") or feature and reason ("dbt_w_90d:NODUE").
    """

    max_bins: int = 8
    min_rows: float = 0.02
    min_bads: int = 10
    missing_rows: int = 200
    missing_bads: int = 5
    stated: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("min_bads", "missing_rows", "missing_bads"):
            if getattr(self, name) < 1:
                raise Mistake(f"params.yaml: binning.{name} should be at least 1, got {getattr(self, name)}.")
        if self.max_bins < 2 or not 0 < self.min_rows < 0.5:
            raise Mistake(
                "params.yaml: binning.max_bins should be at least 2 and binning.min_rows lie in (0, 0.5), "
                f"got {self.max_bins} and {self.min_rows}."
            )
        for name in self.stated:
            if name.split(":")[-1] not in {"MISSING", *Missing.__members__} - {Missing.NONE.name}:
                raise Mistake(f"params.yaml: binning.stated.{name} names no missing reason such as NODUE.")
            if not np.isfinite(self.stated[name]):
                raise Mistake(f"params.yaml: binning.stated.{name} should be a number, got {self.stated[name]}.")

    def fit(self, matrix: Matrix, bad: Floats) -> tuple[Bins, ...]:
        """Cut every feature in the declared direction of risk; a category into groups of levels of similar risk.

        Parameters
        ----------
        matrix : Matrix, n rows
        bad : array, length n
            1 or 0.

        Raises
        ------
        Mistake
            If there are no bads or no goods to learn from, or a weight is stated for a feature that is not there.
        """
        n_bad = int(bad.sum())
        if n_bad == 0 or n_bad == len(bad):
            raise Mistake(f"train: {n_bad} bads in {len(bad)} rows; a scorecard needs both bads and goods.")
        strange = [name for name in self.stated if ":" in name and name.split(":")[0] not in matrix.names]
        if strange:
            raise Mistake(f"params.yaml: binning.stated.{strange[0]} is of no feature that models may use.")
        return tuple(self._fit_one(declared, matrix, bad) for declared in matrix.features)

    def _fit_one(self, declared: Feature, matrix: Matrix, bad: Floats) -> Bins:
        values = matrix.column(declared.name)
        there = ~np.isnan(values)
        if not declared.levels:
            edges = self._edges(declared.name, _TREND[declared.risk], values[there], bad[there])
            return self.cut(declared.name, edges, (), matrix, bad)
        order = by_risk(values[there], bad[there])
        ranks = np.full(len(declared.levels), np.nan)
        ranks[order] = np.arange(len(order))
        told = ranks[values[there].astype(np.int64)]
        edges = self._edges(declared.name, "ascending", told, bad[there])
        groups = np.split(order, np.ceil(edges).astype(int)) if len(order) else []
        return self.cut(declared.name, (), [[declared.levels[k] for k in group] for group in groups], matrix, bad)

    def cut(
        self,
        feature: str,
        edges: Sequence[float] | Floats,
        levels: Sequence[Sequence[str]],
        matrix: Matrix,
        bad: Floats,
    ) -> Bins:
        """Bins between given edges, or of given levels, weighed by the rows of a matrix; arguments as in `fit`."""
        bare = Bins(feature, tuple(map(float, edges)), tuple(map(tuple, levels)), (), (), (), {}, {}, {}, 0.0)
        place, reasons = bare.place(matrix)
        there = place >= 0
        n_bins = len(levels) if len(levels) else len(edges) + 1
        goods = np.bincount(place[there], 1 - bad[there], minlength=n_bins).astype(int).tolist()
        bads = np.bincount(place[there], bad[there], minlength=n_bins).astype(int).tolist()
        all_bad, all_good = float(bad.sum()), float(len(bad) - bad.sum())
        woe = [weight_of_evidence(g, b, all_good, all_bad) for g, b in zip(goods, bads, strict=True)]
        own = {"MISSING": (int((1 - bad[~there]).sum()), int(bad[~there].sum()))}
        for code in np.unique(reasons[~there]):
            here = reasons == code
            own[Missing(int(code)).name] = (int((1 - bad[here]).sum()), int(bad[here].sum()))
        for name in self._foreseen(matrix.features[matrix.place(feature)]):
            own.setdefault(name, (0, 0))
        of_missing = {name: self._of_missing(feature, name, own, woe, all_good, all_bad) for name in own}
        missing_woe = {name: told[0] for name, told in of_missing.items()}
        held = [*zip(goods, bads, woe, strict=True)]
        held += [(*counts, missing_woe[name]) for name, counts in own.items() if name != "MISSING"]
        return replace(
            bare,
            woe=tuple(woe),
            goods=tuple(goods),
            bads=tuple(bads),
            missing_woe=missing_woe,
            missing_policy={name: told[1] for name, told in of_missing.items()},
            missing_counts=own,
            iv=float(sum((b / max(all_bad, 1) - g / max(all_good, 1)) * w for g, b, w in held)),
        )

    def _foreseen(self, declared: Feature) -> list[str]:
        """Missing reasons that have a weight whether any row had them or not."""
        told = {
            name.removeprefix(f"{declared.name}:")
            for name in self.stated
            if ":" not in name or name.startswith(f"{declared.name}:")
        }
        always = {Missing.UNSEEN: bool(declared.levels), Missing.NEVER: Missing.NEVER in declared.missing}
        return sorted((told | {one.name for one, holds in always.items() if holds}) - {"MISSING"})

    def _edges(self, name: str, trend: str, values: Floats, bad: Floats) -> Floats:
        if len(values) == 0 or bad.sum() < 2 * self.min_bads or np.ptp(values) == 0:
            return np.empty(0)
        from optbinning import OptimalBinning  # takes seconds to import; scoring never comes here

        many = len(values) > _SAMPLE
        if many and not len(coarse := _coarse(values, bad)):
            return np.empty(0)
        cut = OptimalBinning(
            name=name,
            user_splits=coarse if many else None,
            prebinning_method="cart",
            max_n_bins=self.max_bins,
            min_bin_size=self.min_rows,
            min_bin_n_event=self.min_bads,
            monotonic_trend=trend,
            solver="cp",
            time_limit=20,
        ).fit(values, bad.astype(int))
        return readable(np.asarray(cut.splits, float), values)

    def _of_missing(
        self,
        feature: str,
        name: str,
        own: dict[str, tuple[int, int]],
        woe: list[float],
        all_good: float,
        all_bad: float,
    ) -> tuple[float, str]:
        """The weight of a missing reason, and where it comes from."""
        for key in (f"{feature}:{name}", name):
            if key in self.stated:
                return self.stated[key], "stated"
        if name == Missing.NEVER.name and woe:
            return min(woe), "safest"
        if name == Missing.UNSEEN.name:
            return 0.0, "neutral"
        for counts, policy in ((own[name], "own" if name != "MISSING" else "pooled"), (own["MISSING"], "pooled")):
            goods, bads = counts
            if goods + bads >= self.missing_rows and bads >= self.missing_bads:
                return weight_of_evidence(goods, bads, all_good, all_bad), policy
        return 0.0, "neutral"


def _coarse(values: Floats, bad: Floats) -> Floats:
    """Where a tree cuts a sample of very many rows, as optbinning cuts all of fewer; all rows decide what is merged."""
    from sklearn.tree import DecisionTreeClassifier

    some = np.random.default_rng(0).choice(len(values), _SAMPLE, replace=False)
    tree = DecisionTreeClassifier(max_leaf_nodes=20, min_samples_leaf=0.05).fit(values[some, None], bad[some]).tree_
    return np.unique(tree.threshold[tree.feature >= 0])


def by_risk(levels: npt.NDArray[Any], bad: Floats) -> npt.NDArray[np.int64]:
    """The levels that are there in order of their bad rate, the safest first; length at most their number.

    The rate of each is drawn to the mean as if `_PRIOR` rows with the mean rate were added: one row is no evidence.
    """
    place = levels.astype(np.int64)
    n, bads = np.bincount(place), np.bincount(place, bad)
    rate = (bads + _PRIOR * bad.mean()) / (n + _PRIOR) if len(bad) else bads
    there = np.flatnonzero(n)
    return there[np.argsort(rate[there], kind="stable")]


def readable(edges: Floats, values: Floats) -> Floats:
    """Edges with the fewest decimals that part these values as they did.

    >>> readable(np.array([0.2500000037]), np.array([0.1, 0.24, 0.26, 0.3]))
    array([0.25])
    """
    told = np.unique(values)
    above = np.searchsorted(told, edges, side="left")
    return np.array(
        [_shortest(told[k - 1], told[k]) if 0 < k < len(told) else e for e, k in zip(edges, above, strict=True)]
    )


def _shortest(below: float, above: float) -> float:
    """The number with the fewest decimals that is above the one and not above the other."""
    middle = (below + above) / 2
    for decimals in range(-3, 16):
        candidate = round(float(middle), decimals)
        if below < candidate <= above:
            return candidate + 0.0
    return float(above)
