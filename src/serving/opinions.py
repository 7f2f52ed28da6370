"""Opinions: where the model that is not the champion sees a customer otherwise, and on which features they part."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..features.matrix import Matrix
from ..models.rating import Explained, RatingSystem
from .reasons import WORTH_TELLING, Floats, Integers
from .reference import Reference
from .sentences import describe_all

APART = 2  # grades: fewer is no disagreement
MOST = 4  # features are told


@dataclass(frozen=True)
class Opinion:
    """A second rating system, and whom it compares customers with."""

    system: RatingSystem
    reference: Reference

    def explain(self, matrix: Matrix, baseline: str) -> Explained:
        """What it says of rows that hold its features, in its own order."""
        own = matrix.only(self.system.model.features)
        segments = own.keys["segment"].to_numpy(object)
        return self.system.explain(own, self.reference.compared_with(baseline, segments, own.names))


@dataclass(frozen=True)
class Parting:
    """On what two models part, flat as `Reasons`: nothing for rows whose grades are near.

    Attributes
    ----------
    starts : int64, length n + 1
    features, en, zh : arrays of str, length r
    first, second : float64, length r
        Points that the feature adds by the champion, and by the other; 0 where a model does not read it.
    """

    starts: Integers
    features: npt.NDArray[np.object_]
    first: Floats
    second: Floats
    en: npt.NDArray[np.object_]
    zh: npt.NDArray[np.object_]

    @classmethod
    def between(
        cls,
        matrix: Matrix,
        first: tuple[tuple[str, ...], Floats],
        second: tuple[tuple[str, ...], Floats],
        apart: npt.NDArray[np.bool_],
        riskier: npt.NDArray[np.bool_],
    ) -> "Parting":
        """Of rows that are `apart`, the features that lead to it, the heaviest first.

        Parameters
        ----------
        matrix : Matrix, n rows
            The features of both.
        first, second : (names of k features, points (n, k))
        apart, riskier : bool, length n
            Whose grades are far from each other; by the second it is riskier.
        """
        names = matrix.names
        points = np.zeros((2, len(matrix), len(names)))
        for row, (own, adds) in zip(points, (first, second), strict=True):
            row[:, [names.index(name) for name in own]] = adds
        leads = np.where(riskier[:, None], points[0] - points[1], points[1] - points[0])
        order = np.argsort(-leads, axis=1, kind="stable")[:, :MOST]
        chosen = (np.take_along_axis(leads, order, axis=1) >= WORTH_TELLING) & apart[:, None]
        who, places = np.nonzero(chosen)[0], order[chosen]
        en, zh = describe_all(matrix.features, places, matrix.values[who, places], matrix.missing[who, places])
        return cls(
            np.concatenate([[0], np.cumsum(chosen.sum(axis=1))]),
            np.array(names, object)[places],
            points[0][who, places],
            points[1][who, places],
            en,
            zh,
        )

    @classmethod
    def none(cls, n: int) -> "Parting":
        """Of n rows that one model alone rated."""
        none = np.empty(0, object)
        return cls(np.zeros(n + 1, np.int64), none, np.empty(0), np.empty(0), none, none)
