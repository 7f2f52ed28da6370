"""Measures against vectors from R and the papers (../shared/validation/test_vectors.json), and laws."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradecredit.models import metrics as m
from tradecredit.models.logistic import fit_line, in_the_large, logit, sigmoid
from tradecredit.models.lowdefault import pluto_tasche_bound
from tradecredit.models.rating import MasterScale
from tradecredit.models.validation import by_grade


@pytest.fixture
def portfolio(shared):
    """PDtoolkit's application portfolio, an obligor a row."""
    said = json.loads((shared / "validation/test_vectors.json").read_text())["A_pdtoolkit_app_portfolio"]
    y = np.concatenate([np.r_[np.ones(d), np.zeros(n - d)] for n, d in zip(said["n"], said["d"], strict=True)])
    return said, y, np.repeat(said["pd"], said["n"])


def test_discrimination_agrees_with_r(portfolio):
    """AUC and DeLong's error from pROC 1.18.0, KS from PDtoolkit."""
    said, y, p = portfolio
    area = m.auc(y, p)
    assert area.value == pytest.approx(said["auc"], abs=1e-12)
    assert area.se == pytest.approx(said["delong_se"], abs=1e-12)
    assert m.ks(y, p) == pytest.approx(said["ks"], abs=1e-12)


def test_calibration_agrees_with_r(portfolio):
    said, y, p = portfolio
    intercept, slope = fit_line(y, logit(p))
    assert intercept.value == pytest.approx(said["cal_intercept"], abs=1e-6)
    assert slope.value == pytest.approx(said["cal_slope"], abs=1e-6)
    assert in_the_large(y, logit(p)) == pytest.approx(said["citl"], abs=1e-9)
    assert m.brier(y, p) == pytest.approx(said["brier"], abs=1e-12)


def test_the_toy_of_ten_agrees(shared):
    """AUC, KS, Brier, log loss and DeLong's paired test from pROC and scikit-learn."""
    said = json.loads((shared / "validation/test_vectors.json").read_text())["B_toy10"]
    y, s, s2 = (np.array(said[k], float) for k in ("y", "s", "s2"))
    assert m.auc(y, s).value == pytest.approx(said["auc"])
    assert m.auc(y, s).se ** 2 == pytest.approx(said["delong_var"])
    assert m.auc(y, s2).value == pytest.approx(said["auc2"])
    assert m.ks(y, s) == pytest.approx(said["ks"])
    assert m.brier(y, s) == pytest.approx(said["brier"])
    assert m.log_loss(y, s) == pytest.approx(said["logloss"])
    z, p = m.auc_difference(y, s, s2)
    assert z == pytest.approx(said["delong_z"])
    assert p == pytest.approx(said["delong_p"])


scores = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40).filter(
    lambda rows: 0 < sum(bad for bad, _ in rows) < len(rows)
)


@given(scores)
def test_auc_is_the_share_of_pairs_in_order(rows):
    y, s = np.array([b for b, _ in rows], float), np.array([x for _, x in rows], float)
    pairs = [(b > g) + 0.5 * (b == g) for b in s[y == 1] for g in s[y == 0]]
    assert m.auc(y, s).value == pytest.approx(np.mean(pairs))


@given(scores)
def test_ks_is_the_largest_gap_over_all_thresholds(rows):
    y, s = np.array([b for b, _ in rows], float), np.array([x for _, x in rows], float)
    gaps = [abs((s[y == 1] <= t).mean() - (s[y == 0] <= t).mean()) for t in np.unique(s)]
    assert m.ks(y, s) == pytest.approx(max(gaps))


@given(scores)
def test_clusters_of_one_give_delongs_error_but_for_the_small_sample_factor(rows):
    y, s = np.array([b for b, _ in rows], float), np.array([x for _, x in rows], float)
    if 1 < y.sum() < len(y) - 1:
        assert m.auc(y, s, cluster=np.arange(len(y))).se == pytest.approx(m.auc(y, s).se)


def test_a_book_told_twice_is_no_more_certain_when_clusters_are_known():
    rng = np.random.default_rng(0)
    y = (rng.random(400) < 0.2).astype(float)
    s = rng.normal(y, 1)
    twice, who = np.tile(np.arange(400), 2), np.tile(np.arange(400), 2)
    assert m.auc(y[twice], s[twice]).se < 0.75 * m.auc(y, s).se
    assert m.auc(y[twice], s[twice], cluster=who).se == pytest.approx(m.auc(y, s).se, rel=0.02)
    once, again = (fit_line(a, b, cluster=c)[1].se for a, b, c in ((y, s, who[:400]), (y[twice], s[twice], who)))
    assert again == pytest.approx(once, rel=0.02)


def test_the_roc_runs_from_corner_to_corner_and_never_back():
    rng = np.random.default_rng(1)
    y, s = (rng.random(3000) < 0.1).astype(float), rng.normal(size=3000)
    false, true = m.roc(y, s)
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    assert (np.diff(false) >= 0).all()
    assert (np.diff(true) >= 0).all()
    assert len(false) <= 201


def test_the_step_between_two_grades_is_the_published_two_proportion_test(shared):
    """PDtoolkit's application portfolio, adjacent grades; each row a customer of its own, then three rows each."""
    said = json.loads((shared / "validation/test_vectors.json").read_text())["A_pdtoolkit_app_portfolio"]
    grades = list(zip(said["n"], said["d"], strict=True))
    for (n1, d1), (n0, d0), p in zip(grades, grades[1:], said["adjacent_two_prop_p"], strict=False):
        bad = np.r_[np.ones(d1), np.zeros(n1 - d1), np.ones(d0), np.zeros(n0 - d0)]
        riskier = np.arange(n1 + n0) < n1
        assert m.rate_step(bad, riskier, cluster=np.arange(n1 + n0)) == pytest.approx(p, abs=1e-12)
        thrice = m.rate_step(bad.repeat(3), riskier.repeat(3), cluster=np.arange(n1 + n0).repeat(3))
        assert thrice == pytest.approx(p, abs=1e-12)
    assert np.isnan(m.rate_step(np.zeros(4), np.arange(4) < 2, cluster=np.arange(4)))


def test_a_grade_tells_its_step_and_its_bounds():
    scale = MasterScale()
    rng = np.random.default_rng(9)
    z = rng.normal(-3, 1.2, 4000)
    bad = (rng.random(4000) < sigmoid(z)).astype(float)
    rows = by_grade(bad, z, scale, customer=np.arange(4000) // 2)
    assert sum(row["n"] for row in rows) == 4000
    assert rows[0]["step_p"] is None
    assert sum(row["step_p"] < 0.05 for row in rows if row["step_p"] is not None) >= 3
    for row in rows:
        if row["customers"]:
            assert row["jeffreys_bound"] > row["bad_customers"] / row["customers"]
    best = rows[0]["pluto_tasche_bound"]
    assert best == pytest.approx(
        pluto_tasche_bound(2000, len(np.unique(np.flatnonzero(bad) // 2)), confidence=0.75), abs=1e-6
    )
