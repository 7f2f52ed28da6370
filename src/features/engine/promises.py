"""Promises to pay: kept, if at least 95 % of what was promised came by three days after the day promised for."""

from typing import NamedTuple

import numpy as np

from ...compiled import compiled, inlined
from .facts import WHOLE, Floats, Kind
from .gate import holds, known, version_at
from .replay import collect, room, stocks
from .states import first_at

_PROMISE = int(Kind.PROMISE)
GRACE = 3  # days after the day promised for
KEPT = 0.95  # share of the promised money that must have come


class Promises(NamedTuple):
    """At every moment: promises whose day + 3 lies in the window, those of them that were broken, and whether one of
    the latest such day, ever, was broken (NaN: there is none)."""

    judged: Floats
    broken: Floats
    latest_broken: Floats


@inlined
def _open_on(documents, versions, payments, events, d, day, T, eps, work):  # type: ignore[no-untyped-def]
    """Open money of a document at the close of a day, as known at T."""
    version = version_at(versions, documents.versions[d], documents.versions[d + 1], T)
    if version < 0 or versions.amount[version] <= 0 or versions.issued[version] > day:
        return 0
    e0, e1 = documents.events[d], documents.events[d + 1]
    pays, backs = collect(payments, documents.payments[d], documents.payments[d + 1], events, e0, e1, T, work)
    steps = stocks(versions.issued[version], versions.amount[version], events, e0, e1, T, eps, work, pays, backs)
    while steps > 0 and work.step_day[steps - 1] > day:
        steps -= 1
    return work.step_open[steps - 1] if steps else 0


@inlined
def _bounced(documents, versions, payments, events, d, given, end, T, work):  # type: ignore[no-untyped-def]
    """What bounced on an invoice in (given, end] and no negative payment tells."""
    version = version_at(versions, documents.versions[d], documents.versions[d + 1], T)
    if version < 0 or versions.amount[version] <= 0:
        return 0
    p0, p1 = documents.payments[d], documents.payments[d + 1]
    _, backs = collect(payments, p0, p1, events, documents.events[d], documents.events[d + 1], T, work)
    money = 0
    for b in range(backs):
        if given < work.back_day[b] <= end:
            money += work.back_money[b]
    for p in range(p0, p1):
        back = payments.amount[p] < 0 and given < payments.day[p] <= end
        if back and holds(payments.seen[p], payments.replaced[p], T):
            money += payments.amount[p]
    return money


@inlined
def _failed(first, documents, versions, payments, events, receipts, notices, c, e, T, eps, work):  # type: ignore[no-untyped-def]
    """Was a promise broken, as known at T?"""
    given, end, d = notices.seen[e], notices.day[e] + GRACE, notices.document[e]
    came, promised = 0, notices.amount[e]
    p0, p1 = receipts.begins[c], receipts.begins[c + 1]
    for p in range(first_at(given + 1, receipts.day, p0, p1), first_at(end + 1, receipts.day, p0, p1)):
        if (d < 0 or receipts.document[p] == d) and holds(receipts.seen[p], receipts.replaced[p], T):
            came += receipts.amount[p]
    lo, hi = (d, d + 1) if d >= 0 else (first[c], first[c + 1])
    for own in range(lo, hi):
        came -= _bounced(documents, versions, payments, events, own, given, end, T, work)
    if promised == WHOLE:
        promised = 0
        for own in range(lo, hi):
            promised += _open_on(documents, versions, payments, events, own, given, T, eps, work)
    return came < KEPT * promised


@inlined
def _tell_promises(  # type: ignore[no-untyped-def]
    told, first, documents, versions, payments, events, receipts, notices, begins, days, c0, c1, eps, window, work
):
    for c in range(c0, c1):
        e0, e1 = notices.begins[c], notices.begins[c + 1]
        some = False
        for e in range(e0, e1):
            some |= notices.kind[e] == _PROMISE
        top = e0
        for m in range(begins[c - c0], begins[c - c0 + 1] if some else begins[c - c0]):
            T, latest_day = days[m], -1
            while top < e1 and notices.day[top] + GRACE <= T:
                top += 1
            for e in range(top - 1, e0 - 1, -1):  # the latest first
                inside = notices.day[e] + GRACE > T - window
                if not inside and latest_day >= 0 and notices.day[e] < latest_day:
                    break
                if notices.kind[e] != _PROMISE or not known(notices.seen[e], T):
                    continue
                failed = _failed(first, documents, versions, payments, events, receipts, notices, c, e, T, eps, work)
                if inside:
                    told.judged[m] += 1
                    told.broken[m] += failed
                if latest_day < 0:
                    latest_day, told.latest_broken[m] = notices.day[e], 0.0
                if notices.day[e] == latest_day and failed:
                    told.latest_broken[m] = 1.0


@compiled
def promises(  # type: ignore[no-untyped-def]
    first, documents, versions, payments, events, receipts, notices, begins, days, c0, c1, eps, window
):
    """How the promises of a window ended."""
    told = Promises(np.zeros(len(days)), np.zeros(len(days)), np.full(len(days), np.nan))
    most = 1
    for d in range(first[c0], first[c1]):
        rows = documents.payments[d + 1] - documents.payments[d] + documents.events[d + 1] - documents.events[d]
        most = max(most, rows + 2)
    work = room(most)
    _tell_promises(
        told, first, documents, versions, payments, events, receipts, notices, begins, days, c0, c1, eps, window, work
    )
    return told
