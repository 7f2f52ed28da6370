"""Weighing: binned features become a scorecard by logistic regression, rounded once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from ..features.declaration import Risk
from ..features.matrix import Matrix
from .bins import Bins
from .metrics import auc
from .scorecard import PointScale, Scorecard

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Weighed:
    """A scorecard, and what became of the rest.

    Attributes
    ----------
    card : Scorecard
    dropped : dict of str to str
        For each feature that left the reason.
    rounding : dict of str to float
        What whole points cost on the rows of the fit: gini_before, gini_after, and the largest move of a log-odds,
        largest_move (a grade that doubles the PD is ln 2 = 0.69 wide).
    """

    card: Scorecard
    dropped: dict[str, str]
    rounding: dict[str, float]


@dataclass(frozen=True)
class ScorecardRecipe:
    """The section `scorecard` of params.yaml.

    Attributes
    ----------
    pdo, anchor, odds : float
        See `PointScale`.
    strength : float
        Inverse of the ridge penalty on the weights of the logistic regression.
    signs : {"every", "declared"}
        Whose weight may not be negative, which would turn its own bins round: of every feature, or only of those whose
        direction of risk the catalogue declares.
    bads_per_weight : int
        So many bad customers are asked for each weight; the least informative features leave until they are there, and
        where not even two can stay no card is fitted.
    """

    pdo: float = 20.0
    anchor: float = 600.0
    odds: float = 50.0
    strength: float = 0.05
    signs: str = "every"
    bads_per_weight: int = 10

    def __post_init__(self) -> None:
        if self.signs not in ("every", "declared"):
            raise Mistake(f"params.yaml: scorecard.signs should be every or declared, got {self.signs!r}.")
        if not 0 < self.strength < math.inf:
            raise Mistake(f"params.yaml: scorecard.strength should be above 0, got {self.strength}.")
        if self.bads_per_weight < 1:
            raise Mistake(f"params.yaml: scorecard.bads_per_weight should be at least 1, got {self.bads_per_weight}.")

    def scale(self) -> PointScale:
        """Points by odds."""
        return PointScale(self.pdo, self.anchor, self.odds)

    def weights_for(self, matrix: Matrix, bad: Floats) -> int:
        """How many features the bad customers of these rows can bear."""
        return bad_customers(matrix, bad) // self.bads_per_weight

    def fit(self, bins: Sequence[Bins], matrix: Matrix, bad: Floats) -> Weighed:
        """Weigh the bins by logistic regression and round to points, once.

        Of the features whose weight comes out negative, and may not, the most negative leaves and the rest is weighed
        again.

        Parameters
        ----------
        bins : most informative first

        Raises
        ------
        Mistake
            Too few bad customers, or no feature is left.
        """
        from sklearn.linear_model import LogisticRegression

        allowed = self.weights_for(matrix, bad)
        if allowed < 2:
            raise Mistake(
                f"scorecard: {bad_customers(matrix, bad)} bad customers are too few to fit honestly; "
                f"scorecard.bads_per_weight asks for {2 * self.bads_per_weight}. Give an expert card beside the edits."
            )
        dropped = {
            one.feature: f"the bad customers bear {allowed} weights, {self.bads_per_weight} for each"
            for one in bins[allowed:]
        }
        kept = list(bins[:allowed])
        while kept:
            woe = np.column_stack([one.weigh(matrix) for one in kept])
            line = LogisticRegression(C=self.strength, max_iter=1000, tol=1e-8).fit(woe, bad)
            held = [self.signs == "every" or _risk(matrix, one) is not Risk.FREE for one in kept]
            worst = int(np.argmin(np.where(held, line.coef_[0], np.inf)))
            if not held[worst] or line.coef_[0][worst] > 0:
                break
            dropped[kept[worst].feature] = (
                f"weight {line.coef_[0][worst]:.3f}: others tell the same with the right sign"
            )
            kept.pop(worst)
        if not kept:
            raise Mistake("scorecard: no feature is left; lower selection.min_iv, or train on more bads.")
        weights, intercept = line.coef_[0], float(line.intercept_[0])
        card, silent = self._rounded(kept, weights, intercept, matrix)
        exact, told = intercept + woe @ weights, card.log_odds(matrix)
        rounding = {
            "gini_before": 2 * auc(bad, exact).value - 1,
            "gini_after": 2 * auc(bad, told).value - 1,
            "largest_move": float(np.abs(exact - told).max()),
        }
        return Weighed(card, dropped | silent, rounding)

    def _rounded(
        self, bins: list[Bins], weights: Floats, intercept: float, matrix: Matrix
    ) -> tuple[Scorecard, dict[str, str]]:
        """Whole points; a feature that gives everyone the same leaves them to the base, and itself leaves."""
        silent: dict[str, str] = {}
        scale = self.scale()
        base = round(float(scale.score(np.array(intercept))))
        lines: list[tuple[Bins, tuple[int, ...], dict[str, int]]] = []
        for one, weight in zip(bins, weights, strict=True):
            worth = -scale.factor * weight
            points = tuple(round(worth * woe) for woe in one.woe)
            missing = {name: round(worth * woe) for name, woe in one.missing_woe.items()}
            if len({*points, *missing.values()}) == 1:
                base += points[0]
                silent[one.feature] = "all of its bins round to the same points: others tell the same"
            else:
                lines.append((one, points, missing))
        if not lines:
            raise Mistake("scorecard: all points round to the same; raise scorecard.pdo, or train on more bads.")
        kept, of_bins, of_missing = zip(*lines, strict=True)
        card = Scorecard(scale, base, kept, of_bins, of_missing, tuple(0.0 for _ in lines))
        return card.over(matrix), silent


def bad_customers(matrix: Matrix, bad: Floats) -> int:
    """How many customers were bad at least once: several rows of one are one piece of evidence."""
    return int(matrix.keys["customer_id"][bad == 1].nunique())


def _risk(matrix: Matrix, bins: Bins) -> Risk:
    return matrix.features[matrix.place(bins.feature)].risk
