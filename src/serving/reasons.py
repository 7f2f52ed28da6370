"""Reasons: which features move a customer's points, against whom, in words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..compiled import compiled, inlined
from ..errors import Mistake
from ..features.column import Missing
from ..features.declaration import Family, Feature
from ..features.matrix import Matrix
from .sentences import beside_usual_all

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
WORTH_TELLING = 0.5  # points: less is rounding


@dataclass(frozen=True)
class ReasonRecipe:
    """The section `reasons` of params.yaml.

    Attributes
    ----------
    baseline : {"segment", "best"}
        Whom a customer is compared with: the mean customer of its segment, or one that in each feature is as safe as
        the safest of it. The first tells why it is worse than others, the second what it could gain.
    adverse, favourable : int
        At most so many reasons are told.
    second_opinion : bool
        The model that is not the champion rates beside it, and is told where it is two grades or more away.
    """

    baseline: str = "segment"
    adverse: int = 4
    favourable: int = 2
    second_opinion: bool = True

    def __post_init__(self) -> None:
        if self.baseline not in ("segment", "best"):
            raise Mistake(f"params.yaml: reasons.baseline should be 'segment' or 'best', got {self.baseline!r}.")
        for name in ("adverse", "favourable"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 0:
                raise Mistake(f"params.yaml: reasons.{name} should be a whole number, 0 or more, got {value!r}.")

    def choose(self, points: Floats, rows: npt.NDArray[np.bool_]) -> tuple[Integers, Integers]:
        """Which features are told of: adverse ones, the worst first, then favourable ones, the best first.

        Parameters
        ----------
        points : (n, k)
            What each feature adds to the score.
        rows : bool, length n
            Whose reasons are told.

        Returns
        -------
        starts : int64, length n + 1
            Where the reasons of each row stand in:
        places : int64
            The feature's place.
        """
        down, up = (min(many, points.shape[1]) for many in (self.adverse, self.favourable))
        told = np.empty((len(points), down + up), np.int64)
        _ends(points, down, told)
        weight = np.take_along_axis(points, told, axis=1)
        weight[:, :down] *= -1
        chosen = (weight >= WORTH_TELLING) & rows[:, None]
        return np.concatenate([[0], np.cumsum(chosen.sum(axis=1))]), told[chosen]


@compiled
def _ends(points, down, told):  # type: ignore[no-untyped-def]
    """Of each row the places of the lowest points, then of the highest; of equal ones the first are lower."""
    for row in range(len(points)):
        _lowest(points[row], 1, told[row, :down])
        _lowest(points[row], -1, told[row, down:])


@inlined
def _lowest(points, sign, told):  # type: ignore[no-untyped-def]
    """Each place goes before those that are heavier; `sign` -1 turns the order round."""
    held = 0
    for place in range(len(points)):
        at = held
        while at > 0:
            gap = sign * (points[told[at - 1]] - points[place])
            if gap < 0 or (gap == 0 and sign > 0):
                break
            if at < len(told):
                told[at] = told[at - 1]
            at -= 1
        if at < len(told):
            told[at] = place
            held = min(held + 1, len(told))


@dataclass(frozen=True)
class Reason:
    """One feature's part in a rating.

    Attributes
    ----------
    feature : str
    family : str
        The name of its family in the catalogue.
    points : float
        What it adds to the score against whom the customer is compared with: negative is adverse.
    value, usual : float or None
        The customer's value and the median of its segment; None where there is none.
    missing : str
        The typed reason why there is no value, or "".
    en, zh : str
        In words.
    """

    feature: str
    family: str
    points: float
    value: float | None
    usual: float | None
    missing: str
    en: str
    zh: str


@dataclass(frozen=True)
class Reasons:
    """The reasons of n rows, flat: those of row i stand from starts[i] to before starts[i + 1].

    Attributes
    ----------
    features : tuple of k Feature
    starts : int64, length n + 1
    places : int64, length r
        Of the feature that is told of.
    points, values, usual : float64, length r
        See `Reason`; NaN where there is none.
    missing : uint8, length r
    en, zh : arrays of str, length r
    """

    features: tuple[Feature, ...]
    starts: Integers
    places: Integers
    points: Floats
    values: Floats
    usual: Floats
    missing: npt.NDArray[np.uint8]
    en: npt.NDArray[np.object_]
    zh: npt.NDArray[np.object_]

    @property
    def names(self) -> npt.NDArray[np.object_]:
        """Of the features, length r."""
        return np.array([one.name for one in self.features], object)[self.places]

    @property
    def families(self) -> npt.NDArray[np.object_]:
        """Of the features, length r."""
        return np.array([one.family.name.lower() for one in self.features], object)[self.places]

    @property
    def why_missing(self) -> npt.NDArray[np.object_]:
        """The names of the missing reasons, "" where there is a value."""
        names = {code: Missing(code).name if code else "" for code in np.unique(self.missing).tolist()}
        return np.array([names[code] for code in self.missing.tolist()], object)

    @classmethod
    def of(
        cls, recipe: ReasonRecipe, matrix: Matrix, points: Floats, usual: Floats, rows: npt.NDArray[np.bool_]
    ) -> "Reasons":
        """Choose and tell them."""
        starts, places = recipe.choose(points, rows)
        who = np.repeat(np.arange(len(points)), np.diff(starts))
        values, missing, common = matrix.values[who, places], matrix.missing[who, places], usual[who, places]
        weights = points[who, places]
        en, zh = beside_usual_all(matrix.features, places, values, missing, common, weights)
        return cls(matrix.features, starts, places, weights, values, common, missing, en, zh)


def by_family(features: Sequence[Feature], points: Floats) -> dict[Family, Floats]:
    """What the features of each family add to the score together, length n; all families add up to all features."""
    told: dict[Family, Floats] = {}
    for place, one in enumerate(features):
        told[one.family] = told.get(one.family, np.zeros(len(points))) + points[:, place]
    return told
