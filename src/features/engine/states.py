"""States: each document as it was known at each moment, one row for every stretch of moments with the same knowledge.

A row holds from moment `lo` to before moment `hi`. What a document is worth to a feature is read from its rows alone,
so no measure can see what was not known: a document changes its row only when a fact of it becomes known.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...compiled import allocating, compiled, inlined, tell_if_cold
from .days import NEVER
from .facts import Facts, Floats, Ints, Kind, Longs
from .gate import due_at, known, version_at
from .moments import Moments
from .ordering import put_in_order
from .replay import EPS, MARKS, REST, SHORT, collect, credited, paydex, room, stocks, undo

_OPENED = int(Kind.DISPUTE_OPENED)


class States(NamedTuple):
    """Rows in order of customer, document, moment. Credit notes without invoice have none.

    Attributes
    ----------
    begins : where the rows of each customer begin
    document, lo, hi, issued, due : what, when, and its days
    extended : day on which an extension became known, -1 where none did
    settle : first day with no more than max(eps, 5 %) unpaid; NEVER where unsettled or void
    pay_days : distinct days on which something was paid up to `settle`
    amount, credits, net : money; net is amount less all visible credit notes, 0 where void
    paid : of net, by the payments that count
    open, undisputed : the stock at the close of the moment
    unpaid : (rows, MARKS) net less what was paid by due + so many days
    floor : an undisputed rest above it is an arrear once it is past due
    worth_days, worth_points : payments that count times their days late, times their points for promptness
    void, disputed, short : is nothing owed; was it ever disputed; is more than max(eps, 0.5 %) unpaid
    """

    begins: Longs
    document: Ints
    lo: Ints
    hi: Ints
    issued: Ints
    due: Ints
    extended: Ints
    settle: Ints
    pay_days: Ints
    amount: Longs
    credits: Longs
    net: Longs
    paid: Longs
    open: Longs
    undisputed: Longs
    unpaid: Longs
    floor: Floats
    worth_days: Floats
    worth_points: Floats
    void: npt.NDArray[np.bool_]
    disputed: npt.NDArray[np.bool_]
    short: npt.NDArray[np.bool_]


class Spells(NamedTuple):
    """Days [start, end) on which a row's document was an arrear, as known at its moments; end NEVER: it still is."""

    begins: Longs  # of each customer
    lo: Ints
    hi: Ints
    due: Ints
    start: Ints
    end: Ints


DONE = 800  # days: what was done with so long before a customer's first moment lies in no usual window


def states_of(facts: Facts, moments: Moments, customers: range, *, lifelong: bool) -> tuple[States, Spells]:
    """The states of the documents of some customers; `moments` begins with the first of them.

    Unless `lifelong`, documents are left out that were done with before any window began.
    """
    if not _states.signatures:
        tell_if_cold(_states)
    rows, n, spells, s = _states(
        facts.begins,
        facts.documents,
        facts.versions,
        facts.payments,
        facts.events,
        moments.begins,
        moments.day,
        customers.start,
        customers.stop,
        EPS * facts.minor,
        lifelong,
    )
    return States(rows[0], *(one[:n] for one in rows[1:])), Spells(spells[0], *(one[:s] for one in spells[1:]))


@inlined
def first_at(day, days, lo, hi):  # type: ignore[no-untyped-def]
    """The first of the moments lo..hi-1 at which a day has been seen; hi if none."""
    while lo < hi:
        middle = (lo + hi) // 2
        if days[middle] < day:
            lo = middle + 1
        else:
            hi = middle
    return lo


@inlined
def _changes(turns, document, documents, versions, payments, events, days, m0, m1):  # type: ignore[no-untyped-def]
    """The moments at which something of a document becomes known or is replaced, ascending, each once."""
    n = 0
    for v in range(documents.versions[document], documents.versions[document + 1]):
        turns[n] = first_at(max(versions.known[v], versions.issued[v]), days, m0, m1)
        turns[n + 1] = first_at(versions.replaced[v], days, m0, m1)
        n += 2
    for p in range(documents.payments[document], documents.payments[document + 1]):
        turns[n] = first_at(payments.seen[p], days, m0, m1)
        n += 1
        if payments.replaced[p] < NEVER:
            turns[n] = first_at(payments.replaced[p], days, m0, m1)
            n += 1
    for e in range(documents.events[document], documents.events[document + 1]):
        turns[n] = first_at(events.seen[e], days, m0, m1)
        n += 1
    put_in_order(turns, 0, n)
    kept = 0
    for k in range(n):
        if turns[k] < m1 and (kept == 0 or turns[kept - 1] != turns[k]):
            turns[kept] = turns[k]
            kept += 1
    return kept


