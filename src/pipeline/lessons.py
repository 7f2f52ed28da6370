"""Lessons: the model features and outcomes of one slice."""

import numpy as np
import numpy.typing as npt

from ..features.matrix import Matrix
from .stage import Stage


def lessons(stage: Stage, name: str) -> tuple[Matrix, npt.NDArray[np.float64]]:
    """Features that models may use, and outcomes (1 or 0), of the slice "train", "tune" or "test"."""
    matrix, slices = Matrix.read(stage.path("matrix")), stage.read("slices")
    here = (slices["slice"] == name).to_numpy()
    usable = [feature.name for feature in matrix.features if feature.in_scorecard]
    return matrix.rows(here).only(usable), slices["bad"].to_numpy("float64")[here]
