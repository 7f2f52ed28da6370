"""Rolling: what became of each invoice since an earlier moment."""

from typing import NamedTuple

import numpy as np

from ...compiled import compiled, inlined
from .facts import Floats

BUCKET = 30  # days of an ageing bucket
BUCKETS = 4  # 1-30, 31-60, 61-90, over 90; 0 is not past due


class Rolled(NamedTuple):
    """At every moment.

    Attributes
    ----------
    overdue_then, still_open : undisputed money that was overdue then, and of it what is still unpaid
    above_then, slipped : invoices whose undisputed rest was above the floor of an arrear then, and of them
        those above it now that stand in a higher ageing bucket
    """

    overdue_then: Floats
    still_open: Floats
    above_then: Floats
    slipped: Floats


@inlined
def bucket_of(dpd):  # type: ignore[no-untyped-def]
    """The ageing bucket of so many days past due."""
    return 0 if dpd <= 0 else min(BUCKETS, (dpd + BUCKET - 1) // BUCKET)


@inlined
def _tell_rolled(  # type: ignore[no-untyped-def]
    states, begins, days, back, overdue_then, still_open, above_then, slipped
):
    for c in range(len(begins) - 1):
        m1, r1 = begins[c + 1], states.begins[c + 1]
        for r in range(states.begins[c], r1):
            then = states.undisputed[r]
            if then == 0:
                continue
            now = r
            for m in range(states.lo[r] + 1, m1):
                p = back[m]
                if p < states.lo[r]:
                    continue
                if p >= states.hi[r]:
                    break
                while now < r1 and states.document[now] == states.document[r] and states.hi[now] <= m:
                    now += 1
                there = now < r1 and states.document[now] == states.document[r] and states.lo[now] <= m
                rest = states.undisputed[now] if there else 0
                bucket = bucket_of(days[p] - states.due[r])
                if bucket > 0:
                    overdue_then[m] += then
                    still_open[m] += min(then, rest)
                if then > states.floor[r]:
                    above_then[m] += 1
                    if there and rest > states.floor[now] and bucket_of(days[m] - states.due[now]) > bucket:
                        slipped[m] += 1


@compiled
def rolled(states, begins, days, back):  # type: ignore[no-untyped-def]
    """What was unpaid at the moment `back` (its place, -1: none); zeros where there is none."""
    n = len(days)
    overdue_then, still_open, above_then, slipped = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    _tell_rolled(states, begins, days, back, overdue_then, still_open, above_then, slipped)
    return Rolled(overdue_then, still_open, above_then, slipped)
