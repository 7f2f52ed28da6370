"""Validation: how well a score ranks and how well its probabilities hold, slice by slice, with intervals."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from . import metrics as m
from .logistic import fit_line, in_the_large, sigmoid
from .lowdefault import jeffreys_bound, pluto_tasche_bound
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
    p = sigmoid(log_odds)
    area, clustered = m.auc(bad, log_odds), m.auc(bad, log_odds, cluster=customer)
    intercept, slope = fit_line(bad, log_odds, cluster=customer)
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
        "calibration_in_the_large": in_the_large(bad, log_odds),
    }
    return {name: _plain(value) for name, value in figures.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6) if np.isfinite(value) else None
    return value


def by_grade(
    bad: Floats, log_odds: Floats, scale: MasterScale, *, customer: npt.NDArray, confidence: float = 0.75
) -> list[dict[str, Any]]:
    """The grades, best first, as they turned out.

    Parameters
    ----------
    bad, log_odds, customer : arrays, length n
        Outcome, what PD is told from, and whose observation each is.
    confidence : float in (0, 1)
        Of the upper bounds.

    Returns
    -------
    list of dict
        grade; n, n_bad (observations), mean_pd, bad_rate (None where empty); step_p, that the grade is no worse than
        the last one before it that is not empty (one-sided, by customer); customers, bad_customers, and from these the
        upper bounds of the PD: jeffreys_bound of the grade alone, pluto_tasche_bound of it and all that are riskier.
    """
    place, p = scale.place(log_odds), sigmoid(log_odds)
    grades = [place == k for k in range(len(scale.names))]
    held = [len(np.unique(customer[here])) for here in grades]
    hit = [len(np.unique(customer[here & (bad == 1)])) for here in grades]
    tails = [place >= k for k in range(len(scale.names))]  # a customer of several grades counts once in each tail
    prudent = [
        pluto_tasche_bound(
            len(np.unique(customer[tail])), len(np.unique(customer[tail & (bad == 1)])), confidence=confidence
        )
        for tail in tails
    ]
    rows: list[dict[str, Any]] = []
    before: npt.NDArray[np.bool_] | None = None
    for k, (name, here) in enumerate(zip(scale.names, grades, strict=True)):
        step = float("nan")
        if before is not None and here.any():
            both = here | before
            step = m.rate_step(bad[both], here[both], cluster=customer[both])
        row = {
            "grade": name,
            "n": int(here.sum()),
            "n_bad": int(bad[here].sum()),
            "mean_pd": float(p[here].mean()) if here.any() else float("nan"),
            "bad_rate": float(bad[here].mean()) if here.any() else float("nan"),
            "step_p": step,
            "customers": held[k],
            "bad_customers": hit[k],
            "jeffreys_bound": jeffreys_bound(held[k], hit[k], confidence=confidence) if held[k] else float("nan"),
            "pluto_tasche_bound": prudent[k],
        }
        rows.append({key: _plain(value) for key, value in row.items()})
        before = here if here.any() else before
    return rows


def calibration_curve(bad: Floats, log_odds: Floats, *, groups: int = 10) -> list[dict[str, float]]:
    """Mean PD and bad rate in groups of equal size, by rising PD."""
    order = np.argsort(log_odds, kind="stable")
    p = sigmoid(log_odds)
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
