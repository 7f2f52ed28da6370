"""The engine: the same bits whoever is asked for beside it, and a defined answer to every odd ledger."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from books import book, day, table, told_of
from tradecredit.errors import Mistake
from tradecredit.features import building, pasts
from tradecredit.features.building import build, columns
from tradecredit.features.catalogue import CATALOGUE
from tradecredit.features.column import Column, Missing
from tradecredit.features.declaration import Family
from tradecredit.features.default import TRIGGERS, DefaultRecipe, Defaults
from tradecredit.features.engine.days import day_number
from tradecredit.features.engine.loading import facts_of
from tradecredit.features.engine.ordering import order_by
from tradecredit.features.engine.totals import Quantity
from tradecredit.features.measures.limits import peak_utilisation
from tradecredit.features.measures.vocabulary import count, due, issued, of
from worlds import ledgers, made_up

LEDGER = made_up(11, [40, 0, 3, 60, 15], ())
DAYS = [date(2024, 2, 29), date(2024, 8, 15), date(2025, 3, 31)]
INSIDE = [one for one in CATALOGUE if one.family is not Family.OUTSIDE]


def _keys(ledger, days=DAYS):
    pairs = [(customer, pd.Timestamp(on)) for on in days for customer in ledger.customers["customer_id"]]
    return pd.DataFrame(pairs, columns=["customer_id", "as_of"])


def _same(one, other):
    return one.values.tobytes() == other.values.tobytes() and one.missing.tobytes() == other.missing.tobytes()


WHOLE = build(facts_of(LEDGER), _keys(LEDGER))


@pytest.mark.parametrize("place", range(len(CATALOGUE)), ids=[one.name for one in CATALOGUE])
def test_a_feature_alone_has_the_bits_it_has_among_all(place):
    """Alone it need not look at what was done with long ago, nor at other moments."""
    alone = build(facts_of(LEDGER), _keys(LEDGER), CATALOGUE[place : place + 1])
    assert _same(alone, WHOLE.only([CATALOGUE[place].name]))


def test_customers_in_chunks_have_the_bits_they_have_together(monkeypatch):
    monkeypatch.setattr(pasts, "_ROWS", 20)
    assert _same(build(facts_of(LEDGER), _keys(LEDGER)), WHOLE)


def test_a_moment_alone_has_the_bits_it_has_among_others():
    for place in range(len(WHOLE)):
        row = _keys(LEDGER).iloc[[place]].reset_index(drop=True)
        assert _same(build(facts_of(LEDGER), row), WHOLE.rows(slice(place, place + 1))), place


def test_features_told_apart_from_trends_have_the_bits_they_have_together(monkeypatch):
    """Three days, of which each has twelve earlier months that trends alone look at."""
    days = np.array([day_number(one) for one in DAYS])
    assert [len(one) for one in building._together(CATALOGUE, days)] == [90, 12]
    monkeypatch.setattr(building, "_FEW", 1000)
    assert [len(one) for one in building._together(CATALOGUE, days)] == [102]
    assert _same(build(facts_of(LEDGER), _keys(LEDGER)), WHOLE)


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3), max_size=12), st.booleans())
def test_rows_that_stand_in_order_are_not_sorted_and_others_are(rows, in_order):
    columns = np.array(sorted(rows) if in_order else rows, float).reshape(-1, 3).T
    columns[2, 3:4] = np.nan
    assert np.array_equal(order_by(*columns), np.lexsort(columns[::-1]))


def test_rows_come_back_in_the_order_in_which_they_are_asked_for():
    order = np.random.default_rng(2).permutation(len(WHOLE))
    assert _same(build(facts_of(LEDGER), _keys(LEDGER).iloc[order]), WHOLE.rows(order))


def test_an_unknown_customer_is_told():
    with pytest.raises(KeyError, match="X is no customer"):
        build(facts_of(LEDGER), pd.DataFrame({"customer_id": ["X"], "as_of": [pd.Timestamp("2024-01-31")]}))


def test_a_value_is_missing_only_for_a_declared_reason():
    declared = {one.name: {Missing.NONE, Missing.NEW, *one.missing} for one in CATALOGUE}
    for seed in range(30):
        ledger = made_up(seed, [30, 8, 1], ("events", "signals") if seed % 3 == 0 else ())
        matrix = build(facts_of(ledger), _keys(ledger))
        for name in matrix.names:
            assert {Missing(code) for code in np.unique(matrix.reasons(name))} <= declared[name], name


# ---- odd ledgers


def test_without_events_limits_and_signals_what_needs_them_has_no_source():
    told = told_of(book([("a", "01-31", 1000)], [("a", "02-10", 1000)], since=()), "03-31")
    assert told["dbt_w_90d"] == 10
    assert {name for name, value in told.items() if value == "NOSRC"} >= {
        "n_bounced_365d",
        "ext_score",
        "dunning_rate_365d",
    }
    assert {told[name] for name in ("utilisation", "util_max_90d", "limit_chg_180d")} == {"NOLIMIT"}


def test_a_customer_with_one_invoice_has_few_of_everything():
    told = told_of(book([("a", "01-31", 1000)]), "03-31")
    assert (told["n_inv_12m"], told["oldest_dpd"], told["dbt_w_90d"], told["late_streak"]) == (1, 59, 59, 1)
    for name in ("inv_gap_cv_365d", "late_std_365d", "last3_late_mean", "pay_gap_ratio_365d"):
        assert told[name] == "FEW", name


def test_a_customer_with_credit_notes_alone_is_new():
    told = told_of(book([("n", "01-31", -1000)]), "03-31")
    assert {told[one.name] for one in INSIDE} <= {"NEW", "NOLIMIT", "NOSRC"}


@pytest.mark.parametrize(("as_of", "open_amt"), [("1970-01-01", "NEW"), ("2100-12-31", 1000)])
def test_a_day_before_or_after_everything_is_defined(as_of, open_amt):
    told = told_of(book([("a", "01-31", 1000)], limits=[("01-01", 2000)]), as_of)
    assert told["open_amt"] == open_amt
    assert all(isinstance(value, str) or np.isfinite(value) for value in told.values())


def test_nothing_is_owed_on_an_invoice_of_nothing():
    told = told_of(book([("a", "01-31", 0), ("b", "02-28", 100)]), "03-31")
    assert (told["n_inv_12m"], told["open_amt"], told["n_overdue"]) == (1, 100, 1)


def test_a_trillion_is_counted_to_the_cent():
    told = told_of(book([("a", "01-31", 10**12), ("b", "01-31", 0.01 + 5)], [("a", "02-10", 10**12)]), "03-31")
    assert told["open_amt"] == 5.01
    assert told["amt_inv_12m"] == 10**12 + 5.01


def test_more_money_than_can_be_counted_exactly_is_refused():
    ledger = book([(f"i{k}", "01-31", 10**13) for k in range(5000)])
    with pytest.raises(Mistake, match=r"invoices: those of customer C sum to 5e\+16, and at most 4.61e\+16"):
        facts_of(ledger)


def test_a_hundred_thousand_invoices_of_one_customer_are_read_as_any_other():
    """Eighty-four month ends; each moment reads its window, not the history."""
    first, many = date(2015, 1, 1), 100_000
    rows = [
        dict(invoice_id=f"I{k}", customer_id="C", issued_on=first + timedelta(days=k * 3600 // many), amount=10_000)
        for k in range(many)
    ]
    for row in rows:
        row |= dict(due_on=row["issued_on"] + timedelta(days=30), known_on=row["issued_on"], currency="EUR")
    pays = [
        dict(payment_id=row["invoice_id"], invoice_id=row["invoice_id"], customer_id="C", amount=10_000, currency="EUR")
        | dict(paid_on=row["due_on"] + timedelta(days=7), known_on=row["due_on"] + timedelta(days=7))
        for row in rows
    ]
    ledger = replace(book(), invoices=table("invoices", rows), payments=table("payments", pays))
    ends = pd.date_range("2017-12-31", periods=84, freq="ME")
    matrix = build(facts_of(ledger), pd.DataFrame({"customer_id": "C", "as_of": ends}))
    np.testing.assert_allclose(matrix.column("dbt_w_365d"), 7, atol=0.1)  # the last week's are not yet that late
    assert (matrix.column("late_share_n_365d") == 1).all()
    assert (matrix.column("late_streak") > 900).all()
    year = np.array([((ends[k] - pd.DateOffset(months=12) + pd.offsets.MonthEnd(0)), ends[k]) for k in range(84)])
    issued = pd.to_datetime([row["issued_on"] for row in rows])
    expected = [((issued > start) & (issued <= end)).sum() for start, end in year]
    assert (matrix.column("n_inv_12m") == expected).all()


def test_an_extension_moves_no_lateness_and_is_counted():
    """Told before the day it replaces a new due day counts; told after it, it is an extension."""
    first = dict(invoice_id="a", customer_id="C", issued_on=day("01-01"), due_on=day("01-31"), amount=10_000)
    first |= dict(currency="EUR", known_on=day("01-01"), delivery=1, replaced_in=2)

    def told(moved_on):
        was = first | dict(replaced_on=day(moved_on))
        now = first | dict(due_on=day("03-31"), known_on=day(moved_on), delivery=2, replaced_in=0)
        ledger = replace(book(since=("extensions",)), invoices=table("invoices", [was, now]))
        return told_of(ledger, "03-01")

    assert (told("01-31")["oldest_dpd"], told("01-31")["n_extended_365d"]) == (0, 0)
    assert (told("02-01")["oldest_dpd"], told("02-01")["n_extended_365d"]) == (29, 1)


# ---- default


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(ledgers)
def test_who_is_passed_over_was_never_in_default(drawn):
    """Most customers cannot have been in default by any knowledge; leaving them out changes nothing."""
    ledger, days = drawn
    facts, recipe = facts_of(ledger), DefaultRecipe(floor=50.0)
    customer = np.repeat(np.arange(facts.n), len(days))
    to = np.tile([day_number(on) for on in days], facts.n)
    defaults, after = Defaults(facts, recipe), to - 180
    slow = np.zeros((len(customer), len(TRIGGERS)), bool)
    for row, (who, last) in enumerate(zip(customer, to, strict=True)):
        spells = defaults.spells(who, last)  # all that ever was, as known on the day
        slow[row, spells.kind[(spells.start <= last) & (spells.end > after[row] + 1)]] = True
    assert np.array_equal(defaults.triggered(customer, after=after, to=to, known_by=to), slow)


def test_columns_are_those_of_the_matrix():
    facts = facts_of(LEDGER)
    values, missing = columns(facts, np.array([3, 0]), np.array([day_number(DAYS[1])] * 2))
    rows = WHOLE.rows(np.array([LEDGER.customers.shape[0] + 3, LEDGER.customers.shape[0]]))
    assert np.array_equal(np.transpose(values), rows.values, equal_nan=True)
    assert np.array_equal(missing.T, rows.missing)


@pytest.mark.parametrize("on", ["NaT", "1700-01-31", "9999-12-31"])
def test_a_day_that_cannot_be_counted_is_refused(on):
    keys = pd.DataFrame({"customer_id": ["C0"], "as_of": pd.Series([on], dtype="datetime64[s]")})
    with pytest.raises(ValueError, match="as_of: days should lie between 1800-01-01 and 4707"):
        build(facts_of(LEDGER), keys)


# ---- a feature of one's own


def test_a_window_beyond_the_usual_sees_what_was_done_with_long_ago():
    """A feature declared with a window of three years counts what none of the catalogue needs."""
    longer = replace(CATALOGUE[2], name="n_due_3y", measure=count(of=of(Quantity.ONE, due(days=1095))))
    ledger = book([("a", "2022-06-30", 100), ("b", "01-31", 100)], [("a", "2022-06-30", 100)])
    keys = pd.DataFrame({"customer_id": ["C"], "as_of": [pd.Timestamp("2025-03-31")]})
    assert build(facts_of(ledger), keys, [longer]).values[0, 0] == 2


def test_a_window_that_the_engine_cannot_hold_is_refused():
    keys = pd.DataFrame({"customer_id": ["C"], "as_of": [pd.Timestamp("2025-03-31")]})
    facts = facts_of(book([("a", "01-31", 100)], limits=[("01-01", 500)]))
    for measure, says in (
        (count(of=of(Quantity.ONE, issued(months=24))), "should reach back 15 at most; give days"),
        (peak_utilisation(days=400), "told for the last 365 days, and 400 were asked for"),
    ):
        with pytest.raises(ValueError, match=says):
            build(facts, keys, [replace(CATALOGUE[2], name="own", measure=measure)])


def test_flags_that_are_not_as_many_as_the_values_are_refused():
    with pytest.raises(ValueError, match="FEW: 1 flags for 6 values"):
        Column.of(np.zeros(6), (Missing.FEW, np.ones(1, bool)))
    with pytest.raises(ValueError, match="like: 3 codes for 6 values"):
        Column.of(np.zeros(6), like=np.zeros(3, np.uint8))


def test_of_several_reasons_the_first_of_the_enumeration_is_told_whatever_their_order():
    new, few = np.array([True, False, True, False]), np.array([True, True, False, False])
    like = np.array([0, Missing.NOSRC, 0, Missing.NEVER], np.uint8)
    for reasons in ((Missing.NEW, new), (Missing.FEW, few)), ((Missing.FEW, few), (Missing.NEW, new)):
        told = Column.of(np.arange(4), *reasons, like=like)
        assert told.missing.tolist() == [Missing.NEW, Missing.NOSRC, Missing.NEW, Missing.NEVER]
        assert np.isnan(told.values).all()
    everywhere = Column.of(np.arange(2.0), (Missing.NOSRC, np.array(True)), (Missing.NEW, False))
    assert everywhere.missing.tolist() == [Missing.NOSRC] * 2
