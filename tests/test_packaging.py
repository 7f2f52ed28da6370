"""The base install is small and scores on its own."""

import os
import shutil
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pandas as pd
import pytest

from conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MOST = {"": 30, "serve": 35}


def test_every_folder_of_code_is_packaged():
    folders = {f.parent.relative_to(ROOT / "src") for f in (ROOT / "src").rglob("__init__.py")}
    names = {".".join(("tradecredit", *folder.parts)) for folder in folders}
    assert names == set(PROJECT["tool"]["setuptools"]["packages"])


def test_every_direct_dependency_is_locked_and_no_address_is_named():
    locked = (ROOT / "constraints.txt").read_text()
    assert "://" not in locked
    pins = {line.split("==")[0].lower() for line in locked.splitlines()}
    extras = PROJECT["project"]["optional-dependencies"]
    for wanted in chain(PROJECT["project"]["dependencies"], *extras.values()):
        name = wanted.split(">")[0].split("<")[0].split("[")[0].lower()
        assert name in pins or name == "tradecredit", name


@pytest.mark.slow
@pytest.mark.parametrize("extra", MOST)
def test_an_install_without_the_training_packages_is_small_and_scores(extra, walked, tmp_path):
    uv = Path(sys.executable).parent / "uv"
    checkout = shutil.copytree(ROOT / "src", tmp_path / "checkout/src").parent
    for name in ("pyproject.toml", "README.md", "LICENSE", "constraints.txt"):
        shutil.copy(ROOT / name, checkout)
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, tmp_path / "venv"], check=True)
    python = tmp_path / "venv/bin/python"
    wanted = f"{checkout}[{extra}]" if extra else str(checkout)
    words = ["pip", "install", "-q", "--python", python, "-c", checkout / "constraints.txt", wanted]
    subprocess.run([uv, *words], check=True, cwd=tmp_path)
    listed = subprocess.run([uv, "pip", "list", "--python", python], capture_output=True, text=True, check=True)
    assert len(listed.stdout.splitlines()) - 2 <= MOST[extra]
    out = tmp_path / "ratings.parquet"
    bundle, ledger = walked / "artifacts/bundle", walked / "data/ledger"
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [tmp_path / "venv/bin/tradecredit", "score", "--bundle", bundle, "--ledger", ledger]
    subprocess.run([*command, "--as-of", "2021-12-31", "--out", out], check=True, cwd=tmp_path, env=env)
    assert len(pd.read_parquet(out)) == 900
    done = subprocess.run(
        [command[0], "compare", bundle, bundle], capture_output=True, text=True, cwd=tmp_path, env=env
    )
    assert (done.returncode, done.stderr) == (
        2,
        "compare needs scipy; install it with: pip install 'tradecredit[train]'\n",
    )
