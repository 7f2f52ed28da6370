"""The logistic line: log-odds and probabilities, levels and slopes over them.

y is 1 for bad; log-odds rise with risk. Formulas: Cox 1958 (intercept and slope), ECB 2019.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_Z95 = 1.959963984540054  # the normal quantile of 0.975


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error and 95 % interval."""

    value: float
    se: float

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.value - _Z95 * self.se

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.value + _Z95 * self.se


def logit(p: Floats) -> Floats:
    """Log-odds of probabilities."""
    return np.asarray(np.log(p) - np.log1p(-p))


def sigmoid(log_odds: Floats) -> Floats:
    """Probabilities of log-odds."""
    return np.asarray(1.0 / (1.0 + np.exp(-log_odds)))


def fit_line(y: Floats, log_odds: Floats, *, cluster: npt.NDArray | None = None) -> tuple[Estimate, Estimate]:
    """Intercept and slope of logit P(bad) = a + b x log_odds, by maximum likelihood.

    With `cluster` the standard errors are the sandwich over clusters, else those of the model.

    Returns
    -------
    (Estimate, Estimate)
        NaN where they do not exist (one class only, or the score does not vary).
    """
    y, x = np.asarray(y, float), np.asarray(log_odds, float)
    if len(x) < 3 or y.min() == y.max() or np.ptp(x) < 1e-12:
        return Estimate(np.nan, np.nan), Estimate(np.nan, np.nan)
    X = np.column_stack([np.ones_like(x), x])
    beta = np.array([logit(y.mean()) - x.mean(), 1.0])
    for _ in range(100):
        p = sigmoid(X @ beta)
        information = X.T @ (X * (p * (1 - p))[:, None])
        if not np.linalg.cond(information) < 1e12:  # separated: there is no finite line
            return Estimate(np.nan, np.nan), Estimate(np.nan, np.nan)
        step = np.linalg.solve(information, X.T @ (y - p))
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            break
    inverse = np.linalg.inv(information)
    if cluster is None:
        cov = inverse
    else:
        _, code = np.unique(cluster, return_inverse=True)
        score = np.zeros((int(code.max()) + 1, 2))
        np.add.at(score, code, X * (y - p)[:, None])
        cov = inverse @ (score.T @ score) @ inverse * len(score) / max(1, len(score) - 1)
    return Estimate(float(beta[0]), float(np.sqrt(cov[0, 0]))), Estimate(float(beta[1]), float(np.sqrt(cov[1, 1])))


def in_the_large(y: Floats, log_odds: Floats) -> float:
    """The intercept a of logit P(bad) = a + log_odds (slope fixed at 1): 0 if the mean level is right."""
    y = np.asarray(y, float)
    return float("nan") if y.min() == y.max() else level_for(log_odds, float(y.mean()))


def level_for(log_odds: Floats, rate: float) -> float:
    """What to add to log-odds so that the mean probability is a rate in (0, 1)."""
    x, a = np.asarray(log_odds, float), 0.0
    for _ in range(100):
        p = sigmoid(x + a)
        step = float((rate - p).sum() / (p * (1 - p)).sum())
        a += float(np.clip(step, -2, 2))
        if abs(step) < 1e-12:
            break
    return a
