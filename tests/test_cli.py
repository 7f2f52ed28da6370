"""The command line: quick, and every mistake ends as one line and exit code 2."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

TRADECREDIT = Path(sys.executable).parent / "tradecredit"


def _run(*words, cwd=None):
    return subprocess.run([TRADECREDIT, *map(str, words)], capture_output=True, text=True, cwd=cwd, check=False)


def test_help_loads_nothing_heavy():
    program = (
        "import sys, tradecredit.cli; print(sorted({'pandas', 'numpy', 'lightgbm', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    told = _run("--help")
    assert told.returncode == 0
    for command in ("example", "intake", "score", "audit-leakage", "summary"):
        assert command in told.stdout


def test_from_an_example_to_ratings(tmp_path, walked):
    assert _run("example", "--customers", 60, "--months", 30, "--seed", 2, "--out", tmp_path / "raw").returncode == 0
    told = _run("intake", tmp_path / "raw", "--ledger", tmp_path / "ledger", "--as-of", "2020-06-30")
    assert told.returncode == 0, told.stderr
    assert "invoices.csv" in told.stdout
    words = ("--bundle", walked / "artifacts/bundle", "--ledger", tmp_path / "ledger", "--as-of", "2020-06-30")
    told = _run("score", *words, "--out", tmp_path / "out.parquet")
    assert told.returncode == 0, told.stderr
    assert len(pd.read_parquet(tmp_path / "out.parquet")) == 60
    first = (tmp_path / "out.parquet").read_bytes()
    _run("score", *words, "--out", tmp_path / "out.parquet")
    assert (tmp_path / "out.parquet").read_bytes() == first
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ledger", "out.parquet", "raw"]


def test_the_example_ledger_does_not_leak(walked):
    told = _run("audit-leakage", "--sample", 60, cwd=walked)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "no leak in 60 observations" in told.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("score", "--bundle", "nowhere", "--ledger", "x", "--as-of", "2020-01-01", "--out", "o"), "is no bundle"),
        (("intake", "nowhere", "--ledger", "x", "--as-of", "2020-01-01"), "no such folder"),
        (("intake", ".", "--ledger", "x", "--as-of", "soon"), "--as-of should be a day"),
        (("summary", "nowhere"), "run 'dvc repro'"),
        (("audit-leakage",), "run 'dvc repro'"),
        (("score", "--bundle", "BUNDLE", "--ledger", "LEDGER", "--as-of", "2021-12-31", "--out", "o.txt"), ".parquet"),
        (("audit-leakage", "--sample", "0"), "run 'dvc repro'"),
        (("score", "--bundle", ".", "--ledger", "x", "--as-of", "2020-01-01", "--out", "o"), "has no manifest.json"),
        (("example", "--out", "x", "--customers", "0"), "should be at least 1"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(tmp_path, walked, words, says):
    real = {"BUNDLE": walked / "artifacts/bundle", "LEDGER": walked / "data/ledger"}
    told = _run(*(real.get(word, word) for word in words), cwd=tmp_path)
    assert told.returncode == 2
    assert says in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