@inlined
def _tell_invoiced(first, documents, versions, begins, days, c0, c1, there):  # type: ignore[no-untyped-def]
    for c in range(c0, c1):
        m1 = begins[c - c0 + 1]
        late = m1  # from this moment on one that was never replaced is visible
        for d in range(first[c], first[c + 1]):
            if late == begins[c - c0]:
                break
            v = documents.versions[d]
            if documents.versions[d + 1] - v == 1 and versions.replaced[v] == NEVER and versions.amount[v] > 0:
                late = min(late, first_at(max(versions.known[v], versions.issued[v]), days, begins[c - c0], m1))
        there[late:m1] = True
        for m in range(begins[c - c0], late):
            for d in range(first[c], first[c + 1]):
                version = version_at(versions, documents.versions[d], documents.versions[d + 1], days[m])
                if version >= 0 and versions.amount[version] > 0:
                    there[m] = True
                    break


@compiled
def invoiced(first, documents, versions, begins, days, c0, c1):  # type: ignore[no-untyped-def]
    """Is an invoice of the customer visible at each moment?"""
    there = np.zeros(len(days), np.bool_)
    _tell_invoiced(first, documents, versions, begins, days, c0, c1, there)
    return there


@inlined
def done(document, documents, versions, payments, day):  # type: ignore[no-untyped-def]
    """Was a document paid, and nothing more to be learned of it, by the close of a day?"""
    amount, paid = 0, 0
    for v in range(documents.versions[document], documents.versions[document + 1]):
        last = max(versions.known[v], versions.issued[v], versions.due[v])
        if last > day or day < versions.replaced[v] < NEVER:
            return False
        amount = max(amount, versions.amount[v])
    for p in range(documents.payments[document], documents.payments[document + 1]):
        if payments.seen[p] > day or payments.replaced[p] < NEVER or payments.amount[p] < 0:
            return False
        paid += payments.amount[p]
    return paid >= amount and documents.events[document] == documents.events[document + 1]


@allocating
def _room(customers, rows, spells):  # type: ignore[no-untyped-def]
    """Room for so many rows and spells."""
    states = States(
        np.zeros(customers + 1, np.int64),
        np.empty(rows, np.int32),
        np.empty(rows, np.int32),
        np.empty(rows, np.int32),
        np.empty(rows, np.int32),
        np.empty(rows, np.int32),
        np.empty(rows, np.int32),
        np.empty(rows, np.int32),
        np.empty(rows, np.int32),
        np.empty(rows, np.int64),
        np.empty(rows, np.int64),
        np.empty(rows, np.int64),
        np.empty(rows, np.int64),
        np.empty(rows, np.int64),
        np.empty(rows, np.int64),
        np.empty((rows, len(MARKS)), np.int64),
        np.empty(rows),
        np.empty(rows),
        np.empty(rows),
        np.empty(rows, np.bool_),
        np.empty(rows, np.bool_),
        np.empty(rows, np.bool_),
    )
    return states, Spells(
        np.zeros(customers + 1, np.int64),
        np.empty(spells, np.int32),
        np.empty(spells, np.int32),
        np.empty(spells, np.int32),
        np.empty(spells, np.int32),
        np.empty(spells, np.int32),
    )


@inlined
def _owe(rows, n, amount, credits_, eps):  # type: ignore[no-untyped-def]
    """What a row is owed, before anything is paid."""
    owed = amount - credits_
    rows.amount[n], rows.credits[n] = amount, credits_
    rows.void[n] = owed <= eps
    rows.net[n] = 0 if rows.void[n] else owed
    rows.floor[n] = max(eps, REST * owed)
    rows.settle[n], rows.pay_days[n], rows.paid[n] = NEVER, 0, 0
    rows.worth_days[n] = rows.worth_points[n] = 0.0
    for mark in range(len(MARKS)):
        rows.unpaid[n, mark] = rows.net[n]


