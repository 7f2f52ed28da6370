"""The bundle as an MLflow model: MLflow names this module as loader, so the artifact itself holds no code."""

from pathlib import Path
from typing import Any

import pandas as pd

from .bundle import Bundle, load_bundle
from .rows import matrix_of


class Scorer:
    """Rates rows of features: what `mlflow.pyfunc.load_model` gives."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    def predict(self, rows: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """PD, points and grade of each row (see `matrix_of` for what a row is, and what is refused).

        Returns
        -------
        DataFrame, n rows
            Columns pd, score (more is less risk), grade, and odd: in words what about the row was never met in
            training, "" if nothing.
        """
        matrix, odd = matrix_of(self.bundle, rows)
        system = self.bundle.system
        log_odds = system.log_odds(matrix)
        told = {"pd": system.pd(log_odds), "score": system.score(log_odds), "grade": system.scale.grade(log_odds)}
        return pd.DataFrame(told | {"odd": pd.Series(odd, dtype=object)})


def _load_pyfunc(data_path: str) -> Scorer:
    """MLflow's door; the bundle is verified before anything in it is read."""
    return Scorer(load_bundle(Path(data_path)))
