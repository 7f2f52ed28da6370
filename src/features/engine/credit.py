"""Credit: what was open against the limit on each day, as it was believed on that day."""

from typing import NamedTuple

import numpy as np

from ...compiled import compiled, inlined
from .days import NEVER
from .facts import Floats, Kind, Longs
from .gate import holds, known, version_at
from .ordering import put_in_order, widest
from .replay import tells_anew
from .states import plain

_CREDIT_NOTE, _WRITE_OFF, _BOUNCED = int(Kind.CREDIT_NOTE), int(Kind.WRITE_OFF), int(Kind.BOUNCED)
REACH = 365  # days before a customer's first moment that are told
MOST_USED = 10.0  # use of a limit of 0 if anything is open


class Believed(NamedTuple):
    """Day by day, from `REACH` days before a customer's first moment to its last.

    Attributes
    ----------
    begins : int64, length n + 1
        Where each customer's days begin; no days where it never had a limit.
    open, limit : in minor units; the limit is NaN on days on which none was in force and known
    """

    begins: Longs
    open: Longs
    limit: Floats


@inlined
def _in_force(limits, start, end, day):  # type: ignore[no-untyped-def]
    """The limit in force and known at the close of a day; of several the one known last, then the latest."""
    for row in range(end - 1, start - 1, -1):
        if known(limits.known[row], day) and limits.start[row] <= day <= limits.end[row]:
            return float(limits.amount[row])
    return np.nan


@inlined
def _open_at(versions, v0, v1, payments, p0, p1, events, e0, e1, T, eps, told):  # type: ignore[no-untyped-def]
    """Open money of a document as it was known at T."""
    version = version_at(versions, v0, v1, T)
    if version < 0 or versions.amount[version] <= 0:
        return 0
    balance = versions.amount[version]
    for p in range(p0, p1):
        if holds(payments.seen[p], payments.replaced[p], T):
            balance -= payments.amount[p]
    told[: p1 - p0] = False
    for e in range(e0, e1):
        if events.amount[e] > 0 and known(events.seen[e], T):
            if events.kind[e] == _CREDIT_NOTE or events.kind[e] == _WRITE_OFF:
                balance -= events.amount[e]
            elif events.kind[e] == _BOUNCED and tells_anew(payments, p0, p1, e, events, T, told):
                balance += events.amount[e]
    return balance if balance > eps else 0


@inlined
def _add_plain(open_, start, versions, v, payments, p0, p1, base, last, eps):  # type: ignore[no-untyped-def]
    """What a plain document adds on the day that shows it, and what its payment takes away again."""
    amount, day = versions.amount[v], max(versions.known[v], versions.issued[v])
    if amount <= eps or day > last:
        return
    paid = max(day, payments.seen[p0]) if p1 > p0 else NEVER
    left = amount - payments.amount[p0] if p1 > p0 else amount
    left = left if left > eps else 0
    if paid <= max(day, base):
        open_[start + max(day, base) - base] += left
        return
    open_[start + max(day, base) - base] += amount
    if paid <= last:
        open_[start + paid - base] -= amount - left


@inlined
def _tell_believed(  # type: ignore[no-untyped-def]
    belief, first, documents, versions, payments, events, limits, begins, days, c0, c1, since, eps, turns, told
):
    for c in range(c0, c1):
        start, stop = belief.begins[c - c0], belief.begins[c - c0 + 1]
        if start == stop:
            continue
        base, last = days[begins[c - c0]] - REACH, days[begins[c - c0 + 1] - 1]
        for d in range(first[c], first[c + 1]):
            v0, v1 = documents.versions[d], documents.versions[d + 1]
            p0, p1 = documents.payments[d], documents.payments[d + 1]
            e0, e1 = documents.events[d], documents.events[d + 1]
            if plain(documents, versions, payments, d):
                _add_plain(belief.open, start, versions, v0, payments, p0, p1, base, last, eps)
                continue
            k = 0
            for v in range(v0, v1):
                turns[k], turns[k + 1] = max(versions.known[v], versions.issued[v]), versions.replaced[v]
                k += 2
            for p in range(p0, p1):
                turns[k] = payments.seen[p]
                k += 1
                if payments.replaced[p] < NEVER:
                    turns[k] = payments.replaced[p]
                    k += 1
            for e in range(e0, e1):
                turns[k] = events.seen[e]
                k += 1
            put_in_order(turns, 0, k)
            held = 0
            for j in range(k):
                day = turns[j]
                if day > last:
                    break
                if j + 1 < k and (turns[j + 1] == day or turns[j + 1] <= base):
                    continue  # another change follows on the same day, or before the first day that is told
                now = _open_at(versions, v0, v1, payments, p0, p1, events, e0, e1, day, eps, told)
                belief.open[start + max(day, base) - base] += now - held
                held = now
        total = 0
        for k in range(start, stop):
            total += belief.open[k]
            belief.open[k] = total
            day = base + k - start
            if day >= since:
                belief.limit[k] = _in_force(limits, limits.begins[c], limits.begins[c + 1], day)


