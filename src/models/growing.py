"""Growing: LightGBM learns trees whose risk moves as the catalogue declares."""

from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from ..features.matrix import Matrix
from .boosting import BoostedTrees
from .encoding import Encoding

Floats = npt.NDArray[np.float64]
_SAME = 1e-9  # of the largest log-odds, or of 1: the mean of bags is rounded otherwise


def hold_to_lightgbm(model: BoostedTrees, matrix: Matrix) -> None:
    """Raise `ArithmeticError` unless trees give each row of a matrix the log-odds that LightGBM gives it."""
    rows = model.encoding.rows(matrix)
    told = np.mean([lgb.Booster(model_str=text).predict(rows, raw_score=True) for text in model.texts], axis=0)
    gap = np.abs(model.log_odds(matrix) - told).max(initial=0.0)
    if not gap <= _SAME * max(1.0, np.abs(told).max(initial=0.0)):
        raise ArithmeticError(f"the trees are read otherwise than LightGBM grew them, by {gap} in log-odds")


@dataclass(frozen=True)
class BoostingRecipe:
    """The section `boosting` of params.yaml; names as in LightGBM where it has them.

    Attributes
    ----------
    trees, leaves, min_rows, max_bin : int
        min_rows is at most a twentieth of the rows.
    learning_rate, l2, feature_share, row_share : float
    missing_rows : int
        A typed missing reason with so many rows in train has a flag, if another reason of its feature has too.
    bags : int
        So many boosters are grown from seeds of their own and their log-odds are averaged.
    seed : int
    """

    trees: int = 400
    learning_rate: float = 0.03
    leaves: int = 4
    min_rows: int = 800
    l2: float = 10.0
    feature_share: float = 0.6
    row_share: float = 0.8
    max_bin: int = 255
    missing_rows: int = 200
    bags: int = 1
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("trees", "leaves", "min_rows", "max_bin", "missing_rows", "bags"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise Mistake(f"params.yaml: boosting.{name} should be a whole number above 0, got {value!r}.")
        if self.leaves < 2 or self.max_bin < 2:
            raise Mistake(
                f"params.yaml: boosting.leaves and max_bin should be at least 2, got {self.leaves}, {self.max_bin}."
            )
        for name in ("learning_rate", "feature_share", "row_share"):
            if not 0 < getattr(self, name) <= 1:
                raise Mistake(f"params.yaml: boosting.{name} should lie in (0, 1], got {getattr(self, name)}.")

    def fit(self, matrix: Matrix, bad: Floats) -> BoostedTrees:
        """Grow monotone trees on the log loss; no class weights, so probabilities stay honest."""
        encoding = Encoding.fit(matrix, bad, missing_rows=self.missing_rows)
        lessons = self.dataset(encoding, matrix, bad)
        grown = [
            lgb.train(self.parameters(encoding, matrix, seed=self.seed + bag), lessons, num_boost_round=self.trees)
            for bag in range(self.bags)
        ]
        trees = BoostedTrees(encoding, tuple(booster.model_to_string() for booster in grown))
        hold_to_lightgbm(trees, matrix)
        return trees

    def dataset(self, encoding: Encoding, matrix: Matrix, bad: Floats, **more: Any) -> lgb.Dataset:
        """Rows as LightGBM takes them."""
        told = encoding.rows(matrix)
        options = {"max_bin": self.max_bin, "verbosity": -1}
        return lgb.Dataset(told, bad, feature_name=encoding.names, free_raw_data=False, params=options, **more)

    def parameters(self, encoding: Encoding, matrix: Matrix, *, seed: int) -> dict[str, Any]:
        """What LightGBM is told."""
        risk = {one.name: one.risk.value for one in matrix.features}
        return {
            "objective": "binary",
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": min(self.min_rows, max(1, len(matrix) // 20)),
            "lambda_l2": self.l2,
            "feature_fraction": self.feature_share,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1,
            "max_bin": self.max_bin,
            "seed": seed,
            # the place of a level is its rank of risk; a flag may go either way
            "monotone_constraints": [
                *(1 if name in encoding.levels else risk[name] for name in encoding.features),
                *(0 for _ in encoding.flags),
            ],
            "monotone_constraints_method": "basic",  # the others break with missing values
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }
