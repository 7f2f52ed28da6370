"""The explanation of trees is exact: it equals LightGBM's own, shap's, and the definition, whatever the trees."""

import math
from itertools import combinations

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradecredit.models.shapley import TreeShap
from tradecredit.models.trees.lightgbm_text import forest_of
from tradecredit.models.trees.walks import Walks

EXACT = 1e-9
EDGES = (0.0, -0.0, 1e-36, -1e-36, 1e-35, math.inf, -math.inf, math.nan, 1e300, -7.0, 2.5, 40.0)


def grown(seed, *, rows=400, columns=5, categories=0, trees=8, missing=0.2, digits=1, **params):
    """A booster and rows for it: its own, each of its thresholds and its neighbours, and odd values."""
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=(rows, columns)) * 3, digits)
    x[:, :categories] = rng.integers(0, 30, (rows, categories))
    score = np.sin(x).sum(axis=1) + (x[:, :categories] % 3 == 1).sum(axis=1)
    x[rng.random(x.shape) < missing] = np.nan
    told = {"objective": "binary", "verbosity": -1, "min_data_in_leaf": 3, "min_data_per_group": 3, "num_threads": 1}
    told |= {"min_data_in_bin": 1, "seed": seed % 1000, "cat_smooth": 1.0, "learning_rate": 0.3} | params
    label = (score + rng.normal(size=rows) > 0).astype(float)
    lessons = lgb.Dataset(x, label, categorical_feature=list(range(categories)))
    booster = lgb.train(told, lessons, trees)
    odd = np.array(np.meshgrid(EDGES, range(columns))).reshape(2, -1).T
    strange = np.repeat(x[:1], len(odd), axis=0)
    strange[np.arange(len(odd)), odd[:, 1].astype(int)] = odd[:, 0]
    return booster, np.vstack([x, strange, *_on_thresholds(booster, x[0])])


def _on_thresholds(booster, row):
    frame = booster.trees_to_dataframe()
    frame = frame[frame["decision_type"] == "<="]
    for name, threshold in sorted(set(zip(frame["split_feature"], frame["threshold"], strict=True)))[:40]:
        column = booster.feature_name().index(name)
        for value in (np.nextafter(threshold, -np.inf), threshold, np.nextafter(threshold, np.inf)):
            told = row.copy()
            told[column] = value
            yield told


def gap(booster, x, shap):
    """To LightGBM's own, baseline included."""
    told = booster.predict(x, pred_contrib=True, num_threads=1)
    return max(np.abs(shap.contributions(x) - told[:, :-1]).max(), abs(shap.baseline - told[0, -1]))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    columns=st.integers(1, 9),
    categories=st.integers(0, 2),
    leaves=st.integers(2, 60),
    depth=st.sampled_from([-1, 1, 3, 8]),
    missing=st.sampled_from([0.0, 0.3, 0.9]),
    zero=st.booleans(),
    use=st.booleans(),
    bins=st.sampled_from([2, 16, 255, 400]),
    most=st.sampled_from([1, 2, 16, 256, 4096]),
)
def test_it_equals_lightgbm_whatever_trees_rows_and_tables(
    seed, columns, categories, leaves, depth, missing, zero, use, bins, most
):
    booster, x = grown(
        seed,
        columns=columns,
        categories=min(categories, columns),
        missing=missing,
        num_leaves=leaves,
        max_depth=depth,
        zero_as_missing=zero,
        use_missing=use,
        max_bin=bins,
    )
    forest = forest_of([booster.model_to_string()])
    assert gap(booster, x, TreeShap.of(forest, limits=[most])) < EXACT
    scores = booster.predict(x, raw_score=True, num_threads=1)
    for entries in (2**24, 0):  # looked up, and walked down
        assert Walks.of(forest, entries=entries).scores(x).tobytes() == scores.tobytes()


def test_contributions_and_baseline_add_up_to_the_raw_score():
    booster, x = grown(3, num_leaves=31, columns=8, trees=50)
    shap = TreeShap.of(forest_of([booster.model_to_string()]))
    assert np.abs(shap.contributions(x).sum(axis=1) + shap.baseline - booster.predict(x, raw_score=True)).max() < EXACT


