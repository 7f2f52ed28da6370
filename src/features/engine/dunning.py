"""Dunning: reminders sent, and invoices that were paid only after two of them."""

from typing import NamedTuple

import numpy as np

from ...compiled import compiled, inlined
from .days import NEVER
from .facts import Floats, Kind
from .gate import known
from .states import first_at

_DUNNING = int(Kind.DUNNING)


class Dunning(NamedTuple):
    """At every moment: dunnings of the window; and of the invoices settled late in it, the ones with two or
    more dunnings (their own or the customer's) after due and up to settlement."""

    sent: Floats
    paid_after_two: Floats


@inlined
def _tell_dunning(  # type: ignore[no-untyped-def]
    documents, events, notices, states, begins, days, c0, c1, window, sent, after_two
):
    for c in range(c0, c1):
        m0, m1 = begins[c - c0], begins[c - c0 + 1]
        some = False
        for e in range(notices.begins[c], notices.begins[c + 1]):
            if notices.kind[e] != _DUNNING:
                continue
            some = True
            start = first_at(notices.seen[e], days, m0, m1)
            for m in range(start, first_at(notices.day[e] + window, days, start, m1)):
                sent[m] += 1
        if not some:
            continue
        for r in range(states.begins[c - c0], states.begins[c - c0 + 1]):
            due, settle, d = states.due[r], states.settle[r], states.document[r]
            if settle == NEVER or settle <= due:
                continue
            one, two = NEVER, NEVER  # the days on which the first and the second of them were known
            for e in range(documents.events[d], documents.events[d + 1]):
                if events.kind[e] == _DUNNING and due < events.day[e] <= settle:
                    seen = events.seen[e]
                    one, two = (seen, one) if seen < one else (one, min(two, seen))
            e1 = notices.begins[c + 1]
            for e in range(first_at(due + 1, notices.day, notices.begins[c], e1), e1):
                if notices.day[e] > settle:
                    break
                if notices.document[e] < 0 and notices.kind[e] == _DUNNING:
                    seen = notices.seen[e]
                    one, two = (seen, one) if seen < one else (one, min(two, seen))
            start = first_at(max(settle, two), days, states.lo[r], states.hi[r])
            for m in range(start, first_at(settle + window, days, start, states.hi[r])):
                after_two[m] += known(two, days[m])


@compiled
def dunning(documents, events, notices, states, begins, days, c0, c1, window):  # type: ignore[no-untyped-def]
    """What had to be reminded of."""
    sent, after_two = np.zeros(len(days)), np.zeros(len(days))
    _tell_dunning(documents, events, notices, states, begins, days, c0, c1, window, sent, after_two)
    return Dunning(sent, after_two)
