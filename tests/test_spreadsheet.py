"""Ratings for a spreadsheet: every customer a line, what is said in both languages, and nothing that would be run."""

import csv
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tradecredit.serving.batch import score_ledger
from tradecredit.serving.bundle import load_bundle
from tradecredit.serving.ratings import SCHEMA
from tradecredit.serving.spreadsheet import write_spreadsheet

DAY = date(2021, 12, 31)


@pytest.fixture(scope="module")
def files(walked, tmp_path_factory):
    """The same ratings as Parquet and as CSV."""
    folder, bundle = tmp_path_factory.mktemp("ratings"), load_bundle(walked / "artifacts/bundle")
    for name in ("r.parquet", "r.csv"):
        score_ledger(bundle, walked / "data/ledger", DAY, folder / name)
    assert sorted(one.name for one in folder.iterdir()) == ["r.csv", "r.parquet"]
    return folder


def _read(file):
    with file.open(encoding="utf-8-sig", newline="") as text:
        return list(csv.DictReader(text))


def test_a_line_tells_what_the_rating_tells(files):
    told, lines = pq.read_table(files / "r.parquet").to_pylist(), _read(files / "r.csv")
    assert (files / "r.csv").read_bytes().startswith(b"\xef\xbb\xbf"), "Excel takes it for UTF-8"
    assert len(lines) == len(told) == 900
    for row, line in zip(told, lines, strict=True):
        assert line["customer_id"] == row["customer_id"]
        assert line["pd"] == ("" if row["pd"] is None else repr(row["pd"]))
        assert line["score"] == ("" if row["score"] is None else str(row["score"]))
        assert (line["grade"] or None) == row["grade"]
        for term in row["pd_term"] or []:
            assert line[f"pd_{term['days']}d"] == repr(term["pd"])
        for language in ("en", "zh"):
            for reason in row["reasons"] or []:
                shape = "{}（{:+.1f}）" if language == "zh" else "{} ({:+.1f})"
                assert shape.format(reason[language], reason["points"]) in line[f"reasons_{language}"]


def _written(tmp_path, rows):
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), tmp_path / "r.parquet")
    write_spreadsheet(pq.ParquetFile(tmp_path / "r.parquet"), tmp_path / "r.csv")
    return _read(tmp_path / "r.csv")


def test_no_cell_is_run_as_a_formula(files, tmp_path):
    row = next(one for one in pq.read_table(files / "r.parquet").to_pylist() if one["reasons"])
    for name in ("=cmd|'/C calc'!A0", "@SUM(1)", "+1", "-1", "\t=1", "\n=1", "＝1", '="a,b"'):
        (line,) = _written(tmp_path, [row | {"customer_id": name, "card": name}])
        assert line["customer_id"] == f"'{name}"
        assert line["card"] == f"'{name}"


def test_who_is_not_rated_and_nobody_at_all_have_the_same_columns(files, tmp_path):
    rows = pq.read_table(files / "r.parquet").to_pylist()
    unrated = [one for one in rows if one["pd"] is None]
    both = _written(tmp_path, [*unrated[:3], next(one for one in rows if one["pd"])])
    assert [bool(line["pd_365d"]) for line in both] == [False, False, False, True]
    assert len(_written(tmp_path, unrated[:2])) == 2
    assert _written(tmp_path, []) == []
