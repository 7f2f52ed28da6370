"""Boosted trees: LightGBM whose risk moves as the catalogue declares."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from ..features.matrix import Matrix

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BoostedTrees:
    """Fitted trees, held as LightGBM's text, read only after its checksum was verified (see `serving.bundle`).

    Attributes
    ----------
    features : tuple of k str
        The columns in the order of the trees.
    text : str
    """

    features: tuple[str, ...]
    text: str

    kind: ClassVar[str] = "boosting"

    @cached_property
    def booster(self) -> lgb.Booster:
        """The trees themselves."""
        return lgb.Booster(model_str=self.text)

    def log_odds(self, matrix: Matrix) -> Floats:
        """Raw scores, length n."""
        if not len(matrix):
            return np.empty(0)
        return np.asarray(self.booster.predict(self._rows(matrix), raw_score=True, num_threads=_threads(matrix)))

    def baselines(self, matrix: Matrix) -> Floats:
        """Mean log-odds over the training rows, the same for each row, length n."""
        return np.full(len(matrix), self.baseline)

    def reads(self, matrix: Matrix) -> npt.NDArray[np.bool_]:
        """(n, k): all."""
        return np.ones((len(matrix), len(self.features)), bool)

    @cached_property
    def baseline(self) -> float:
        """What path-dependent TreeSHAP starts from."""
        row = np.full((1, len(self.features)), np.nan)
        return float(np.asarray(self.booster.predict(row, pred_contrib=True, num_threads=1))[0, -1])

    def contributions(self, matrix: Matrix) -> Floats:
        """(n, k): exact path-dependent SHAP values in log-odds."""
        if not len(matrix):
            return np.empty((0, len(self.features)))
        told = self.booster.predict(self._rows(matrix), pred_contrib=True, num_threads=_threads(matrix))
        return np.asarray(told)[:, :-1]

    def _rows(self, matrix: Matrix) -> Floats:
        # LightGBM scores reordered columns without a word: always pick them by name
        rows = matrix.only(self.features).values
        if np.isinf(rows).any():
            raise Mistake("features: an infinite value; every feature should be finite or missing.")
        return np.ascontiguousarray(rows)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types; the trees go as their own text."""
        return {"kind": self.kind, "features": list(self.features), "text": self.text}

    @classmethod
    def of_dict(cls, said: dict[str, Any]) -> "BoostedTrees":
        """What `as_dict` gave."""
        return cls(tuple(said["features"]), said["text"])


def _threads(matrix: Matrix) -> int:
    return 1 if len(matrix) < 1000 else 0  # starting threads costs more than a few rows


@dataclass(frozen=True)
class BoostingRecipe:
    """The section `boosting` of params.yaml; names as in LightGBM."""

    trees: int = 400
    learning_rate: float = 0.03
    leaves: int = 4
    min_rows: int = 800
    l2: float = 10.0
    feature_share: float = 0.6
    row_share: float = 0.8
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("trees", "leaves", "min_rows"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise Mistake(f"params.yaml: boosting.{name} should be a whole number above 0, got {value!r}.")
        if self.leaves < 2:
            raise Mistake(f"params.yaml: boosting.leaves should be at least 2, got {self.leaves}.")
        for name in ("learning_rate", "feature_share", "row_share"):
            if not 0 < getattr(self, name) <= 1:
                raise Mistake(f"params.yaml: boosting.{name} should lie in (0, 1], got {getattr(self, name)}.")

    def fit(self, matrix: Matrix, bad: Floats) -> BoostedTrees:
        """Grow monotone trees on the log loss; no class weights, so probabilities stay honest."""
        parameters = {
            "objective": "binary",
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": min(self.min_rows, max(1, len(bad) // 20)),
            "lambda_l2": self.l2,
            "feature_fraction": self.feature_share,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1,
            "seed": self.seed,
            "monotone_constraints": [declared.risk.value for declared in matrix.features],
            "monotone_constraints_method": "basic",  # the others break with missing values
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }
        lessons = lgb.Dataset(matrix.values, bad, feature_name=matrix.names, free_raw_data=False)
        booster = lgb.train(parameters, lessons, num_boost_round=self.trees)
        return BoostedTrees(tuple(matrix.names), booster.model_to_string())
