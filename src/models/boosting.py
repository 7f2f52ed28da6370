"""Boosted trees: LightGBM's, whose risk moves as the catalogue declares; they are read and told without it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..features.matrix import Matrix
from .encoding import Encoding
from .shapley import TreeShap
from .trees.forest import Forest
from .trees.lightgbm_text import forest_of
from .trees.walks import Walks

Floats = npt.NDArray[np.float64]
_BEYOND = 1e300  # the threshold of a split that parts the missing from all else


@dataclass(frozen=True)
class BoostedTrees:
    """The mean of boosters, held as LightGBM's text, read only after its checksum was verified (see `serving.bundle`).

    Log-odds are those of LightGBM to the bit where there is one bag, else but for the last digits; see `growing`.

    Attributes
    ----------
    encoding : Encoding
        The columns in the order of the trees.
    texts : tuple of str
        One for each bag.
    """

    encoding: Encoding
    texts: tuple[str, ...]

    kind: ClassVar[str] = "boosting"

    @property
    def features(self) -> tuple[str, ...]:
        """The features that it reads."""
        return self.encoding.features

    @cached_property
    def forest(self) -> Forest:
        """The trees themselves."""
        return forest_of(self.texts)

    @cached_property
    def walks(self) -> Walks:
        """What scores them."""
        return Walks.of(self.forest)

    def log_odds(self, matrix: Matrix) -> Floats:
        """Mean of the raw scores, length n."""
        return self.walks.scores(self.encoding.rows(matrix))

    def steps(self, feature: str) -> Floats:
        """The thresholds of its splits; a value equal to one goes left. None of a category, whose levels are named."""
        if feature in self.encoding.levels:
            return np.empty(0)
        told = self.forest.thresholds(self.encoding.features.index(feature))
        return told[np.abs(told) < _BEYOND]

    def baselines(self, matrix: Matrix) -> Floats:
        """Mean log-odds over the training rows, the same for each row, length n."""
        return np.full(len(matrix), self.baseline)

    def reads(self, matrix: Matrix) -> npt.NDArray[np.bool_]:
        """(n, k): all."""
        return np.ones((len(matrix), len(self.features)), bool)

    @cached_property
    def shap(self) -> TreeShap:
        """What explains them."""
        return TreeShap.of(self.forest)

    @property
    def baseline(self) -> float:
        """What path-dependent TreeSHAP starts from."""
        return self.shap.baseline

    def contributions(self, matrix: Matrix) -> Floats:
        """(n, k): exact path-dependent SHAP values in log-odds; a missing reason speaks for its feature."""
        return self.encoding.fold(self.shap.contributions(self.encoding.rows(matrix)))

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types; the trees go as their own text."""
        return {"kind": self.kind, "encoding": self.encoding.as_dict(), "texts": list(self.texts)}

    @classmethod
    def of_dict(cls, said: dict[str, Any]) -> "BoostedTrees":
        """What `as_dict` gave."""
        return cls(Encoding.of_dict(said["encoding"]), tuple(said["texts"]))
