"""Payment mechanics, promises, disputes, dunning: how a customer pays, and what it takes."""

from typing import TYPE_CHECKING

import numpy as np

from ..column import Column, Missing
from ..declaration import measure
from ..engine.totals import Quantity
from .vocabulary import FEWEST, RATIO, due, settled

if TYPE_CHECKING:
    from ..engine.past import Past


@measure
def silence_in_arrears(past: "Past", *, days: int, recent: int) -> Column:
    """Days since the later of last receipt and due day of the oldest arrear; 0 without arrear."""
    oldest, last = past.standing.oldest, past.receipts(days, recent).last
    return past.told(np.where(oldest > 0, past.T - np.fmax(last, past.T - oldest), 0.0))


@measure
def pay_gap_ratio(past: "Past", *, days: int, recent: int) -> Column:
    """Days since the last receipt over the median gap between receipts; 0 without arrear."""
    receipts, arrear = past.receipts(days, recent), past.standing.oldest > 0
    ratio = np.where(arrear, (past.T - receipts.last) / receipts.gap_median, 0.0)
    return past.told(ratio, (Missing.FEW, arrear & (receipts.gaps < FEWEST))).clipped(*RATIO)


@measure
def off_run_share(past: "Past", *, days: int, recent: int) -> Column:
    """Share of the recent receipt days that are not on the commonest weekday of the time before."""
    receipts = past.receipts(days, recent)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = receipts.off_run / receipts.recent
    return past.told(share, (Missing.FEW, (receipts.recent < FEWEST) | (receipts.before < FEWEST)))


@measure
def reversals(past: "Past", *, days: int) -> Column:
    """Reversals of payments in the last days: negative payments and `bounced` events."""
    return past.told(past.flows(days=days).reversals, (Missing.NOSRC, ~past.has("events")))


@measure
def paid_after_dunning(past: "Past", *, days: int) -> Column:
    """Of the invoices settled late in the last days: share with two or more dunnings before."""
    late = past.total(Quantity.LATE, settled(days=days))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = past.dunning(days).paid_after_two / late
    return past.told(share, (Missing.NOSRC, ~past.has("events")), (Missing.FEW, late < FEWEST))


@measure
def dunning_rate(past: "Past", *, days: int) -> Column:
    """Dunnings of the last days over the invoices due in them."""
    fell_due = past.total(Quantity.ONE, due(days=days))
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = past.dunning(days).sent / fell_due
    return past.told(rate, (Missing.NOSRC, ~past.has("events")), (Missing.NODUE, fell_due == 0)).clipped(*RATIO)


@measure
def disputes_unfounded(past: "Past", *, days: int) -> Column:
    """Of the disputes closed in the last days: share without a credit note since their opening."""
    disputes = past.disputes(days)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = disputes.unfounded / disputes.closed
    return past.told(share, (Missing.NOSRC, ~past.has("events")), (Missing.NOBASE, disputes.closed == 0))


@measure
def promises_broken(past: "Past", *, days: int) -> Column:
    """Of the promises whose day + 3 lies in the last days: share paid less than 95 % by then."""
    promises = past.promises(days)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = promises.broken / promises.judged
    return past.told(share, (Missing.NOSRC, ~past.has("events")), (Missing.NOBASE, promises.judged == 0))


@measure
def last_promise_broken(past: "Past", *, days: int) -> Column:
    """1 if one of the promises with the latest day, ever, was broken."""
    broken = past.promises(days).latest_broken
    return past.told(broken, (Missing.NOSRC, ~past.has("events")), (Missing.NOBASE, np.isnan(broken)))
