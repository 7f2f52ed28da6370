"""Signals from outside the ledger: the latest of a bureau's, as it was known."""

from typing import TYPE_CHECKING

import numpy as np

from ..declaration import Column, Missing, Values, measure

if TYPE_CHECKING:
    from ..history import View

STALE_DAYS = 400


@measure
def signal(view: "View", *, source: str, name: str) -> Column:
    """The latest visible value."""
    value, day = _latest(view, source, name)
    return _told(view, value, day)


@measure
def signal_age(view: "View", *, source: str, name: str) -> Column:
    """Days since the latest visible value was observed."""
    _, day = _latest(view, source, name)
    return Column.of(view.T - day, (Missing.NOSRC, not view.has("signals")), (Missing.NOBASE, np.isnan(day)))


@measure
def signal_change(view: "View", *, source: str, name: str, days: int) -> Column:
    """The latest value less the latest of `days` days ago, as it was known then."""
    value, day = _latest(view, source, name)
    before, then = _latest(view.on(view.T - days), source, name)
    now, old = _told(view, value, day), np.isnan(then) | (view.T - days - then > STALE_DAYS)
    reasons = ((Missing(code), now.missing == code) for code in np.unique(now.missing) if code)
    return Column.of(now.values - before, *reasons, (Missing.NOBASE, old))


def _latest(view: "View", source: str, name: str) -> tuple[Values, Values]:
    rows = view.facts.signals
    here = np.flatnonzero((rows.source == source) & (rows.name == name))
    value, day = np.full(view.n, np.nan), np.full(view.n, np.nan)
    value[rows.customer[here]], day[rows.customer[here]] = rows.value[here], rows.day[here]  # the last one stays
    return value, day


def _told(view: "View", value: Values, day: Values) -> Column:
    return Column.of(
        value,
        (Missing.NOSRC, not view.has("signals")),
        (Missing.NOBASE, np.isnan(day)),
        (Missing.STALE, view.T - day > STALE_DAYS),
    )
