"""Comparison: two rating systems on the same observations, who ranks better, and whom each would treat otherwise."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from . import metrics as m
from .logistic import in_the_large, logit, sigmoid
from .rating import MasterScale, RatingSystem

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cohort:
    """Observations with outcomes, by which both are judged.

    Attributes
    ----------
    bad, customer, segment : arrays, length n
    """

    bad: Floats
    customer: npt.NDArray
    segment: npt.NDArray


def compare(
    cohort: Cohort, first: tuple[RatingSystem, Floats], second: tuple[RatingSystem, Floats], *, cut: float
) -> dict[str, Any]:
    """How two systems differ, as plain JSON types.

    Parameters
    ----------
    first, second : (RatingSystem, array of length n)
        Each with its calibrated log-odds of the cohort.
    cut : float in (0, 1)
        The first accepts whom it gives a PD below; the second as many, the least risky by its own PD.

    Returns
    -------
    dict
        n, n_bad, customers; auc of each, with intervals by customer; auc_difference (second less first) with z and the
        two-sided p of DeLong, by customer; swap_set: n, n_bad and bad_rate of those whom both accept, both refuse, only
        the first and only the second accepts; migration: observations by grade of the first (rows) and of the second
        (columns), and the shares with the same grade and with one within one grade (where the scales are the same);
        calibration: for all and by segment n, n_bad, bad_rate, and of each its mean PD and calibration in the large
        (0 is right; None without bads or goods).
    """
    (a, za), (b, zb) = first, second
    bad, customer = cohort.bad, cohort.customer
    areas = [m.auc(bad, z, cluster=customer) for z in (za, zb)]
    z, p = m.auc_difference(bad, zb, za, cluster=customer)
    return {
        "n": len(bad),
        "n_bad": int(bad.sum()),
        "customers": len(np.unique(customer)),
        "auc": [{"value": one.value, "low": one.low, "high": one.high} for one in areas],
        "auc_difference": {"value": areas[1].value - areas[0].value, "z": z, "p": p},
        "swap_set": _swap_set(bad, za, zb, float(logit(np.array(cut)))),
        "migration": _migration(a.scale, a.scale.place(za), b.scale, b.scale.place(zb)),
        "calibration": [_calibration(name, bad[here], za[here], zb[here]) for name, here in _parts(cohort)],
    }


def _swap_set(bad: Floats, za: Floats, zb: Floats, cut: float) -> dict[str, Any]:
    accepted = za < cut
    least = np.argsort(zb, kind="stable")[: int(accepted.sum())]
    other = np.zeros(len(bad), bool)
    other[least] = True
    cells = {
        "both_accept": accepted & other,
        "only_first": accepted & ~other,
        "only_second": ~accepted & other,
        "both_refuse": ~accepted & ~other,
    }
    return {
        name: {
            "n": int(here.sum()),
            "n_bad": int(bad[here].sum()),
            "bad_rate": float(bad[here].mean()) if here.any() else None,
        }
        for name, here in cells.items()
    }


def _migration(rows: MasterScale, a: npt.NDArray, columns: MasterScale, b: npt.NDArray) -> dict[str, Any]:
    table = np.zeros((len(rows.names), len(columns.names)), int)
    np.add.at(table, (a, b), 1)
    told: dict[str, Any] = {"rows": list(rows.names), "columns": list(columns.names), "n": table.tolist()}
    if rows == columns and len(a):
        told |= {"same": float((a == b).mean()), "within_one": float((np.abs(a - b) <= 1).mean())}
    return told


def _parts(cohort: Cohort) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    names = sorted(set(cohort.segment) - {""})
    return [("all", np.ones(len(cohort.bad), bool)), *((name, cohort.segment == name) for name in names)]


def _calibration(name: str, bad: Floats, za: Floats, zb: Floats) -> dict[str, Any]:
    both = bool(len(bad)) and 0 < bad.sum() < len(bad)
    return {
        "segment": name,
        "n": len(bad),
        "n_bad": int(bad.sum()),
        "bad_rate": float(bad.mean()),
        "mean_pd": [float(sigmoid(z).mean()) for z in (za, zb)],
        "in_the_large": [in_the_large(bad, z) if both else None for z in (za, zb)],
    }


@dataclass(frozen=True)
class PromotionRecipe:
    """The rule by which a challenger may become champion: the section `promotion` of params.yaml.

    Attributes
    ----------
    most_lost : float >= 0
        The challenger's AUC may be lower by no more ...
    unless_p_above : float in [0, 1]
        ... unless chance alone makes such a difference with a two-sided p above this (DeLong, by customer).
    most_off : float > 0
        Its calibration in the large may be off by no more, in log-odds, or by no more than the champion's is.
    """

    most_lost: float = 0.0
    unless_p_above: float = 0.1
    most_off: float = 0.5

    def __post_init__(self) -> None:
        if not (self.most_lost >= 0 and 0 <= self.unless_p_above <= 1 and self.most_off > 0):
            raise Mistake(
                "params.yaml: promotion.most_lost should be 0 or more, unless_p_above lie in [0, 1], and most_off be "
                f"above 0; got {self.most_lost}, {self.unless_p_above} and {self.most_off}."
            )

    def judge(self, told: dict[str, Any], *, first: bool = False) -> list[str]:
        """What of the rule a comparison (champion first) does not meet; empty if the challenger may be promoted.

        With `first` there is no champion yet, and the challenger was compared with itself.
        """
        against = []
        difference, all_ = told["auc_difference"], told["calibration"][0]
        if difference["value"] < -self.most_lost and difference["p"] <= self.unless_p_above:
            against.append(
                f"its AUC is lower by {-difference['value']:.4f} (p {difference['p']:.3f}); promotion.most_lost allows "
                f"{self.most_lost}"
            )
        off, before = all_["in_the_large"][1], 0.0 if first else all_["in_the_large"][0] or 0.0
        if off is None:
            against.append("the cohort has no bads or no goods to judge by")
        elif abs(off) > max(self.most_off, abs(before)):
            against.append(f"its calibration in the large is {off:+.2f}; promotion.most_off allows {self.most_off}")
        return against
