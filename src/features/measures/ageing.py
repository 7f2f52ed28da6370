"""Ageing and exposure: what is open, how much of it is overdue and for how long."""

from typing import TYPE_CHECKING

import numpy as np

from ..column import Column, Missing
from ..declaration import measure
from ..engine.totals import Quantity
from .vocabulary import DAYS, FEWEST, RATIO, issued

if TYPE_CHECKING:
    from ..engine.past import Past


@measure
def overdue_share(past: "Past", *, more_than: int) -> Column:
    """Undisputed money more than so many days past due, of all that is open."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = past.overdue(more_than=more_than) / past.open
    return past.told(share, (Missing.NOOPEN, past.open == 0))


@measure
def disputed_share(past: "Past") -> Column:
    """Money in formal dispute, of all that is open."""
    undisputed = past.total(Quantity.UNDISPUTED, issued())
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (past.open - undisputed) / past.open
    return past.told(share, (Missing.NOSRC, ~past.has("events")), (Missing.NOOPEN, past.open == 0))


@measure
def mean_dpd_overdue(past: "Past") -> Column:
    """Days past due of what is overdue, by money; 0 if nothing is."""
    base = past.overdue()
    with np.errstate(invalid="ignore", divide="ignore"):
        return past.told(np.where(base > 0, past.standing.weighted / base, 0.0)).clipped(*DAYS)


@measure
def oldest_dpd(past: "Past") -> Column:
    """The greatest days past due of an arrear at the close of T; 0 if there is none."""
    return past.told(past.standing.oldest).clipped(*DAYS)


@measure
def beyond_usual(past: "Past", *, days: int, quantile: float) -> Column:
    """Days past due of the oldest arrear beyond a quantile of the usual lateness (at least 0); 0 without arrear."""
    usual, oldest = past.usual(days, quantile), past.standing.oldest
    beyond = np.where(oldest > 0, np.maximum(0.0, oldest - np.maximum(0.0, usual.late)), 0.0)
    return past.told(beyond, (Missing.FEW, (oldest > 0) & (usual.many < FEWEST))).clipped(*DAYS)


@measure
def days_of_sales(past: "Past", *, months: int, overdue_only: bool) -> Column:
    """Days of recent sales that are open (DSO), or overdue (average days delinquent)."""
    sales = past.total(Quantity.NET, issued(months=months))
    money = past.overdue() if overdue_only else past.open
    with np.errstate(invalid="ignore", divide="ignore"):
        days = (past.T - past.start(months)) * money / sales
    return past.told(days, (Missing.DORMANT, sales == 0)).clipped(*DAYS)


@measure
def countback(past: "Past", *, most: int) -> Column:
    """Least n such that the net issued in n days reaches what is open; 0 if nothing is open."""
    return past.told(past.countback(most))


@measure
def collection_effectiveness(past: "Past", *, months: int) -> Column:
    """Receipts of the last months over receipts and what is overdue now."""
    receipts, overdue = past.flows(months=months).collected, past.overdue()
    with np.errstate(invalid="ignore"):
        share = receipts / (receipts + overdue)
    return past.told(share, (Missing.NOBASE, receipts + overdue == 0))


@measure
def collected_to_billed(past: "Past", *, months: int) -> Column:
    """Receipts of the last months over net money issued in them."""
    sales = past.total(Quantity.NET, issued(months=months))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = past.flows(months=months).collected / sales
    return past.told(ratio, (Missing.DORMANT, sales == 0)).clipped(*RATIO)
