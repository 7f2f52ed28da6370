"""Two rating systems side by side: what differs is told, and a promotion keeps a rule and a log."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from tradecredit.cli import app
from tradecredit.errors import Mistake
from tradecredit.models import metrics as m
from tradecredit.models.comparison import Cohort, PromotionRecipe, compare
from tradecredit.models.logistic import in_the_large, sigmoid
from tradecredit.pipeline.compare import _floor, check, compared, system_of
from tradecredit.pipeline.promote import verified
from tradecredit.pipeline.stage import Stage
from tradecredit.serving.bundle import load_bundle


@pytest.fixture(scope="module")
def cohort():
    rng = np.random.default_rng(4)
    z = rng.normal(-3, 1.3, 3000)
    bad = (rng.random(3000) < sigmoid(z)).astype(float)
    noisy = z + rng.normal(0, 1.0, 3000)
    segment = np.where(np.arange(3000) % 3 == 0, "CORP", "SME").astype(object)
    return Cohort(bad, np.arange(3000) // 2, segment), z, noisy


@pytest.fixture(scope="module")
def told(cohort, systems):
    who, z, noisy = cohort
    return compare(who, (systems["scorecard"], noisy), (systems["boosting"], z), cut=0.05)


def test_the_difference_is_delongs_by_customer_and_turns_with_the_order(cohort, systems, told):
    who, z, noisy = cohort
    stat, p = m.auc_difference(who.bad, z, noisy, cluster=who.customer)
    assert (told["auc_difference"]["z"], told["auc_difference"]["p"]) == (stat, p)
    turned = compare(who, (systems["boosting"], z), (systems["scorecard"], noisy), cut=0.05)
    assert turned["auc_difference"]["value"] == -told["auc_difference"]["value"] < 0


def test_the_swap_set_accepts_as_many_and_holds_every_observation_once(cohort, told):
    who, _, noisy = cohort
    swap = told["swap_set"]
    assert swap["only_first"]["n"] == swap["only_second"]["n"] > 0
    assert swap["both_accept"]["n"] + swap["only_first"]["n"] == (sigmoid(noisy) < 0.05).sum()
    assert sum(one["n"] for one in swap.values()) == len(who.bad)
    assert sum(one["n_bad"] for one in swap.values()) == who.bad.sum()
    assert swap["only_second"]["bad_rate"] < swap["only_first"]["bad_rate"]


def test_migration_counts_grade_by_grade(cohort, systems, told):
    who, z, noisy = cohort
    scale, table = systems["scorecard"].scale, np.array(told["migration"]["n"])
    assert table.sum() == len(who.bad)
    assert np.array_equal(table.sum(axis=1), np.bincount(scale.place(noisy), minlength=len(scale.names)))
    assert np.array_equal(table.sum(axis=0), np.bincount(scale.place(z), minlength=len(scale.names)))
    assert told["migration"]["same"] == np.trace(table) / len(who.bad)


def test_calibration_is_told_for_all_and_by_segment(cohort, told):
    who, z, _ = cohort
    assert [row["segment"] for row in told["calibration"]] == ["all", "CORP", "SME"]
    corp = who.segment == "CORP"
    row = told["calibration"][1]
    assert (row["n"], row["n_bad"]) == (corp.sum(), who.bad[corp].sum())
    assert row["in_the_large"][1] == pytest.approx(in_the_large(who.bad[corp], z[corp]))


def test_a_system_beside_itself_differs_in_nothing(cohort, systems):
    who, z, _ = cohort
    told = compare(who, (systems["scorecard"], z), (systems["scorecard"], z), cut=0.05)
    assert told["auc_difference"] == {"value": 0.0, "z": 0.0, "p": 1.0}
    assert told["migration"]["same"] == 1.0
    assert told["swap_set"]["only_first"]["n"] == 0


@pytest.mark.parametrize(
    ("difference", "off", "against"),
    [
        ((0.01, 0.5), (0.3, 0.1), []),
        ((-0.01, 0.5), (0.3, 0.1), []),
        ((-0.03, 0.02), (0.3, 0.1), ["AUC is lower by 0.0300"]),
        ((0.03, 0.02), (0.1, -0.6), ["in the large is -0.60"]),
        ((0.03, 0.02), (0.9, -0.6), []),
        ((-0.03, 0.02), (0.1, None), ["AUC is lower", "no bads or no goods"]),
    ],
)
def test_the_rule_of_promotion(difference, off, against):
    told = {
        "auc_difference": {"value": difference[0], "p": difference[1]},
        "calibration": [{"in_the_large": list(off)}],
    }
    found = PromotionRecipe().judge(told)
    assert len(found) == len(against)
    assert all(part in line for part, line in zip(against, found, strict=True))


def test_the_command_compares_both_models_of_a_run_and_a_bundle(walked):
    run = CliRunner()
    done = run.invoke(app, ["compare", "scorecard", "boosting", "--folder", str(walked)])
    assert done.exit_code == 0, done.output
    for words in ("DeLong", "Swap set", "Grades: rows by A", "in the large A"):
        assert words in done.output
    done = run.invoke(
        app, ["compare", "scorecard", str(walked / "artifacts/bundle"), "--folder", str(walked), "--json"]
    )
    told = json.loads(done.output)
    champion = json.loads((walked / "reports/metrics.json").read_text())["champion"]
    assert (told["migration"]["same"] == 1.0) == (champion == "scorecard")


@pytest.mark.parametrize(
    ("name", "more", "wrong"),
    [
        ("trees", {}, "is no bundle's folder"),
        ("scorecard", {"slice_": "later"}, "--slice later: has no observations"),
        ("scorecard", {"cut": 5.0}, "--cut should be a PD"),
    ],
)
def test_what_cannot_be_compared_says_why(walked, name, more, wrong):
    stage = Stage(walked)
    with pytest.raises(Mistake, match=wrong):
        compared(stage, system_of(stage, name), system_of(stage, "boosting"), **more)


def test_a_log_that_was_changed_by_hand_is_refused(tmp_path):
    log = tmp_path / "promotions.jsonl"
    assert verified(log) == []
    lines = []
    for number in range(3):
        last = ["", *verified(log)][-1]
        lines.append(json.dumps({"version": number, "previous": last}))
        log.write_text("\n".join(lines) + "\n")
    assert verified(log)
    log.write_text("\n".join([lines[0], lines[1].replace("1", "7", 1), lines[2]]) + "\n")
    with pytest.raises(Mistake, match="line 3: does not follow"):
        verified(log)
    log.write_text("\n".join([lines[0], lines[2]]) + "\n")
    with pytest.raises(Mistake, match="line 2: does not follow"):
        verified(log)


@pytest.mark.parametrize(
    ("of", "wrong"),
    [
        (lambda one: replace(one, default=replace(one.default, horizon_days=180)), "another outcome than params.yaml"),
        (lambda one: replace(one, about=one.about | {"trained_to": "2030-01-31"}), "nothing can be judged there"),
    ],
)
def test_a_bundle_is_judged_on_its_own_outcome_and_on_days_it_has_not_seen(walked, of, wrong):
    bundle = load_bundle(walked / "artifacts/bundle")
    assert check(Stage(walked), bundle, "it", "test") is bundle
    with pytest.raises(Mistake, match=wrong):
        check(Stage(walked), of(bundle), "it", "test")


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_a_cohort_of_one_outcome_is_compared_without_a_verdict(systems, lessons, outcome):
    matrix = lessons[0].rows(slice(0, 200))
    keys = matrix.keys
    cohort = Cohort(np.full(200, outcome), keys["customer_id"].to_numpy(object), keys["segment"].to_numpy(object))
    both = [(one, one.log_odds(matrix)) for one in systems.values()]
    told = compare(cohort, *both, cut=0.05)
    assert "no bads or no goods" in " ".join(PromotionRecipe().judge(told))


def test_all_is_said_of_all_alone():
    assert [_floor(share) for share in (1.0, 0.9996, 0.29)] == ["100 %", "99 %", "29 %"]
