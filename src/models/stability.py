"""Stability: how far the main reasons of customers stay the same when a model is fitted again."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from ..features.matrix import Matrix
from .model import Model

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class StabilityRecipe:
    """How reasons are tried; published levels of the overlap are told in docs/explanations.md.

    Attributes
    ----------
    refits : int
        So many fits on other customers, and of the trees so many from other seeds; 0: not tried.
    features, families : int
        How many main reasons of each row are compared, and how many main families.
    riskiest : float in (0, 1]
        Share of the judged rows whose reasons are compared: adverse reasons matter where risk is high.
    seed : int
    """

    refits: int = 0
    features: int = 3
    families: int = 2
    riskiest: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.refits < 0:
            raise Mistake(f"stability.refits should be 0 or more, got {self.refits}.")
        if self.features < 1 or self.families < 1:
            raise Mistake("stability.features and stability.families should be 1 or more.")
        if not 0 < self.riskiest <= 1:
            raise Mistake(f"stability.riskiest should be above 0 and at most 1, got {self.riskiest}.")

    def risky(self, model: Model, rows: Matrix) -> Matrix:
        """The rows that a model finds riskiest."""
        z = model.log_odds(rows)
        return rows.rows(np.flatnonzero(z >= np.quantile(z, 1 - self.riskiest)))

    def compare(self, first: Floats, others: Iterable[Floats], families: Sequence[Hashable]) -> dict[str, float]:
        """Mean overlap of an explanation, (n, k), with others of the same rows: `by_feature` and `by_family`.

        `families` names the family of each of the k features.
        """
        grouped_first = grouped(first, families)
        most = min(self.features, first.shape[1]), min(self.families, grouped_first.shape[1])
        both = [
            (
                overlap(first, one, most=most[0]),
                overlap(grouped_first, grouped(one, families), most=most[1]),
            )
            for one in others
        ]
        by_feature, by_family = np.mean(both, axis=0)
        return {"by_feature": round(float(by_feature), 4), "by_family": round(float(by_family), 4)}


def drawn(matrix: Matrix, bad: Floats, rng: np.random.Generator) -> tuple[Matrix, Floats]:
    """As many customers, with replacement, all their rows together; one that is drawn twice is two."""
    _, code = np.unique(matrix.keys["customer_id"].to_numpy(object).astype(str), return_inverse=True)
    order, many = np.argsort(code, kind="stable"), np.bincount(code)
    rows = np.split(order, np.cumsum(many)[:-1])
    chosen = rng.integers(0, len(rows), len(rows))
    places = np.concatenate([rows[one] for one in chosen])
    told = matrix.rows(places)
    names = np.repeat([f"{k:07d}" for k in range(len(chosen))], many[chosen])
    return replace(told, keys=told.keys.assign(customer_id=names)), bad[places]


def against_mean(model: Model, fitted_on: Matrix, rows: Matrix) -> Floats:
    """(n, k) over all features of `rows`: contributions less the mean of the row's segment where it was fitted.

    A feature that the model does not read has 0. A segment that it was not fitted on is compared with everyone.
    """
    own, judged = fitted_on.only(model.features), rows.only(model.features)
    told, usual = model.contributions(judged), model.contributions(own)
    there, asked = (one.keys["segment"].to_numpy(object) for one in (own, judged))
    for segment in set(asked):
        here = there == segment
        told[asked == segment] -= (usual[here] if here.any() else usual).mean(axis=0)
    whole = np.zeros((len(rows), len(rows.names)))
    whole[:, [rows.names.index(name) for name in judged.names]] = told
    return whole


def overlap(first: Floats, second: Floats, *, most: int) -> float:
    """Mean share of each row's main reasons that two explanations have in common.

    Parameters
    ----------
    first, second : (n, k)
        Contributions of the same features to the risk of the same rows: higher is riskier.
    most : int
        So many reasons of each row count; no more than k.

    >>> overlap(np.array([[3.0, 2, 1]]), np.array([[1.0, 2, 3]]), most=2)
    0.5
    """
    if not 0 < most <= first.shape[1] or first.shape != second.shape or not len(first):
        raise ValueError(f"{most} reasons of explanations {first.shape} and {second.shape}")
    top = [np.argsort(-one, axis=1, kind="stable")[:, :most] for one in (first, second)]
    marks = np.zeros((2, *first.shape), bool)
    for mark, places in zip(marks, top, strict=True):
        np.put_along_axis(mark, places, True, axis=1)
    return float((marks[0] & marks[1]).sum() / (most * len(first)))


def grouped(contributions: Floats, labels: Sequence[Hashable]) -> Floats:
    """(n, groups): sums over the features with the same label, in order of first appearance."""
    known = list(dict.fromkeys(labels))
    return np.column_stack([contributions[:, [one == label for one in labels]].sum(axis=1) for label in known])