@inlined
def _pay(rows, n, day, money, last, enough):  # type: ignore[no-untyped-def]
    """A payment fills what is owed; says whether it did, so that the next is another day's."""
    money = min(money, rows.net[n] - rows.paid[n])
    if money <= 0:
        return False
    late = day - rows.due[n]
    rows.paid[n] += money
    rows.worth_days[n] += float(money) * late
    rows.worth_points[n] += float(money) * paydex(late)
    for mark in range(len(MARKS)):
        if late <= MARKS[mark]:
            rows.unpaid[n, mark] -= money
    if rows.settle[n] == NEVER or day == rows.settle[n]:
        rows.pay_days[n] += day != last
    if rows.settle[n] == NEVER and rows.net[n] - rows.paid[n] <= enough:
        rows.settle[n] = day
    return True


@inlined
def _end(rows, n, eps):  # type: ignore[no-untyped-def]
    """What is left when all was paid that is known."""
    rows.short[n] = not rows.void[n] and rows.net[n] - rows.paid[n] > max(eps, SHORT * rows.net[n])


@inlined
def _spell(spells, s, rows, n, start, end):  # type: ignore[no-untyped-def]
    """A row was an arrear from a day to before another."""
    spells.lo[s], spells.hi[s], spells.due[s] = rows.lo[n], rows.hi[n], rows.due[n]
    spells.start[s], spells.end[s] = start, end


@inlined
def plain(documents, versions, payments, d):  # type: ignore[no-untyped-def]
    """Is a document told once, never spoken of, and paid at most once? Most are."""
    v, p = documents.versions[d], documents.payments[d]
    if documents.versions[d + 1] - v != 1 or documents.events[d + 1] != documents.events[d]:
        return False
    if versions.replaced[v] < NEVER:
        return False
    pays = documents.payments[d + 1] - p
    return pays == 0 or (pays == 1 and payments.replaced[p] == NEVER and payments.amount[p] > 0)


@inlined
def _tell_plain(rows, n, spells, s, d, documents, versions, payments, days, m0, m1, eps):  # type: ignore[no-untyped-def]
    """The rows of a plain document: unpaid, then paid."""
    v, p = documents.versions[d], documents.payments[d]
    amount, issued, due = versions.amount[v], versions.issued[v], versions.due[v]
    seen = first_at(max(versions.known[v], issued), days, m0, m1)
    if seen == m1 or amount <= 0:
        return n, s
    pays = documents.payments[d + 1] > p
    paid = max(seen, first_at(payments.seen[p], days, m0, m1)) if pays else m1
    floor = max(eps, REST * amount)
    for then in range(2):
        lo, hi = (seen, paid) if then == 0 else (paid, m1)
        if lo == hi:
            continue
        rows.document[n], rows.lo[n], rows.hi[n] = d, lo, hi
        rows.issued[n], rows.due[n], rows.extended[n], rows.disputed[n] = issued, due, -1, False
        _owe(rows, n, amount, 0, eps)
        begins, ends, left = max(issued, due + 1), NEVER, amount
        if then == 1:
            left -= payments.amount[p]
            if not rows.void[n]:
                _pay(rows, n, payments.day[p], payments.amount[p], -NEVER, max(eps, REST * rows.net[n]))
            if left <= floor:  # no arrear from then on
                ends = max(issued, payments.day[p])
        rows.open[n] = rows.undisputed[n] = left if left > eps else 0
        if amount > floor and begins < ends:
            _spell(spells, s, rows, n, begins, ends)
            s += 1
        _end(rows, n, eps)
        n += 1
    return n, s


