"""The whole training on a large book: binning, cards, tuned trees and calibration, stage by stage.

    python benchmarks/training.py [--small] [--customers N] [--trials N] [--ceiling]

Makes the example book with N customers (60,000, unless told: a million observations in train) in a folder of its own,
builds its features, and runs the stages that train as the pipeline does, each in a process of its own. Told are the
wall seconds and the peak memory of each, and how much of the oracle's Gini both models have out of time. `--small`
takes 300 customers, one segment and one trial. `--ceiling` tells besides what share any model of these features could
have: trees of 63 leaves that are taught the oracle's probability itself, free of the noise of outcomes. The last line
is JSON: rows and features of train, `wall_s` and `peak_gib` of the training as a whole, and the seconds of each stage.
"""

import argparse
import json
import tempfile
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import yaml
from processes import run

from tradecredit.features.matrix import Matrix
from tradecredit.models.metrics import auc
from tradecredit.pipeline.lessons import lessons
from tradecredit.pipeline.stage import Stage

ROOT = Path(__file__).resolve().parents[1]
BEFORE = ("make_example", "build_ledger", "build_observations", "build_features", "split_samples")
TRAINING = ("train_scorecard", "train_segment", "tune_boosting", "train_boosting", "calibrate", "validate")


def ceiling(folder: Path) -> float:
    """Share of the oracle's Gini on test that trees have which were taught its probabilities in train."""
    stage = Stage(folder)
    (matrix, _), (tune, _), (test, bad) = (lessons(stage, name) for name in ("train", "tune", "test"))
    truth = pd.read_parquet(folder / "data/example/truth.parquet")
    truth["as_of"] = pd.to_datetime(truth["as_of"]).astype("datetime64[s]")

    def oracle(rows: Matrix) -> np.ndarray:
        keys = rows.keys[["customer_id", "as_of"]].astype({"as_of": "datetime64[s]"})
        return keys.merge(truth, on=["customer_id", "as_of"], how="left")["pd"].fillna(0).to_numpy()

    params = {"objective": "cross_entropy", "num_leaves": 63, "learning_rate": 0.06, "min_data_in_leaf": 500}
    params |= {"feature_fraction": 0.5, "bagging_fraction": 0.7, "bagging_freq": 1, "verbosity": -1, "seed": 1}
    taught = lgb.Dataset(matrix.values, oracle(matrix))
    judge = lgb.Dataset(tune.values, oracle(tune), reference=taught)
    grown = lgb.train(params, taught, 700, valid_sets=[judge], callbacks=[lgb.early_stopping(30, verbose=False)])
    told = [2 * auc(bad, score).value - 1 for score in (grown.predict(test.values), oracle(test))]
    return told[0] / told[1]


def main() -> None:
    """Make the book, train, and print the figures as JSON."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--small", action="store_true")
    ask.add_argument("--customers", default=60_000, type=int)
    ask.add_argument("--trials", default=10, type=int)
    ask.add_argument("--ceiling", action="store_true")
    said = ask.parse_args()
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["example"]["customers"] = 300 if said.small else said.customers
    params["tuning"]["trials"] = 1 if said.small else said.trials
    if said.small:
        params["segments"] = dict(list(params["segments"].items())[:1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "params.yaml").write_text(yaml.safe_dump(params))
        (folder / "data/edits").mkdir(parents=True)
        (folder / "data/mappings").symlink_to(ROOT / "data/mappings")
        for card in ("pooled", *params["segments"]):
            (folder / f"data/edits/{card}.yaml").symlink_to(ROOT / f"data/edits/{card}.yaml")
        for stage in BEFORE:
            run(folder, f"tradecredit.pipeline.{stage}")
        slices = pd.read_parquet(folder / "data/matrix/slices.parquet", columns=["slice", "bad"])
        train = slices[slices["slice"] == "train"]
        told, peak = {}, 0.0
        for stage in TRAINING:
            each = [(one,) for one in params["segments"]] if stage == "train_segment" else [()]
            figures = [run(folder, f"tradecredit.pipeline.{stage}", *words) for words in each]
            told[stage] = round(sum(wall for wall, _ in figures), 1)
            peak = max(peak, *(one for _, one in figures))
        metrics = json.loads((folder / "reports/metrics.json").read_text())
        share = {"ceiling_share": round(ceiling(folder), 4)} if said.ceiling else {}
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
    print(
        json.dumps(
            figures | share | {"wall_s": round(sum(told.values()), 1), "peak_gib": round(peak, 2), "stages": told}
        )
    )


if __name__ == "__main__":
    main()
