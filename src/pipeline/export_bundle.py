"""Export the champion as a bundle: plain files with checksums."""

import hashlib
import platform
from importlib.metadata import version
from typing import Any

from ..features.catalogue import CATALOGUE, feature
from ..features.default import DefaultRecipe
from ..features.ledger import delivered, read_about
from ..features.matrix import Matrix
from ..features.observations import ObservationRecipe
from ..models.boosting import BoostedTrees
from ..models.growing import hold_to_lightgbm
from ..models.rating import RatingSystem
from ..serving.bundle import declared, write_bundle
from ..serving.early_warning import WarningRule
from ..serving.golden import Golden
from ..serving.opinions import Opinion
from ..serving.reasons import ReasonRecipe
from ..serving.reference import Reference
from ..serving.seal import as_json
from ..serving.seen import seen_in
from .lessons import observed
from .settings import recipe
from .stage import Stage, run
from .systems import systems

_LIBRARIES = ("tradecredit", "numpy", "pandas", "pyarrow", "lightgbm", "numba")


def main(stage: Stage) -> None:
    """Write artifacts/bundle."""
    (known, champion), (matrix, slices) = systems(stage), observed(stage)
    system = known[champion]
    rows = matrix.rows((slices["slice"] == "train").to_numpy())
    train = rows.only(system.model.features)
    reasons = stage.recipe("reasons", ReasonRecipe)
    other = next((one for name, one in known.items() if name != champion and reasons.second_opinion), None)
    for one in (system, other):
        if one is not None:
            ask_lightgbm(one)
    fingerprint = write_bundle(
        stage.path("bundle"),
        system,
        default=stage.recipe("outcome", DefaultRecipe),
        observation=stage.recipe("observations", ObservationRecipe),
        reference=_reference(system, rows),
        reasons=reasons,
        seen=seen_in(train),
        second=None if other is None else Opinion(other, _reference(other, rows)),
        warnings=rules(stage),
        about=_about(stage.read("metrics"), champion, train)
        | {
            "philosophy": system.calibration.philosophy,
            "reads": list(system.model.features),
            "ledger": delivered(read_about(stage.read("ledger"))),
            "catalogue": hashlib.sha256(as_json(declared(CATALOGUE))).hexdigest(),
        },
    )
    stage.say(f"  {champion} in {stage.path('bundle')}, fingerprint {fingerprint[:12]}")


def ask_lightgbm(system: RatingSystem) -> None:
    """Raise `ArithmeticError` unless LightGBM says the same of trees, on and beside everything that they look at."""
    model = system.model
    if isinstance(model, BoostedTrees):
        hold_to_lightgbm(model, Golden.of({"trees": system}, [feature(name) for name in model.features]).matrix)


def rules(stage: Stage) -> dict[str, WarningRule]:
    """The rules of early warning, by name."""
    said = stage.params["warnings"] or {}
    return {name: recipe(said, name, WarningRule, where="params.yaml: warnings") for name in said}


def _reference(system: RatingSystem, rows: Matrix) -> Reference:
    own = rows.only(system.model.features)
    return Reference.of(own, system.model.contributions(own))


def _about(metrics: dict[str, Any], champion: str, train: Matrix) -> dict[str, Any]:
    """What is told of a bundle: the rows it was fitted on, how it did out of time, and by which libraries."""
    as_of = train.keys["as_of"].to_numpy()
    rows = hashlib.sha256("\n".join(train.keys["customer_id"].astype(str)).encode())
    for part in (as_of.astype("datetime64[D]"), train.values, train.missing):
        rows.update(part.tobytes())
    return {
        "model": champion,
        "trained_from": str(as_of.min())[:10],
        "trained_to": str(as_of.max())[:10],
        "training_rows": rows.hexdigest(),
        "train": {k: metrics[champion]["train"][k] for k in ("n", "n_bad")},
        "test": {k: metrics[champion]["test"][k] for k in ("n", "n_bad", "auc", "auc_low", "auc_high")},
        "versions": {"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES},
    }


if __name__ == "__main__":
    run(main)
