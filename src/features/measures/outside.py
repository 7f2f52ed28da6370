"""Signals from outside the ledger: the latest of a kind, as it was known."""

from typing import TYPE_CHECKING

import numpy as np

from ..column import Column, Missing
from ..declaration import measure

if TYPE_CHECKING:
    from ..engine.past import Past

STALE_DAYS = 400


@measure
def signal(past: "Past", *, source: str, name: str) -> Column:
    """The latest visible value."""
    return _latest(past, source, name)


@measure
def signal_age(past: "Past", *, source: str, name: str) -> Column:
    """Days since the latest visible value was observed."""
    observed = past.signal(source, name).observed
    return Column.of(past.T - observed, (Missing.NOSRC, ~past.has("signals")), (Missing.NOBASE, np.isnan(observed)))


@measure
def signal_change(past: "Past", *, source: str, name: str, days: int) -> Column:
    """The latest value less the latest of `days` days ago, as it was known then."""
    now, then = _latest(past, source, name), past.signal(source, name, before=days)
    old = np.isnan(then.observed) | (past.T - days - then.observed > STALE_DAYS)
    return Column.of(now.values - then.value, (Missing.NOBASE, old), like=now.missing)


@measure
def adverse(past: "Past", *, names: tuple[tuple[str, str], ...], days: int) -> Column:
    """How many adverse signals were observed in the last days."""
    return Column.of(past.signals_in(names, days), (Missing.NOSRC, ~past.has("signals")))


def _latest(past: "Past", source: str, name: str) -> Column:
    told = past.signal(source, name)
    return Column.of(
        told.value,
        (Missing.NOSRC, ~past.has("signals")),
        (Missing.NOBASE, np.isnan(told.observed)),
        (Missing.STALE, past.T - told.observed > STALE_DAYS),
    )
