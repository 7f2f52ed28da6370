"""Ratings: one path from a model's log-odds to PD, grade and points, on one scale for every model."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from ..features.matrix import Matrix
from .boosting import BoostedTrees
from .calibration import Calibration
from .hazard import TermStructure
from .logistic import logit, sigmoid
from .model import Model
from .scorecard import PointScale
from .scorecards import Scorecards

Floats = npt.NDArray[np.float64]
DEFAULTED = "D"
ADDITIVE = 1e-9  # contributions and baseline equal the log-odds to this, asserted on every batch
# each twice as risky as the one before: a geometric scale from 0.05 %
_BOUNDS = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256)
_NAMES = ("A1", "A2", "A3", "B1", "B2", "B3", "C1", "C2", "C3", "E1", "E2")


@dataclass(frozen=True)
class MasterScale:
    """Grades by PD, best first; a grade holds from its lower bound (included) to the next.

    Attributes
    ----------
    names : tuple of g str
    bounds : tuple of g - 1 float
        Lower bounds of all grades but the first, rising.
    """

    names: tuple[str, ...] = _NAMES
    bounds: tuple[float, ...] = _BOUNDS

    def __post_init__(self) -> None:
        if len(self.names) != len(self.bounds) + 1 or list(self.bounds) != sorted(set(self.bounds)):
            raise Mistake("params.yaml: rating.names should be one more than rating.bounds, and the bounds rise.")
        if len(self.names) < 8:
            raise Mistake(f"params.yaml: rating.names should be at least 8 grades, got {len(self.names)}.")
        if not (self.bounds[0] > 0 and self.bounds[-1] < 1):
            raise Mistake("params.yaml: rating.bounds should lie between 0 and 1.")

    def place(self, log_odds: Floats) -> npt.NDArray[np.int64]:
        """The number of the grade, 0 the best, length n."""
        if np.isnan(log_odds).any():
            raise ValueError("log-odds that are no number have no grade")
        return np.searchsorted(logit(np.asarray(self.bounds)), log_odds, side="right")

    def published(
        self, log_odds: Floats, previous: npt.NDArray[np.object_], *, margin: float
    ) -> npt.NDArray[np.object_]:
        """The grade that is shown: the one published before, until the PD has left its band by a margin.

        Parameters
        ----------
        log_odds : array, length n
        previous : array of str, length n
            Published before; one that is no grade of this scale ("", D) holds nobody.
        margin : float >= 0
            In log-odds, on either side of the band.
        """
        bounds = np.r_[-np.inf, logit(np.asarray(self.bounds)), np.inf]
        number = {name: place for place, name in enumerate(self.names)}
        before = np.array([number.get(name, -1) for name in previous], np.int64)
        stays = (log_odds >= bounds[before] - margin) & (log_odds < bounds[before + 1] + margin) & (before >= 0)
        return np.where(stays, previous, self.grade(log_odds))

    def grade(self, log_odds: Floats) -> npt.NDArray[np.object_]:
        """The name of the grade, length n."""
        return np.asarray(self.names, object)[self.place(log_odds)]


@dataclass(frozen=True)
class RatingRecipe:
    """The section `rating` of params.yaml: the master scale, and the printed points.

    `hysteresis` is by how much, in log-odds, a PD has to leave the band of the published grade before that moves; a
    grade that doubles the PD is ln 2 = 0.69 wide.
    """

    names: tuple[str, ...] = _NAMES
    bounds: tuple[float, ...] = _BOUNDS
    pdo: float = 20.0
    anchor: float = 600.0
    odds: float = 50.0
    hysteresis: float = 0.0

    def __post_init__(self) -> None:
        if not self.hysteresis >= 0:
            raise Mistake(f"params.yaml: rating.hysteresis should be 0 or above, got {self.hysteresis}.")

    def scale(self) -> MasterScale:
        """The grades."""
        return MasterScale(tuple(self.names), tuple(self.bounds))

    def points(self) -> PointScale:
        """The printed points: the same for every model."""
        return PointScale(self.pdo, self.anchor, self.odds)


@dataclass(frozen=True)
class Explained:
    """Log-odds of n rows, and how they come about; all calibrated.

    Attributes
    ----------
    log_odds : float64, length n
    contributions : float64, (n, k)
        In the order of the model's features; each row and its baseline add up to its log-odds.
    baselines : float64, length n
    """

    log_odds: Floats
    contributions: Floats
    baselines: Floats


@dataclass(frozen=True)
class RatingSystem:
    """A model with its calibration, scale and term structure: everything that a rating needs.

    PD, grade and points are functions of the one calibrated log-odds; contributions are told on the same scale.
    """

    model: Model
    calibration: Calibration
    scale: MasterScale
    points: PointScale
    term: TermStructure
    hysteresis: float = 0.0

    def log_odds(self, matrix: Matrix) -> Floats:
        """Calibrated log-odds of bad, length n."""
        return self.calibration.apply(self.model.log_odds(matrix))

    def pd(self, log_odds: Floats) -> Floats:
        """Probability of the outcome within the horizon."""
        return sigmoid(log_odds)

    def cautious_pd(self, log_odds: Floats) -> Floats:
        """The same with the margin of conservatism; never part of grade, points or expected loss."""
        return self.calibration.cautious(log_odds)

    def score(self, log_odds: Floats) -> npt.NDArray[np.int64]:
        """Printed points, whole: more is less risk."""
        return np.rint(self.points.score(log_odds)).astype(np.int64)

    def explain(self, matrix: Matrix, compared_with: Floats | None = None) -> "Explained":
        """Calibrated log-odds, and how they come about.

        Parameters
        ----------
        compared_with : (n, k), None for the model's own baselines
            Contributions, before calibration, of the customer that each row is compared with. What the card of a row
            does not read is left out.
        """
        log_odds, told, baselines = (
            one(matrix) for one in (self.model.log_odds, self.model.contributions, self.model.baselines)
        )
        _add_up(baselines, told, log_odds)
        if compared_with is not None:
            theirs = np.where(self.model.reads(matrix), compared_with, 0.0)
            told, baselines = told - theirs, baselines + theirs.sum(axis=1)
        told = told * self.calibration.stretch(baselines + told.sum(axis=1), baselines)[:, None]
        calibrated = self.calibration.apply(log_odds), self.calibration.apply(baselines)
        _add_up(calibrated[1], told, calibrated[0])
        return Explained(calibrated[0], told, calibrated[1])

    def baselines(self, matrix: Matrix) -> Floats:
        """Calibrated log-odds of each row before any feature speaks, length n."""
        return self.explain(matrix).baselines

    def contributions(self, matrix: Matrix) -> Floats:
        """(n, k): what each feature adds to the calibrated baseline; they sum to the calibrated log-odds."""
        return self.explain(matrix).contributions

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "model": self.model.as_dict(),
            "calibration": self.calibration.as_dict(),
            "scale": {"names": list(self.scale.names), "bounds": list(self.scale.bounds)},
            "points": asdict(self.points),
            "term": self.term.as_dict(),
            "hysteresis": self.hysteresis,
        }

    @classmethod
    def of_dict(cls, said: dict[str, Any]) -> "RatingSystem":
        """What `as_dict` gave."""
        return cls(
            model_of_dict(said["model"]),
            Calibration.of_dict(said["calibration"]),
            MasterScale(tuple(said["scale"]["names"]), tuple(said["scale"]["bounds"])),
            PointScale(**said["points"]),
            TermStructure.of_dict(said["term"]),
            said["hysteresis"],
        )


def _add_up(baselines: Floats, contributions: Floats, log_odds: Floats) -> None:
    """Asked of every batch, also where Python's asserts are switched off."""
    gap = np.abs(baselines + contributions.sum(axis=1) - log_odds).max(initial=0.0)
    if not gap <= ADDITIVE:
        raise ArithmeticError(f"contributions miss the log-odds by {gap}")


_KINDS: dict[str, Callable[[dict[str, Any]], Model]] = {
    Scorecards.kind: Scorecards.of_dict,
    BoostedTrees.kind: BoostedTrees.of_dict,
}


def model_of_dict(said: dict[str, Any]) -> Model:
    """The model whose `as_dict` gave this."""
    return _KINDS[said["kind"]](said)
