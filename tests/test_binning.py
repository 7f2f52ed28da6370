"""Where features are cut: edges that people can read, categories by risk, a policy for whatever is missing."""

import json
import sqlite3
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradecredit.errors import Mistake
from tradecredit.features.column import Missing
from tradecredit.features.declaration import Feature, Measure, Risk, Unit
from tradecredit.features.matrix import Matrix
from tradecredit.models.binning import BinningRecipe, by_risk, readable
from tradecredit.models.bins import Bins
from tradecredit.models.card_sql import as_sql
from tradecredit.models.scorecards import Scorecards
from tradecredit.models.weighing import ScorecardRecipe

TRADES = ("bakers", "builders", "carriers", "drapers", "O'Neill's")
RATES = {"bakers": 0.05, "builders": 0.4, "carriers": 0.05, "drapers": 0.2, "O'Neill's": 0.4}


def _told(name, levels=(), risk=Risk.FREE):
    return Feature(name, name, name, Unit.RATIO, risk, Measure(name, (), float), levels=levels)


def _matrix(columns, features, missing=None):
    values = np.column_stack([np.asarray(one, float) for one in columns])
    codes = np.where(np.isnan(values), np.uint8(Missing.NODUE), np.uint8(0)) if missing is None else missing
    keys = pd.DataFrame({"customer_id": [f"C{k}" for k in range(len(values))], "as_of": pd.Timestamp("2024-12-31")})
    return Matrix(keys, values, codes, tuple(features))


@pytest.fixture(scope="module")
def trades():
    rng = np.random.default_rng(8)
    place = rng.integers(0, len(TRADES), 6000).astype(float)
    bad = (rng.random(6000) < np.array([RATES[name] for name in TRADES])[place.astype(int)]).astype(float)
    place[rng.random(6000) < 0.1] = np.nan
    size = rng.uniform(0, 1, 6000)
    return _matrix([place, size], [_told("trade", TRADES), _told("size")]), bad


@pytest.fixture(scope="module")
def bins(trades):
    matrix, bad = trades
    return BinningRecipe(min_bads=20).fit(matrix, bad)[0]


def test_levels_of_similar_risk_lie_in_one_bin_the_safest_first(bins, trades):
    matrix, bad = trades
    place = {level: k for k, levels in enumerate(bins.levels) for level in levels}
    assert max(place["bakers"], place["carriers"]) < place["drapers"] < min(place["builders"], place["O'Neill's"])
    assert (np.diff(bins.woe) > 0).all()
    names = np.array([*TRADES, ""])[np.nan_to_num(matrix.column("trade"), nan=-1).astype(int)]
    for levels, goods, bads in zip(bins.levels, bins.goods, bins.bads, strict=True):
        here = np.isin(names, levels)
        assert (goods, bads) == ((1 - bad[here]).sum(), bad[here].sum())


def test_levels_are_known_by_their_names_whatever_their_order(bins, trades):
    matrix, _ = trades
    turned = TRADES[::-1]
    places = np.array([turned.index(name) for name in TRADES] + [np.nan])
    column = places[np.nan_to_num(matrix.column("trade"), nan=-1).astype(int)]
    other = _matrix([column], [_told("trade", turned)])
    assert np.array_equal(bins.weigh(other), bins.weigh(matrix))
    assert Bins.of_dict(json.loads(json.dumps(bins.as_dict()))) == bins


def test_a_level_never_met_is_missing_as_unseen_and_neutral_unless_a_weight_is_stated(bins, trades):
    matrix, bad = trades
    new = _matrix([[0.0, 5.0]], [_told("trade", (*TRADES, "tanners"))])
    place, reasons = bins.place(new)
    assert (place[1], reasons[1]) == (-1, Missing.UNSEEN)
    assert (bins.weigh(new)[1], bins.missing_policy["UNSEEN"]) == (0.0, "neutral")
    (told, _) = BinningRecipe(min_bads=20, stated={"UNSEEN": 0.7}).fit(matrix, bad)
    assert (told.weigh(new)[1], told.missing_policy["UNSEEN"]) == (0.7, "stated")


