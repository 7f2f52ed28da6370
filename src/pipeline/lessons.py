"""Lessons: the model features and outcomes of one slice."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..errors import Mistake
from ..features.default import DefaultRecipe
from ..features.matrix import Matrix
from .stage import Stage


@lru_cache(maxsize=1)
def observed(stage: Stage) -> tuple[Matrix, pd.DataFrame]:
    """The features of all observations, and beside each its outcome and slice."""
    matrix, slices = Matrix.read(stage.path("matrix")), stage.read("slices")
    told = slices["as_of"].astype("datetime64[s]"), slices["customer_id"]
    if len(matrix) != len(slices) or not all((matrix.keys[one.name] == one).all() for one in told):
        raise Mistake("data/matrix: features and slices are of other observations; run 'dvc repro'.")
    return matrix, slices


def terms(stage: Stage, name: str) -> tuple[Matrix, dict[int, npt.NDArray[np.float64]]]:
    """Features of a slice, and by days whether it was bad within so many; the last is the horizon."""
    matrix, slices = observed(stage)
    here = (slices["slice"] == name).to_numpy()
    by = {int(column[4:-1]): slices[column] for column in map(str, slices) if column.startswith("bad_")}
    by[stage.recipe("outcome", DefaultRecipe).horizon_days] = slices["bad"]
    return matrix.rows(here), {days: bad.to_numpy("float64")[here] for days, bad in by.items()}


def lessons(stage: Stage, name: str) -> tuple[Matrix, npt.NDArray[np.float64]]:
    """Features that models may use, and outcomes (1 or 0), of the slice "train", "tune" or "test"."""
    matrix, slices = observed(stage)
    here = (slices["slice"] == name).to_numpy()
    usable = [feature.name for feature in matrix.features if feature.in_scorecard]
    return matrix.rows(here).only(usable), slices["bad"].to_numpy("float64")[here]
