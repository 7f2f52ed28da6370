"""Calibrating: which curve the tune slice can bear, the level it is held to, and how far off that may be."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import beta as beta_distribution
from scipy.stats import norm, t

from ..errors import Mistake
from .calibration import Beta, Calibration, Curve, Line, Steps
from .folds import groups
from .logistic import fit_line, in_the_large, level_for, logit, sigmoid
from .metrics import losses

Floats = npt.NDArray[np.float64]
_FOLDS = 5
_TILT = 1e-3  # of a flat step, so that no two log-odds become one


@dataclass(frozen=True)
class CalibrationRecipe:
    """The section `calibration` of params.yaml.

    Of the curves that the bads allow, the simplest is taken unless another has a lower log loss on customers that it
    was not fitted on, by more than one standard error of the difference.

    Attributes
    ----------
    min_bads : int
        Bad customers for a line. With fewer the slope stays 1 and only the level is fitted; with fewer than a fifth
        nothing is.
    beta_bads, isotonic_bads : int
        Bad customers for a beta curve, and for isotonic steps.
    long_run : tuple of float
        Default rates of whole years, good and bad ones: PDs are held to their mean (through the cycle) instead of the
        level of the tune slice (point in time).
    confidence : float in [0.5, 1)
        Of the margin of conservatism: a one-sided bound of the level, by Student's t over the years of `long_run`
        [EBA/GL/2017/16, category C], else by the tune slice's customers.
    """

    min_bads: int = 50
    beta_bads: int = 200
    isotonic_bads: int = 1000
    long_run: tuple[float, ...] = ()
    confidence: float = 0.9

    def __post_init__(self) -> None:
        if not all(0 <= rate < 1 for rate in self.long_run) or (self.long_run and not any(self.long_run)):
            raise Mistake(
                f"params.yaml: calibration.long_run should hold rates in [0, 1), not all 0, got {list(self.long_run)}."
            )
        if len(self.long_run) == 1:
            raise Mistake("params.yaml: calibration.long_run should hold two years or more, good and bad ones.")
        if not 0.5 <= self.confidence < 1:
            raise Mistake(f"params.yaml: calibration.confidence should lie in [0.5, 1), got {self.confidence}.")

    def fit(self, bad: Floats, log_odds: Floats, *, customer: npt.NDArray) -> Calibration:
        """Fit on rows that the model was not fitted on.

        Parameters
        ----------
        bad, log_odds, customer : arrays, length n
            Outcome (1 or 0), the model's log-odds, and whose observation it is.

        Raises
        ------
        Mistake
            The model ranks these rows the wrong way round, or parts them wholly.
        """
        n_bad = len(np.unique(customer[bad == 1]))
        if n_bad < self.min_bads:
            few = n_bad < self.min_bads / 5 or bad.min() == bad.max()
            found = Calibration() if few else Calibration(Line(in_the_large(bad, log_odds)), "level")
        else:
            found = self._chosen(bad, log_odds, customer, n_bad)
        calibrated = found.curve.apply(log_odds)
        if self.long_run:
            level = float(np.mean(self.long_run))
            found = replace(found, shift=level_for(calibrated, level), philosophy="TTC")
            return replace(found, margin=self._way_to(calibrated + found.shift, self._bound_of_years()))
        return replace(found, margin=self._margin(bad, calibrated, customer, level_known=found.fitted != "nothing"))

    def _chosen(self, bad: Floats, log_odds: Floats, customer: npt.NDArray, n_bad: int) -> Calibration:
        _line(bad, log_odds)  # a model that cannot bear even that is told so
        allowed: dict[str, Callable[[Floats, Floats], Curve]] = {"line": _line}
        if n_bad >= self.beta_bads:
            allowed["beta"] = _beta
        if n_bad >= self.isotonic_bads:
            allowed["isotonic"] = _steps
        told = {kind: _loss_elsewhere(fit, bad, log_odds, customer) for kind, fit in allowed.items()}
        chosen = "line"
        for kind in allowed:
            gain, error = _mean_by(told[chosen] - told[kind], customer)
            if gain > error:
                chosen = kind
        means = {kind: float(loss.mean()) for kind, loss in told.items()}
        return Calibration(allowed[chosen](bad, log_odds), chosen, told=means)

    def _bound_of_years(self) -> float:
        years = np.asarray(self.long_run)
        error = float(years.std(ddof=1)) / np.sqrt(len(years))
        return float(min(0.999, years.mean() + t.ppf(self.confidence, len(years) - 1) * error))

    def _margin(self, bad: Floats, calibrated: Floats, customer: npt.NDArray, *, level_known: bool) -> float:
        """A one-sided bound of the level: by the spread over customers, or Jeffreys' where no level was fitted."""
        p = sigmoid(calibrated)
        if level_known:
            _, error = _mean_by(bad - p, customer)
            return float(norm.ppf(self.confidence)) * error / float(np.mean(p * (1 - p)))
        n, hit = len(np.unique(customer)), len(np.unique(customer[bad == 1]))
        bound = float(beta_distribution.ppf(self.confidence, hit + 0.5, n - hit + 0.5))
        return self._way_to(calibrated, bound) if n else 0.0

    @staticmethod
    def _way_to(calibrated: Floats, rate: float) -> float:
        return max(0.0, level_for(calibrated, rate))


