"""Defaulting: the days on which a customer counts as in default, as known on some day."""

from typing import Any, NamedTuple

import numpy as np

from ...compiled import allocating, compiled, inlined
from .days import NEVER
from .facts import Documents, Events, Ints, Kind, Longs, Notices, Payments, Versions
from .gate import due_at, known, version_at
from .ordering import put_in_order, widest
from .replay import collect, room, stocks
from .states import done

OVERDUE, WRITTEN_OFF, COLLECTION, INSOLVENT, PREPAYING = range(5)
_CREDIT_NOTE = int(Kind.CREDIT_NOTE)
_WRITE_OFF, _AGENCY, _LEGAL = int(Kind.WRITE_OFF), int(Kind.AGENCY), int(Kind.LEGAL)
_INSOLVENCY, _PREPAYMENT = int(Kind.INSOLVENCY), int(Kind.PREPAYMENT)
_BOUNCED = int(Kind.BOUNCED)
WRITE_OFF_DAYS = 365
PREPAYMENT_DPD = 30


class Rule(NamedTuple):
    """What counts: more than `dpd` days past due, material from max(floor, share of all), in minor units."""

    dpd: int
    floor: float
    share: float
    pause_disputes: bool
    prepayment: bool


class Ledger(NamedTuple):
    """What the kernels here read of the facts."""

    first: Longs
    documents: Documents
    versions: Versions
    payments: Payments
    events: Events
    notices: Notices


class Spells(NamedTuple):
    """Days [start, end) of default, and of which kind."""

    start: Ints
    end: Ints
    kind: Ints


@compiled
def hopeful(held, rule, eps):  # type: ignore[no-untyped-def]
    """By whatever is ever known: can a customer be in default for what was said of it; and the most money of each
    document that can ever be so late."""
    said, late = np.zeros(len(held.first) - 1, np.bool_), np.zeros(len(held.documents.customer))
    _tell_hopeful(held, rule, eps, said, late)
    return said, late


@inlined
def _most_late(held, d, rule, eps):  # type: ignore[no-untyped-def]
    """What is not sure to have been paid, credited or written off in time."""
    owed, due, paid = 0, NEVER, 0
    for v in range(held.documents.versions[d], held.documents.versions[d + 1]):
        owed, due = max(owed, held.versions.amount[v]), min(due, held.versions.due[v])
    for p in range(held.documents.payments[d], held.documents.payments[d + 1]):
        if held.payments.amount[p] < 0 or held.payments.replaced[p] < NEVER:
            return np.inf
        if held.payments.seen[p] <= due + rule.dpd:
            paid += held.payments.amount[p]
    for e in range(held.documents.events[d], held.documents.events[d + 1]):
        kind, money = held.events.kind[e], held.events.amount[e]
        if kind in (_CREDIT_NOTE, _WRITE_OFF) and money > 0 and held.events.seen[e] <= due + rule.dpd:
            paid += money
    return float(owed - paid) if owed - paid > eps else 0.0


@inlined
def _said(held, c, to):  # type: ignore[no-untyped-def]
    """Was anything said of a customer by a day that makes a default, or that keeps it in one?"""
    for e in range(held.notices.begins[c], held.notices.begins[c + 1]):
        kind = held.notices.kind[e]
        if held.notices.seen[e] <= to and kind in (_WRITE_OFF, _AGENCY, _LEGAL, _INSOLVENCY, _PREPAYMENT):
            return True
    return False


@inlined
def _tell_hopeful(held, rule, eps, said, late):  # type: ignore[no-untyped-def]
    for c in range(len(said)):
        bounced = False
        for e in range(held.notices.begins[c], held.notices.begins[c + 1]):
            bounced |= held.notices.kind[e] == _BOUNCED
        said[c] = _said(held, c, NEVER)
        for d in range(held.first[c], held.first[c + 1]):
            late[d] = np.inf if bounced else _most_late(held, d, rule, eps)


@inlined
def _can_be(held, c, after, to, rule, said, late):  # type: ignore[no-untyped-def]
    """Can a customer have been in default on a day of (after, to]?"""
    if said[c] and _said(held, c, to):
        return True
    money = 0.0
    for d in range(held.first[c], held.first[c + 1]):
        if late[d] == 0:
            continue
        due = NEVER
        for v in range(held.documents.versions[d], held.documents.versions[d + 1]):
            due = min(due, held.versions.due[v])
        if due + rule.dpd < to and not done(d, held.documents, held.versions, held.payments, after):
            money += late[d]
            if money >= rule.floor:
                return True
    return False


