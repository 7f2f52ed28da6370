"""A night: a whole book rated, explained and stored, against the straightforward way with the same bundle.

    python benchmarks/scoring.py [--small] [--customers N] [--trees 500] [--leaves 63]

Grows trees on the features of the last pipeline run (`dvc repro`), puts them into a bundle as the champion, and makes
the example book with N customers (375,000, unless told, of which some 200,000 are rated; `--small`: 3,000). Then, each
a process of its own, from an empty SQLite file:

- the night: `tradecredit score --store` of the last day of the book, from the ledger;
- from features: the same customers rated, explained and stored (from_features.py), and what pandas, `predict`,
  `pred_contrib` and `to_sql` make of them (straightforward.py). Both are given the features that the bundle reads;
- twenty features of a plain copy of the ledger, told with pandas: part of what a night costs the straightforward way,
  which has no measure here for the other features of the bundle.

The last line is JSON: customers, how many are rated, the trees; from features `wall_s`, `straightforward_s` and
`vs_straightforward` (its seconds over ours); `night_s`, `night_peak_gib`, and `night_vs_straightforward`: the
straightforward seconds from features, and those of its twenty features, over the night's.
"""

import argparse
import json
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
from processes import run, run_file

from books import ROOT, example
from features import plain

DAY = date(2024, 12, 31)


def main() -> None:
    """Make bundle and book, rate both ways, and print the figures as JSON."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--small", action="store_true")
    ask.add_argument("--customers", default=375_000, type=int)
    ask.add_argument("--trees", default=500, type=int)
    ask.add_argument("--leaves", default=63, type=int)
    said = ask.parse_args()
    customers = 3_000 if said.small else said.customers
    day, place = str(DAY), Path(__file__).parent
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        example(folder, customers)
        write_bundle_of_trees(folder / "bundle", trees=said.trees, leaves=said.leaves)
        rated = write_features(folder)
        plain(folder / "data/ledger", folder / "plain")
        score = ["tradecredit.cli", "score", "--bundle", "bundle", "--ledger", "data/ledger", "--as-of", day]
        night, peak = run(folder, *score, "--store", "night.db")
        given = ["bundle", "features.parquet"]
        ours, _ = run_file(folder, place / "from_features.py", *given, "customers.parquet", day, "ours.db")
        theirs, _ = run_file(folder, place / "straightforward.py", "rate", *given, "theirs.db")
        twenty, _ = run_file(folder, place / "straightforward.py", "tell", "plain", day)
    figures = {"customers": customers, "rated": rated, "trees": said.trees, "leaves": said.leaves}
    figures |= {"wall_s": round(ours, 1), "straightforward_s": round(theirs, 1)}
    figures |= {"vs_straightforward": round(theirs / ours, 2), "night_s": round(night, 1)}
    figures |= {"night_peak_gib": round(peak, 2), "night_vs_straightforward": round((theirs + twenty) / night, 2)}
    print(json.dumps(figures))


def write_bundle_of_trees(folder: Path, *, trees: int, leaves: int) -> None:
    """The bundle of the last run with trees of this size as the champion, calibrated as its trees were."""
    from tradecredit.models.growing import BoostingRecipe
    from tradecredit.pipeline.lessons import lessons
    from tradecredit.pipeline.stage import Stage
    from tradecredit.pipeline.systems import systems
    from tradecredit.serving.bundle import load_bundle, write_bundle
    from tradecredit.serving.reference import Reference
    from tradecredit.serving.seen import seen_in

    stage, made = Stage(ROOT), load_bundle(ROOT / "artifacts/bundle")
    matrix, bad = lessons(stage, "train")
    model = BoostingRecipe(trees=trees, leaves=leaves, min_rows=20).fit(matrix, bad)
    system = replace(systems(stage)[0]["boosting"], model=model)
    own = matrix.only(model.features)
    write_bundle(
        folder,
        system,
        default=made.default,
        observation=made.observation,
        reference=Reference.of(own, model.contributions(own)),
        reasons=made.reasons,
        seen=seen_in(own),
        warnings=made.warnings,
        about=made.about,
    )


def write_features(folder: Path) -> int:
    """The bundle's features of all that are rated, and who they are; returns how many."""
    import pandas as pd

    from tradecredit.features.matrix import Matrix
    from tradecredit.serving.bundle import load_bundle
    from tradecredit.serving.scoring import score_parts

    parts = [scored for _, _, scored in score_parts(load_bundle(folder / "bundle"), folder / "data/ledger", DAY)]
    keys = pd.concat(
        [
            one.matrix.keys.assign(customer_id=one.customers["customer_id"].to_numpy(object), as_of=DAY)[one.rated]
            for one in parts
        ]
    ).astype({"as_of": "datetime64[s]"})
    values, missing = (
        np.vstack([getattr(one.matrix, name)[one.rated] for one in parts]) for name in ("values", "missing")
    )
    Matrix(keys.reset_index(drop=True), values, missing, parts[0].matrix.features).write(folder / "features.parquet")
    rated = pd.concat([one.customers[one.rated] for one in parts])
    rated.to_parquet(folder / "customers.parquet", index=False)
    return len(keys)


if __name__ == "__main__":
    main()
