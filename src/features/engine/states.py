"""States: each document as it was known at each moment, one row for every stretch of moments with the same knowledge.

A row holds from moment `lo` to before moment `hi`. What a document is worth to a feature is read from its rows alone,
so no measure can see what was not known: a document changes its row only when a fact of it becomes known.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .compiled import compiled, inlined, tell_if_cold
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
    begins, rows, spells = _states(
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
    return States(begins[0], *rows), Spells(begins[1], *spells)


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


@compiled
def invoiced(first, documents, versions, begins, days, c0, c1):  # type: ignore[no-untyped-def]
    """Is an invoice of the customer visible at each moment?"""
    there = np.zeros(len(days), np.bool_)
    for c in range(c0, c1):
        for m in range(begins[c - c0], begins[c - c0 + 1]):
            for d in range(first[c], first[c + 1]):
                version = version_at(versions, documents.versions[d], documents.versions[d + 1], days[m])
                if version >= 0 and versions.amount[version] > 0:
                    there[m] = True
                    break
    return there


@inlined
def _done(document, documents, versions, payments, day):  # type: ignore[no-untyped-def]
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


@compiled
def _states(  # type: ignore[no-untyped-def]
    first, documents, versions, payments, events, begins, days, c0, c1, eps, lifelong
):
    most, rooms, spells = 1, 0, 0
    done = np.zeros(first[c1] - first[c0], np.bool_)
    for d in range(first[c0], first[c1]):
        own = documents.customer[d] - c0
        moments = begins[own + 1] - begins[own]
        if moments and not lifelong:
            before = days[begins[own]] - DONE
            done[d - first[c0]] = _done(d, documents, versions, payments, before)
        if moments == 0 or done[d - first[c0]]:
            continue
        pays = documents.payments[d + 1] - documents.payments[d]
        told = documents.events[d + 1] - documents.events[d]
        twice = 2 * (documents.versions[d + 1] - documents.versions[d]) + 2 * pays + told
        most = max(most, twice)
        rows = min(moments, twice)
        rooms += rows
        ups = 1
        for p in range(documents.payments[d], documents.payments[d + 1]):
            ups += payments.amount[p] < 0
        spells += rows * (ups + told)
    turns = np.empty(most, np.int32)
    work = room(most)
    n, s = 0, 0
    row_begins = np.zeros(c1 - c0 + 1, np.int64)
    spell_begins = np.zeros(c1 - c0 + 1, np.int64)
    document, lo, hi = np.empty(rooms, np.int32), np.empty(rooms, np.int32), np.empty(rooms, np.int32)
    issued, due, extended = np.empty(rooms, np.int32), np.empty(rooms, np.int32), np.empty(rooms, np.int32)
    settle, pay_days = np.empty(rooms, np.int32), np.empty(rooms, np.int32)
    amount, credits_, net = np.empty(rooms, np.int64), np.empty(rooms, np.int64), np.empty(rooms, np.int64)
    paid, open_, undisputed = np.empty(rooms, np.int64), np.empty(rooms, np.int64), np.empty(rooms, np.int64)
    unpaid = np.empty((rooms, len(MARKS)), np.int64)
    floor, worth_days, worth_points = np.empty(rooms), np.empty(rooms), np.empty(rooms)
    void, disputed, short = np.empty(rooms, np.bool_), np.empty(rooms, np.bool_), np.empty(rooms, np.bool_)
    s_lo, s_hi, s_due = np.empty(spells, np.int32), np.empty(spells, np.int32), np.empty(spells, np.int32)
    s_start, s_end = np.empty(spells, np.int32), np.empty(spells, np.int32)
    for c in range(c0, c1):
        m0, m1 = begins[c - c0], begins[c - c0 + 1]
        for d in range(first[c], first[c + 1]):
            if m0 == m1:
                break
            if done[d - first[c0]]:
                continue
            v0, v1 = documents.versions[d], documents.versions[d + 1]
            p0, p1 = documents.payments[d], documents.payments[d + 1]
            e0, e1 = documents.events[d], documents.events[d + 1]
            many = _changes(turns, d, documents, versions, payments, events, days, m0, m1)
            for k in range(many):
                T = days[turns[k]]
                version = version_at(versions, v0, v1, T)
                if version < 0 or versions.amount[version] <= 0:
                    continue
                document[n], lo[n], hi[n] = d, turns[k], turns[k + 1] if k + 1 < many else m1
                issued[n], amount[n] = versions.issued[version], versions.amount[version]
                due[n], extended[n] = due_at(versions, v0, v1, T)
                credits_[n] = credited(events, e0, e1, T)
                owed = amount[n] - credits_[n]
                void[n] = owed <= eps
                net[n] = 0 if void[n] else owed
                floor[n] = max(eps, REST * owed)
                disputed[n] = False
                for e in range(e0, e1):
                    disputed[n] |= events.kind[e] == _OPENED and known(events.seen[e], T)
                pays, backs = collect(payments, p0, p1, events, e0, e1, T, work)
                steps = stocks(issued[n], amount[n], events, e0, e1, T, eps, work, pays, backs)
                open_[n], undisputed[n] = work.step_open[steps - 1], work.step_undisputed[steps - 1]
                # the spells during which it was an arrear
                start = NEVER
                for step in range(steps):
                    above = work.step_undisputed[step] > floor[n]
                    if above and start == NEVER:
                        start = max(work.step_day[step], due[n] + 1)
                    elif not above and start < NEVER:
                        if work.step_day[step] > start:
                            s_lo[s], s_hi[s], s_due[s] = lo[n], hi[n], due[n]
                            s_start[s], s_end[s] = start, work.step_day[step]
                            s += 1
                        start = NEVER
                if start < NEVER:
                    s_lo[s], s_hi[s], s_due[s], s_start[s], s_end[s] = lo[n], hi[n], due[n], start, NEVER
                    s += 1
                # lateness: reversals undone, payments fill net by date
                if backs:
                    undo(work, pays, backs)
                settle[n], pay_days[n], paid[n] = NEVER, 0, 0
                worth_days[n] = worth_points[n] = 0.0
                for mark in range(len(MARKS)):
                    unpaid[n, mark] = net[n]
                short[n] = not void[n]
                if not void[n]:
                    enough, last = max(eps, REST * net[n]), -NEVER
                    for p in range(pays):
                        money = min(work.pay_money[p], net[n] - paid[n])
                        if money <= 0:
                            continue
                        day = work.pay_day[p]
                        late = day - due[n]
                        paid[n] += money
                        worth_days[n] += float(money) * late
                        worth_points[n] += float(money) * paydex(late)
                        for mark in range(len(MARKS)):
                            if late <= MARKS[mark]:
                                unpaid[n, mark] -= money
                        if settle[n] == NEVER or day == settle[n]:
                            pay_days[n] += day != last
                        last = day
                        if settle[n] == NEVER and net[n] - paid[n] <= enough:
                            settle[n] = day
                    short[n] = net[n] - paid[n] > max(eps, SHORT * net[n])
                n += 1
        row_begins[c - c0 + 1], spell_begins[c - c0 + 1] = n, s
    rows_ = (
        document[:n], lo[:n], hi[:n], issued[:n], due[:n], extended[:n], settle[:n], pay_days[:n], amount[:n],
        credits_[:n], net[:n], paid[:n], open_[:n], undisputed[:n], unpaid[:n], floor[:n], worth_days[:n],
        worth_points[:n], void[:n], disputed[:n], short[:n],
    )  # fmt: skip
    return (row_begins, spell_begins), rows_, (s_lo[:s], s_hi[:s], s_due[:s], s_start[:s], s_end[:s])
