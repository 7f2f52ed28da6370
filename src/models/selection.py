"""Selection: which binned features enter the scorecard, and why each of the others does not."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..features.matrix import Matrix
from .bins import Bins


@dataclass(frozen=True)
class SelectionRecipe:
    """The section `selection` of params.yaml.

    Attributes
    ----------
    min_iv : float
        Least information value. Pure noise has a mean of (bins - 1)(1/bads + 1/goods).
    max_correlation : float in (0, 1]
        Of two features whose weights of evidence correlate more, the one with less information leaves.
    most : int
        At most so many features stay, those with the most information.
    """

    min_iv: float = 0.05
    max_correlation: float = 0.7
    most: int = 14

    def fit(self, bins: Sequence[Bins], matrix: Matrix) -> tuple[tuple[Bins, ...], dict[str, str]]:
        """The bins that stay, most informative first, and for each feature that left the reason."""
        dropped: dict[str, str] = {}
        kept: list[Bins] = []
        weights: list[np.ndarray] = []
        for one in sorted(bins, key=lambda b: (-b.iv, b.feature)):
            if not one.edges:
                dropped[one.feature] = "one bin only: no cut separates enough bads"
                continue
            if one.iv < self.min_iv:
                dropped[one.feature] = f"information value {one.iv:.3f} is below {self.min_iv}"
                continue
            woe = one.weigh(matrix.column(one.feature), matrix.reasons(one.feature))
            twin = _closest(woe, weights)
            if twin is not None and twin[1] > self.max_correlation:
                dropped[one.feature] = f"correlates {twin[1]:.2f} with {kept[twin[0]].feature}, which tells more"
            elif len(kept) == self.most:
                dropped[one.feature] = f"{self.most} features tell more"
            else:
                kept.append(one)
                weights.append(woe)
        return tuple(kept), dropped


def _closest(woe: np.ndarray, others: list[np.ndarray]) -> tuple[int, float] | None:
    if not others or woe.std() == 0:
        return None
    size = [abs(float(np.corrcoef(woe, other)[0, 1])) for other in others]
    place = int(np.argmax(size))
    return place, size[place]
