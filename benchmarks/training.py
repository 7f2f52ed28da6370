"""The whole training on a large book: binning, cards, tuned trees and calibration, stage by stage.

    python benchmarks/training.py [--small] [--customers N] [--trials N]

Makes the example book with N customers (60,000, unless told: a million observations in train) in a folder of its own,
builds its features, and runs the stages that train as the pipeline does, each in a process of its own. Told are the
wall seconds and the peak memory of each, and how much of the oracle's Gini both models have out of time. `--small`
takes 1,500 customers and 2 trials. The last line is JSON: rows and features of train, `wall_s` and `peak_gib` of the
training as a whole, and the seconds of each stage.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[1]
BEFORE = ("make_example", "build_ledger", "build_observations", "build_features", "split_samples")
TRAINING = ("train_scorecard", "train_segment", "tune_boosting", "train_boosting", "calibrate", "validate")


def run(folder: Path, stage: str, *words: str) -> tuple[float, float]:
    """Wall seconds and peak GiB of a stage."""
    begun = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", f"tradecredit.pipeline.{stage}", *words], cwd=folder)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"{stage}: ended with {os.waitstatus_to_exitcode(status)}")
    wall, peak = time.perf_counter() - begun, used.ru_maxrss / 2**20
    print(f"{stage} {' '.join(words)}: {wall:.1f} s, {peak:.2f} GiB", flush=True)
    return wall, peak


def main() -> None:
    """Make the book, train, and print the figures as JSON."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--small", action="store_true")
    ask.add_argument("--customers", default=60_000, type=int)
    ask.add_argument("--trials", default=10, type=int)
    said = ask.parse_args()
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["example"]["customers"] = 1_500 if said.small else said.customers
    params["tuning"]["trials"] = 2 if said.small else said.trials
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "params.yaml").write_text(yaml.safe_dump(params))
        (folder / "data").mkdir()
        for part in ("mappings", "edits"):
            (folder / "data" / part).symlink_to(ROOT / "data" / part)
        for stage in BEFORE:
            run(folder, stage)
        slices = pd.read_parquet(folder / "data/matrix/slices.parquet", columns=["slice", "bad"])
        train = slices[slices["slice"] == "train"]
        told, peak = {}, 0.0
        for stage in TRAINING:
            each = [(one,) for one in params["segments"]] if stage == "train_segment" else [()]
            figures = [run(folder, stage, *words) for words in each]
            told[stage] = round(sum(wall for wall, _ in figures), 1)
            peak = max(peak, *(one for _, one in figures))
        metrics = json.loads((folder / "reports/metrics.json").read_text())
        features = len(json.loads((folder / "artifacts/boosting.json").read_text())["encoding"]["features"])
    figures = {
        "rows": len(train),
        "bads": int(train["bad"].sum()),
        "features": features,
        "trials": params["tuning"]["trials"],
    }
    oracle = metrics["oracle"]["test"]["gini"]
    figures["share_of_oracle_gini"] = {
        model: round(metrics[model]["test"]["gini"] / oracle, 4) for model in ("scorecard", "boosting")
    }
    print(json.dumps(figures | {"wall_s": round(sum(told.values()), 1), "peak_gib": round(peak, 2), "stages": told}))


if __name__ == "__main__":
    main()
