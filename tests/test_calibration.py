"""Calibration: the curve that the bads allow, the level it is held to, and a margin that is told beside it."""

import json

import numpy as np
import pytest

from tradecredit.errors import Mistake
from tradecredit.models.calibrating import CalibrationRecipe
from tradecredit.models.calibration import Beta, Calibration, Line, Steps
from tradecredit.models.logistic import level_for, logit, sigmoid
from tradecredit.models.lowdefault import jeffreys_bound, pluto_tasche_bounds

CURVES = [Line(-0.3, 0.8), Beta(1.2, 0.8, -0.3), Beta(0.0, 0.7, 0.1), Steps((-3.0, -1.0, 0.5), (-4.0, -1.2, 0.9))]


@pytest.fixture(scope="module")
def vectors(shared):
    return json.loads((shared / "validation/test_vectors.json").read_text())


def _outcomes(curve, n=40_000, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(-2, 1.5, n)
    return (rng.random(n) < sigmoid(curve(z))).astype(float), z, np.arange(n) // 2


@pytest.mark.parametrize("curve", CURVES, ids=repr)
def test_a_curve_rises_and_reads_back(curve):
    z = np.linspace(-12, 12, 4001)
    said = Calibration(curve, "line", shift=0.2, margin=0.1, told={"line": 0.3})
    assert (np.diff(said.apply(z)) > 0).all()
    assert Calibration.of_dict(json.loads(json.dumps(said.as_dict()))) == said


@pytest.mark.parametrize("curve", CURVES, ids=repr)
def test_contributions_stretched_add_up_to_the_calibrated_log_odds(curve):
    rng = np.random.default_rng(1)
    baseline, told = -1.3, rng.normal(0, 0.8, (500, 6))
    told[0] = 0.0
    said = Calibration(curve, "line", shift=0.4)
    z = baseline + told.sum(axis=1)
    stretched = told * said.stretch(z, np.full(500, baseline))[:, None]
    base = said.apply(np.array([baseline]))[0]
    np.testing.assert_allclose(base + stretched.sum(axis=1), said.apply(z), atol=1e-9)
    assert (np.sign(stretched) == np.sign(told)).all()


@pytest.mark.parametrize(
    ("truth", "fitted"),
    [
        (lambda z: -0.5 + 0.7 * z, "line"),
        (Beta(0.3, 2.5, 0.2).apply, "beta"),
        (lambda z: np.where(z < -2, -4.5, np.where(z < 0, -2.0, 0.8)) + 0.01 * z, "isotonic"),
    ],
)
def test_the_curve_that_made_the_outcomes_is_chosen(truth, fitted):
    bad, z, customer = _outcomes(truth)
    said = CalibrationRecipe().fit(bad, z, customer=customer)
    assert said.fitted == fitted
    assert said.told[fitted] == min(said.told.values())
    assert abs(sigmoid(said.apply(z)).mean() - bad.mean()) < 0.002


def test_a_curve_needs_its_bads():
    bad, z, customer = _outcomes(Beta(0.3, 2.5, 0.2).apply)
    n_bad = int(bad.sum())
    assert (
        "beta"
        not in CalibrationRecipe(beta_bads=n_bad + 1, isotonic_bads=n_bad + 1).fit(bad, z, customer=customer).told
    )
    assert CalibrationRecipe(min_bads=n_bad + 1).fit(bad, z, customer=customer).fitted == "level"
    assert CalibrationRecipe(min_bads=5 * n_bad + 5).fit(bad, z, customer=customer).fitted == "nothing"


def test_the_level_of_a_portfolio_is_found_as_in_the_published_example(vectors):
    said = vectors["K_calibration_to_ct"]
    n, bads = np.array(said["no"]), np.array(said["nb"])
    z = np.repeat(logit(bads / n), n)
    assert level_for(z, said["ct"]) == pytest.approx(said["logodds_a"], abs=1e-9)
    moved = sigmoid(logit(bads / n) + said["logodds_a"])
    assert moved == pytest.approx(said["logodds_pd"], abs=1e-8)


def test_beta_calibration_is_the_papers(vectors):
    said = vectors["M_misc"]["beta_calib"]
    told = sigmoid(Beta(said["a"], said["b"], said["c"]).apply(logit(np.array(said["s"]))))
    assert told == pytest.approx(said["p"], abs=5e-9)


def test_long_run_rates_set_the_level_and_their_spread_the_margin(vectors):
    """LRA .027, sd .01396, five years: a one-sided 90 % t bound of .0366 [EBA/GL/2017/16, category C]."""
    lra = vectors["M_misc"]["lra"]
    years = tuple(d / n for d, n in zip(lra["D"], lra["N"], strict=True))
    bad, z, customer = _outcomes(lambda z: z)
    said = CalibrationRecipe(long_run=years).fit(bad, z, customer=customer)
    calibrated = said.apply(z)
    assert said.philosophy == "TTC"
    assert sigmoid(calibrated).mean() == pytest.approx(lra["mean_of_years"], abs=1e-9)
    assert said.cautious(calibrated).mean() == pytest.approx(0.0366, abs=5e-5)


def test_the_margin_covers_the_level_as_often_as_it_says():
    """Three rows of one customer share an outcome: counted as independent, the bound would fail far more often."""
    rng, over = np.random.default_rng(3), 0
    for _ in range(300):
        z = rng.normal(-2.5, 1, 400).repeat(3)
        bad = (rng.random(400) < sigmoid(z[::3])).astype(float).repeat(3)
        said = CalibrationRecipe(confidence=0.9).fit(bad, z, customer=np.arange(1200) // 3)
        over += said.cautious(said.apply(z)).mean() >= sigmoid(z).mean()
    assert 0.85 <= over / 300 <= 0.95


def test_without_a_fitted_level_the_margin_is_jeffreys_bound_over_customers():
    z, customer = np.full(300, -4.0), np.arange(300) // 3
    said = CalibrationRecipe(confidence=0.9).fit(np.zeros(300), z, customer=customer)
    assert said.fitted == "nothing"
    assert said.cautious(said.apply(z))[0] == pytest.approx(max(jeffreys_bound(100, 0, confidence=0.9), sigmoid(-4.0)))


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"long_run": (0.02,)}, "two years or more"),
        ({"long_run": (0.02, 3.0)}, r"rates in \[0, 1\)"),
        ({"confidence": 90.0}, r"confidence should lie in \[0.5, 1\)"),
    ],
)
def test_a_wrong_parameter_says_what_would_be_right(said, wrong):
    with pytest.raises(Mistake, match=wrong):
        CalibrationRecipe(**said)


@pytest.mark.parametrize("defaults", ["[0, 0, 0]", "[0, 2, 1]"])
@pytest.mark.parametrize(("key", "correlation"), [("rho0", 0.0), ("rho12", 0.12)])
def test_bounds_of_low_default_grades_are_the_papers(vectors, defaults, key, correlation):
    """Pluto & Tasche 2005: grades of 100, 400 and 300 obligors."""
    for confidence, said in vectors["F_pluto_tasche"][defaults].items():
        told = pluto_tasche_bounds(
            [100, 400, 300], json.loads(defaults), confidence=float(confidence), correlation=correlation
        )
        assert told == pytest.approx(said[key], rel=1e-6 if not correlation else 1e-3)


def test_bounds_rise_with_the_grades_and_an_empty_end_is_bounded_by_nothing():
    told = pluto_tasche_bounds([50, 0, 30, 0], [0, 0, 1, 0], confidence=0.75)
    assert told[0] < told[1] == told[2] < told[3] == 1.0
    assert jeffreys_bound(0, 0, confidence=0.75) < 1
