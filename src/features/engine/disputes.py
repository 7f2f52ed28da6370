"""Disputes that were closed: founded if a credit note followed the opening."""

from typing import NamedTuple

import numpy as np

from ...compiled import compiled, inlined
from .facts import Floats, Kind
from .gate import known

_OPENED, _CLOSED, _CREDIT_NOTE = int(Kind.DISPUTE_OPENED), int(Kind.DISPUTE_CLOSED), int(Kind.CREDIT_NOTE)


class Disputes(NamedTuple):
    """At every moment: disputes closed in the window, and those of them without a credit note since opening."""

    closed: Floats
    unfounded: Floats


@inlined
def _tell_disputes(  # type: ignore[no-untyped-def]
    first, documents, events, begins, days, c0, c1, window, closed, unfounded
):
    for c in range(c0, c1):
        for d in range(first[c], first[c + 1]):
            e0, e1 = documents.events[d], documents.events[d + 1]
            for o in range(e0, e1):
                if events.kind[o] != _OPENED:
                    continue
                for m in range(begins[c - c0], begins[c - c0 + 1]):
                    T = days[m]
                    if not known(events.seen[o], T):
                        continue
                    end, noted = -1, False
                    for e in range(e0, e1):
                        if not known(events.seen[e], T) or events.day[e] < events.day[o]:
                            continue
                        if events.kind[e] == _CLOSED and end < 0:
                            end = events.day[e]
                        noted |= events.kind[e] == _CREDIT_NOTE and events.amount[e] > 0
                    if end > T - window:
                        closed[m] += 1
                        unfounded[m] += not noted


@compiled
def disputes(first, documents, events, begins, days, c0, c1, window):  # type: ignore[no-untyped-def]
    """How disputes ended. A closing ends all that were opened on the invoice by then."""
    closed, unfounded = np.zeros(len(days)), np.zeros(len(days))
    _tell_disputes(first, documents, events, begins, days, c0, c1, window, closed, unfounded)
    return Disputes(closed, unfounded)