@inlined
def _tell_any(  # type: ignore[no-untyped-def]
    rows, n, spells, s, d, documents, versions, payments, events, days, m0, m1, eps, turns, work
):
    """The rows of a document, whatever happened to it."""
    v0, v1 = documents.versions[d], documents.versions[d + 1]
    p0, p1 = documents.payments[d], documents.payments[d + 1]
    e0, e1 = documents.events[d], documents.events[d + 1]
    many = _changes(turns, d, documents, versions, payments, events, days, m0, m1)
    for k in range(many):
        T = days[turns[k]]
        version = version_at(versions, v0, v1, T)
        if version < 0 or versions.amount[version] <= 0:
            continue
        rows.document[n], rows.lo[n], rows.hi[n] = d, turns[k], turns[k + 1] if k + 1 < many else m1
        rows.issued[n] = versions.issued[version]
        rows.due[n], rows.extended[n] = due_at(versions, v0, v1, T)
        _owe(rows, n, versions.amount[version], credited(events, e0, e1, T), eps)
        rows.disputed[n] = False
        for e in range(e0, e1):
            rows.disputed[n] |= events.kind[e] == _OPENED and known(events.seen[e], T)
        pays, backs = collect(payments, p0, p1, events, e0, e1, T, work)
        steps = stocks(rows.issued[n], rows.amount[n], events, e0, e1, T, eps, work, pays, backs)
        rows.open[n], rows.undisputed[n] = work.step_open[steps - 1], work.step_undisputed[steps - 1]
        start = NEVER  # of the spells during which it was an arrear
        for step in range(steps):
            above = work.step_undisputed[step] > rows.floor[n]
            if above and start == NEVER:
                start = max(work.step_day[step], rows.due[n] + 1)
            elif not above and start < NEVER:
                if work.step_day[step] > start:
                    _spell(spells, s, rows, n, start, work.step_day[step])
                    s += 1
                start = NEVER
        if start < NEVER:
            _spell(spells, s, rows, n, start, NEVER)
            s += 1
        if backs:  # for lateness they are undone, as if never made
            undo(work, pays, backs)
        if not rows.void[n]:
            enough, last = max(eps, REST * rows.net[n]), -NEVER
            for p in range(pays):
                if _pay(rows, n, work.pay_day[p], work.pay_money[p], last, enough):
                    last = work.pay_day[p]
        _end(rows, n, eps)
        n += 1
    return n, s


@inlined
def _tell(  # type: ignore[no-untyped-def]
    rows, spells, first, documents, versions, payments, events, begins, days, c0, c1, eps, over, turns, work
):
    n, s = 0, 0
    for c in range(c0, c1):
        m0, m1 = begins[c - c0], begins[c - c0 + 1]
        for d in range(first[c], first[c + 1]):
            if m0 == m1:
                break
            if over[d - first[c0]]:
                continue
            if plain(documents, versions, payments, d):
                n, s = _tell_plain(rows, n, spells, s, d, documents, versions, payments, days, m0, m1, eps)
            else:
                n, s = _tell_any(
                    rows, n, spells, s, d, documents, versions, payments, events, days, m0, m1, eps, turns, work
                )
        rows.begins[c - c0 + 1], spells.begins[c - c0 + 1] = n, s
    return n, s


@compiled
def _states(  # type: ignore[no-untyped-def]
    first, documents, versions, payments, events, begins, days, c0, c1, eps, lifelong
):
    most, rooms, stays = 1, 0, 0
    over = np.zeros(first[c1] - first[c0], np.bool_)
    for d in range(first[c0], first[c1]):
        own = documents.customer[d] - c0
        moments = begins[own + 1] - begins[own]
        if moments and not lifelong:
            before = days[begins[own]] - DONE
            over[d - first[c0]] = done(d, documents, versions, payments, before)
        if moments == 0 or over[d - first[c0]]:
            continue
        pays = documents.payments[d + 1] - documents.payments[d]
        told = documents.events[d + 1] - documents.events[d]
        twice = 2 * (documents.versions[d + 1] - documents.versions[d]) + 2 * pays + told
        most = max(most, twice)
        some = min(moments, twice)
        rooms += some
        ups = 1
        for p in range(documents.payments[d], documents.payments[d + 1]):
            ups += payments.amount[p] < 0
        stays += some * (ups + told)
    turns, work = np.empty(most, np.int32), room(most)
    rows, spells = _room(c1 - c0, rooms, stays)
    n, s = _tell(
        rows, spells, first, documents, versions, payments, events, begins, days, c0, c1, eps, over, turns, work
    )
    return rows, n, spells, s