@inlined
def _crossing(due, dpd, pause, work, steps):  # type: ignore[no-untyped-def]
    """The day on which an invoice is dpd + 1 days past due, days wholly in dispute not counted."""
    crossing = due + dpd + 1
    if pause:
        for k in range(steps):  # in order of day, so that each pause sees the ones before it
            if work.step_open[k] > 0 and work.step_undisputed[k] == 0:
                start, until = max(work.step_day[k], due + 1), work.step_day[k + 1] if k + 1 < steps else NEVER
                if start < crossing:
                    crossing += max(0, until - start)
    return min(crossing, NEVER)


@inlined
def _sweep(n, work, late_day, after, floor, share):  # type: ignore[no-untyped-def]
    """Spells on which late money is material; money k is there on [day, end), and late from late_day + after on."""
    m, keys, start, end = 0, work.keys, work.start, work.stop
    for k in range(n):  # four turns of each: it comes, it is late, it is late no more, it goes
        day, gone = work.day[k], work.end[k]
        keys[m], keys[m + 1] = (np.int64(day) << 32) | (4 * k), (np.int64(gone) << 32) | (4 * k + 3)
        m += 2
        late = max(late_day[k] + after, day)
        if late < gone:
            keys[m], keys[m + 1] = (np.int64(late) << 32) | (4 * k + 1), (np.int64(gone) << 32) | (4 * k + 2)
            m += 2
    put_in_order(keys, 0, m)
    spells, there, late, holding = 0, 0, 0, False
    for j in range(m):
        turn = keys[j] & 0xFFFFFFFF
        money = work.money[turn >> 2]
        kind = turn & 3
        if kind == 0:
            there += money
        elif kind == 1:
            late += money
        elif kind == 2:
            late -= money
        else:
            there -= money
        day = keys[j] >> 32
        if j + 1 < m and (keys[j + 1] >> 32) == day:
            continue
        holds = late > 0 and late >= max(floor, share * there) and day < NEVER
        if holds and not holding:
            start[spells], end[spells] = day, NEVER
            spells += 1
        elif holding and not holds:
            end[spells - 1] = day
        holding = holds
    return spells


@inlined
def _until(start, end, spells, day):  # type: ignore[no-untyped-def]
    """When the spell that covers a day ends; the day after it if none does, told with whether one does."""
    for k in range(spells):
        if start[k] <= day < end[k]:
            return end[k], True
    return day + 1, False


class Room(NamedTuple):
    """Room for the money of one customer, the turns of a sweep, and spells."""

    replay: Any
    day: Any
    end: Any
    money: Any
    late: Any
    due: Any
    keys: Any
    start: Any  # of the spells of a sweep
    stop: Any
    spell_start: Any
    spell_end: Any
    kind: Any


@allocating
def _room(held, c0, c1):  # type: ignore[no-untyped-def]
    """Room for any of these customers."""
    documents, notices = held.documents, held.notices
    rows, most, said = 1, 1, 0
    for c in range(c0, c1):
        own = 1
        for d in range(held.first[c], held.first[c + 1]):
            some = documents.payments[d + 1] - documents.payments[d] + documents.events[d + 1] - documents.events[d] + 1
            own, most = own + some, max(most, some)
        rows, said = max(rows, own), max(said, notices.begins[c + 1] - notices.begins[c])
    spells = 2 * rows + 1 + said
    return Room(
        room(most + 1),
        np.empty(rows, np.int32),
        np.empty(rows, np.int32),
        np.empty(rows, np.int64),
        np.empty(rows, np.int32),
        np.empty(rows, np.int32),
        np.empty(4 * rows, np.int64),
        np.empty(2 * rows + 1, np.int32),
        np.empty(2 * rows + 1, np.int32),
        np.empty(spells, np.int32),
        np.empty(spells, np.int32),
        np.empty(spells, np.int32),
    )


