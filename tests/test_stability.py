"""Overlap of reasons: all of the same, none of the opposite, and chance in between."""

import numpy as np
import pytest

from tradecredit.models.stability import grouped, overlap


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
