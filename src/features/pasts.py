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
_ROWS = 120_000  # documents, payments and moments of a chunk: what the caches of a processor hold


def pasts(
    facts: Facts, customer: npt.NDArray[Any], day: npt.NDArray[Any], features: Sequence[Feature] = ()
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64] | slice, Past]]:
    """The pasts of some customers at a time: which of the observations they hold, and at which of their moments.

    An observation is a customer's number and a day number. The moments of earlier months are there if `features` ask.
    """
    if not len(customer):
        return
    days, at = np.unique(day, return_inverse=True)
    calendar = Calendar.of(days, series=any(one.measure.looks_back for one in features))
    place = np.searchsorted(calendar.days, days)[at]
    order = np.argsort(customer, kind="stable")
    lifelong = any(one.measure.looks_at_all for one in features)
    told = tuple(one.name for one in features)
    for lo, hi in _chunks(facts, customer, len(calendar.days)):
        rows = order[slice(*np.searchsorted(customer[order], (lo, hi)))]
        if not len(rows):
            continue
        moments = calendar.moments(customer[rows] - lo, place[rows], hi - lo)
        past = Past(facts, moments, calendar, range(lo, hi), lifelong=lifelong)
        past.sum_up(_ASKED.get(told, ()))  # what was asked for one by one the first time is read in one pass
        key = np.repeat(np.arange(hi - lo), np.diff(moments.begins)) * len(calendar.days) + moments.place
        places = np.searchsorted(key, (customer[rows] - lo) * len(calendar.days) + place[rows])
        yield rows, slice(None) if _all_in_order(places, past.n) else places, past
        _ASKED.setdefault(told, past.summed)


def _all_in_order(places: npt.NDArray[Any], n: int) -> bool:
    return len(places) == n and bool((places[1:] > places[:-1]).all())


def _chunks(facts: Facts, customer: npt.NDArray[np.int64], moments: int) -> Iterator[tuple[int, int]]:
    """Ranges of customers, from the first that is asked for to the last, each of about so many rows."""
    first, last = int(customer.min()), int(customer.max()) + 1
    documents = facts.begins[first : last + 1]
    weight = np.diff(documents) + np.diff(facts.documents.payments[documents]) + moments
    chunk = np.cumsum(weight) // _ROWS
    edges = np.flatnonzero(np.diff(chunk)) + 1
    yield from zip([first, *(first + edges)], [*(first + edges), last], strict=True)
