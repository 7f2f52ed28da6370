"""A small example book taken through every stage once, for all tests of a worker."""

import os
import sys
from pathlib import Path

import pytest
import yaml

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
sys.path.insert(0, str(Path(__file__).parent))
pytest_plugins = ["servers"]


def small_params() -> dict:
    """params.yaml, with a book and dates that take seconds."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["example"] |= {"customers": 900, "months": 61, "seed": 3}
    params["ledger"]["as_of"] = "2023-01-31"
    params["observations"] |= {"first": "2018-12-31", "last": "2021-12-31"}
    params["samples"] |= {
        "train": ["2018-12-31", "2019-09-30"],
        "tune": ["2020-10-31", "2020-10-31"],
        "test": ["2021-11-30", "2021-12-31"],
    }
    params["binning"] |= {"min_bads": 5}
    params["scorecard"] |= {"bads_per_weight": 2}
    params["segments"] = {name: {"own_bads": 10, "offset_bads": 5} for name in params["segments"]}
    params["boosting"] |= {"trees": 60}
    params["stability"] |= {"refits": 1}
    return params


@pytest.fixture(scope="session")
def walked(tmp_path_factory) -> Path:
    """A folder in which the stages up to the case pages have run."""
    from importlib import import_module

    from tradecredit.pipeline.stage import Stage

    folder = tmp_path_factory.mktemp("walk")
    (folder / "params.yaml").write_text(yaml.safe_dump(small_params()))
    (folder / "data").mkdir()
    (folder / "data" / "mappings").symlink_to(ROOT / "data" / "mappings")
    (folder / "data" / "edits").symlink_to(ROOT / "data" / "edits")
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    for name, stage in stages.items():
        for key in [(one,) for one in small_params()["segments"]] if "foreach" in stage else [()]:
            if name != "log_run":
                import_module(f"tradecredit.pipeline.{name}").main(Stage(folder), *key)
    return folder


@pytest.fixture(scope="session")
def lessons(walked):
    """Model features and outcomes of the train slice of the small walk."""
    from tradecredit.pipeline.lessons import lessons
    from tradecredit.pipeline.stage import Stage

    return lessons(Stage(walked), "train")


@pytest.fixture(scope="session")
def systems(walked):
    """Both rating systems of the small walk, by name."""
    from tradecredit.pipeline.stage import Stage
    from tradecredit.pipeline.systems import systems

    return systems(Stage(walked))[0]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real data and vectors that lie beside the checkout; skips where they do not."""
    if not SHARED.is_dir():
        pytest.skip("../shared (real data, test vectors) is not beside this checkout")
    return SHARED


@pytest.fixture
def book(tmp_path):
    """Delivers tables into one ledger."""
    from deliveries import Book

    return Book(tmp_path)
