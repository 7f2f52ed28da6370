"""Credit limit: how much of what was granted is used, as it was believed on each day."""

from typing import TYPE_CHECKING

import numpy as np

from ..column import Column, Missing
from ..declaration import measure
from ..engine.credit import MOST_USED
from .vocabulary import RATIO

if TYPE_CHECKING:
    from ..engine.past import Past


@measure
def utilisation(past: "Past") -> Column:
    """Open money over the limit in force; 10 if anything is open on a limit of 0."""
    limit, open_ = past.limit(), past.open
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(limit == 0, np.where(open_ > 0, MOST_USED, 0.0), open_ / limit)
    return past.told(share, (Missing.NOLIMIT, np.isnan(limit))).clipped(*RATIO)


@measure
def peak_utilisation(past: "Past", *, days: int) -> Column:
    """The greatest utilisation at the close of any of the last days, as it was believed that day."""
    peak = past.peak_use(days)
    return past.told(peak, (Missing.NOLIMIT, np.isnan(peak))).clipped(*RATIO)


@measure
def overlimit_days(past: "Past", *, days: int) -> Column:
    """Of the last days, those at whose close more was open than the limit allowed."""
    above = past.days_above(days)
    return past.told(above, (Missing.NOLIMIT, np.isnan(above)))


@measure
def limit_change(past: "Past", *, days: int) -> Column:
    """(a - b) / (a + b): a = the limit now, b = the limit of then as it was known then; 0 if both are 0."""
    now, then = past.limit(), past.limit(before=days)
    with np.errstate(invalid="ignore", divide="ignore"):
        change = np.where(now + then > 0, (now - then) / (now + then), 0.0)
    return past.told(change, (Missing.NOLIMIT, np.isnan(now) | np.isnan(then)))
