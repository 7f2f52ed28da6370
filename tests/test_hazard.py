"""When a default comes: the term structure rises to the rating's own PD, by the hazards that made the defaults."""

import json
from itertools import pairwise

import numpy as np
import pytest

from tradecredit.models.hazard import HazardRecipe, TermStructure, cumulated
from tradecredit.models.logistic import sigmoid

TERM = TermStructure((30, 91, 182, 365), (-4.0, -3.2, -2.6, -2.0), (1.3, 1.1, 0.9, 0.8))


def test_cumulated_hazards_are_the_published_ones(shared):
    said = json.loads((shared / "validation/test_vectors.json").read_text())["M_misc"]
    assert cumulated(np.array(said["hazards"])) == pytest.approx(said["cum_pd"], abs=5e-9)


def test_the_pd_rises_with_the_term_and_with_risk_to_the_ratings_own():
    z = np.linspace(-9, 5, 800)
    told = TERM.pd(z)
    assert np.array_equal(told[:, -1], sigmoid(z))
    assert (np.diff(told, axis=1) >= 0).all()
    assert (np.diff(told, axis=0) > 0).all()
    assert TermStructure.of_dict(json.loads(json.dumps(TERM.as_dict()))) == TERM


def test_one_row_has_the_term_structure_that_it_has_among_others():
    z = np.linspace(-6, 1, 50)
    whole = TERM.pd(z)
    assert all(np.array_equal(TERM.pd(z[k : k + 1])[0], whole[k]) for k in range(50))


def test_it_finds_the_hazards_that_made_the_defaults():
    """Risky customers default soon, safe ones late: the shares within each term follow, by level of risk."""
    rng = np.random.default_rng(6)
    z = rng.normal(-2.5, 1.2, 60_000)
    truth = TERM.pd(z)
    at = rng.random(len(z))
    bad_by = {days: (at < truth[:, k]).astype(float) for k, days in enumerate(TERM.days)}
    found = HazardRecipe().fit(z, bad_by)
    told = found.pd(z)
    for part in (z < -3, (z >= -3) & (z < -1.5), z >= -1.5):
        mine, right = told[part].mean(axis=0), truth[part].mean(axis=0)
        flat = truth.mean(axis=0) * right[-1] / truth[:, -1].mean()  # if all had the same shares within each term
        assert mine == pytest.approx(right, rel=0.1, abs=1e-3)
        assert np.abs(mine - right)[:-1].max() < 0.3 * np.abs(flat - right)[:-1].max()


@pytest.mark.parametrize("seed", range(4))
def test_more_risk_within_the_year_is_more_risk_in_every_term_whatever_was_fitted(seed):
    """Here the safe default at once and the risky late."""
    rng = np.random.default_rng(seed)
    z = rng.normal(-2, 1.5, 20_000)
    year = (rng.random(len(z)) < sigmoid(z)).astype(float)
    month = year * (rng.random(len(z)) < np.where(z < -3, 0.9, 0.05))
    found = HazardRecipe().fit(z, {30: month, 365: year})
    assert (np.diff(found.pd(np.linspace(-12, 8, 1001)), axis=0) >= 0).all()


def test_an_interval_of_few_bads_has_a_level_alone():
    rng = np.random.default_rng(7)
    z = rng.normal(-3, 1, 2000)
    year = (rng.random(2000) < sigmoid(z)).astype(float)
    month = year * (rng.random(2000) < 0.02)
    found = HazardRecipe(min_bads=50).fit(z, {30: month, 365: year})
    assert found.slopes[0] == 1.0
    assert found.pd(z)[:, 0].mean() == pytest.approx((month.sum() + 0.5) / 2001, rel=0.25)
    assert HazardRecipe().fit(z, {30: month * 0, 365: year}).pd(z)[:, 0].max() < 0.01


def test_terms_of_the_book_nest_and_are_told_where_the_year_is(walked):
    import pandas as pd

    table = pd.read_parquet(walked / "data/matrix/observations.parquet")
    terms = [table[name] for name in ("bad_30d", "bad_91d", "bad_182d", "bad")]
    told = table["bad"].notna()
    for shorter, longer in pairwise(terms):
        assert shorter.notna().equals(told)
        assert (shorter[told] <= longer[told]).all()
    assert terms[0].sum() > 0
    assert terms[2].sum() < terms[3].sum()
