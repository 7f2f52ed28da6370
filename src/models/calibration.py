"""Calibration: from a model's log-odds to those of the outcome, a straight line fitted on the tune slice."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from .metrics import fit_line, in_the_large

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """calibrated log-odds = intercept + slope x log-odds, slope > 0, so ranks stay [Platt 1999].

    `fitted` says what was: "line", "level" (slope 1), or "nothing" (too few bads).
    """

    intercept: float = 0.0
    slope: float = 1.0
    fitted: str = "nothing"

    def apply(self, log_odds: Floats) -> Floats:
        """Calibrated log-odds, length n."""
        return self.intercept + self.slope * log_odds

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class CalibrationRecipe:
    """The section `calibration` of params.yaml.

    Attributes
    ----------
    min_bads : int
        With fewer bads in the tune slice the slope stays 1 and only the level is fitted; with fewer than a
        fifth of it nothing is.
    """

    min_bads: int = 50

    def fit(self, bad: Floats, log_odds: Floats) -> Calibration:
        """Fit on rows that the model was not fitted on."""
        n_bad = int(np.sum(bad))
        if n_bad >= self.min_bads:
            intercept, slope = fit_line(bad, log_odds)
            if np.isnan(slope.value):
                raise Mistake(
                    "tune: bads and goods are wholly apart; a slope cannot be fitted. Tune on more observations."
                )
            if not slope.value > 0:
                raise Mistake(
                    f"tune: the calibration slope is {slope.value:.2f}; the model ranks the tune slice the wrong way "
                    "round. Look at the dates in params.yaml: samples."
                )
            return Calibration(intercept.value, slope.value, "line")
        if n_bad >= self.min_bads / 5:
            return Calibration(in_the_large(bad, log_odds), 1.0, "level")
        return Calibration()
