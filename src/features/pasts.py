"""Pasts: observations cut into chunks of whole customers, each with what was known of them."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .declaration import Feature
from .engine.facts import Facts
from .engine.moments import Calendar
from .engine.past import Past
from .engine.totals import Total

_ASKED: dict[tuple[str, ...], list[Total]] = {}  # the totals that some features turned out to need
_ROWS = 200_000  # documents, payments and moments of a chunk: what the caches of a processor hold


def pasts(
    facts: Facts, customer: npt.NDArray[Any], day: npt.NDArray[Any], features: Sequence[Feature] = ()
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int32] | slice, Past]]:
    """The pasts of some customers at a time: which of the observations they hold, and at which of their moments.

    An observation is a customer's number and a day number. The moments of earlier months are there if `features` ask.
    """
    if not len(customer):
        return
    calendar = Calendar.of(distinct(day), series=any(one.measure.looks_back for one in features))
    order = np.argsort(customer, kind="stable").astype(np.int64, copy=False)
    owner, place = customer[order].astype(np.int32), calendar.places(day)[order]
    lifelong = any(one.measure.looks_at_all for one in features)
    told = tuple(one.name for one in features)
    edges = _edges(facts, int(owner[0]), int(owner[-1]) + 1, len(calendar.days))
    rows = np.searchsorted(owner, edges)
    for lo, hi, begin, end in zip(edges, edges[1:], rows, rows[1:], strict=False):
        if begin == end:
            continue
        mine = slice(begin, end)
        moments, places = calendar.moments(owner[mine] - lo, place[mine], hi - lo)
        past = Past(facts, moments, calendar, range(int(lo), int(hi)), lifelong=lifelong)
        past.sum_up(_ASKED.get(told, ()))  # what was asked for one by one the first time is read in one pass
        yield order[mine], slice(None) if _all_in_order(places, past.n) else places, past
        _ASKED.setdefault(told, past.summed)


def distinct(day: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The days, each once, ascending: there are few of them, and many observations."""
    first = int(day.min())
    seen = np.zeros(int(day.max()) - first + 1, bool)
    seen[day - first] = True
    return np.flatnonzero(seen) + first


def _all_in_order(places: npt.NDArray[Any], n: int) -> bool:
    return len(places) == n and bool((places[1:] > places[:-1]).all())


def _edges(facts: Facts, first: int, last: int, moments: int) -> npt.NDArray[np.int32]:
    """The customers from `first` to before `last`, cut where each piece has about so many rows."""
    documents = facts.begins[first : last + 1]
    weight = np.diff(documents) + np.diff(facts.documents.payments[documents]) + moments
    cuts = first + np.flatnonzero(np.diff(np.cumsum(weight) // _ROWS)) + 1
    return np.array([first, *cuts, last], np.int32)
