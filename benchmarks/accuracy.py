"""Accuracy beside what is published: scorecard and trees of the product's own recipes on four public data sets.

    python benchmarks/accuracy.py [--small] [--data FOLDER] [--trials N] [--out FILE] [SET ...]

Stratified folds, 3 x 3 with seeds 0, 1, 2 (German credit 10 x 2), everything fitted inside the fold; the mean of the
test AUC. One setting of the scorecard for all sets, and one procedure that tunes the trees in each training fold: see
CARD, TREES and TUNING. Categories are declared as levels, FICO's codes as typed missing reasons, its published
directions as directions of risk. FOLDER (../shared/data, unless told) holds the sets, which are not shipped. With --out
each fold is kept as it is done, and a second run goes on from there. The last line is JSON: by set the mean AUC of
`scorecard`, of `trees` (tuned, five bags) and of `trees_untuned` (TREES as they stand), and how many folds there were.
`--small` takes German credit and one repeat without tuning.

How CARD, TREES and TUNING came about: options were compared on inner folds of two training parts of each set. Together
these hold most rows, so the choice between settings has seen rows that are test rows of other folds: a little of each
figure is the choice of the setting.
"""

import argparse
import json
import sys
import time
import warnings
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from tradecredit.features.column import Missing
from tradecredit.features.declaration import Feature, Measure, Risk, Unit
from tradecredit.features.matrix import Matrix
from tradecredit.models.binning import BinningRecipe
from tradecredit.models.folds import folds
from tradecredit.models.growing import BoostingRecipe
from tradecredit.models.making import CardRecipe
from tradecredit.models.metrics import auc
from tradecredit.models.selection import SelectionRecipe
from tradecredit.models.tuning import TuningRecipe, study_for
from tradecredit.models.weighing import ScorecardRecipe

CARD = CardRecipe(
    BinningRecipe(max_bins=8, min_rows=0.02, min_bads=10, missing_rows=30, missing_bads=3),
    SelectionRecipe(min_iv=0.0, max_correlation=0.9, max_vif=1e9, most=60),
    ScorecardRecipe(strength=1.0, signs="declared", bads_per_weight=3),
)
TREES = BoostingRecipe(
    trees=200, learning_rate=0.03, leaves=15, min_rows=20, l2=3.0, feature_share=0.6, row_share=0.7, missing_rows=30
)
TUNING = TuningRecipe(folds=3)
BAGS = 5
PUBLISHED = {
    "uci_credit_card": (0.769, 0.785),
    "fico_heloc": (0.796, 0.799),
    "german_credit": (0.774, 0.774),
    "polish_bankruptcy_5year": (0.890, 0.957),
}
FICO_FALLS = """
ExternalRiskEstimate MSinceOldestTradeOpen MSinceMostRecentTradeOpen AverageMInFile NumSatisfactoryTrades
PercentTradesNeverDelq MSinceMostRecentDelq MSinceMostRecentInqexcl7days MaxDelq2PublicRecLast12M MaxDelqEver
"""
FICO_RISES = """
NumTrades60Ever2DerogPubRec NumTrades90Ever2DerogPubRec NumTradesOpeninLast12M NumInqLast6M NumInqLast6Mexcl7days
NetFractionRevolvingBurden NetFractionInstallBurden NumBank2NatlTradesWHighUtilization
"""
FICO_CODES = {-9: Missing.NOSRC, -8: Missing.NOBASE, -7: Missing.STALE}  # no record, nothing usable, condition not met


def read(name: str, folder: Path) -> tuple[Matrix, np.ndarray]:
    """A data set as a matrix, and who was bad."""
    if name == "uci_credit_card":
        table = pd.read_csv(folder / f"{name}.csv").drop(columns="ID")
        bad = table.pop("default.payment.next.month").to_numpy(float)
        return matrix(table.astype(dict.fromkeys(("SEX", "EDUCATION", "MARRIAGE"), "str"))), bad
    if name == "fico_heloc":
        table = pd.read_csv(folder / f"{name}.csv")
        bad = (table.pop("RiskPerformance") == "Bad").to_numpy(float)
        risk = dict.fromkeys(FICO_FALLS.split(), Risk.FALLS) | dict.fromkeys(FICO_RISES.split(), Risk.RISES)
        return matrix(table, risk=risk, codes=FICO_CODES), bad
    if name == "german_credit":
        table = pd.read_csv(folder / f"{name}.csv")
        return matrix(table.iloc[:, :-1]), table.iloc[:, -1].astype(str).str.contains("bad").to_numpy(float)
    from scipy.io import arff

    table = pd.DataFrame(arff.loadarff(folder / f"{name}.arff")[0])
    bad = table.pop(table.columns[-1]).astype(str).str.contains("1").to_numpy(float)
    return matrix(table.set_axis([f"ratio_{k}" for k in range(1, table.shape[1] + 1)], axis=1)), bad


