"""Changes: why a customer's points are not what they were at its rating before."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..features.declaration import Feature
from ..features.matrix import Matrix
from .reasons import WORTH_TELLING, Floats, Integers
from .sentences import Texts, from_to_all

MOST = 4  # features are told, the others together
_NOTHING = 1e-6  # points: what floating point leaves
SEGMENT, MODEL, OTHERS = "segment", "model", "others"  # what moves points besides a feature
_TEXT = {  # in the order in which they are told
    OTHERS: ("All other features together", "其他指标合计"),
    SEGMENT: ("Rated with another segment than before", "客户类别与上次不同"),
    MODEL: (
        "The model or its calibration changed, or records of that time were corrected",
        "模型或校准已更新，或当时的记录已更正",
    ),
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
    what, en, zh : arrays of str, length r
        A feature's name, or "segment", "model", "others".
    points : float64, length r
    """

    starts: Integers
    what: npt.NDArray[np.object_]
    points: Floats
    en: npt.NDArray[np.object_]
    zh: npt.NDArray[np.object_]

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
        weights = np.take_along_axis(moved, order, axis=1)
        worth = np.abs(weights) >= WORTH_TELLING
        others = moved.sum(axis=1) - np.where(worth, weights, 0.0).sum(axis=1)
        beside = {OTHERS: others, SEGMENT: base, MODEL: model}
        besides = np.column_stack([beside[name] for name in _TEXT])
        told = np.hstack([worth, np.abs(besides) > _NOTHING])
        places = np.hstack([order, np.tile(len(features) + np.arange(len(_TEXT)), (len(rows), 1))])[told]
        counts = np.zeros(n, np.int64)
        counts[rows] = told.sum(axis=1)
        en, zh = _texts(features, places, np.nonzero(told)[0], now.matrix, then.matrix)
        names = np.array([*(one.name for one in features), *_TEXT], object)
        return cls(
            np.concatenate([[0], np.cumsum(counts)]),
            names[places],
            np.hstack([weights, besides])[told],
            en,
            zh,
        )


def _texts(features: Sequence[Feature], places: Integers, who: Integers, now: Matrix, then: Matrix) -> Texts:
    """Of features, and of what comes after them in `places`, length r."""
    own = places < len(features)
    row, place = who[own], places[own]
    en, zh = np.array([("", "")] * len(features) + list(_TEXT.values()), object)[places].T
    en[own], zh[own] = from_to_all(
        features, place, *((one.values[row, place], one.missing[row, place]) for one in (then, now))
    )
    return en, zh
