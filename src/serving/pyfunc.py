"""The bundle as an MLflow model: MLflow names this module as loader, so the artifact itself holds no code."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..errors import Mistake
from ..features.column import Missing
from ..features.matrix import Matrix
from .bundle import Bundle, load_bundle


class Scorer:
    """Rates rows of features: what `mlflow.pyfunc.load_model` gives."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    def predict(self, rows: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """PD, points and grade of each row.

        Parameters
        ----------
        rows : DataFrame, n rows
            A column of float for each feature of the bundle, in any order; NaN is missing. Scorecards that differ by
            segment read the column segment, and take the pooled card where it is not there. A column
            `<feature>:missing` may tell why a value is missing (the number of the reason, as the matrix holds it);
            without it nobody said why, which may score otherwise.

        Returns
        -------
        DataFrame, n rows
            Columns pd, score (more is less risk), grade.
        """
        names = list(self.bundle.system.model.features)
        lacking = [name for name in names if name not in rows]
        if lacking:
            raise Mistake(f"rows: no column '{lacking[0]}'; the bundle needs {', '.join(names)}.")
        values = rows[names].to_numpy("float64")
        if np.isinf(values).any():
            place = names[int(np.argmax(np.isinf(values).any(axis=0)))]
            raise Mistake(f"rows: {place} is infinite; it should be finite, or NaN where it is missing.")
        missing = np.where(np.isnan(values), np.uint8(Missing.UNTOLD), np.uint8(Missing.NONE))
        for k, name in enumerate(names):
            if f"{name}:missing" in rows:
                told = rows[f"{name}:missing"].fillna(0).to_numpy("int64")
                if ((told != Missing.NONE) != np.isnan(values[:, k])).any() or not set(told) <= set(Missing):
                    raise Mistake(
                        f"rows: {name}:missing should be the number of a reason where {name} is missing, else 0."
                    )
                missing[:, k] = told
        system = self.bundle.system
        segment = rows["segment"].to_numpy(object) if "segment" in rows else ""
        keys = pd.DataFrame({"segment": segment}, index=range(len(rows)))
        log_odds = system.log_odds(Matrix(keys, values, missing, self.bundle.features))
        return pd.DataFrame(
            {"pd": system.pd(log_odds), "score": system.score(log_odds), "grade": system.scale.grade(log_odds)}
        )


def _load_pyfunc(data_path: str) -> Scorer:
    """MLflow's door; the bundle is verified before anything in it is read."""
    return Scorer(load_bundle(Path(data_path)))