def matrix(
    table: pd.DataFrame, *, risk: dict[str, Risk] | None = None, codes: dict[int, Missing] | None = None
) -> Matrix:
    """Numbers as they are, text as categories; codes as typed missing reasons."""
    values, missing = np.empty(table.shape), np.zeros(table.shape, np.uint8)
    features = []
    for k, (name, column) in enumerate(table.items()):
        text = not pd.api.types.is_numeric_dtype(column)
        levels = tuple(sorted(column.unique())) if text else ()
        told = column.map({level: place for place, level in enumerate(levels)}) if text else column
        values[:, k] = told.to_numpy(float)
        missing[np.isnan(values[:, k]), k] = Missing.UNTOLD
        for code, reason in (codes or {}).items():
            missing[values[:, k] == code, k] = reason
        values[missing[:, k] > 0, k] = np.nan
        way = (risk or {}).get(str(name), Risk.FREE)
        features.append(
            Feature(str(name), str(name), str(name), Unit.RATIO, way, Measure(str(name), (), float), levels=levels)
        )
    keys = pd.DataFrame({"customer_id": np.arange(len(table)).astype(str), "as_of": pd.Timestamp("2000-01-01")})
    return Matrix(keys, values, missing, tuple(features))


def tuned(matrix: Matrix, bad: np.ndarray, trials: int) -> BoostingRecipe:
    """The trees that the training part itself chooses."""
    tuning = replace(TUNING, trials=trials)
    pairs, _ = folds(matrix.keys, bad, many=tuning.folds, embargo_days=0, seed=0)
    return tuning.search(study_for(None, "trees"), TREES, matrix, bad, pairs)


def figures(learn: Matrix, bad: np.ndarray, judge: Matrix, hit: np.ndarray, trials: int) -> dict[str, float]:
    """AUC of each model on the part that was left out."""
    models = {"scorecard": CARD.fit(learn, bad).card, "trees_untuned": TREES.fit(learn, bad)}
    if trials:
        models["trees"] = replace(tuned(learn, bad, trials), bags=BAGS).fit(learn, bad)
    return {name: auc(hit, model.log_odds(judge)).value for name, model in models.items()}


def main() -> None:
    """Fit, judge, and print the figures as JSON."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--small", action="store_true")
    ask.add_argument("--data", default="../shared/data", type=Path)
    ask.add_argument("--trials", default=25, type=int)
    ask.add_argument("--out", type=Path)
    ask.add_argument("sets", nargs="*", metavar="SET")
    said = ask.parse_args()
    warnings.filterwarnings("ignore")
    if not said.data.is_dir():
        sys.exit(f"{said.data}: is not there; the public data sets are not shipped. Name their folder with --data.")
    names = ["german_credit"] if said.small else said.sets or list(PUBLISHED)
    trials = 0 if said.small else said.trials
    kept = json.loads(said.out.read_text()) if said.out and said.out.exists() else {}
    for name in names:
        rows, bad = read(name, said.data)
        many, repeats = (10, 2) if name == "german_credit" else (3, 3)
        for repeat in range(1 if said.small else repeats):
            parts = StratifiedKFold(many, shuffle=True, random_state=repeat).split(rows.values, bad)
            for fold, (learn, judge) in enumerate(parts):
                key, begun = f"{name} {repeat} {fold} {trials}", time.time()
                if key not in kept:
                    kept[key] = figures(rows.rows(learn), bad[learn], rows.rows(judge), bad[judge], trials)
                    told = {one: round(value, 4) for one, value in kept[key].items()}
                    print(f"{key}: {told} ({time.time() - begun:.0f} s)", flush=True)
                    if said.out:
                        said.out.write_text(json.dumps(kept))
    told = {
        name: _mean([one for key, one in kept.items() if key.split()[0] == name and key.endswith(f" {trials}")])
        for name in names
    }
    for name, one in told.items():
        card, trees = PUBLISHED[name]
        print(f"{name}: {one}; to reach: scorecard {card}, trees {trees}")
    print(json.dumps(told))


def _mean(parts: list[dict[str, float]]) -> dict[str, float]:
    sums: dict[str, list[float]] = defaultdict(list)
    for part in parts:
        for name, value in part.items():
            sums[name].append(value)
    return {name: round(float(np.mean(values)), 4) for name, values in sums.items()} | {"folds": len(parts)}


if __name__ == "__main__":
    main()