def test_a_level_of_few_rows_is_drawn_to_the_mean():
    levels = np.repeat([0, 1, 2], [1000, 2, 1000])
    bad = np.r_[np.repeat([1.0, 0.0], [50, 950]), 1.0, 1.0, np.repeat([1.0, 0.0], [600, 400])]
    assert by_risk(levels, bad).tolist() == [0, 1, 2]  # 2 bads of 2 rows tell less than 600 of 1,000
    assert by_risk(np.array([0, 0, 0, 0, 1, 2, 2]), np.array([1.0, 1, 1, 1, 1, 0, 0])).tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("stated", "rows", "weight", "policy"),
    [
        ({}, 400, None, "own"),
        ({"NODUE": -0.3}, 400, -0.3, "stated"),
        ({"NODUE": -0.3, "size:NODUE": 0.4}, 400, 0.4, "stated"),
        ({}, 50, 0.0, "neutral"),
        ({"YOUNG": 1.0}, 50, 0.0, "neutral"),
    ],
)
def test_each_missing_reason_has_the_policy_that_it_says(stated, rows, weight, policy):
    rng = np.random.default_rng(1)
    values = rng.uniform(0, 1, 4000)
    bad = (rng.random(4000) < 0.05 + 0.2 * values).astype(float)
    values[:rows] = np.nan
    (bins,) = BinningRecipe(stated=stated).fit(_matrix([values], [_told("size", risk=Risk.RISES)]), bad)
    assert bins.missing_policy["NODUE"] == policy
    goods, bads = bins.missing_counts["NODUE"]
    own = np.log((bads / bad.sum()) / (goods / (4000 - bad.sum())))
    assert bins.missing_woe["NODUE"] == pytest.approx(own if weight is None else weight)


@pytest.mark.parametrize("name", ["NODU", "NONE", "size:NODU", "nothing:NODUE"])
def test_a_weight_stated_for_what_is_not_there_is_refused(name, trades):
    with pytest.raises(Mistake, match=r"params.yaml: binning.stated.*no"):
        BinningRecipe(stated={name: 1.0}).fit(*trades)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=30, unique=True), st.data())
def test_an_edge_is_written_short_and_parts_the_rows_as_before(hundredths, data):
    values = np.sort(np.array(hundredths) / 100)
    places = np.array(data.draw(st.lists(st.integers(1, len(values) - 1), unique=True, max_size=4)), int)
    share = data.draw(st.floats(0.01, 0.99))
    edges = values[places - 1] + share * (values[places] - values[places - 1])
    short = readable(edges, values)
    assert np.array_equal(np.searchsorted(short, values, side="right"), np.searchsorted(edges, values, side="right"))
    assert np.array_equal(short, np.round(short, 3))


def test_a_card_with_categories_scores_in_sql_as_in_python(trades, tmp_path):
    matrix, bad = trades
    card = ScorecardRecipe(strength=1.0).fit(BinningRecipe(min_bads=20).fit(matrix, bad)[:1], matrix, bad).card
    rows = _matrix([[0, 1, 2, 3, 4, 5, np.nan]], [_told("trade", (*TRADES, "tanners"))])
    rows.missing[6, 0] = Missing.UNTOLD
    rows.write(tmp_path / "features.parquet")
    written = pd.read_parquet(tmp_path / "features.parquet")
    assert written["trade"].tolist()[:6] == [*TRADES, "tanners"]
    with sqlite3.connect(":memory:") as connection:
        written.assign(as_of="2024-12-31", segment="").to_sql("features", connection)
        told = pd.read_sql(as_sql(Scorecards(card)), connection)
    assert told["score"].tolist() == card.score(rows).tolist()
    assert len(set(told["score"])) >= 4


def test_a_reason_that_train_did_not_meet_is_stated_or_the_safest_all_the_same():
    rng = np.random.default_rng(1)
    values = rng.uniform(0, 1, 4000)
    bad = (rng.random(4000) < 0.05 + 0.2 * values).astype(float)
    declared = replace(_told("size", risk=Risk.RISES), missing=(Missing.NEVER,))
    (bins,) = BinningRecipe(stated={"size:NOSRC": 1.0}).fit(_matrix([values], [declared]), bad)
    assert (bins.missing_woe["NOSRC"], bins.missing_policy["NOSRC"]) == (1.0, "stated")
    assert (bins.missing_woe["NEVER"], bins.missing_policy["NEVER"]) == (min(bins.woe), "safest")
    assert set(bins.missing_woe) == {"MISSING", "NEVER", "NOSRC"}


@pytest.mark.parametrize("said", [{"min_bads": 0}, {"missing_rows": -1}, {"missing_bads": 0}])
def test_floors_that_are_none_are_refused(said):
    with pytest.raises(Mistake, match=f"binning.{next(iter(said))} should be at least 1"):
        BinningRecipe(**said)
