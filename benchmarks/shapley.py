"""Contributions of every row: this package's tables beside LightGBM's `pred_contrib`, its plain predict, and shap.

    python benchmarks/shapley.py [--small] [--rows N]

Boosters are grown on made-up rows of 60 columns, 15 % of the values missing: 300 trees of 31 leaves of any depth, 500
of 63 leaves no deeper than 8, and 500 of 63 leaves of any depth, the hard case. All work on one thread; told is CPU
time per row, the best of three rounds in which all take turns. Ours and predict take 10,000 rows and N (1,000,000,
unless told; a tenth in the hard case), the others as many of these as take seconds. fasttreeshap, where it is
installed, takes its turn too. `--small` takes a fifth of the trees and 20,000 rows. The last line is JSON: for each
shape how many times faster ours is than pred_contrib, than shap and than predict on N rows, than predict on 10,000, the
largest difference to pred_contrib, the seconds until the tables stood and their MB; and how many times faster scores
are told than by predict, and whether to the bit.
"""

import argparse
import json
import time
from collections.abc import Callable
from functools import partial

import lightgbm as lgb
import numpy as np

from tradecredit.models.shapley import Sheet, TreeShap
from tradecredit.models.trees.lightgbm_text import forest_of
from tradecredit.models.trees.walks import Walks

HARD = "500 x 63, any depth"
SHAPES = {"300 x 31": (300, 31, -1), "500 x 63": (500, 63, 8), HARD: (500, 63, -1)}
COLUMNS = 60


def made(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows with whole numbers among them, and labels that a few columns and pairs of them explain."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, COLUMNS))
    x[:, ::3] = np.round(x[:, ::3] * 3)
    score = x[:, 0] + 0.5 * x[:, 1] * x[:, 2] + np.sin(2 * x[:, 3]) + 0.3 * x[:, 4:20].sum(axis=1)
    label = (rng.random(n) < 1 / (1 + np.exp(2 - score))).astype(float)
    x[rng.random(x.shape) < 0.15] = np.nan
    return x, label


def cost(work: Callable[[np.ndarray], object], x: np.ndarray) -> float:
    """CPU microseconds a row."""
    begun = time.process_time()
    work(x)
    return 1e6 * (time.process_time() - begun) / len(x)


def explainers(booster: lgb.Booster) -> dict[str, Callable[[np.ndarray], object]]:
    """shap, and fasttreeshap where it is installed."""
    import shap

    told = {"shap": shap.TreeExplainer(booster).shap_values}
    try:
        from fasttreeshap import TreeExplainer
    except ImportError:
        print("  fasttreeshap is not installed")
    else:
        told["fasttreeshap"] = TreeExplainer(booster, n_jobs=1).shap_values
    return told


def measured(trees: int, leaves: int, depth: int, rows: int) -> dict[str, float]:
    """One shape."""
    params = {"objective": "binary", "num_leaves": leaves, "max_depth": depth, "learning_rate": 0.05, "verbosity": -1}
    booster = lgb.train(params | {"seed": 1}, lgb.Dataset(*made(50_000, 0)), trees)
    begun = time.perf_counter()
    forest = forest_of([booster.model_to_string()])
    tables, walks = TreeShap.of(forest), Walks.of(forest)
    set_up = time.perf_counter() - begun
    x, _ = made(rows, 5)
    few = x[: max(200, 150_000 // (trees * leaves // 31))]
    gap = np.abs(tables.contributions(few) - booster.predict(few, pred_contrib=True, num_threads=1)[:, :-1]).max()
    ours = partial(tables.contributions, threads=1)
    plain = partial(booster.predict, raw_score=True, num_threads=1)
    theirs = partial(booster.predict, pred_contrib=True, num_threads=1)
    turns = {"ours": (ours, x), "predict": (plain, x), "ours, 10k": (ours, x[:10_000])}
    turns |= {"predict, 10k": (plain, x[:10_000]), "pred_contrib": (theirs, few), "scores": (walks.scores, x)}
    turns |= {name: (work, few[:100]) for name, work in explainers(booster).items()}
    told = dict.fromkeys(turns, np.inf)
    for _ in range(3):
        for name, (work, given) in turns.items():
            told[name] = min(told[name], cost(work, given))
    print("  us a row: " + ", ".join(f"{name} {one:.1f}" for name, one in told.items()), flush=True)
    ratios = {f"vs_{name}": told[name] / told["ours"] for name in told if name in ("pred_contrib", "predict", "shap")}
    ratios["vs_predict_10k"] = told["predict, 10k"] / told["ours, 10k"]
    ratios["scores_vs_predict"] = told["predict"] / told["scores"]
    size = sum(part.told.nbytes for part in tables.parts if isinstance(part, Sheet))
    return {name: round(one, 2) for name, one in ratios.items()} | {
        "max_abs_diff": float(gap),
        "same_scores": bool((walks.scores(few) == plain(few)).all()),
        "set_up_s": round(set_up, 2),
        "tables_mb": round(size / 1e6),
    }


def main() -> None:
    """Measure each shape and print the figures as JSON."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--small", action="store_true")
    ask.add_argument("--rows", default=1_000_000, type=int)
    said = ask.parse_args()
    told = {}
    TreeShap.of(forest_of([_stump()])).contributions(made(100, 1)[0])  # compiles what is not yet
    for name, (trees, leaves, depth) in SHAPES.items():
        print(name, flush=True)
        rows = 20_000 if said.small else said.rows // (10 if name == HARD else 1)
        told[name] = measured(trees // 5 if said.small else trees, leaves, depth, rows)
    print(json.dumps(told))


def _stump() -> str:
    return lgb.train({"objective": "binary", "verbosity": -1}, lgb.Dataset(*made(1_000, 0)), 2).model_to_string()


if __name__ == "__main__":
    main()
