"""The two real books beside the checkout, through every stage, with the parameters of examples/."""

import json
from importlib import import_module

import pytest
import yaml

from conftest import ROOT
from tradecredit.pipeline.stage import Stage

STAGES = [
    name
    for name, stage in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].items()
    if name not in ("make_example", "log_run") and "foreach" not in stage
]


def _walk(book, shared, folder):
    (folder / "raw").mkdir()
    (folder / "raw" / f"{book}.csv").symlink_to(shared / "data" / f"{book}.csv")
    (folder / "data").mkdir()
    (folder / "data/mappings").symlink_to(ROOT / "data/mappings")
    (folder / "data/edits").symlink_to(ROOT / f"examples/{book}/edits")
    (folder / "params.yaml").write_text((ROOT / f"examples/{book}/params.yaml").read_text())
    for name in STAGES:
        import_module(f"tradecredit.pipeline.{name}").main(Stage(folder))
    return json.loads((folder / "reports/metrics.json").read_text()), json.loads(
        (folder / "reports/intake.json").read_text()
    )


@pytest.mark.slow
def test_the_b2b_book_predicts_who_will_be_30_days_late(shared, tmp_path):
    """Published: an untuned LightGBM has 0.81 here, a logistic regression 0.85 (standard error 0.04)."""
    metrics, intake = _walk("b2b_invoices", shared, tmp_path)
    assert [(row["reason"]) for row in intake["quarantine"] if not row["cascade"]] == ["DUE_BEFORE_ISSUE"] * 179
    assert metrics["scorecard"]["test"]["n"] == 515
    assert 25 < metrics["scorecard"]["test"]["n_bad"] < 40
    for model in ("scorecard", "boosting"):
        assert metrics[model]["test"]["auc"] > 0.85 - 3 * 0.04


@pytest.mark.slow
def test_the_ibm_sample_predicts_who_pays_a_week_late(shared, tmp_path):
    """Honest history gives 0.86 invoice by invoice; a published 0.92 leaks."""
    metrics, intake = _walk("ibm_accounts_receivable", shared, tmp_path)
    assert intake["rows"]["ibm_accounts_receivable.csv"]["accepted"] == 2466
    for model in ("scorecard", "boosting"):
        assert metrics[model]["test"]["auc"] > 0.75
