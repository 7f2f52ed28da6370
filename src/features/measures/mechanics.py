"""Payment mechanics and promises: bounced payments, promises kept and broken, collections against sales."""

from typing import TYPE_CHECKING

import numpy as np

from ..declaration import Column, Missing, measure
from ..facts import OPEN_ENDED, sum_by
from ..replay import paid_between
from .activity import RATIO
from .ageing import receipts_since

if TYPE_CHECKING:
    from ..history import View

GRACE = 3  # days after the day promised for
KEPT = 0.95  # share of the promised money that must have come


@measure
def collected_to_billed(view: "View", *, months: int) -> Column:
    """Receipts of the last months over net money issued in them."""
    start = view.back(months)
    sales = view.total(view.net, view.issued_after(start))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = receipts_since(view, start) / sales
    return Column.of(ratio, (Missing.NEW, ~view.invoiced), (Missing.DORMANT, sales == 0)).clipped(*RATIO)


@measure
def bounced(view: "View", *, days: int) -> Column:
    """Reversals of payments in the last days: negative payments and `bounced` events."""
    pays, events = view.facts.payments, view.facts.events
    start = view.T - days
    negative = (pays.amount < 0) & (pays.day > start)
    untold = view.bounces[events.day[view.bounces] > start]
    n = np.bincount(pays.customer[negative], minlength=view.n)
    n += np.bincount(events.customer[untold], minlength=view.n)
    return Column.of(n.astype(float), (Missing.NOSRC, not view.has("events")), (Missing.NEW, ~view.invoiced))


@measure
def promises_broken(view: "View", *, days: int) -> Column:
    """Of the promises whose day + 3 lies in the last days: share paid less than 95 % by then."""
    events, pays = view.facts.events, view.facts.payments
    ends = events.day + GRACE
    here = np.flatnonzero((events.kind == "promise") & (ends > view.T - days) & (ends <= view.T))
    customer, invoice, given = events.customer[here], events.invoice[here], events.known[here]
    came = paid_between(pays, invoice, given, ends[here])
    for back in view.bounces:  # what bounced within the time has not come
        same = (invoice == events.invoice[back]) & (given < events.day[back]) & (events.day[back] <= ends[here])
        came[same & (invoice >= 0)] -= events.amount[back]
    open_then = view.steps.open_on(invoice, given)
    for k in np.flatnonzero(invoice < 0):  # of the customer, on no invoice in particular
        mine = (pays.customer == customer[k]) & (pays.day > given[k]) & (pays.day <= ends[here[k]])
        number, open_, _ = view.steps.at(int(given[k]))
        came[k], open_then[k] = pays.amount[mine].sum(), open_[view.customer[number] == customer[k]].sum()
    promised = np.where(events.amount[here] == OPEN_ENDED, open_then, events.amount[here])
    n = np.bincount(customer, minlength=view.n)
    broken = sum_by(customer, (came < KEPT * promised).astype(float), view.n)
    with np.errstate(invalid="ignore"):
        share = broken / n
    return Column.of(
        share, (Missing.NOSRC, not view.has("events")), (Missing.NEW, ~view.invoiced), (Missing.NOBASE, n == 0)
    )
