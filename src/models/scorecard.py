"""The scorecard: integer points for each bin. Its log-odds are those of its points, so paper and code agree."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from ..features.matrix import Matrix
from .bins import Bins

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PointScale:
    """Points by the odds they stand for: more points, less risk.

    score = offset - factor x log-odds of bad, factor = pdo / ln 2.

    Attributes
    ----------
    pdo : float
        Points that double the odds of good.
    anchor : float; odds : float
        `anchor` points stand for `odds` goods to one bad.

    >>> scale = PointScale(pdo=20, anchor=600, odds=50)
    >>> round(scale.factor, 4), round(scale.offset, 4), round(float(scale.score(np.array([-math.log(50)]))[0]))
    (28.8539, 487.1229, 600)
    """

    pdo: float = 20.0
    anchor: float = 600.0
    odds: float = 50.0

    def __post_init__(self) -> None:
        if not (0 < self.pdo < math.inf and 0 < self.odds < math.inf and math.isfinite(self.anchor)):
            raise Mistake(
                f"params.yaml: pdo and odds should be above 0, and anchor a number; got {self.pdo}, {self.odds} and "
                f"{self.anchor}."
            )

    @property
    def factor(self) -> float:
        """Points in one unit of log-odds."""
        return self.pdo / math.log(2)

    @property
    def offset(self) -> float:
        """Points at even odds."""
        return self.anchor - self.factor * math.log(self.odds)

    def score(self, log_odds: Floats) -> Floats:
        """Points of log-odds, not rounded."""
        return self.offset - self.factor * log_odds

    def log_odds(self, score: Floats) -> Floats:
        """Log-odds of points."""
        return (self.offset - score) / self.factor


@dataclass(frozen=True)
class Scorecard:
    """Points for each bin of each feature; they sum, with `base`, to the score.

    Attributes
    ----------
    scale : PointScale
    base : int
        Points that everyone has.
    bins : tuple of k Bins
    points : tuple of k tuples of int
        For each feature the points of each bin.
    missing_points : tuple of k dicts of str to int
        For each feature the points of each missing reason.
    means : tuple of k float
        Mean points of each feature over the rows it was fitted on: contributions are told against them.
    """

    scale: PointScale
    base: int
    bins: tuple[Bins, ...]
    points: tuple[tuple[int, ...], ...]
    missing_points: tuple[dict[str, int], ...]
    means: tuple[float, ...]

    kind: ClassVar[str] = "scorecard"

    @property
    def features(self) -> tuple[str, ...]:
        """Names, in order of the points."""
        return tuple(one.feature for one in self.bins)

    def table(self, matrix: Matrix) -> npt.NDArray[np.int64]:
        """(n, k): the points of each row and feature."""
        columns = [
            one.look_up(matrix, points, dict(missing))
            for one, points, missing in zip(self.bins, self.points, self.missing_points, strict=True)
        ]
        return np.column_stack(columns).astype(np.int64) if columns else np.zeros((len(matrix), 0), np.int64)

    def score(self, matrix: Matrix) -> npt.NDArray[np.int64]:
        """Whole points of each row, length n: more is less risk."""
        return np.asarray(self.base + self.table(matrix).sum(axis=1))

    def log_odds(self, matrix: Matrix) -> Floats:
        """Those of the whole points."""
        return self.scale.log_odds(self.score(matrix).astype(float))

    @property
    def baseline(self) -> float:
        """Log-odds of the mean points of every feature."""
        return float(self.scale.log_odds(np.array(self.base + math.fsum(self.means))))

    def contributions(self, matrix: Matrix) -> Floats:
        """(n, k): log-odds that each feature adds against its mean points."""
        return (np.asarray(self.means) - self.table(matrix)) / self.scale.factor

    def with_points(
        self, k: int, points: Sequence[int], missing: dict[str, int], matrix: Matrix, *, fixed: str = ""
    ) -> "Scorecard":
        """The same with other points for its k-th feature.

        `matrix` are the rows that means are told over; `fixed` is the missing reason whose points people fixed, if any.
        """
        policy = self.bins[k].missing_policy | ({fixed: "fixed"} if fixed else {})
        bins = (*self.bins[:k], replace(self.bins[k], missing_policy=policy), *self.bins[k + 1 :])
        of_bins = (*self.points[:k], tuple(points), *self.points[k + 1 :])
        of_missing = (*self.missing_points[:k], missing, *self.missing_points[k + 1 :])
        return replace(self, bins=bins, points=of_bins, missing_points=of_missing).over(matrix)

    def over(self, matrix: Matrix) -> "Scorecard":
        """The same with the mean points of these rows."""
        return replace(self, means=tuple(float(mean) for mean in self.table(matrix).mean(axis=0)))

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "kind": self.kind,
            "scale": {"pdo": self.scale.pdo, "anchor": self.scale.anchor, "odds": self.scale.odds},
            "base": self.base,
            "features": [
                {"bins": one.as_dict(), "points": list(points), "missing_points": missing, "mean": mean}
                for one, points, missing, mean in zip(
                    self.bins, self.points, self.missing_points, self.means, strict=True
                )
            ],
        }

    @classmethod
    def of_dict(cls, said: dict[str, Any]) -> "Scorecard":
        """What `as_dict` gave."""
        rows = said["features"]
        return cls(
            PointScale(**said["scale"]),
            said["base"],
            tuple(Bins.of_dict(row["bins"]) for row in rows),
            tuple(tuple(row["points"]) for row in rows),
            tuple(dict(row["missing_points"]) for row in rows),
            tuple(row["mean"] for row in rows),
        )
