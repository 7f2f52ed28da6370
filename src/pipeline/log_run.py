"""Log the run: one MLflow parent run from the stages' reports, and the bundle registered and published."""

import hashlib
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..serving.published import LOG, Publication, lock_fingerprint
from .pictures import pictures, save
from .stage import Stage, run
from .tracking import Tracker, TrackingRecipe, git_commit

_REPORTS = ("intake", "observations", "samples", "tuning", "champion", "grades", "stability")


def main(stage: Stage) -> None:
    """Write to MLflow, and reports/run.json says where."""
    recipe, metrics, bundle = stage.recipe("tracking", TrackingRecipe), stage.read("metrics"), stage.read("bundle")
    manifest = (bundle / "manifest.json").read_bytes()
    features = json.loads(manifest)["about"]["reads"]
    tags = {
        "git_commit": git_commit(stage.root),
        "dvc_lock_sha256": lock_fingerprint(stage.root / "dvc.lock", without="log_run"),
        "ledger_sha256": _sha(*sorted(stage.read("ledger").rglob("*.parquet"))),
        "bundle_sha256": hashlib.sha256(manifest).hexdigest(),
        "champion": metrics["champion"],
    }
    tracker = Tracker(recipe, stage.root)
    with tracker.run("pipeline", tags=tags) as parent, tempfile.TemporaryDirectory() as folder:
        tracker.params(_flat({name: said for name, said in stage.params.items() if name != "tracking"}))
        champion = metrics[metrics["champion"]]
        tracker.metrics(_numbers({"champion": champion} | {k: metrics[k] for k in ("oracle", "naive") if k in metrics}))
        stability = json.loads((stage.root / "reports/stability.json").read_text())
        tracker.metrics(_numbers({"stability": stability}))
        for name in _REPORTS:
            tracker.file(stage.root / "reports" / f"{name}.json", "reports")
        for name in ("card_reports", "scorecard_page", "scorecard_table"):
            tracker.file(stage.path(name), "reports")
        for name, figure in pictures(stage.read("plots")):
            save(figure, Path(folder) / f"{name}.png")
            tracker.file(Path(folder) / f"{name}.png", "plots")
        for model in ("scorecard", "boosting"):
            with tracker.run(model, tags=tags | {"model": model}, nested=True):
                sections = {"scorecard": ("binning", "selection", "scorecard"), "boosting": ("boosting",)}[model]
                tracker.params(_flat({name: stage.params[name] for name in sections}))
                tracker.metrics(_numbers(metrics[model]))
        trials = json.loads((stage.root / "reports/tuning.json").read_text())["trials"]
        if trials:
            with tracker.run("tuning", tags=tags, nested=True):
                tracker.series("auc", {one["number"]: one["auc"] for one in trials if one["auc"] is not None})
        version = tracker.register(bundle, features)
    Publication(
        tags["bundle_sha256"],
        parent,
        recipe.model,
        version,
        tags["git_commit"],
        tags["dvc_lock_sha256"],
        datetime.now(UTC).isoformat(timespec="seconds"),
    ).append(stage.root / LOG)
    stage.report("run", {"run_id": parent, "model": recipe.model, "version": version, "alias": recipe.alias, **tags})
    stage.say(f"  MLflow run {parent}; {recipe.model} version {version} is the {recipe.alias}")


def _sha(*files: Path) -> str:
    """SHA-256 over the bytes of these files in order; '' if one is not there."""
    if not all(file.is_file() for file in files):
        return ""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _flat(sections: dict[str, Any]) -> dict[str, Any]:
    return {f"{section}.{key}": value for section, said in sections.items() for key, value in (said or {}).items()}


def _numbers(figures: dict[str, Any], prefix: str = "") -> dict[str, float]:
    """Nested figures as one level of numbers: test.auc."""
    flat: dict[str, float] = {}
    for name, value in figures.items():
        if isinstance(value, dict):
            flat |= _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            flat[f"{prefix}{name}"] = float(value)
    return flat


if __name__ == "__main__":
    run(main)
