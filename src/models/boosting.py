"""Boosted trees: LightGBM whose risk moves as the catalogue declares."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from ..features.matrix import Matrix
from .encoding import Encoding
from .shapley import TreeShap

Floats = npt.NDArray[np.float64]
_BEYOND = 1e300  # the threshold of a split that parts the missing from all else


@dataclass(frozen=True)
class BoostedTrees:
    """The mean of boosters, held as LightGBM's text, read only after its checksum was verified (see `serving.bundle`).

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
    def boosters(self) -> tuple[lgb.Booster, ...]:
        """The trees themselves."""
        return tuple(lgb.Booster(model_str=text) for text in self.texts)

    def log_odds(self, matrix: Matrix) -> Floats:
        """Mean of the raw scores, length n."""
        if not len(matrix):
            return np.empty(0)
        rows, threads = self.encoding.rows(matrix), _threads(matrix)
        told = [booster.predict(rows, raw_score=True, num_threads=threads) for booster in self.boosters]
        return np.mean(told, axis=0)

    def steps(self, feature: str) -> Floats:
        """The thresholds of its splits; a value equal to one goes left. None of a category, whose levels are named."""
        if feature in self.encoding.levels:
            return np.empty(0)
        told = self.shap.forest.thresholds(self.encoding.features.index(feature))
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
        return TreeShap.of(self.texts)

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


def _threads(matrix: Matrix) -> int:
    return 1 if len(matrix) < 1000 else 0  # starting threads costs more than a few rows


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
        return BoostedTrees(encoding, tuple(booster.model_to_string() for booster in grown))

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
