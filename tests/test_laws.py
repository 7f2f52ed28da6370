"""Laws that hold for every declared feature and between features, on a made-up book."""

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from tradecredit.features.building import build
from tradecredit.features.catalogue import CATALOGUE
from tradecredit.features.column import MISSING_TEXT, Missing
from tradecredit.features.engine.loading import facts_of
from tradecredit.features.leakage import audit
from tradecredit.features.ledger import Ledger
from tradecredit.features.matrix import Matrix
from tradecredit.features.schemas import OWN_DATE

NAMES = [feature.name for feature in CATALOGUE]


@pytest.fixture(scope="module")
def matrix(walked):
    return Matrix.read(walked / "data/matrix/features.parquet")


@pytest.fixture(scope="module")
def ledger(walked):
    return replace(Ledger.read(walked / "data/ledger", partition=0), whole=True)


@pytest.fixture(scope="module")
def keys(walked, ledger):
    table = pd.read_parquet(walked / "data/matrix/observations.parquet")[["customer_id", "as_of"]]
    mine = table[table["customer_id"].isin(ledger.customers["customer_id"])]
    days = mine["as_of"].drop_duplicates().iloc[[0, 9, 22, 36]]
    return mine[mine["as_of"].isin(days)].groupby("as_of").head(50).reset_index(drop=True)


def _built(ledger, keys):
    return build(facts_of(ledger), keys)


def _same(one, other):
    return np.array_equal(one.values, other.values, equal_nan=True) and np.array_equal(one.missing, other.missing)


@pytest.mark.parametrize("name", NAMES)
def test_a_value_is_finite_or_has_a_typed_reason(matrix, name):
    values, reasons = matrix.column(name), matrix.reasons(name)
    assert np.isfinite(values[reasons == Missing.NONE]).all()
    assert np.isnan(values[reasons != Missing.NONE]).all()
    assert {Missing(code) for code in np.unique(reasons)} - {Missing.NONE} <= set(MISSING_TEXT)


# the example book has no dunnings, renegotiated terms, statements, court cases or groups
BARE = {"terms_chg_90d", "n_extended_365d", "pay_after_dunning_share_365d", "dunning_rate_365d", "ext_adverse_365d"}
BARE |= {"group_overdue_share"} | {
    f"ext_{of}{what}" for of in ("liquidity", "leverage") for what in ("", "_age_days", "_chg_180d")
}


@pytest.mark.parametrize("name", NAMES)
def test_every_feature_is_told_for_some_and_differs(matrix, name):
    values = matrix.column(name)
    told = np.unique(values[np.isfinite(values)])
    assert (len(told) > 1) == (name not in BARE)
    assert name in BARE or np.isfinite(values).mean() > 0.02


def test_every_feature_is_declared_once_in_both_languages():
    assert len(set(NAMES)) == len(NAMES)
    for feature in CATALOGUE:
        assert feature.en.isascii()
        assert any("\u4e00" <= letter <= "\u9fff" for letter in feature.zh), feature.name


def test_overdue_days_of_sales_are_the_overdue_share_of_dso(matrix):
    dso, share, overdue = (matrix.column(n) for n in ("dso_3m", "overdue_share", "overdue_days_sales_3m"))
    whole = (dso < 365) & (overdue < 365) & ~np.isnan(share)
    np.testing.assert_allclose(overdue[whole], (dso * share)[whole], rtol=1e-6, atol=1e-6)
    assert whole.sum() > 100


def test_collection_effectiveness_follows_from_collected_and_overdue(matrix):
    collected, overdue, cei = (matrix.column(n) for n in ("collected_to_billed_3m", "overdue_days_sales_3m", "cei_3m"))
    day = matrix.keys["as_of"]
    days = (day - (day - pd.offsets.MonthEnd(3))).dt.days.to_numpy()
    whole = (collected < 10) & (overdue < 365) & ~np.isnan(cei) & (collected + overdue > 0)
    collected, overdue = collected[whole], overdue[whole] / days[whole]
    np.testing.assert_allclose(cei[whole], collected / (collected + overdue), rtol=1e-6, atol=1e-6)


def test_a_longer_window_has_a_worse_worst(matrix):
    short, middle, long = (matrix.column(f"worst_dpd_{days}d") for days in (90, 180, 365))
    assert (short <= middle).all()
    assert (middle <= long).all()


def test_more_days_past_due_is_less_money(matrix):
    shares = [matrix.column(f"{n}_share") for n in ("overdue", "over30", "over60", "over90")]
    there = ~np.isnan(shares[0])
    for less, more in pairwise(shares):
        assert (less[there] >= more[there]).all()


def test_a_streak_is_of_one_kind(matrix):
    there = ~np.isnan(matrix.column("late_streak"))
    assert (np.minimum(matrix.column("on_time_streak"), matrix.column("late_streak"))[there] == 0).all()


def test_the_future_changes_nothing(ledger, keys):
    """A ledger cut off at the as-of date, or with a poisoned future, gives the same matrix, bit for bit."""
    assert audit(ledger, keys) == []


def test_the_audit_names_a_feature_that_leaks(ledger, keys):
    """A gate that looks at own dates only lets through what is booked later."""

    def careless(ledger):
        own = {
            name: table.assign(known_on=table[OWN_DATE[name]])
            for name, table in ledger.tables().items()
            if name in OWN_DATE
        }
        return facts_of(replace(ledger, **own))

    leaks = audit(ledger, keys.head(40), read=careless)
    leaking = {leak.feature for leak in leaks}
    assert {"open_amt", "dbt_w_90d", "utilisation", "ext_score"} <= leaking
    first = next(leak for leak in leaks if leak.feature == "ext_score")
    assert re.search(r"it sees the row of signals with name score, observed_on .*, known on", str(first))


def test_a_reader_that_ignores_when_a_membership_became_known_is_caught_with_the_row(ledger, keys):
    def careless(held):
        told = held.memberships
        return facts_of(held if told is None else replace(held, memberships=told.assign(known_on=pd.NaT)))

    leaks = audit(ledger, keys.head(20), read=careless)
    assert {"tenure_days", "dbt_vs_segment_365d", "group_overdue_share"} <= {leak.feature for leak in leaks}
    named = {leak.feature: leak.row for leak in reversed(leaks)}
    for name in ("tenure_days", "dbt_vs_segment_365d"):
        assert re.search("the row of memberships with customer_id C[0-9]+, known on", named[name])


def test_row_order_changes_nothing(ledger, keys):
    shuffled = {
        name: table.sample(frac=1, random_state=5, ignore_index=True)
        for name, table in ledger.tables().items()
        if name != "rates"
    }
    assert _same(_built(ledger, keys), _built(replace(ledger, **shuffled), keys))


def test_one_customer_alone_has_the_features_it_has_among_others_but_those_that_compare(ledger, keys):
    names = [one.name for one in CATALOGUE if not one.measure.among_others]
    whole = _built(ledger, keys).only(names)
    for place in (0, 60, 120):
        row = keys.iloc[[place]]
        alone = _built(ledger.of_customers(list(row["customer_id"])), row).only(names)
        assert _same(alone, whole.rows(slice(place, place + 1)))


def test_one_day_alone_has_the_features_it_has_among_others(ledger, keys):
    whole = _built(ledger, keys)
    last = (keys["as_of"] == keys["as_of"].max()).to_numpy()
    assert _same(_built(ledger, keys[last]), whole.rows(last))
