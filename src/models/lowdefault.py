"""Low-default portfolios: how high the PD of a grade may be, given how few defaults it saw."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq
from scipy.stats import beta, binom, norm


def jeffreys_bound(n: int, defaults: int, *, confidence: float) -> float:
    """The PD that Jeffreys' posterior, Beta(defaults + 1/2, n - defaults + 1/2), exceeds with 1 - confidence."""
    return float(beta.ppf(confidence, defaults + 0.5, n - defaults + 0.5))


def pluto_tasche_bounds(
    n: Sequence[int], defaults: Sequence[int], *, confidence: float, correlation: float = 0.0
) -> list[float]:
    """The most prudent PD of each grade [Pluto & Tasche 2005], also where no default was seen.

    A grade is pooled with all that are riskier; see `pluto_tasche_bound`. Where a safer grade has more of the defaults
    the bounds need not rise.

    Parameters
    ----------
    n, defaults : of g int
        Independent obligors of each grade, the best first.
    confidence : float in (0, 1)
        A choice of policy: 0.5 to 0.75 is usual.
    correlation : float in [0, 1)
        Of obligors' assets, in the one-factor model of Vasicek.

    Returns
    -------
    list of g float
        1.0 for a grade without obligors in it or below it.

    >>> [round(bound, 4) for bound in pluto_tasche_bounds([100, 400, 300], [0, 0, 0], confidence=0.9)]
    [0.0029, 0.0033, 0.0076]
    """
    return [
        pluto_tasche_bound(sum(n[k:]), sum(defaults[k:]), confidence=confidence, correlation=correlation)
        for k in range(len(n))
    ]


_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def pluto_tasche_bound(n: int, defaults: int, *, confidence: float, correlation: float = 0.0) -> float:
    """The PD under which so few of n obligors default, or fewer, with the probability 1 - confidence; 1.0 for none."""
    if defaults >= n:
        return 1.0

    def chance(pd: float) -> float:
        """Of so few defaults."""
        if not correlation:
            return float(binom.cdf(defaults, n, pd))
        of_year = norm.cdf((norm.ppf(pd) - np.sqrt(correlation) * _NODES) / np.sqrt(1 - correlation))
        return float(binom.cdf(defaults, n, of_year) @ _WEIGHTS)

    return float(brentq(lambda pd: chance(pd) - (1 - confidence), 1e-12, 1 - 1e-12, xtol=1e-14))
