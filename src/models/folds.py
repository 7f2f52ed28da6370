"""Folds: rows to learn from and rows to judge by, other customers and later days."""

import numpy as np
import numpy.typing as npt
import pandas as pd

Rows = npt.NDArray[np.int64]
_FEWEST = 5  # bads that a fold is judged by, or learns from


def folds(
    keys: pd.DataFrame, bad: npt.NDArray[np.float64], *, many: int, embargo_days: int, seed: int
) -> tuple[list[tuple[Rows, Rows]], str]:
    """Pairs of rows to learn from and to judge by.

    No customer is on both sides of a pair. Each pair is judged later than the one before, on days that lie an embargo
    after the last that was learnt from, since the outcomes of days in between overlap. Where the days do not reach that
    far, or leave too few bads, customers alone are parted.

    Parameters
    ----------
    keys : DataFrame, n rows
        customer_id and as_of.
    bad : array, length n
    many : int
        How many pairs.
    embargo_days : int
        Horizon and booking lag of the outcome.

    Returns
    -------
    (list of (array, array), str)
        Numbers of rows, and in words how they were parted.
    """
    group = groups(keys["customer_id"], bad, many, seed=seed)
    day = pd.to_datetime(keys["as_of"]).to_numpy().astype("datetime64[D]").astype(np.int64)
    reach = int(day.max() - day.min()) - embargo_days
    if reach > 0:
        starts = day.max() - reach + reach * np.arange(1, many + 2) / (many + 1)
        pairs = [
            (
                np.flatnonzero((group != k) & (day < starts[k] - embargo_days)),
                np.flatnonzero((group == k) & (day >= starts[k]) & (day < starts[k + 1] + (k + 1 == many))),
            )
            for k in range(many)
        ]
        if all(min(bad[learn].sum(), bad[judge].sum()) >= _FEWEST for learn, judge in pairs):
            return pairs, f"{many} folds of other customers on later days, {embargo_days} days apart"
    pairs = [(np.flatnonzero(group != k), np.flatnonzero(group == k)) for k in range(many)]
    return pairs, f"{many} folds of other customers; the days are too few to part"


def groups(customer: pd.Series, bad: npt.NDArray[np.float64], many: int, *, seed: int) -> Rows:
    """A group for each row, the same for all rows of a customer; customers with bads are dealt out evenly."""
    code, names = pd.factorize(customer, sort=True)
    ever = np.bincount(code, bad, minlength=len(names)) > 0
    rng, group = np.random.default_rng(seed), np.empty(len(names), np.int64)
    for kind in (True, False):
        who = np.flatnonzero(ever == kind)
        group[rng.permutation(who)] = np.arange(len(who)) % many
    return group[code]
