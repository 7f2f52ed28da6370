"""Credit limit: how much of what was granted is used, as it was believed on each day."""

from typing import TYPE_CHECKING

import numpy as np

from ..declaration import Column, Missing, Values, measure
from ..facts import Flags
from .activity import RATIO

if TYPE_CHECKING:
    from ..history import View


@measure
def utilisation(view: "View") -> Column:
    """Open money over the limit in force; 10 if anything is open on a limit of 0."""
    return _told(view, _share(view.open_amount, view.limit), np.isnan(view.limit))


@measure
def peak_utilisation(view: "View", *, days: int) -> Column:
    """The greatest utilisation at the close of any of the last days, as it was believed that day."""
    share = _share(view.daily_open(days), view.daily_limit(days))
    none: Flags = np.asarray(np.isnan(share).all(axis=1))
    return _told(view, np.where(none, np.nan, np.where(np.isnan(share), -1.0, share).max(axis=1)), none)


@measure
def overlimit_days(view: "View", *, days: int) -> Column:
    """Of the last days, those at whose close more was open than the limit allowed."""
    limit = view.daily_limit(days)
    return _told(
        view,
        (view.daily_open(days) > limit).sum(axis=1).astype(float),
        np.asarray(np.isnan(limit).all(axis=1)),
        cut=False,
    )


@measure
def limit_change(view: "View", *, days: int) -> Column:
    """(a - b) / (a + b): a = the limit now, b = the limit of then as it was known then."""
    now, then = view.limit, view.daily_limit(days + 1)[:, 0]
    with np.errstate(invalid="ignore"):
        change = np.where(now + then > 0, (now - then) / (now + then), 0.0)
    return _told(view, change, np.isnan(now) | np.isnan(then))


def _share(open_: Values, limit: Values) -> Values:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(limit == 0, np.where(open_ > 0, RATIO[1], 0.0), open_ / limit)


def _told(view: "View", values: Values, none: Flags, *, cut: bool = True) -> Column:
    column = Column.of(values, (Missing.NOLIMIT, none), (Missing.NEW, ~view.invoiced))
    return column.clipped(*RATIO) if cut else column