@inlined
def _spells(held, c, T, since, rule, eps, work):  # type: ignore[no-untyped-def]
    """Fill `work` with the spells of default of customer c, as known at the close of T; how many there are.

    What was over by the day `since` is left out: spells that end by then are not told.
    """
    documents, versions, notices, replay = held.documents, held.versions, held.notices, work.replay
    n0, n1, n = notices.begins[c], notices.begins[c + 1], 0
    for d in range(held.first[c], held.first[c + 1]):
        v0, v1 = documents.versions[d], documents.versions[d + 1]
        version = version_at(versions, v0, v1, T)
        if version < 0 or versions.amount[version] <= 0 or done(d, documents, versions, held.payments, since):
            continue
        due, _ = due_at(versions, v0, v1, T)
        e0, e1 = documents.events[d], documents.events[d + 1]
        p0, p1 = documents.payments[d], documents.payments[d + 1]
        pays, backs = collect(held.payments, p0, p1, held.events, e0, e1, T, replay)
        issued, amount = versions.issued[version], versions.amount[version]
        steps = stocks(issued, amount, held.events, e0, e1, T, eps, replay, pays, backs)
        crossing = _crossing(due, rule.dpd, rule.pause_disputes, replay, steps)
        for k in range(steps):
            if replay.step_undisputed[k] > 0:
                work.day[n], work.money[n] = replay.step_day[k], replay.step_undisputed[k]
                work.end[n] = replay.step_day[k + 1] if k + 1 < steps else NEVER
                work.late[n], work.due[n] = crossing, due
                n += 1
    many = _sweep(n, work, work.late, 0, rule.floor, rule.share)
    for k in range(many):
        work.spell_start[k], work.spell_end[k], work.kind[k] = work.start[k], work.stop[k], OVERDUE
    for e in range(n0, n1):
        seen, what = notices.seen[e], notices.kind[e]
        if not known(seen, T):
            continue
        end, kind = -1, -1
        if what == _WRITE_OFF and notices.amount[e] > 0:
            total = 0
            for other in range(n0, n1):
                near = seen - WRITE_OFF_DAYS < notices.seen[other] <= seen
                if near and notices.kind[other] == _WRITE_OFF and notices.amount[other] > 0:
                    total += notices.amount[other]
            if total >= rule.floor:
                end, kind = seen + 1, WRITTEN_OFF
        elif what in (_AGENCY, _LEGAL):
            found = _sweep(n, work, work.due, 1, 0.0, 0.0)
            end, kind = _until(work.start, work.stop, found, seen)[0], COLLECTION
        elif what == _INSOLVENCY:
            end, kind = NEVER, INSOLVENT
        elif what == _PREPAYMENT and rule.prepayment:
            found = _sweep(n, work, work.due, PREPAYMENT_DPD + 1, rule.floor, rule.share)
            if _until(work.start, work.stop, found, seen)[1]:
                end, kind = seen + 1, PREPAYING
        if kind >= 0:
            work.spell_start[many], work.spell_end[many], work.kind[many] = seen, end, kind
            many += 1
    return many


@compiled
def spells_of(held, c, T, rule, eps):  # type: ignore[no-untyped-def]
    """The spells of default of customer c, as known at the close of T."""
    work = _room(held, c, c + 1)
    many = _spells(held, c, T, -NEVER, rule, eps, work)
    return Spells(work.spell_start[:many], work.spell_end[:many], work.kind[:many])


@inlined
def _tell_hits(held, customer, known_by, after, to, said, late, rule, eps, work, hit):  # type: ignore[no-untyped-def]
    for row in range(len(customer)):
        if not _can_be(held, customer[row], after[row], to[row], rule, said, late):
            continue
        since = (
            -NEVER if said[customer[row]] else after[row]
        )  # an agency stays until nothing is overdue, since long ago
        for k in range(_spells(held, customer[row], known_by[row], since, rule, eps, work)):
            if work.spell_start[k] <= to[row] and work.spell_end[k] > after[row] + 1:
                hit[row, work.kind[k]] = True


@compiled
def hits(held, customer, known_by, after, to, said, late, rule, eps):  # type: ignore[no-untyped-def]
    """(rows, 5): does a default of each kind hold on a day of (after, to], as known at `known_by`?"""
    hit = np.zeros((len(customer), 5), np.bool_)
    work = _room(held, 0, len(held.first) - 1)
    _tell_hits(held, customer, known_by, after, to, said, late, rule, eps, work, hit)
    return hit


@compiled
def late_when_due(held, customer, known_by, after, to, last, rule, eps):  # type: ignore[no-untyped-def]
    """Is an invoice due in (after, to] still unpaid (more than the floor) when it is `dpd` days past due?

    What lies after `last` is not known.
    """
    hit = np.zeros(len(customer), np.bool_)
    documents, versions = held.documents, held.versions
    work = room(widest(documents.payments) + widest(documents.events) + 1)
    for row in range(len(customer)):
        c, T = customer[row], known_by[row]
        for d in range(held.first[c], held.first[c + 1]):
            v0, v1 = documents.versions[d], documents.versions[d + 1]
            version = version_at(versions, v0, v1, T)
            if hit[row] or version < 0 or versions.amount[version] <= 0:
                continue
            due, _ = due_at(versions, v0, v1, T)
            if not after[row] < due <= to[row]:
                continue
            e0, e1 = documents.events[d], documents.events[d + 1]
            p0, p1 = documents.payments[d], documents.payments[d + 1]
            pays, backs = collect(held.payments, p0, p1, held.events, e0, e1, T, work)
            issued, amount = versions.issued[version], versions.amount[version]
            steps = stocks(issued, amount, held.events, e0, e1, T, eps, work, pays, backs)
            on = _crossing(due, rule.dpd, rule.pause_disputes, work, steps) - 1
            for k in range(steps):
                until = work.step_day[k + 1] if k + 1 < steps else NEVER
                if work.step_day[k] <= on < until and on <= last[row]:
                    hit[row] |= work.step_undisputed[k] > max(0.0, rule.floor)
    return hit
