"""Compare two rating systems on a slice of the pipeline's observations: for people, by `tradecredit compare`."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from ..errors import Mistake
from ..features.default import DefaultRecipe
from ..models.comparison import Cohort, compare
from ..models.rating import RatingSystem
from ..serving.bundle import Bundle, load_bundle
from .lessons import observed
from .stage import PATHS, Stage
from .systems import systems


def system_of(stage: Stage, name: str, slice_: str = "test") -> RatingSystem:
    """The system that is meant by "scorecard" or "boosting" (of the last run), a bundle's folder, or models:/...

    Raises
    ------
    Mistake
        There is none, or it cannot be judged on that slice (see `check`).
    """
    if name.startswith("models:/"):
        from .tracking import Tracker, TrackingRecipe

        tracker = Tracker(stage.recipe("tracking", TrackingRecipe), stage.root, looking=True)
        return check(stage, load_bundle(tracker.bundle(name)), name, slice_).system
    if Path(name).is_dir():
        return check(stage, load_bundle(Path(name)), name, slice_).system
    if (stage.root / PATHS["systems"]).exists() and name in (known := systems(stage)[0]):
        return known[name]
    raise Mistake(
        f"{name}: is no bundle's folder; a system is told as that, as scorecard or boosting of the last run, or as "
        "models:/<name>@<alias> or models:/<name>/<version>."
    )


def check(stage: Stage, bundle: Bundle, name: str, slice_: str) -> Bundle:
    """The bundle, if the outcomes of the slice are what its PD tells of, on days that it was not trained on.

    Raises
    ------
    Mistake
        They are not.
    """
    if bundle.default != stage.recipe("outcome", DefaultRecipe):
        theirs = ", ".join(f"{key} {value}" for key, value in asdict(bundle.default).items())
        raise Mistake(f"{name}: its PD is of another outcome than params.yaml tells ({theirs}).")
    _, told = observed(stage)
    first = str(told["as_of"][told["slice"] == slice_].min())[:10]
    if slice_ != "train" and first <= str(bundle.about["trained_to"]):
        raise Mistake(
            f"{name}: was trained on rows up to {bundle.about['trained_to']}; {slice_} begins on {first}, so nothing "
            "can be judged there."
        )
    return bundle


def compared(
    stage: Stage, first: RatingSystem, second: RatingSystem, *, slice_: str = "test", cut: float = 0.05
) -> dict[str, Any]:
    """The comparison on one slice (see `models.comparison.compare`)."""
    matrix, told = observed(stage)
    here = (told["slice"] == slice_).to_numpy()
    if not here.any():
        raise Mistake(f"--slice {slice_}: has no observations; there are train, tune and test.")
    if not 0 < cut < 1:
        raise Mistake(f"--cut should be a PD in (0, 1), got {cut}.")
    rows = matrix.rows(here)
    lacking = sorted({*first.model.features, *second.model.features} - set(rows.names))
    if lacking:
        raise Mistake(f"data/matrix: has no {lacking[0]}, which one of them reads; build its features again.")
    keys = rows.keys
    cohort = Cohort(
        told["bad"].to_numpy("float64")[here], keys["customer_id"].to_numpy(object), keys["segment"].to_numpy(object)
    )
    return compare(cohort, (first, first.log_odds(rows)), (second, second.log_odds(rows)), cut=cut)


def show(told: dict[str, Any], names: tuple[str, str], *, cut: float) -> None:
    """The comparison on one screen."""
    console = Console(width=None if Console().is_terminal else 120)
    console.print(
        f"A = {names[0]}, B = {names[1]}, on {told['n_bad']} bads in {told['n']} observations of {told['customers']} "
        "customers",
        highlight=False,
    )
    for name, one in zip("AB", told["auc"], strict=True):
        print(f"  AUC of {name} {one['value']:.4f} [{one['low']:.4f}, {one['high']:.4f}], by customer")
    difference = told["auc_difference"]
    print(
        f"  B less A {difference['value']:+.4f} (DeLong z {difference['z']:.2f}, p {difference['p']:.3f}, by customer)"
    )
    table = Table(title=f"Swap set: A accepts a PD below {cut:g}, B as many")
    for name in ("", "observations", "bads", "bad rate"):
        table.add_column(name, justify="left" if not name else "right")
    for name, one in told["swap_set"].items():
        called = name.replace("_", " ").replace("first", "A").replace("second", "B")
        table.add_row(
            called + (" accepts" if "only" in name else ""), str(one["n"]), str(one["n_bad"]), _percent(one["bad_rate"])
        )
    console.print(table)
    moved = told["migration"]
    table = Table(title="Grades: rows by A, columns by B")
    for name in ("", *moved["columns"]):
        table.add_column(name, justify="right")
    for name, row in zip(moved["rows"], moved["n"], strict=True):
        table.add_row(name, *(str(n) if n else "·" for n in row))
    console.print(table)
    if "same" in moved:
        print(f"  the same grade {_floor(moved['same'])}, within one {_floor(moved['within_one'])}")
    table = Table(title="Calibration (in the large: log-odds to add; 0 is right)")
    for name in ("segment", "observations", "bads", "bad rate", "mean PD A", "B", "in the large A", "B "):
        table.add_column(name, justify="left" if name == "segment" else "right")
    for row in told["calibration"]:
        large = ["–" if one is None else f"{one:+.2f}" for one in row["in_the_large"]]
        pds = map(_percent, row["mean_pd"])
        table.add_row(row["segment"], str(row["n"]), str(row["n_bad"]), _percent(row["bad_rate"]), *pds, *large)
    console.print(table)


def _floor(share: float) -> str:
    """Whole per cent; 100 % are all of them."""
    return f"{int(100 * share + 1e-9)} %"


def _percent(share: float | None) -> str:
    return "–" if share is None or np.isnan(share) else f"{100 * share:.2f} %"