def test_it_equals_shap():
    import shap as package  # its import takes seconds

    booster, x = grown(5, num_leaves=20, columns=6, trees=20)
    x = x[:400]  # shap takes tiny numbers as they are, LightGBM for 0
    told = package.TreeExplainer(booster).shap_values(x)
    assert np.abs(TreeShap.of(forest_of([booster.model_to_string()])).contributions(x) - told).max() < EXACT


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_shapley_value_of_its_definition(seed):
    """Over all subsets of columns: known ones lead down the tree, others take the mean by rows of train."""
    booster, x = grown(seed, columns=4, trees=2, num_leaves=12, missing=0.3)
    roots = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    shap = TreeShap.of(forest_of([booster.model_to_string()]))
    for row, told in zip(x[::97], shap.contributions(x[::97]), strict=True):
        for column in range(4):
            others, sought = [k for k in range(4) if k != column], 0.0
            for size in range(4):
                weight = 1 / (4 * math.comb(3, size))
                for known in combinations(others, size):
                    sought += weight * (_value(roots, row, {*known, column}) - _value(roots, row, {*known}))
            assert told[column] == pytest.approx(sought, abs=EXACT)


def _value(nodes, row, known):
    return sum(_mean(node, row, known) for node in nodes)


def _mean(node, row, known):
    if "split_feature" not in node:
        return node["leaf_value"]
    left, right = node["left_child"], node["right_child"]
    if node["split_feature"] in known:
        value = row[node["split_feature"]]
        to_left = node["default_left"] if math.isnan(value) else value <= node["threshold"]
        return _mean(left if to_left else right, row, known)
    counts = [one.get("internal_count", one.get("leaf_count")) for one in (left, right)]
    told = [_mean(one, row, known) for one in (left, right)]
    return sum(n * one for n, one in zip(counts, told, strict=True)) / sum(counts)


def test_leaves_of_twenty_conditions_are_exact():
    """A chain of splits on one column each: the deepest leaves have a condition on every column."""
    rng = np.random.default_rng(0)
    x = (rng.random((3000, 20)) < 0.75).astype(float)
    label = x.cumprod(axis=1).sum(axis=1) + rng.normal(size=3000) * 0.01
    told = {"objective": "regression", "num_leaves": 60, "min_data_in_leaf": 1, "verbosity": -1, "num_threads": 1}
    booster = lgb.train(told | {"learning_rate": 1.0}, lgb.Dataset(x, label), 5)
    shap = TreeShap.of(forest_of([booster.model_to_string()]))
    depths = max(
        len(set(part.columns[a:b]))
        for part in shap.parts[-1:]
        for a, b in zip(part.starts, part.starts[1:], strict=False)
    )
    assert depths > 12, "no leaf is deep; the test tries nothing"
    assert gap(booster, x[:500], shap) < EXACT


def test_more_thresholds_than_a_byte_holds():
    booster, x = grown(9, rows=5000, columns=2, trees=60, num_leaves=60, max_bin=4000, missing=0.1, digits=9)
    shap = TreeShap.of(forest_of([booster.model_to_string()]))
    assert shap.forest.rank_type is np.uint16, "few thresholds; the test tries nothing"
    assert gap(booster, x, shap) < EXACT


def test_the_mean_of_bags_and_trees_of_one_leaf():
    bags = [grown(seed, num_leaves=6)[0] for seed in (1, 2)]
    _, x = grown(1, num_leaves=6)
    told = np.mean([one.predict(x, pred_contrib=True) for one in bags], axis=0)
    assert (
        np.abs(TreeShap.of(forest_of([one.model_to_string() for one in bags])).contributions(x) - told[:, :-1]).max()
        < EXACT
    )
    stump, x = grown(1, rows=20, min_data_in_leaf=100)
    assert not TreeShap.of(forest_of([stump.model_to_string()])).contributions(x).any()


def test_a_row_is_told_as_in_any_batch_to_the_bit():
    booster, x = grown(4, num_leaves=40, columns=8, trees=40)
    shap = TreeShap.of(forest_of([booster.model_to_string()]), limits=[64])
    many = np.tile(x, (20, 1))
    told = shap.contributions(many)
    assert np.array_equal(told[: len(x)], shap.contributions(x))
    for place in range(0, len(x), 37):
        assert np.array_equal(shap.contributions(x[place : place + 1])[0], told[place])
    assert shap.contributions(x[:0]).shape == (0, 8)


@pytest.mark.parametrize(
    "params",
    [
        {"objective": "multiclass", "num_class": 3},
        {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
        {"linear_tree": True},
    ],
)
def test_other_kinds_of_boosters_are_refused(params):
    rng = np.random.default_rng(0)
    x, label = rng.normal(size=(300, 3)), rng.integers(0, 2, 300)
    booster = lgb.train({"objective": "binary", "verbosity": -1, "num_threads": 1} | params, lgb.Dataset(x, label), 3)
    with pytest.raises(ValueError, match=r"trees"):
        TreeShap.of(forest_of([booster.model_to_string()]))
