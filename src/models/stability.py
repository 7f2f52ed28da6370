"""Stability: how far the main reasons of customers stay the same when a model is fitted again."""

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


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
