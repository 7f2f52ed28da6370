"""How far reasons stay the same when a model is fitted again: on other customers, and from other seeds.

    python benchmarks/stability.py [--small] [--refits N] [FOLDER]

FOLDER (here, unless told) is one in which the pipeline has run; nothing is written. Pooled card and trees are fitted on
train, then N times (5, unless told) on as many customers drawn from it with replacement, all their rows together, and
the trees N times from other seeds. Of the tenth of the test rows that the first fit finds riskiest, the three main
adverse reasons against the mean customer of the segment are compared, and the two main families of features. `--small`
fits again once, and the trees alone. The last line is JSON: by model and way the mean overlap by feature and by family.
"""

import argparse
import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from tradecredit.features.matrix import Matrix
from tradecredit.models.boosting import BoostingRecipe
from tradecredit.models.model import Model
from tradecredit.models.scorecards import Scorecards
from tradecredit.models.stability import grouped, overlap
from tradecredit.pipeline.cards import card_recipe
from tradecredit.pipeline.lessons import lessons
from tradecredit.pipeline.stage import Stage
from tradecredit.serving.reference import Reference

FEATURES, FAMILIES = 3, 2


def drawn(matrix: Matrix, bad: np.ndarray, rng: np.random.Generator) -> tuple[Matrix, np.ndarray]:
    """As many customers, with replacement; one that is drawn twice is two."""
    _, code = np.unique(matrix.keys["customer_id"].to_numpy(object).astype(str), return_inverse=True)
    rows = [np.flatnonzero(code == one) for one in range(code.max() + 1)]
    chosen = [rows[one] for one in rng.integers(0, len(rows), len(rows))]
    places = np.concatenate(chosen)
    told = matrix.rows(places)
    names = np.repeat([f"{k:06d}" for k in range(len(chosen))], [len(one) for one in chosen])
    return replace(told, keys=told.keys.assign(customer_id=names)), bad[places]


def explained(model: Model, train: Matrix, rows: Matrix) -> np.ndarray:
    """(n, all features of the rows): contributions against the mean customer of the segment."""
    own, judged = train.only(model.features), rows.only(model.features)
    reference = Reference.of(own, model.contributions(own))
    segments = judged.keys["segment"].to_numpy(object)
    told = model.contributions(judged) - reference.compared_with("segment", segments, judged.names)
    whole = np.zeros((len(rows), len(rows.names)))
    whole[:, [rows.names.index(name) for name in judged.names]] = told
    return whole


def main() -> None:
    """Fit, fit again, compare, and print the figures as JSON."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--small", action="store_true")
    ask.add_argument("--refits", default=5, type=int)
    ask.add_argument("folder", nargs="?", default=".", type=Path)
    said = ask.parse_args()
    warnings.filterwarnings("ignore")
    stage = Stage(said.folder)
    (matrix, bad), (tune, _), (test, _) = (lessons(stage, name) for name in ("train", "tune", "test"))
    families, many = [one.family for one in test.features], 1 if said.small else said.refits
    trees, card = stage.recipe("boosting", BoostingRecipe), card_recipe(stage)

    def fit_card(rows: Matrix, hit: np.ndarray, seed: int) -> Model:  # noqa: ARG001 - nothing of it is drawn
        return Scorecards(card.fit(rows, hit, tune=tune).card)

    def fit_trees(rows: Matrix, hit: np.ndarray, seed: int) -> Model:
        return replace(trees, seed=seed).fit(rows, hit)

    kinds: dict[str, Callable[..., Model]] = {"boosting": fit_trees} | ({} if said.small else {"scorecard": fit_card})
    told = {}
    for name, fit in kinds.items():
        first = fit(matrix, bad, trees.seed)
        z = first.log_odds(test)
        risky = test.rows(np.flatnonzero(z >= np.quantile(z, 0.9)))
        before, rng = explained(first, matrix, risky), np.random.default_rng(0)
        ways = {"customers": [(*drawn(matrix, bad, rng), trees.seed) for _ in range(many)]}
        ways |= {"seeds": [(matrix, bad, 100 + k) for k in range(many)]} if name == "boosting" else {}
        for way, lots in ways.items():
            again = [explained(fit(*lot), lot[0], risky) for lot in lots]
            both = [
                (
                    overlap(before, one, most=FEATURES),
                    overlap(grouped(before, families), grouped(one, families), most=FAMILIES),
                )
                for one in again
            ]
            by_feature, by_family = np.mean(both, axis=0)
            told[f"{name}, other {way}"] = {
                "by_feature": round(float(by_feature), 3),
                "by_family": round(float(by_family), 3),
            }
            print(f"{name}, other {way}: {by_feature:.3f} by feature, {by_family:.3f} by family", flush=True)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
