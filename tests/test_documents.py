"""What is written for people is held to the code: the dictionary, the examples in docstrings, the notebook."""

import doctest
import importlib
import pkgutil

import pytest

import tradecredit
from conftest import ROOT
from tradecredit.features.dictionary import dictionary


def test_the_feature_dictionary_is_that_of_the_catalogue():
    assert (ROOT / "docs/features.md").read_text(encoding="utf-8") == dictionary()


MODULES = [m.name for m in pkgutil.walk_packages(tradecredit.__path__, "tradecredit.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.slow
def test_the_notebook_runs(walked, monkeypatch):
    import jupytext
    from nbclient import NotebookClient

    monkeypatch.setenv("TRADECREDIT_WALK", str(walked))
    notebook = jupytext.read(ROOT / "notebooks/01_first_look.py")
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute(cwd=str(ROOT / "notebooks"))
    last = notebook.cells[-1]["outputs"][0]["text"]
    assert "grade" in last
    assert "天" in last or "占比" in last
