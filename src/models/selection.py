"""Selection: which binned features enter the scorecard, and why each of the others does not."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from ..errors import Mistake
from ..features.matrix import Matrix
from .bins import Bins
from .metrics import population_stability

Floats = npt.NDArray[np.float64]
_SINGULAR = 1e12  # condition of correlations from which on an inverse is rounding alone


@dataclass(frozen=True)
class SelectionRecipe:
    """The section `selection` of params.yaml.

    Attributes
    ----------
    veto, keep : dict of str to str
        Features that may not enter, and that have to, each with the reason that people gave.
    min_iv : float
        Least information value. Pure noise has a mean of (bins - 1)(1/bads + 1/goods).
    max_psi : float
        Population stability index of bins and missing reasons, tune against train, less what rows of one population
        stay below 95 times of 100, (1/n + 1/m) chi2 of cells - 1 degrees [Yurdakul 2018]: above it a feature has moved
        so far that its bins are of another population (0.10 is a usual warning, 0.25 a usual shift).
    max_correlation : float in (0, 1]
        Of two features whose weights of evidence correlate more, the one with less information leaves.
    max_vif : float above 1
        Variance inflation factor, 1 / (1 - R2) of a feature's weights told by the others: one that would bring any of
        those that stay above it leaves.
    most : int
        At most so many features stay, those with the most information.
    """

    veto: dict[str, str] = field(default_factory=dict)
    keep: dict[str, str] = field(default_factory=dict)
    min_iv: float = 0.05
    max_psi: float = 0.25
    max_correlation: float = 0.7
    max_vif: float = 5.0
    most: int = 14

    def __post_init__(self) -> None:
        if not 0 < self.max_correlation <= 1 or self.max_vif <= 1 or self.most < 1:
            raise Mistake(
                "params.yaml: selection.max_correlation should lie in (0, 1], selection.max_vif above 1 and "
                f"selection.most be at least 1, got {self.max_correlation}, {self.max_vif} and {self.most}."
            )

    def fit(
        self, bins: Sequence[Bins], matrix: Matrix, tune: Matrix | None = None
    ) -> tuple[tuple[Bins, ...], dict[str, str]]:
        """The bins that stay, those that have to first, then the most informative; and why each feature left.

        Parameters
        ----------
        matrix : Matrix
            The rows that the bins were fitted on.
        tune : Matrix or None
            Rows that the bins were not fitted on, for stability; outcomes are not looked at.

        Raises
        ------
        Mistake
            A feature is vetoed that is not there.
        """
        told = {one.feature for one in bins}
        for way, names in (("veto", self.veto), ("keep", self.keep)):
            if unknown := sorted(set(names) - told):
                raise Mistake(f"selection: {way} names {unknown[0]}, which is no feature that models may use.")
        if both := sorted(set(self.veto) & set(self.keep)):
            raise Mistake(f"selection: {both[0]} is vetoed and kept at once.")
        dropped: dict[str, str] = {}
        kept: list[Bins] = []
        weights: list[Floats] = []
        for one in sorted(bins, key=lambda b: (b.feature not in self.keep, -b.iv, b.feature)):
            woe = one.weigh(matrix)
            why = "" if one.feature in self.keep else self._alone(one, matrix, tune) or self._beside(woe, kept, weights)
            if why:
                dropped[one.feature] = why
            else:
                kept.append(one)
                weights.append(woe)
        return tuple(kept), dropped

    def _alone(self, one: Bins, matrix: Matrix, tune: Matrix | None) -> str:
        """Why a feature leaves whatever the others say; "" where it does not."""
        if one.feature in self.veto:
            return f"vetoed: {self.veto[one.feature]}"
        if len(one.woe) < 2:
            return "one bin only: no cut separates enough bads, or people merged all"
        if one.iv < self.min_iv:
            return f"information value {one.iv:.3f} is below {self.min_iv}"
        if tune is not None and len(tune):
            expected, actual = _shares(one, matrix), _shares(one, tune)
            cells = int(((expected > 0) | (actual > 0)).sum())
            chance = float(chi2.ppf(0.95, cells - 1)) * (1 / len(matrix) + 1 / len(tune)) if cells > 1 else 0.0
            moved = population_stability(expected, actual) - chance
            if moved > self.max_psi:
                return f"population stability index {moved:.2f}, tune against train, is above {self.max_psi}"
        return ""

    def _beside(self, woe: Floats, kept: list[Bins], weights: list[Floats]) -> str:
        """Why a feature leaves beside those that stay."""
        twin = _closest(woe, weights)
        if twin is not None and twin[1] > self.max_correlation:
            return f"correlates {twin[1]:.2f} with {kept[twin[0]].feature}, which was weighed for telling more"
        if len(kept) >= self.most:
            return f"{self.most} features that were weighed tell more"
        inflated = _inflation([*weights, woe])
        if inflated > self.max_vif:
            return f"variance inflation factor {inflated:.1f} beside those that tell more is above {self.max_vif:g}"
        return ""


def _shares(bins: Bins, matrix: Matrix) -> Floats:
    """The share of rows in each bin, then of each missing reason."""
    place, codes = bins.place(matrix)
    of_bins = np.bincount(place[place >= 0], minlength=len(bins.woe))
    of_missing = np.bincount(codes[place < 0], minlength=256)
    return np.concatenate([of_bins, of_missing]) / max(1, len(matrix))


def _closest(woe: Floats, others: list[Floats]) -> tuple[int, float] | None:
    if not others or woe.std() == 0:
        return None
    size = [abs(float(np.corrcoef(woe, other)[0, 1])) for other in others]
    place = int(np.argmax(size))
    return place, size[place]


def _inflation(weights: list[Floats]) -> float:
    """The largest variance inflation factor: the diagonal of the inverse of the correlations."""
    told = [woe for woe in weights if woe.std() > 0]
    if len(told) < 2:
        return 1.0
    together = np.corrcoef(told)
    if np.linalg.cond(together) > _SINGULAR:  # one is exactly told by others
        return float("inf")
    return float(np.linalg.inv(together).diagonal().max())
