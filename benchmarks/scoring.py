"""A night: a whole book rated, explained and stored, against the straightforward way with the same bundle.

    python benchmarks/scoring.py [--small] [--customers N] [--trees 500] [--leaves 63]

Grows trees on the features of the last pipeline run (`dvc repro`), puts them into a bundle as the champion, and makes
the example book with N customers (200,000, unless told; `--small`: 3,000). Then, each a process of its own:

- `tradecredit score --store` of the last day of the book, from an empty SQLite file;
- straightforward.py: what pandas, `predict`, `pred_contrib` and `to_sql` make of the same customers. It is given the
  features of the bundle, and tells only twenty of its own, of a ledger without part payments; it rates those that are
  rated.

The last line is JSON: customers, how many are rated, the trees, `wall_s`, `peak_gib`, `straightforward_s`, and
`vs_straightforward` (its wall seconds over ours).
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
    ask.add_argument("--customers", default=200_000, type=int)
    ask.add_argument("--trees", default=500, type=int)
    ask.add_argument("--leaves", default=63, type=int)
    said = ask.parse_args()
    customers = 3_000 if said.small else said.customers
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        example(folder, customers)
        write_bundle_of_trees(folder / "bundle", trees=said.trees, leaves=said.leaves)
        rated = write_features(folder)
        store = ["tradecredit.cli", "score", "--bundle", "bundle", "--ledger", "data/ledger", "--as-of", str(DAY)]
        wall, peak = run(folder, *store, "--store", "ratings.db")
        plain(folder / "data/ledger", folder / "plain")
        words = ["bundle", "plain", "features.parquet", str(DAY), "straightforward.db"]
        theirs, _ = run_file(folder, Path(__file__).with_name("straightforward.py"), *words)
    figures = {"customers": customers, "rated": rated, "trees": said.trees, "leaves": said.leaves}
    figures |= {"wall_s": round(wall, 1), "peak_gib": round(peak, 2), "straightforward_s": round(theirs, 1)}
    print(json.dumps(figures | {"vs_straightforward": round(theirs / wall, 2)}))


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
    """The bundle's features of all that are rated, and how many those are."""
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
    return len(keys)


if __name__ == "__main__":
    main()
