"""Each rule of the selection leaves out what it should, and says why."""

import numpy as np
import pandas as pd
import pytest

from tradecredit.errors import Mistake
from tradecredit.features.catalogue import feature
from tradecredit.features.matrix import Matrix
from tradecredit.models.binning import BinningRecipe
from tradecredit.models.metrics import population_stability
from tradecredit.models.selection import SelectionRecipe
from tradecredit.pipeline.settings import recipe

NAMES = ("dbt_w_90d", "worst_dpd_90d", "late_std_365d")  # all rise with risk


def _book(columns: np.ndarray) -> Matrix:
    keys = pd.DataFrame({"customer_id": [f"C{k}" for k in range(len(columns))]})
    return Matrix(keys, columns, np.zeros(columns.shape, np.uint8), tuple(feature(name) for name in NAMES))


@pytest.fixture(scope="module")
def lesson():
    """Three features that tell as much as each other, and the outcome."""
    rng = np.random.default_rng(1)
    columns = rng.normal(size=(6000, 3)) * 20
    bad = (rng.random(6000) < 1 / (1 + np.exp(2.5 - columns.sum(axis=1) / 20))).astype(float)
    matrix = _book(columns)
    return BinningRecipe().fit(matrix, bad), matrix


def test_what_tells_much_and_stays_still_stays(lesson):
    bins, matrix = lesson
    kept, dropped = SelectionRecipe().fit(bins, matrix, matrix)
    assert {one.feature for one in kept} == set(NAMES)
    assert dropped == {}


def test_a_vetoed_feature_leaves_with_the_reason_that_people_gave(lesson):
    bins, matrix = lesson
    kept, dropped = SelectionRecipe(veto={"dbt_w_90d": "sales can bend it"}).fit(bins, matrix)
    assert dropped == {"dbt_w_90d": "vetoed: sales can bend it"}
    assert len(kept) == 2


def test_a_veto_of_what_is_not_there_is_a_mistake(lesson):
    with pytest.raises(Mistake, match=r"selection: veto names dbt_90d, which is no feature"):
        SelectionRecipe(veto={"dbt_90d": "?"}).fit(*lesson)


def test_a_feature_that_moved_leaves_and_one_that_did_not_stays(lesson):
    bins, matrix = lesson
    moved = matrix.values.copy()
    moved[:, 0] += 25
    kept, dropped = SelectionRecipe().fit(bins, matrix, _book(moved))
    assert "population stability index" in dropped["dbt_w_90d"]
    assert {one.feature for one in kept} == set(NAMES[1:])
    assert SelectionRecipe(max_psi=99.0).fit(bins, matrix, _book(moved))[1] == {}


def test_a_feature_that_two_others_tell_together_leaves():
    rng = np.random.default_rng(2)
    columns = rng.normal(size=(6000, 3)) * 20
    columns[:, 2] = columns[:, 0] + columns[:, 1] + rng.normal(size=6000)  # correlates 0.7 with either alone
    bad = (rng.random(6000) < 1 / (1 + np.exp(2.5 - columns[:, :2].sum(axis=1) / 15))).astype(float)
    matrix = _book(columns)
    bins = BinningRecipe().fit(matrix, bad)
    kept, dropped = SelectionRecipe(max_correlation=0.95, max_vif=2.0).fit(bins, matrix)
    assert any("variance inflation factor" in why for why in dropped.values())
    assert len(kept) == 2
    assert SelectionRecipe(max_correlation=0.95, max_vif=99.0).fit(bins, matrix)[1] == {}


@pytest.mark.parametrize("seed", range(20))
def test_a_feature_that_others_tell_exactly_never_stays_beside_them(seed):
    """A correlation matrix that is singular but for rounding has an inverse of rounding alone."""
    rng = np.random.default_rng(seed)
    level = rng.integers(0, 3, 6000)
    columns = np.column_stack([level, level >= 1, level >= 2]).astype(float)
    bad = (rng.random(6000) < np.array([0.05, 0.15, 0.40])[level]).astype(float)
    matrix = _book(columns)
    bins = BinningRecipe().fit(matrix, bad)
    kept, _ = SelectionRecipe(max_correlation=0.999).fit(bins, matrix)
    assert len(kept) < 3


def test_few_rows_that_differ_by_chance_alone_have_not_moved(lesson):
    bins, matrix = lesson
    gone = sum(
        bool(SelectionRecipe().fit(bins, matrix, matrix.rows(np.arange(60 * k, 60 * k + 60)))[1]) for k in range(50)
    )
    assert gone <= 5
    assert SelectionRecipe().fit(bins, matrix, matrix.rows(slice(0, 0)))[1] == {}


def test_population_stability_is_what_is_reckoned_by_hand():
    """Shares of 10/20/40/30 % that became 20/20/30/30 %: 0.1 ln 2 + 0.1 ln(4/3), by hand."""
    told = population_stability(np.array([0.1, 0.2, 0.4, 0.3]), np.array([0.2, 0.2, 0.3, 0.3]))
    assert told == pytest.approx(0.1 * np.log(2) + 0.1 * np.log(4 / 3))


def test_params_tell_a_veto_as_names_and_reasons():
    params = {"selection": {"veto": {"open_amt": "size is no sin"}}}
    assert recipe(params, "selection", SelectionRecipe).veto == {"open_amt": "size is no sin"}
    for wrong in (["open_amt"], {"open_amt": 3}, {True: "on"}):
        with pytest.raises(Mistake, match=r"selection\.veto"):
            recipe({"selection": {"veto": wrong}}, "selection", SelectionRecipe)
