"""The binning table: what each bin of the scorecard held, slice by slice, beside its points."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..features.column import Missing
from ..features.declaration import Feature
from ..features.matrix import Matrix
from .bins import Bins, weight_of_evidence
from .scorecard import Scorecard

Floats = npt.NDArray[np.float64]
Slices = Mapping[str, tuple[Matrix, Floats]]


@dataclass(frozen=True)
class Held:
    """What a bin held of one slice, counted unweighted; `woe` is that of the slice, not the one that was fitted."""

    goods: int
    bads: int
    woe: float

    @property
    def rows(self) -> int:
        """Goods and bads."""
        return self.goods + self.bads

    @property
    def bad_rate(self) -> float:
        """NaN where nothing was."""
        return self.bads / self.rows if self.rows else float("nan")


@dataclass(frozen=True)
class Line:
    """A bin from `low` (included) to `high`, or of `levels`, or the rows of one missing reason; more points, less risk.

    `missing` is NONE for a bin, and None for whatever reason has no line of its own. `woe` is the fitted one:
    ln(share of bads / share of goods). `policy` says where that of a missing reason comes from (see `BinningRecipe`).
    `held` is by slice.
    """

    low: float
    high: float
    missing: Missing | None
    points: int
    woe: float
    held: dict[str, Held]
    levels: tuple[str, ...] = ()
    policy: str = ""


@dataclass(frozen=True)
class FeatureTable:
    """The bins of one feature in order, its missing reasons, and a line for any other reason.

    `iv` is the information value in each slice.
    """

    feature: Feature
    lines: tuple[Line, ...]
    iv: dict[str, float]


def binning_table(card: Scorecard, slices: Slices) -> list[FeatureTable]:
    """The tables of a card's features, in its order.

    Parameters
    ----------
    slices : dict of name to (Matrix, array of 1 for bad and 0 for good)
        In the order in which they are shown, such as train, tune, test.
    """
    return [
        _of_feature(bins, points, missing, slices)
        for bins, points, missing in zip(card.bins, card.points, card.missing_points, strict=True)
    ]


def binning_table_of(bins: Bins, slices: Slices) -> FeatureTable:
    """The table of bins that have no points."""
    return _of_feature(bins, (0,) * len(bins.woe), dict.fromkeys(bins.missing_woe, 0), slices)


def _of_feature(bins: Bins, points: tuple[int, ...], missing: dict[str, int], slices: Slices) -> FeatureTable:
    edges = (-np.inf, *bins.edges, np.inf) if not bins.levels else [float("nan")] * (len(points) + 1)
    met = {code for matrix, _ in slices.values() for code in np.unique(bins.place(matrix)[1]).tolist()}
    weighed = {Missing[name] for name in missing if name != "MISSING"}
    reasons = [Missing(code) for code in sorted((met | weighed) - {Missing.NONE})]
    held = {name: _held(bins, reasons, *slice_) for name, slice_ in slices.items()}
    of_bins = [
        Line(
            edges[k],
            edges[k + 1],
            Missing.NONE,
            points[k],
            bins.woe[k],
            {name: one[k] for name, one in held.items()},
            levels=bins.levels[k] if bins.levels else (),
        )
        for k in range(len(points))
    ]
    none = float("nan")
    of_missing = [
        Line(
            none,
            none,
            reason,
            missing.get(reason.name, missing["MISSING"]),
            bins.missing_woe.get(reason.name, bins.missing_woe["MISSING"]),
            {name: one[len(points) + k] for name, one in held.items()},
            policy=bins.missing_policy.get(reason.name, bins.missing_policy["MISSING"]),
        )
        for k, reason in enumerate(reasons)
    ]
    nobody = {name: Held(0, 0, none) for name in held}
    policy = bins.missing_policy["MISSING"]
    others = Line(none, none, None, missing["MISSING"], bins.missing_woe["MISSING"], nobody, policy=policy)
    matrix, _ = next(iter(slices.values()))
    declared = matrix.features[matrix.place(bins.feature)]
    return FeatureTable(
        declared, (*of_bins, *of_missing, others), {name: _information(one) for name, one in held.items()}
    )


def _held(bins: Bins, reasons: list[Missing], matrix: Matrix, bad: Floats) -> list[Held]:
    """Of each bin, then of each reason."""
    place, codes = bins.place(matrix)
    where = [place == k for k in range(len(bins.woe))] + [codes == reason for reason in reasons]
    counts = [(int((1 - bad[here]).sum()), int(bad[here].sum())) for here in where]
    all_good, all_bad = len(bad) - bad.sum(), bad.sum()
    if not all_good or not all_bad:
        return [Held(goods, bads, float("nan")) for goods, bads in counts]
    return [Held(goods, bads, weight_of_evidence(goods, bads, all_good, all_bad)) for goods, bads in counts]


def _information(held: list[Held]) -> float:
    """Information value of one slice: sum of (share of bads - share of goods) x woe; NaN without bads or goods."""
    goods, bads = (sum(getattr(one, kind) for one in held) for kind in ("goods", "bads"))
    if not goods or not bads:
        return float("nan")
    return float(sum((one.bads / bads - one.goods / goods) * one.woe for one in held))