def _line(bad: Floats, log_odds: Floats) -> Line:
    intercept, slope = fit_line(bad, log_odds)
    if np.isnan(slope.value):
        raise Mistake("tune: bads and goods are wholly apart; a slope cannot be fitted. Tune on more observations.")
    if not slope.value > 0:
        raise Mistake(
            f"tune: the calibration slope is {slope.value:.2f}; the model ranks the tune slice the wrong way round. "
            "Look at the dates in params.yaml: samples."
        )
    return Line(intercept.value, slope.value)


def _beta(bad: Floats, log_odds: Floats) -> Beta | Line:
    from sklearn.linear_model import LogisticRegression

    ends = np.column_stack([-np.logaddexp(0, -log_odds), np.logaddexp(0, log_odds)])
    for some in ([0, 1], [0], [1]):  # a negative weight would turn the curve round: that end is left out
        fitted = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit(ends[:, some], bad)
        if (fitted.coef_[0] > 0).all():
            weights = np.zeros(2)
            weights[some] = fitted.coef_[0]
            return Beta(float(weights[0]), float(weights[1]), float(fitted.intercept_[0]))
    return _line(bad, log_odds)


def _steps(bad: Floats, log_odds: Floats) -> Steps | Line:
    from sklearn.isotonic import IsotonicRegression

    order = np.argsort(log_odds, kind="stable")
    z = log_odds[order]
    rate, first, n = np.unique(IsotonicRegression().fit_transform(z, bad[order]), return_index=True, return_counts=True)
    if len(rate) < 2:
        return _line(bad, log_odds)
    if rate[0] == 0:  # half an event keeps an end finite
        rate[0] = min(0.5 / (n[0] + 1), rate[1] / 2)
    if rate[-1] == 1:
        rate[-1] = max(1 - 0.5 / (n[-1] + 1), (1 + rate[-2]) / 2)
    ends = np.column_stack([z[first], z[first + n - 1]])
    told = logit(rate)[:, None] + _TILT * (ends - ends.mean(axis=1, keepdims=True))
    at, kept = np.unique(ends.ravel(), return_index=True)
    height = np.maximum.accumulate(told.ravel()[kept])
    rises = np.diff(height, prepend=-np.inf) > 0
    found = Steps(tuple(at[rises].tolist()), tuple(height[rises].tolist()))
    level = in_the_large(bad, found.apply(log_odds))  # the ends and the tilt moved it
    return replace(found, told=tuple(height + level for height in found.told))


def _loss_elsewhere(
    fit: Callable[[Floats, Floats], Curve], bad: Floats, log_odds: Floats, customer: npt.NDArray
) -> Floats:
    """Log loss of each row under a curve that was fitted without its customer, length n."""
    fold = groups(pd.Series(customer), bad, _FOLDS, seed=0)
    loss = np.empty(len(bad))
    for k in range(_FOLDS):
        here = fold == k
        if here.any():
            loss[here] = losses(bad[here], sigmoid(fit(bad[~here], log_odds[~here]).apply(log_odds[here])))
    return loss


def _mean_by(values: Floats, customer: npt.NDArray) -> tuple[float, float]:
    """A mean, and its standard error over customers."""
    _, who = np.unique(customer, return_inverse=True)
    sums = np.bincount(who, values - values.mean())
    k = len(sums)
    return float(values.mean()), float(np.sqrt(k / max(1, k - 1) * (sums @ sums)) / len(values))
