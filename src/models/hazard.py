"""Hazard: when within the horizon a default comes, as a discrete-time hazard of the rating's log-odds.

Trade receivables live for weeks, and IFRS 9 asks for the loss of their lifetime: a PD of twelve months is not it.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .logistic import fit_line, level_for, sigmoid

Floats = npt.NDArray[np.float64]

_RANGE = np.linspace(-12, 8, 401)  # log-odds over which terms have to rise


@dataclass(frozen=True)
class TermStructure:
    """PD within each of some terms, rising to the PD of the horizon, which stays the rating's own.

    The hazard of interval j, of those who were no default before it, is sigmoid(intercept + slope x log-odds + shift);
    the shift, one for each row, is what makes the cumulated PD at the horizon the rating's.

    Attributes
    ----------
    days : tuple of k int
        Ends of the intervals, rising; the last is the horizon.
    intercepts, slopes : tuples of k float
        More risk within the horizon is more risk in each interval: the slopes are as far apart as that allows.
    """

    days: tuple[int, ...]
    intercepts: tuple[float, ...]
    slopes: tuple[float, ...]

    def pd(self, log_odds: Floats) -> Floats:
        """(n, k): cumulated PD at the end of each interval, from calibrated log-odds."""
        z = np.asarray(log_odds, float)
        line = np.asarray(self.intercepts) + np.asarray(self.slopes) * z[:, None]
        low, high = np.full(len(z), -40.0), np.full(len(z), 40.0)
        goal = sigmoid(z)
        for _ in range(60):  # bisection: the PD at the horizon rises with the shift
            middle = (low + high) / 2
            above = cumulated(sigmoid(line + middle[:, None]))[:, -1] > goal
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        told = cumulated(sigmoid(line + ((low + high) / 2)[:, None]))
        told[:, -1] = goal
        return np.minimum(told, goal[:, None])

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    @classmethod
    def of_dict(cls, said: dict[str, Any]) -> "TermStructure":
        """What `as_dict` gave."""
        return cls(tuple(said["days"]), tuple(said["intercepts"]), tuple(said["slopes"]))


def cumulated(hazards: Floats) -> Floats:
    """PD by the end of each interval from the hazards in it: 1 - product of (1 - hazard), along the last axis.

    >>> cumulated(np.array([0.005, 0.008, 0.01, 0.009])).round(8)
    array([0.005     , 0.01296   , 0.0228304 , 0.03162493])
    """
    return np.asarray(1 - np.cumprod(1 - hazards, axis=-1))


@dataclass(frozen=True)
class HazardRecipe:
    """The section `hazard` of params.yaml: a discrete-time hazard model [Singer & Willett 1993; Shumway 2001].

    Attributes
    ----------
    min_bads : int
        An interval with fewer bads has the slope 1; its level alone is fitted.
    """

    min_bads: int = 50

    def fit(self, log_odds: Floats, bad_by: dict[int, Floats]) -> TermStructure:
        """A logistic hazard for each interval, of the rows that were no default before it.

        Parameters
        ----------
        log_odds : array, length n
            Calibrated.
        bad_by : dict of days to array of length n
            Was it a default within so many days (1 or 0)? The last is the horizon.
        """
        slopes, left, before = [], [], np.zeros(len(log_odds))
        for days in sorted(bad_by):
            still = before == 0
            now, z = bad_by[days][still], log_odds[still]
            slope = fit_line(now, z)[1].value if now.sum() >= self.min_bads else 1.0
            slopes.append(slope if slope > 0 else 1.0)  # NaN is not above 0 either
            left.append((z, (now.sum() + 0.5) / (len(now) + 1)))
            before = np.maximum(before, bad_by[days])
        middle = float(np.mean(slopes))
        for apart in np.linspace(1, 0, 21):  # with the same slope for all, every term rises with the risk
            near = [middle + apart * (slope - middle) for slope in slopes]
            levels = [level_for(slope * z, rate) for slope, (z, rate) in zip(near, left, strict=True)]
            found = TermStructure(tuple(sorted(bad_by)), tuple(levels), tuple(map(float, near)))
            if (np.diff(found.pd(_RANGE), axis=0) >= 0).all():
                break
        return found
