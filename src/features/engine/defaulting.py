"""Defaulting: the days on which a customer counts as in default, as known on some day."""

from typing import NamedTuple

import numpy as np

from .compiled import compiled, inlined
from .days import NEVER
from .facts import Documents, Events, Ints, Kind, Longs, Notices, Payments, Versions
from .gate import due_at, known, version_at
from .ordering import put_in_order, widest
from .replay import collect, room, stocks

OVERDUE, WRITTEN_OFF, COLLECTION, INSOLVENT, PREPAYING = range(5)
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
    """Customers that can have been in default on some day, by whatever was known; the others never were."""
    n = len(held.first) - 1
    may = np.zeros(n, np.bool_)
    for c in range(n):
        for e in range(held.notices.begins[c], held.notices.begins[c + 1]):
            kind = held.notices.kind[e]
            may[c] |= kind in (_WRITE_OFF, _AGENCY, _LEGAL, _INSOLVENCY, _PREPAYMENT, _BOUNCED)
        d = held.first[c]
        while d < held.first[c + 1] and not may[c]:
            owed, due, paid = 0, NEVER, 0
            for v in range(held.documents.versions[d], held.documents.versions[d + 1]):
                owed, due = max(owed, held.versions.amount[v]), min(due, held.versions.due[v])
            for p in range(held.documents.payments[d], held.documents.payments[d + 1]):
                if held.payments.amount[p] < 0 or held.payments.replaced[p] < NEVER:
                    may[c] = True
                elif held.payments.seen[p] <= due + rule.dpd:
                    paid += held.payments.amount[p]
            may[c] |= owed - paid > eps  # not sure to have been paid in time
            d += 1
    return may


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
def _sweep(n, all_day, all_money, all_end, late_day, floor, share, keys, start, end):  # type: ignore[no-untyped-def]
    """Spells on which late money is material; money k is there on [all_day, all_end), and late from late_day on."""
    m = 0
    for k in range(n):  # four turns of each: it comes, it is late, it is late no more, it goes
        keys[m], keys[m + 1] = (np.int64(all_day[k]) << 32) | (4 * k), (np.int64(all_end[k]) << 32) | (4 * k + 3)
        m += 2
        if max(late_day[k], all_day[k]) < all_end[k]:
            keys[m] = (np.int64(max(late_day[k], all_day[k])) << 32) | (4 * k + 1)
            keys[m + 1] = (np.int64(all_end[k]) << 32) | (4 * k + 2)
            m += 2
    put_in_order(keys, 0, m)
    spells, there, late, holding = 0, 0, 0, False
    for j in range(m):
        turn = keys[j] & 0xFFFFFFFF
        money = all_money[turn >> 2]
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


@compiled
def spells_of(held, c, T, rule, eps):  # type: ignore[no-untyped-def]
    """The spells of default of customer c, as known at the close of T."""
    documents, versions, notices = held.documents, held.versions, held.notices
    rows, most = 1, 1
    for d in range(held.first[c], held.first[c + 1]):
        own = documents.payments[d + 1] - documents.payments[d] + documents.events[d + 1] - documents.events[d] + 1
        rows, most = rows + own, max(most, own)
    n0, n1 = notices.begins[c], notices.begins[c + 1]
    work = room(most + 1)
    day, end, money = np.empty(rows, np.int32), np.empty(rows, np.int32), np.empty(rows, np.int64)
    late, due_day = np.empty(rows, np.int32), np.empty(rows, np.int32)
    keys = np.empty(4 * rows, np.int64)
    starts, ends = np.empty(2 * rows + 1, np.int32), np.empty(2 * rows + 1, np.int32)
    room_ = 2 * rows + 1 + n1 - n0
    spell_start, spell_end = np.empty(room_, np.int32), np.empty(room_, np.int32)
    kind = np.empty(room_, np.int32)
    n = 0
    for d in range(held.first[c], held.first[c + 1]):
        v0, v1 = documents.versions[d], documents.versions[d + 1]
        version = version_at(versions, v0, v1, T)
        if version < 0 or versions.amount[version] <= 0:
            continue
        due, _ = due_at(versions, v0, v1, T)
        e0, e1 = documents.events[d], documents.events[d + 1]
        p0, p1 = documents.payments[d], documents.payments[d + 1]
        pays, backs = collect(held.payments, p0, p1, held.events, e0, e1, T, work)
        issued, amount = versions.issued[version], versions.amount[version]
        steps = stocks(issued, amount, held.events, e0, e1, T, eps, work, pays, backs)
        crossing = _crossing(due, rule.dpd, rule.pause_disputes, work, steps)
        for k in range(steps):
            if work.step_undisputed[k] > 0:
                day[n], money[n] = work.step_day[k], work.step_undisputed[k]
                end[n] = work.step_day[k + 1] if k + 1 < steps else NEVER
                late[n], due_day[n] = crossing, due
                n += 1
    many = _sweep(n, day, money, end, late, rule.floor, rule.share, keys, starts, ends)
    for k in range(many):
        spell_start[k], spell_end[k], kind[k] = starts[k], ends[k], OVERDUE
    for e in range(n0, n1):
        seen, what = notices.seen[e], notices.kind[e]
        if not known(seen, T):
            continue
        if what == _WRITE_OFF and notices.amount[e] > 0:
            total = 0
            for other in range(n0, n1):
                near = seen - WRITE_OFF_DAYS < notices.seen[other] <= seen
                if near and notices.kind[other] == _WRITE_OFF and notices.amount[other] > 0:
                    total += notices.amount[other]
            if total >= rule.floor:
                spell_start[many], spell_end[many], kind[many] = seen, seen + 1, WRITTEN_OFF
                many += 1
        elif what in (_AGENCY, _LEGAL):
            found = _sweep(n, day, money, end, due_day + np.int32(1), 0.0, 0.0, keys, starts, ends)
            spell_start[many], spell_end[many], kind[many] = seen, _until(starts, ends, found, seen)[0], COLLECTION
            many += 1
        elif what == _INSOLVENCY:
            spell_start[many], spell_end[many], kind[many] = seen, NEVER, INSOLVENT
            many += 1
        elif what == _PREPAYMENT and rule.prepayment:
            dpd = due_day + np.int32(PREPAYMENT_DPD + 1)
            found = _sweep(n, day, money, end, dpd, rule.floor, rule.share, keys, starts, ends)
            if _until(starts, ends, found, seen)[1]:
                spell_start[many], spell_end[many], kind[many] = seen, seen + 1, PREPAYING
                many += 1
    return Spells(spell_start[:many], spell_end[:many], kind[:many])


@compiled
def hits(held, customer, known_by, after, to, may, rule, eps):  # type: ignore[no-untyped-def]
    """(rows, 5): does a default of each kind hold on a day of (after, to], as known at `known_by`?"""
    hit = np.zeros((len(customer), 5), np.bool_)
    for row in range(len(customer)):
        if may[customer[row]]:
            spells = spells_of(held, customer[row], known_by[row], rule, eps)
            for k in range(len(spells.start)):
                if spells.start[k] <= to[row] and spells.end[k] > after[row] + 1:
                    hit[row, spells.kind[k]] = True
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
