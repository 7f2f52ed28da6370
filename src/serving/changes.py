"""Changes: why a customer's points are not what they were at its rating before."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..features.declaration import Feature
from ..features.matrix import Matrix
from .reasons import WORTH_TELLING, Floats, Integers
from .sentences import from_to

MOST = 4  # features are told, the others together
_NOTHING = 1e-6  # points: what floating point leaves
SEGMENT, MODEL, OTHERS = "segment", "model", "others"  # what moves points besides a feature
_TEXT = {
    SEGMENT: ("Rated with another segment than before", "客户类别与上次不同"),
    MODEL: (
        "The model or its calibration changed, or records of that time were corrected",
        "模型或校准已更新，或当时的记录已更正",
    ),
    OTHERS: ("All other features together", "其他指标合计"),
}


@dataclass(frozen=True)
class Stand:
    """How n customers stood on their days, as the model of now sees them among the customers of one segment.

    Attributes
    ----------
    matrix : Matrix, n rows
    points, base_points : float64 (n, k), (n)
        What each feature adds to the score, and the score before any speaks; not rounded.
    """

    matrix: Matrix
    points: Floats
    base_points: Floats

    @property
    def score(self) -> Floats:
        """Points, not rounded, length n."""
        return self.base_points + self.points.sum(axis=1)


@dataclass(frozen=True)
class Changes:
    """What moved the points of n rows, flat as `Reasons`: the parts of a row add up to the change of its points.

    Attributes
    ----------
    starts : int64, length n + 1
    what : list of str, length r
        A feature's name, or "segment", "model", "others".
    points : float64, length r
    en, zh : lists of str, length r
    """

    starts: Integers
    what: list[str]
    points: Floats
    en: list[str]
    zh: list[str]

    @classmethod
    def between(
        cls,
        n: int,
        rows: Integers,
        now: Stand,
        then: Stand,
        score_then: Floats,
        published: Floats,
        features: Sequence[Feature],
    ) -> "Changes":
        """Of some rows out of n.

        Parameters
        ----------
        rows : int64, length m, ascending
            Those that were rated before and are now.
        now, then : Stand, m rows
            By the same model, among the customers of the segment of today: today, and on the day of the rating before.
        score_then : float64, length m
            Points on the day of the rating before, among the customers of the segment of that day.
        published : float64, length m
            Points of that rating, not rounded.
        """
        moved, model = now.points - then.points, score_then - published
        base = now.base_points - then.base_points + then.score - score_then
        order = np.argsort(-np.abs(moved), axis=1, kind="stable")[:, :MOST]
        counts = np.zeros(n, np.int64)
        what, points, told = list[str](), list[float](), list[tuple[str, str]]()
        for i, row in enumerate(rows.tolist()):
            parts = [p for p in order[i].tolist() if abs(moved[i, p]) >= WORTH_TELLING]
            rest = float(moved[i].sum() - moved[i, parts].sum())
            for p in parts:
                was, is_ = ((one.matrix.values[i, p], int(one.matrix.missing[i, p])) for one in (then, now))
                what.append(features[p].name)
                points.append(float(moved[i, p]))
                told.append(from_to(features[p], was, is_))
            for name, part in ((OTHERS, rest), (SEGMENT, float(base[i])), (MODEL, float(model[i]))):
                if abs(part) > _NOTHING:
                    what.append(name)
                    points.append(part)
                    told.append(_TEXT[name])
            counts[row] = len(points)
        ends = np.maximum.accumulate(counts)
        return cls(
            np.concatenate([[0], ends]), what, np.array(points), [one[0] for one in told], [one[1] for one in told]
        )
