"""Calibration: a rising curve from a model's log-odds to those of the outcome, the level it is held to, its margin."""

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from .logistic import sigmoid

Floats = npt.NDArray[np.float64]


class Curve(Protocol):
    """Rises, so that ranks stay. `kind` names it in JSON."""

    kind: ClassVar[str]

    def apply(self, log_odds: Floats) -> Floats:
        """Calibrated log-odds, length n."""
        ...


@dataclass(frozen=True)
class Line:
    """calibrated = intercept + slope x log-odds, slope > 0 [Platt 1999]; 0 and 1 leave them as they are."""

    intercept: float = 0.0
    slope: float = 1.0
    kind: ClassVar[str] = "line"

    def apply(self, log_odds: Floats) -> Floats:
        """Calibrated log-odds, length n."""
        return self.intercept + self.slope * log_odds


@dataclass(frozen=True)
class Beta:
    """calibrated = c + a ln p - b ln(1 - p) with a, b >= 0 and not both 0: bends at either end [Kull et al. 2017].

    >>> said = Beta(1.2, 0.8, -0.3).apply(np.log([0.01 / 0.99, 0.5 / 0.5]))
    >>> [round(float(p), 8) for p in sigmoid(said)]
    [0.00296425, 0.35956357]
    """

    a: float
    b: float
    c: float
    kind: ClassVar[str] = "beta"

    def apply(self, log_odds: Floats) -> Floats:
        """Calibrated log-odds, length n."""
        return self.c - self.a * np.logaddexp(0, -log_odds) + self.b * np.logaddexp(0, log_odds)


@dataclass(frozen=True)
class Steps:
    """The steps of an isotonic regression, hardly tilted, straight between them and with slope 1 beyond.

    Attributes
    ----------
    at, told : tuples of float, length k
        Log-odds at both ends of each step, and what they become; both rise.
    """

    at: tuple[float, ...]
    told: tuple[float, ...]
    kind: ClassVar[str] = "isotonic"

    def apply(self, log_odds: Floats) -> Floats:
        """Calibrated log-odds, length n."""
        beyond = log_odds - np.clip(log_odds, self.at[0], self.at[-1])
        return np.interp(log_odds, self.at, self.told) + beyond


CURVES: dict[str, Any] = {one.kind: one for one in (Line, Beta, Steps)}


@dataclass(frozen=True)
class Calibration:
    """calibrated log-odds = curve(log-odds) + shift.

    Attributes
    ----------
    curve : Line, Beta or Steps
    fitted : {"nothing", "level", "line", "beta", "isotonic"}
        What was fitted; "nothing" where there were too few bads.
    shift : float
        To the central tendency, in log-odds; 0 where none is stated.
    margin : float >= 0
        Margin of conservatism, in log-odds: never part of the PD, told beside it.
    philosophy : {"PIT", "TTC"}
        Point in time: at the level of the tune slice. Through the cycle: at the mean of stated yearly default rates.
    told : dict of str to float
        Log loss of each curve that was tried, on customers that it was not fitted on.
    """

    curve: Curve = field(default_factory=Line)
    fitted: str = "nothing"
    shift: float = 0.0
    margin: float = 0.0
    philosophy: str = "PIT"
    told: dict[str, float] = field(default_factory=dict)

    def apply(self, log_odds: Floats) -> Floats:
        """Calibrated log-odds, length n."""
        return self.curve.apply(log_odds) + self.shift

    def cautious(self, calibrated: Floats) -> Floats:
        """Probability with the margin of conservatism, from calibrated log-odds, length n."""
        return sigmoid(calibrated + self.margin)

    def stretch(self, log_odds: Floats, baselines: Floats) -> Floats:
        """By how much the way from its baseline to each log-odds grows, length n.

        Contributions multiplied by it add up to the calibrated log-odds: exact for a line, and for a bent curve the
        way that keeps each feature's share of the sum.
        """
        if isinstance(self.curve, Line):
            return np.full(len(log_odds), self.curve.slope)
        way = log_odds - baselines
        still = np.abs(way) < 1e-12  # nothing to share out
        moved = self.apply(log_odds) - self.apply(baselines)
        return np.where(still, 1.0, moved / np.where(still, 1.0, way))

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        said = asdict(self)
        return said | {"curve": {"kind": self.curve.kind, **said["curve"]}}

    @classmethod
    def of_dict(cls, said: dict[str, Any]) -> "Calibration":
        """What `as_dict` gave."""
        curve = {name: tuple(one) if isinstance(one, list) else one for name, one in said["curve"].items()}
        kind = str(curve.pop("kind"))
        return cls(**{**said, "curve": CURVES[kind](**curve)})
