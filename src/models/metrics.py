"""Measures of discrimination and of probabilities, with their uncertainty.

y is 1 for bad; scores and probabilities rise with risk. Formulas: ECB 2019 (validation reporting), BCBS WP 14,
DeLong et al. 1988, Obuchowski 1997 (clustered AUC).
"""

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, rankdata

from .logistic import Estimate

Floats = npt.NDArray[np.float64]


def placements(y: Floats, score: Floats) -> tuple[Floats, Floats]:
    """For each bad the share of goods below it, for each good the share of bads above it; ties count half."""
    bad = y == 1
    n_bad, n_good = int(bad.sum()), int((~bad).sum())
    rank = rankdata(score)
    of_bad = (rank[bad] - rankdata(score[bad])) / n_good
    of_good = 1.0 - (rank[~bad] - rankdata(score[~bad])) / n_bad
    return of_bad, of_good


def auc(y: Floats, score: Floats, *, cluster: npt.NDArray | None = None) -> Estimate:
    """Area under the ROC curve with DeLong's standard error.

    Parameters
    ----------
    y, score : arrays, length n
    cluster : array, length n, optional
        Observations of one cluster (a customer) are not independent; with it the error is Obuchowski's.

    Returns
    -------
    Estimate
        NaN if only one class is there.
    """
    y = np.asarray(y, float)
    bad = y == 1
    if bad.all() or not bad.any():
        return Estimate(np.nan, np.nan)
    of_bad, of_good = placements(y, score)
    area = float(of_bad.mean())
    if cluster is None:
        variance = _variance(of_bad) / len(of_bad) + _variance(of_good) / len(of_good)
        return Estimate(area, float(np.sqrt(variance)))
    variance = _clustered_variance(of_bad - area, of_good - area, bad, cluster)
    return Estimate(area, float(np.sqrt(variance)))


def _clustered_variance(of_bad: Floats, of_good: Floats, bad: npt.NDArray, cluster: npt.NDArray) -> float:
    """Of a mean placement, from centred placements of bads and goods that belong to clusters [Obuchowski 1997]."""
    _, code = np.unique(cluster, return_inverse=True)
    clusters = int(code.max()) + 1
    bads = np.bincount(code[bad], of_bad, minlength=clusters)
    goods = np.bincount(code[~bad], of_good, minlength=clusters)
    m, n = len(of_bad), len(of_good)
    few, many = _with_some(code[bad], clusters), _with_some(code[~bad], clusters)
    variance = few / max(1, few - 1) * float(bads @ bads) / m**2
    variance += many / max(1, many - 1) * float(goods @ goods) / n**2
    variance += 2 * clusters / max(1, clusters - 1) * float(bads @ goods) / (m * n)
    return max(0.0, variance)


def _with_some(code: npt.NDArray, clusters: int) -> int:
    return int((np.bincount(code, minlength=clusters) > 0).sum())


def _variance(values: Floats) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0


def auc_difference(
    y: Floats, first: Floats, second: Floats, *, cluster: npt.NDArray | None = None
) -> tuple[float, float]:
    """z and two-sided p of AUC(first) - AUC(second) on the same observations [DeLong 1988]; 0 and 1 if all are alike.

    With `cluster` (whose observation each is) repeated customers do not make the test more certain than it is.
    """
    y = np.asarray(y, float)
    if not 0 < y.sum() < len(y):
        return 0.0, 1.0
    (bad1, good1), (bad2, good2) = placements(y, first), placements(y, second)
    of_bad, of_good = bad1 - bad2, good1 - good2
    difference = float(of_bad.mean())
    if cluster is None:
        variance = _variance(of_bad) / len(of_bad) + _variance(of_good) / len(of_good)
    else:
        variance = _clustered_variance(of_bad - difference, of_good - difference, y == 1, cluster)
    z = difference / float(np.sqrt(variance)) if variance > 0 else 0.0
    return z, float(2 * norm.sf(abs(z)))


def rate_step(y: Floats, riskier: npt.NDArray[np.bool_], *, cluster: npt.NDArray) -> float:
    """One-sided p that the bad rate of the riskier rows is no higher than that of the others: the two-proportion test.

    Its z is divided by the root of the design effect: how much wider the difference spreads over clusters than it would
    if their rows were independent. NaN where either side is empty, or there are no bads or no goods.
    """
    y, n1, n0 = np.asarray(y, float), int(riskier.sum()), int((~riskier).sum())
    if not n1 or not n0 or y.min() == y.max():
        return float("nan")
    rate = y.mean()
    z = (y[riskier].mean() - y[~riskier].mean()) / np.sqrt(rate * (1 - rate) * (1 / n1 + 1 / n0))
    parts = (y - rate) * np.where(riskier, 1 / n1, -1 / n0)
    _, code = np.unique(cluster, return_inverse=True)
    sums = np.bincount(code, parts)
    return float(norm.sf(z / np.sqrt(max(1.0, (sums @ sums) / (parts @ parts)))))


def ks(y: Floats, score: Floats) -> float:
    """Largest distance between the score distributions of bads and goods."""
    order = np.argsort(score, kind="stable")
    bad = np.asarray(y, float)[order] == 1
    if bad.all() or not bad.any():
        return float("nan")
    last = np.r_[np.diff(np.asarray(score)[order]) != 0, True]
    gap = np.cumsum(bad) / bad.sum() - np.cumsum(~bad) / (~bad).sum()
    return float(np.abs(gap[last]).max())


def brier(y: Floats, p: Floats) -> float:
    """Mean squared error of the probabilities, over obligors."""
    return float(np.mean((np.asarray(p) - y) ** 2))


def log_loss(y: Floats, p: Floats) -> float:
    """Mean negative log likelihood."""
    return float(np.mean(losses(y, p)))


def losses(y: Floats, p: Floats) -> Floats:
    """Negative log likelihood of each row, length n."""
    p = np.clip(p, 1e-15, 1 - 1e-15)
    return -np.where(np.asarray(y) == 1, np.log(p), np.log1p(-p))


def roc(y: Floats, score: Floats, *, points: int = 200) -> tuple[Floats, Floats]:
    """False and true positive rates at about `points` thresholds, from (0, 0) to (1, 1)."""
    order = np.argsort(-np.asarray(score), kind="stable")
    bad = np.asarray(y, float)[order] == 1
    last = np.flatnonzero(np.r_[np.diff(np.asarray(score)[order]) != 0, True])
    if len(last) > points:
        last = last[np.unique(np.linspace(0, len(last) - 1, points).astype(int))]
    true, false = np.cumsum(bad) / max(1, bad.sum()), np.cumsum(~bad) / max(1, (~bad).sum())
    return np.r_[0.0, false[last]], np.r_[0.0, true[last]]


def population_stability(expected: Floats, actual: Floats) -> float:
    """Population stability index of two distributions over the same cells: sum of (a - e) ln(a / e) [Siddiqi 2017].

    A share below a ten-thousandth counts as one; a cell that is empty in both as nothing.
    """
    some = (expected > 0) | (actual > 0)
    e, a = (np.maximum(shares[some], 1e-4) for shares in (expected, actual))
    return float(((a - e) * np.log(a / e)).sum())
