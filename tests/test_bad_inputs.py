"""The malformed ledgers of the contract: verdict, codes, lines, counts and sums, each exactly."""

import json
from datetime import date
from pathlib import Path

import pytest
import yaml

from conftest import SHARED
from tradecredit.errors import Mistake
from tradecredit.features.intake.taking import take_in
from tradecredit.features.mapping import Mapping
from tradecredit.features.quarantine import CODES, Report

CASES = sorted((SHARED / "badinputs/cases").glob("*/expectation.json"))


@pytest.mark.usefixtures("shared")
def test_the_cases_are_there():
    assert len(CASES) >= 76


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.parent.name)
def test_a_malformed_ledger_is_treated_as_the_contract_says(case: Path, tmp_path):
    said = json.loads(case.read_text(encoding="utf-8"))
    for number, run in enumerate(said["runs"]):
        mapping = tmp_path / f"mapping-{number}.yaml"
        mapping.write_text(yaml.safe_dump(run["profile"], allow_unicode=True), encoding="utf-8")
        expected = [run.get("first_delivery", run), run][-len(run["deliveries"]) :]
        for delivery, wanted in zip(run["deliveries"], expected, strict=True):
            before = _state(tmp_path / f"ledger-{number}")
            report = _taken(case.parent / delivery, tmp_path / f"ledger-{number}", said["as_of"], mapping)
            _hold(report.as_dict(), wanted)
            if wanted["verdict"] == "reject":
                assert _state(tmp_path / f"ledger-{number}") == before, "a refused delivery changes nothing"
            else:
                shown = json.loads((tmp_path / f"ledger-{number}/intake_report.json").read_text(encoding="utf-8"))
                assert shown == json.loads(json.dumps(report.as_dict()))


def _taken(source: Path, ledger: Path, as_of: str, mapping: Path) -> Report:
    report = Report()
    try:
        take_in(source, ledger, as_of=date.fromisoformat(as_of), mapping=Mapping.read(mapping), report=report)
    except Mistake as refused:
        said = str(refused)
    else:
        return report
    assert report.verdict == "reject"
    assert report.message == said
    assert "\n" not in said
    return report


def _state(folder: Path) -> dict:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _hold(got: dict, wanted: dict) -> None:
    assert got["verdict"] == wanted["verdict"], got["message"]
    if wanted["verdict"] == "reject":
        assert set(got["reject_reason"]) & set(wanted["reject_reason"])
        return
    said = {(row["file"], row["line"], row["key"], row["cascade"]): row["reason"] for row in wanted["quarantine"]}
    told = {(row["file"], row["line"], row["key"], row["cascade"]): row["reason"] for row in got["quarantine"]}
    assert told.keys() == said.keys()
    for row, reason in told.items():
        assert reason in said[row], row
        assert reason in CODES
    warned = {(one["code"], one["file"], one.get("line")) for one in got["warnings"]}
    assert warned == {(one["code"], one["file"], one.get("line")) for one in wanted.get("warnings", [])}
    assert got["rows"] == wanted["rows"]
    assert got["sums"] == wanted["sums"]
    for tally in got["rows"].values():
        assert tally["read"] == tally["accepted"] + tally["quarantined"]
