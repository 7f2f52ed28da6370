"""Overlap of reasons: all of the same, none of the opposite, and chance in between."""

import numpy as np
import pytest

from tradecredit.errors import Mistake
from tradecredit.models.growing import BoostingRecipe
from tradecredit.models.stability import StabilityRecipe, against_mean, drawn, grouped, overlap


def test_the_same_reasons_overlap_wholly_and_the_opposite_not_at_all():
    told = np.random.default_rng(0).normal(size=(50, 6))
    assert overlap(told, 2 * told + 1, most=3) == 1.0
    assert overlap(told, -told, most=3) == 0.0
    assert overlap(told, -told, most=6) == 1.0


def test_reasons_by_chance_overlap_as_often_as_they_are_many():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, 4000, 10))
    assert overlap(first, second, most=3) == pytest.approx(0.3, abs=0.02)


def test_groups_are_sums():
    told = np.array([[1.0, 2.0, 4.0], [0.0, -1.0, 5.0]])
    assert grouped(told, ["a", "b", "a"]).tolist() == [[5.0, 2.0], [5.0, -1.0]]


@pytest.mark.parametrize(("rows", "most"), [(3, 0), (3, 4), (0, 1)])
def test_what_cannot_be_compared_is_refused(rows, most):
    told = np.zeros((rows, 3))
    with pytest.raises(ValueError, match="reasons of explanations"):
        overlap(told, told, most=most)


def test_a_draw_takes_customers_whole(lessons):
    matrix, _ = lessons
    names, row = matrix.keys["customer_id"].to_numpy(object), np.arange(len(matrix), dtype=float)
    told, came = drawn(matrix, row, np.random.default_rng(3))
    assert np.array_equal(told.values, matrix.values[came.astype(int)], equal_nan=True)
    assert told.keys["customer_id"].nunique() == len(set(names)), "one that is drawn twice is two"
    for _, rows in told.keys.assign(row=came.astype(int)).groupby("customer_id"):
        own = names[rows["row"]]
        assert len(set(own)) == 1
        assert len(rows) == (names == own[0]).sum()


def test_the_same_explanation_is_kept_wholly():
    told = np.random.default_rng(0).normal(size=(40, 5))
    assert StabilityRecipe().compare(told, [told, told], list("aabbc")) == {"by_feature": 1.0, "by_family": 1.0}


@pytest.mark.parametrize(
    "said", [{"refits": -1}, {"features": 0}, {"families": 0}, {"riskiest": 0.0}, {"riskiest": 1.5}]
)
def test_a_recipe_that_means_nothing_is_refused(said):
    with pytest.raises(Mistake, match="stability"):
        StabilityRecipe(**said)


def test_reasons_are_told_against_the_mean_of_the_segment(lessons):
    matrix, bad = lessons
    model = BoostingRecipe(trees=20, min_rows=50).fit(matrix, bad)
    told = against_mean(model, matrix, matrix)
    segments = matrix.keys["segment"].to_numpy(object)
    for segment in set(segments):
        assert np.abs(told[segments == segment].mean(axis=0)).max() < 1e-12
    unread = [name not in model.features for name in matrix.names]
    assert (told[:, unread] == 0).all()
