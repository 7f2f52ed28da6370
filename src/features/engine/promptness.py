"""Promptness: days late and points weighed by money, open invoices at their lateness so far.

A payment that counts is a slice at its own day, the unpaid rest of an unsettled invoice a slice at T. Each row is added
to the moments that see it, in order of document, so that a moment's sum has the same bits whoever stands beside it.
"""

from typing import NamedTuple

import numpy as np

from ...compiled import compiled, inlined
from .days import NEVER
from .facts import Floats
from .replay import MARKS, paydex
from .states import first_at

_AFTER_5 = MARKS.index(5)
_FADED_TO = 18_262  # 2020-01-01; centuries from it 2 ** (days / half_life) is still a number


class Slices(NamedTuple):
    """At every moment, over the invoices due in a window: their money, and it times days late and times points."""

    money: Floats
    days: Floats
    points: Floats


@inlined
def _tell_slices(states, begins, days, window, money, worth, points):  # type: ignore[no-untyped-def]
    for c in range(len(begins) - 1):
        for r in range(states.begins[c], states.begins[c + 1]):
            if states.void[r]:
                continue
            due, hi = states.due[r], states.hi[r]
            start = first_at(due, days, states.lo[r], hi)
            end = first_at(due + window, days, start, hi)
            rest = 0.0 if states.settle[r] < NEVER else float(states.net[r] - states.paid[r])
            for k in range(start, end):
                money[k] += states.paid[r] + rest
                worth[k] += states.worth_days[r] + rest * (days[k] - due)
                points[k] += states.worth_points[r]
                if rest > 0:
                    points[k] += rest * paydex(days[k] - due)


@compiled
def slices(states, begins, days, window):  # type: ignore[no-untyped-def]
    """The slices of invoices due in (T - window, T]."""
    money, worth, points = np.zeros(len(days)), np.zeros(len(days)), np.zeros(len(days))
    _tell_slices(states, begins, days, window, money, worth, points)
    return Slices(money, worth, points)


class Faded(NamedTuple):
    """At every moment, over the invoices due by T - 6: net, and what was unpaid 5 days after due, both faded by age."""

    net: Floats
    unpaid5: Floats


@inlined
def _tell_faded(states, begins, days, half_life, net, unpaid):  # type: ignore[no-untyped-def]
    for c in range(len(begins) - 1):
        for r in range(states.begins[c], states.begins[c + 1]):
            if states.void[r]:
                continue
            # all is faded to one fixed day: the ratio of the two is what counts, and no moment moves another's bits
            weight = 2.0 ** ((states.due[r] - _FADED_TO) / half_life)
            owed, late = weight * states.net[r], weight * states.unpaid[r, _AFTER_5]
            for k in range(first_at(states.due[r] + 6, days, states.lo[r], states.hi[r]), states.hi[r]):
                net[k] += owed
                unpaid[k] += late


@compiled
def faded(states, begins, days, half_life):  # type: ignore[no-untyped-def]
    """Money that weighs half as much for every `half_life` days since it was due."""
    net, unpaid = np.zeros(len(days)), np.zeros(len(days))
    _tell_faded(states, begins, days, half_life, net, unpaid)
    return Faded(net, unpaid)


class Terms(NamedTuple):
    """At every moment, over the documents issued in, or due in, a window: net money and it times days of terms."""

    net: Floats
    days: Floats


@inlined
def _tell_terms(states, begins, days, by_due, after, within, net, worth):  # type: ignore[no-untyped-def]
    for c in range(len(begins) - 1):
        for r in range(states.begins[c], states.begins[c + 1]):
            if states.void[r]:
                continue
            day = states.due[r] if by_due else states.issued[r]
            start = first_at(day + after, days, states.lo[r], states.hi[r])
            end = first_at(day + after + within, days, start, states.hi[r])
            money = float(states.net[r])
            for k in range(start, end):
                net[k] += money
                worth[k] += money * (states.due[r] - states.issued[r])


@compiled
def terms(states, begins, days, by_due, after, within):  # type: ignore[no-untyped-def]
    """Terms (due less issued) of invoices issued, or due, in (T - after - within, T - after]."""
    net, worth = np.zeros(len(days)), np.zeros(len(days))
    _tell_terms(states, begins, days, by_due, after, within, net, worth)
    return Terms(net, worth)
