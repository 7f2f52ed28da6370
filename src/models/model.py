"""What every model can do, so that calibration, validation, reasons and bundle need not know which they hold."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..features.matrix import Matrix

Floats = npt.NDArray[np.float64]


class Model(Protocol):
    """A fitted model. Higher log-odds is always riskier; contributions and baselines add up to them.

    Attributes
    ----------
    kind : {"scorecard", "boosting"}
    features : tuple of str
        The columns it reads, in its own order; a matrix may hold more and in any order.
    """

    @property
    def kind(self) -> str: ...

    @property
    def features(self) -> tuple[str, ...]: ...

    def steps(self, feature: str) -> Floats:
        """Values of a feature at which the score may step, rising; none of a category."""
        ...

    def log_odds(self, matrix: Matrix) -> Floats:
        """Length n."""
        ...

    def baselines(self, matrix: Matrix) -> Floats:
        """Log-odds of each row before any feature speaks, length n; a scorecard of its segment may have its own."""
        ...

    def reads(self, matrix: Matrix) -> npt.NDArray[np.bool_]:
        """(n, k): which features each row's score depends on; a scorecard of its segment may leave some out."""
        ...

    def contributions(self, matrix: Matrix) -> Floats:
        """(n, k): what each feature adds to the baseline of its row."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types; reading them back gives the same scores to the bit."""
        ...
