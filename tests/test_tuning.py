"""Trees are told of typed missing reasons and categories, and are tuned on other customers and later days."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from test_binning import RATES, TRADES, _matrix, _told
from tradecredit.errors import Mistake
from tradecredit.features.column import Missing
from tradecredit.features.declaration import Risk
from tradecredit.models.boosting import BoostedTrees
from tradecredit.models.encoding import Encoding
from tradecredit.models.folds import folds
from tradecredit.models.growing import BoostingRecipe
from tradecredit.models.metrics import auc
from tradecredit.models.tuning import TuningRecipe, study_for

SMALL = BoostingRecipe(trees=40, learning_rate=0.1, leaves=4, min_rows=20, missing_rows=50)


@pytest.fixture(scope="module")
def rows():
    """Risk by trade, and by why the size is missing: dormant customers are safe, those without a source are not."""
    rng = np.random.default_rng(11)
    n = 6000
    trade, size = rng.integers(0, 5, n).astype(float), rng.uniform(0, 1, n)
    missing = np.zeros((n, 2), np.uint8)
    missing[: n // 3, 1] = Missing.DORMANT
    missing[n // 3 : n // 2, 1] = Missing.NOSRC
    size[missing[:, 1] > 0] = np.nan
    z = np.log(np.array([RATES[name] for name in TRADES])[trade.astype(int)]) + 1.5 * np.nan_to_num(size)
    z += np.where(missing[:, 1] == Missing.NOSRC, 2.5, 0)
    bad = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(float)
    return _matrix([trade, size], [_told("trade", TRADES), _told("size", risk=Risk.RISES)], missing), bad


def test_typed_missing_reasons_reach_the_trees(rows):
    matrix, bad = rows
    told = SMALL.fit(matrix, bad)
    assert set(told.encoding.flags) == {("size", "NOSRC"), ("size", "DORMANT")}
    deaf = replace(SMALL, missing_rows=10**6).fit(matrix, bad)
    assert deaf.encoding.flags == ()
    assert auc(bad, told.log_odds(matrix)).value > auc(bad, deaf.log_odds(matrix)).value + 0.03


def test_a_single_reason_needs_no_flag_and_the_same_flag_is_kept_once(rows):
    matrix, bad = rows
    twin = _matrix(
        [matrix.values[:, 1]] * 2, [_told("size"), _told("weight")], np.column_stack([matrix.missing[:, 1]] * 2)
    )
    assert {name for name, _ in Encoding.fit(twin, bad, missing_rows=50).flags} == {"size"}
    one = _matrix([np.where(matrix.missing[:, 1] == Missing.NOSRC, np.nan, 1.0)], [_told("size")])
    assert Encoding.fit(one, bad, missing_rows=50).flags == ()


def test_contributions_of_a_missing_reason_speak_for_their_feature(rows):
    matrix, bad = rows
    trees = replace(SMALL, bags=3).fit(matrix, bad)
    told = trees.contributions(matrix)
    assert told.shape == (len(matrix), 2)
    assert np.abs(told.sum(axis=1) + trees.baselines(matrix) - trees.log_odds(matrix)).max() < 1e-9
    nosrc, dormant = (matrix.missing[:, 1] == code for code in (Missing.NOSRC, Missing.DORMANT))
    assert told[nosrc, 1].mean() > told[dormant, 1].mean() + 1


def test_categories_are_known_by_name_and_one_never_met_is_missing(rows):
    matrix, bad = rows
    trees = SMALL.fit(matrix, bad)
    turned = TRADES[::-1]
    other = _matrix(
        [4 - matrix.values[:, 0], matrix.values[:, 1]],
        [_told("trade", turned), _told("size", risk=Risk.RISES)],
        matrix.missing,
    )
    assert np.array_equal(trees.log_odds(other), trees.log_odds(matrix))
    new = _matrix([[0.0], [0.5]], [_told("trade", ("tanners",)), _told("size")])
    assert np.isnan(trees.encoding.rows(new)[0, 0])


def test_bags_are_averaged_and_read_back(rows):
    matrix, bad = rows
    bagged = replace(SMALL, bags=3).fit(matrix, bad)
    each = [replace(SMALL, seed=SMALL.seed + k).fit(matrix, bad).log_odds(matrix) for k in range(3)]
    np.testing.assert_allclose(bagged.log_odds(matrix), np.mean(each, axis=0), atol=1e-12)
    again = BoostedTrees.of_dict(json.loads(json.dumps(bagged.as_dict())))
    assert np.array_equal(again.log_odds(matrix), bagged.log_odds(matrix))


def test_the_same_recipe_grows_the_same_trees(rows):
    assert SMALL.fit(*rows).texts == SMALL.fit(*rows).texts


# ---- folds


def _keys(customers=300, months=36):
    days = pd.date_range("2019-01-31", periods=months, freq="ME")
    names = [f"C{k:04}" for k in range(customers)]
    keys = pd.DataFrame({"customer_id": np.repeat(names, months), "as_of": np.tile(days, customers)})
    return keys, (np.random.default_rng(0).random(len(keys)) < 0.05).astype(float)


def test_a_fold_is_judged_by_other_customers_on_days_after_the_embargo():
    keys, bad = _keys()
    pairs, how = folds(keys, bad, many=3, embargo_days=379, seed=0)
    assert "later days" in how
    begun = None
    for learn, judge in pairs:
        assert not set(keys["customer_id"].iloc[learn]) & set(keys["customer_id"].iloc[judge])
        assert (keys["as_of"].iloc[judge].min() - keys["as_of"].iloc[learn].max()).days > 379
        assert begun is None or keys["as_of"].iloc[judge].min() > begun
        begun = keys["as_of"].iloc[judge].max()
    assert begun == keys["as_of"].max()


def test_where_the_days_do_not_reach_customers_alone_are_parted_and_it_says_so():
    keys, bad = _keys(months=12)
    pairs, how = folds(keys, bad, many=3, embargo_days=379, seed=0)
    assert "too few to part" in how
    judged = np.sort(np.concatenate([judge for _, judge in pairs]))
    assert np.array_equal(judged, np.arange(len(keys)))
    assert max(abs(bad[judge].mean() - bad.mean()) for _, judge in pairs) < 0.03


# ---- the search


@pytest.fixture(scope="module")
def searched(rows, tmp_path_factory):
    """Three trials, then the rest of six."""
    matrix, bad = rows
    pairs, _ = folds(matrix.keys, bad, many=3, embargo_days=379, seed=0)
    store = f"sqlite:///{tmp_path_factory.mktemp('study')}/tuning.db"
    tuning = TuningRecipe(trials=3, most_trees=60)
    tuning.search(study_for(store, "one"), SMALL, matrix, bad, pairs)
    seen: list[int] = []
    study = study_for(store, "one")
    found = replace(tuning, trials=6).search(study, SMALL, matrix, bad, pairs, tell=seen.append)
    return tuning, study, found, seen, pairs


def test_a_search_goes_on_where_it_was_stopped_as_if_it_had_not_been(searched, rows):
    tuning, study, _, seen, pairs = searched
    assert seen == [4, 5, 6]
    whole = study_for(None, "whole")
    replace(tuning, trials=6).search(whole, SMALL, *rows, pairs)
    assert [one.params for one in study.trials] == [one.params for one in whole.trials]
    assert len({tuple(one.params.items()) for one in study.trials}) == 6


def test_a_trial_that_was_interrupted_is_tried_anew(rows, searched, monkeypatch):
    tuning, _, _, _, pairs = searched
    study = study_for(None, "interrupted")

    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("tradecredit.models.tuning._curve", stopped)
        with pytest.raises(KeyboardInterrupt):
            tuning.search(study, SMALL, *rows, pairs)
    tuning.search(study, SMALL, *rows, pairs)
    told = [one for one in study.trials if one.state.name in ("COMPLETE", "PRUNED")]
    assert len(told) == 3
    assert told[0].params["leaves"] == SMALL.leaves


def test_what_is_found_lies_in_the_ranges_and_is_no_worse_than_what_stood(searched):
    tuning, study, found, _, _ = searched
    for name in ("learning_rate", "leaves", "min_rows", "l2", "feature_share", "row_share"):
        low, high = getattr(tuning, name)
        assert low <= getattr(found, name) <= high
    assert found.max_bin in tuning.max_bin
    assert 1 / found.learning_rate - 1 <= found.trees <= 60
    assert study.best_value >= study.trials[0].value
    assert study.trials[0].params["leaves"] == SMALL.leaves


def test_the_best_is_the_mean_auc_of_the_folds_at_its_trees(searched, rows):
    _, study, found, _, pairs = searched
    matrix, bad = rows
    told = [
        auc(bad[judge], found.fit(matrix.rows(learn), bad[learn]).log_odds(matrix.rows(judge))).value
        for learn, judge in pairs
    ]
    assert np.mean(told) == pytest.approx(study.best_value, abs=1e-3)  # LightGBM's own AUC is of floats


@pytest.mark.parametrize(
    ("said", "wrong"),
    [({"folds": 1}, "tuning.folds"), ({"l2": (4.0, 1.0)}, "tuning.l2 should rise"), ({"leaves": (0, 4)}, "leaves")],
)
def test_a_wrong_range_says_what_would_be_right(said, wrong):
    with pytest.raises(Mistake, match=wrong):
        TuningRecipe(**said)