@compiled
def believed(  # type: ignore[no-untyped-def]
    first, documents, versions, payments, events, limits, begins, days, c0, c1, since, eps
):
    """Open money and limit at the close of each day; there are no limits before the day `since`."""
    room, most = np.zeros(c1 - c0 + 1, np.int64), 1
    for c in range(c0, c1):
        m0, m1 = begins[c - c0], begins[c - c0 + 1]
        there = m1 > m0 and limits.begins[c + 1] > limits.begins[c]
        room[c - c0 + 1] = room[c - c0] + (days[m1 - 1] - days[m0] + REACH + 1 if there else 0)
    for d in range(first[c0], first[c1]):
        rows = 2 * (documents.versions[d + 1] - documents.versions[d])
        rows += 2 * (documents.payments[d + 1] - documents.payments[d]) + documents.events[d + 1] - documents.events[d]
        most = max(most, rows)
    belief = Believed(room, np.zeros(room[-1], np.int64), np.full(room[-1], np.nan))
    turns, told = np.empty(most, np.int32), np.empty(most, np.bool_)
    _tell_believed(
        belief, first, documents, versions, payments, events, limits, begins, days, c0, c1, since, eps, turns, told
    )
    return belief


@inlined
def _tell_limit_at(belief, begins, days, before, limit):  # type: ignore[no-untyped-def]
    for c in range(len(begins) - 1):
        for m in range(begins[c], begins[c + 1]):
            if belief.begins[c + 1] > belief.begins[c]:
                limit[m] = belief.limit[belief.begins[c] + REACH + days[m] - days[begins[c]] - before]


@compiled
def limit_at(belief, begins, days, before):  # type: ignore[no-untyped-def]
    """The limit in force and known so many days before each moment; NaN where none was."""
    limit = np.full(len(days), np.nan)
    _tell_limit_at(belief, begins, days, before, limit)
    return limit


@inlined
def _tell_peak(belief, begins, days, window, top, used, queue):  # type: ignore[no-untyped-def]
    for c in range(len(begins) - 1):
        start, many = belief.begins[c], belief.begins[c + 1] - belief.begins[c]
        if many == 0:
            continue
        for k in range(many):
            open_, limit = belief.open[start + k], belief.limit[start + k]
            if np.isnan(limit):
                used[k] = -1.0
            elif limit == 0:
                used[k] = MOST_USED if open_ > 0 else 0.0
            else:
                used[k] = open_ / limit
        head, tail, k = 0, 0, 0
        for m in range(begins[c], begins[c + 1]):
            at = REACH + days[m] - days[begins[c]]
            while k <= at:  # the greatest use of the window stands at the head
                while tail > head and used[queue[tail - 1]] <= used[k]:
                    tail -= 1
                queue[tail] = k
                tail += 1
                k += 1
            while queue[head] <= at - window:
                head += 1
            if used[queue[head]] >= 0:
                top[m] = used[queue[head]]


@compiled
def peak(belief, begins, days, window):  # type: ignore[no-untyped-def]
    """Greatest use of the limit on a day of (T - window, T]; NaN where no limit was in force on any."""
    top = np.full(len(days), np.nan)
    used, queue = np.empty(widest(belief.begins)), np.empty(widest(belief.begins), np.int64)
    _tell_peak(belief, begins, days, window, top, used, queue)
    return top


@inlined
def _tell_days_above(belief, begins, days, window, above, count, has):  # type: ignore[no-untyped-def]
    for c in range(len(begins) - 1):
        start, many = belief.begins[c], belief.begins[c + 1] - belief.begins[c]
        count[0] = has[0] = 0
        for k in range(many):
            limit = belief.limit[start + k]
            count[k + 1] = count[k] + (1 if belief.open[start + k] > limit else 0)
            has[k + 1] = has[k] + (0 if np.isnan(limit) else 1)
        for m in range(begins[c], begins[c + 1] if many else begins[c]):
            end = REACH + days[m] - days[begins[c]] + 1
            if has[end] > has[end - window]:
                above[m] = count[end] - count[end - window]


@compiled
def days_above(belief, begins, days, window):  # type: ignore[no-untyped-def]
    """Days of (T - window, T] at whose close more was open than the limit allowed; NaN where none was in force."""
    above = np.full(len(days), np.nan)
    count, has = np.empty(widest(belief.begins) + 1), np.empty(widest(belief.begins) + 1)
    _tell_days_above(belief, begins, days, window, above, count, has)
    return above
