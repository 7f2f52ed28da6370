"""Validation: how well a score ranks and how well its probabilities hold, slice by slice, with intervals."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from . import metrics as m
from .rating import MasterScale

Floats = npt.NDArray[np.float64]


def quality(bad: Floats, log_odds: Floats, *, customer: npt.NDArray) -> dict[str, Any]:
    """Figures of one model on one slice.

    Parameters
    ----------
    bad, log_odds : arrays, length n
        log_odds are those that PD is told from.
    customer : array, length n
        Whose observation it is: several of one customer are not independent.

    Returns
    -------
    dict
        n, n_bad, n_customers; auc with its DeLong interval (auc_low, auc_high) and the wider one that knows of
        repeated customers (auc_low_clustered, auc_high_clustered); gini, ks, brier, log_loss, mean_pd, bad_rate;
        calibration_intercept and calibration_slope with intervals clustered by customer (0 and 1 are right),
        calibration_in_the_large (0 is right). NaN becomes None.
    """
    p = m.sigmoid(log_odds)
    area, clustered = m.auc(bad, log_odds), m.auc(bad, log_odds, cluster=customer)
    intercept, slope = m.fit_line(bad, log_odds, cluster=customer)
    figures = {
        "n": len(bad),
        "n_bad": int(np.sum(bad)),
        "n_customers": len(np.unique(customer)),
        "auc": area.value,
        "auc_low": area.low,
        "auc_high": area.high,
        "auc_low_clustered": clustered.low,
        "auc_high_clustered": clustered.high,
        "gini": 2 * area.value - 1,
        "ks": m.ks(bad, log_odds),
        "brier": m.brier(bad, p),
        "log_loss": m.log_loss(bad, p),
        "bad_rate": float(np.mean(bad)),
        "mean_pd": float(np.mean(p)),
        "calibration_intercept": intercept.value,
        "calibration_intercept_low": intercept.low,
        "calibration_intercept_high": intercept.high,
        "calibration_slope": slope.value,
        "calibration_slope_low": slope.low,
        "calibration_slope_high": slope.high,
        "calibration_in_the_large": m.in_the_large(bad, log_odds),
    }
    return {name: _plain(value) for name, value in figures.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6) if np.isfinite(value) else None
    return value


def by_grade(bad: Floats, log_odds: Floats, scale: MasterScale) -> list[dict[str, Any]]:
    """For each grade: observations, bads, mean PD and bad rate."""
    place, p = scale.place(log_odds), m.sigmoid(log_odds)
    return [
        {
            "grade": name,
            "n": int((here := place == k).sum()),
            "n_bad": int(bad[here].sum()),
            "mean_pd": _plain(float(p[here].mean())) if here.any() else None,
            "bad_rate": _plain(float(bad[here].mean())) if here.any() else None,
        }
        for k, name in enumerate(scale.names)
    ]


def calibration_curve(bad: Floats, log_odds: Floats, *, groups: int = 10) -> list[dict[str, float]]:
    """Mean PD and bad rate in groups of equal size, by rising PD."""
    order = np.argsort(log_odds, kind="stable")
    p = m.sigmoid(log_odds)
    return [
        {"pd": float(p[part].mean()), "bad_rate": float(bad[part].mean()), "n": len(part)}
        for part in np.array_split(order, groups)
        if len(part)
    ]


@dataclass(frozen=True)
class ChampionRecipe:
    """Which model rates: the section `champion` of params.yaml. Decided on the tune slice, never on test.

    Attributes
    ----------
    prefer : str
        This model is champion ...
    unless_p_below : float in [0, 1]
        ... unless the other's AUC is higher with a two-sided DeLong p below this, clustered by customer.
    """

    prefer: str = "scorecard"
    unless_p_below: float = 0.10

    def __post_init__(self) -> None:
        if self.prefer not in ("scorecard", "boosting"):
            raise Mistake(f"params.yaml: champion.prefer should be scorecard or boosting, got {self.prefer!r}.")

    def choose(self, bad: Floats, log_odds: dict[str, Floats], *, customer: npt.NDArray) -> tuple[str, str]:
        """The champion's name, and in words why."""
        (other,) = set(log_odds) - {self.prefer}
        mine, theirs = (m.auc(bad, log_odds[name]).value for name in (self.prefer, other))
        _, p = m.auc_difference(bad, log_odds[other], log_odds[self.prefer], cluster=customer)
        wins = theirs > mine and p < self.unless_p_below
        why = (
            f"AUC on the tune slice: {self.prefer} {mine:.4f}, {other} {theirs:.4f} (DeLong p {p:.3f}, by customer); "
            f"{self.prefer} is preferred unless the other is better with p below {self.unless_p_below}"
        )
        return (other if wins else self.prefer), why
