"""What every model can do, so that calibration, validation, reasons and bundle need not know which they hold."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..features.matrix import Matrix

Floats = npt.NDArray[np.float64]


class Model(Protocol):
    """A fitted model. Higher log-odds is always riskier; contributions and baseline add up to them.

    Attributes
    ----------
    kind : {"scorecard", "boosting"}
    features : tuple of str
        The columns it reads, in its own order; a matrix may hold more and in any order.
    baseline : float
        Log-odds before any feature speaks.
    """

    @property
    def kind(self) -> str: ...

    @property
    def features(self) -> tuple[str, ...]: ...

    @property
    def baseline(self) -> float: ...

    def log_odds(self, matrix: Matrix) -> Floats:
        """Length n."""
        ...

    def contributions(self, matrix: Matrix) -> Floats:
        """(n, k): what each feature adds to the baseline."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types; reading them back gives the same scores to the bit."""
        ...
