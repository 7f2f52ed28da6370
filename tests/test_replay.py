"""Stocks and lateness against a slow, obvious walk through the days, on made-up invoices of every kind."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from books import book, day, told_of
from tradecredit.features.account import Account
from tradecredit.features.default import DefaultRecipe
from tradecredit.features.engine.days import day_number, day_of
from tradecredit.features.engine.loading import facts_of
from tradecredit.features.outcomes import outcomes

ISSUED, DUE, LAST = day_number(day("01-01")), day_number(day("01-31")), day_number(day("04-30"))
days = st.integers(ISSUED, LAST - 5).map(lambda number: str(day_of(number)))
amounts = st.sampled_from([50, 100, 300, 1000])
happenings = st.lists(
    st.one_of(
        st.tuples(st.just("pay"), days, amounts),
        st.tuples(st.just("back"), days, amounts),
        st.tuples(st.just("credit_note"), days, amounts),
        st.tuples(st.just("write_off"), days, amounts),
        st.tuples(st.just("dispute_opened"), days, st.one_of(st.none(), amounts)),
        st.tuples(st.just("dispute_closed"), days, st.none()),
    ),
    max_size=8,
)


def _book(rows):
    pays = [("i", on, amount if kind == "pay" else -amount) for kind, on, amount in rows if kind in ("pay", "back")]
    told = [(kind, "i", on, amount) for kind, on, amount in rows if kind not in ("pay", "back")]
    return book([("i", "01-31", 1000, "01-01")], pays, told)


@settings(max_examples=300, deadline=None)
@given(happenings)
def test_open_and_undisputed_money_agree_with_a_walk_through_the_days(rows):
    facts = facts_of(_book(rows))
    for number in range(ISSUED, LAST, 3):
        today = [row for row in rows if day_number(day(row[1])) <= number]
        open_ = 1000 + sum(a if kind == "back" else -a for kind, _, a in today if not kind.startswith("dispute"))
        open_ = open_ if open_ > 1 else 0
        closed = [day_number(day(on)) for kind, on, _ in today if kind == "dispute_closed"]
        alive = [
            amount
            for kind, on, amount in today
            if kind == "dispute_opened" and (not closed or day_number(day(on)) > max(closed))
        ]
        disputed = open_ if None in alive else min(open_, sum(alive))
        account = Account(facts, 0, number)
        assert (account.open / 100).tolist() == [open_]
        assert (account.undisputed / 100).tolist() == [open_ - disputed]


@settings(max_examples=300, deadline=None)
@given(happenings)
def test_settlement_agrees_with_payments_undone_one_by_one(rows):
    told = Account(facts_of(_book(rows)), 0, LAST)
    net = 1000 - sum(amount for kind, _, amount in rows if kind == "credit_note")
    assert told.owed[0] == (net > 1)
    if net <= 1:
        return
    order = sorted(
        (
            (day_number(day(on)), k, kind, amount)
            for k, (kind, on, amount) in enumerate(rows)
            if kind in ("pay", "back")
        ),
        key=lambda row: row[0],
    )
    paid = [[on, amount] for on, _, kind, amount in order if kind == "pay"]
    for on, _, kind, amount in order:
        if kind == "back":
            rest = amount
            for one in reversed([p for p in paid if p[0] <= on]):
                taken = min(rest, one[1])
                one[1] -= taken
                rest -= taken
    settle, left = 10**6, net
    for on, amount in paid:
        left -= amount
        if left <= max(1, 0.05 * net):
            settle = on
            break
    assert told.settle[0] == settle


def _value(ledger, name, as_of):
    return told_of(ledger, as_of)[name]


def _bad(ledger):
    at = np.array([day_number(day("01-31"))])
    return outcomes(facts_of(ledger), np.array([0]), at, DefaultRecipe()).bad[0]


TWICE = book(
    [("i", "01-31", 1000)],
    [("i", "01-31", 1000), ("i", "02-03", -1000), ("i", "02-20", 1000), ("i", "02-24", -1000), ("i", "03-01", 1000)],
    [("bounced", "i", "02-03", 1000), ("bounced", "i", "02-24", 1000)],
)


def test_a_debit_that_bounces_twice_and_is_told_both_ways_is_two_reversals():
    assert _value(TWICE, "open_amt", "12-31") == 0
    assert _value(TWICE, "n_bounced_365d", "12-31") == 2
    assert _value(TWICE, "cei_3m", "03-31") == 1
    assert _bad(TWICE) == 0


def test_a_bounce_told_once_counts_as_one_told_both_ways():
    pays = [("i", "01-31", 1000), ("i", "02-20", 1000)]
    by_event = book([("i", "01-31", 1000)], pays, [("bounced", "i", "02-03", 1000)])
    by_payment = book([("i", "01-31", 1000)], [*pays, ("i", "02-03", -1000)])
    both = book([("i", "01-31", 1000)], [*pays, ("i", "02-03", -1000)], [("bounced", "i", "02-03", 1000)])
    for name in ("cei_3m", "collected_to_billed_3m", "n_bounced_365d", "open_amt", "dbt_w_90d"):
        values = {_value(ledger, name, "02-28") for ledger in (by_event, by_payment, both)}
        assert len(values) == 1, name


def test_a_promise_whose_payment_bounced_was_broken():
    kept = book([("i", "01-31", 1000)], [("i", "02-10", 1000)], [("promise", "i", "02-10", 1000, "02-01")])
    back = book(
        [("i", "01-31", 1000)],
        [("i", "02-10", 1000)],
        [("promise", "i", "02-10", 1000, "02-01"), ("bounced", "i", "02-12", 1000)],
    )
    assert _value(kept, "promise_broken_rate_365d", "02-28") == 0
    assert _value(back, "promise_broken_rate_365d", "02-28") == 1


def test_a_credit_note_that_is_cleared_owes_nothing():
    ledger = book([("i", "01-31", 1000), ("n", "01-31", -1000)], [("i", "01-31", 1000), ("n", "02-10", -1000)])
    for name, value in (("open_amt", 0), ("n_overdue", 0), ("n_bounced_365d", 0), ("collected_to_billed_3m", 1)):
        assert _value(ledger, name, "03-31") == value, name
    assert _bad(ledger) == 0


def test_a_limit_counts_from_the_day_its_source_is_complete():
    from dataclasses import replace

    ledger = book([("i", "01-31", 1000)], limits=[("01-01", 2000)])
    late = replace(ledger, since={"limits": day("03-01")})
    assert _value(ledger, "utilisation", "02-28") == 0.5
    assert _value(late, "utilisation", "02-28") == "NOLIMIT"
    assert _value(late, "utilisation", "03-01") == 0.5
