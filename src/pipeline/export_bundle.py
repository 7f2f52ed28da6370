"""Export the champion as a bundle: plain files with checksums."""

from typing import Any

import numpy as np

from ..features.default import DefaultRecipe
from ..features.matrix import Matrix
from ..features.observations import ObservationRecipe
from ..models.rating import RatingSystem
from ..serving.bundle import write_bundle
from ..serving.early_warning import WarningRule
from ..serving.opinions import Opinion
from ..serving.reasons import ReasonRecipe
from ..serving.reference import Reference
from .lessons import observed
from .settings import recipe
from .stage import Stage, run
from .systems import systems


def main(stage: Stage) -> None:
    """Write artifacts/bundle."""
    (known, champion), (matrix, slices) = systems(stage), observed(stage)
    system = known[champion]
    rows = matrix.rows((slices["slice"] == "train").to_numpy())
    train = rows.only(system.model.features)
    reasons = stage.recipe("reasons", ReasonRecipe)
    other = next((one for name, one in known.items() if name != champion and reasons.second_opinion), None)
    fingerprint = write_bundle(
        stage.path("bundle"),
        system,
        default=stage.recipe("outcome", DefaultRecipe),
        observation=stage.recipe("observations", ObservationRecipe),
        reference=_reference(system, rows),
        reasons=reasons,
        second=None if other is None else Opinion(other, _reference(other, rows)),
        warnings=rules(stage),
        about=_about(stage.read("metrics"), champion, train.keys["as_of"].to_numpy())
        | {"philosophy": system.calibration.philosophy, "reads": list(system.model.features)},
    )
    stage.say(f"  {champion} in {stage.path('bundle')}, fingerprint {fingerprint[:12]}")


def rules(stage: Stage) -> dict[str, WarningRule]:
    """The rules of early warning, by name."""
    said = stage.params["warnings"] or {}
    return {name: recipe(said, name, WarningRule, where="params.yaml: warnings") for name in said}


def _reference(system: RatingSystem, rows: Matrix) -> Reference:
    own = rows.only(system.model.features)
    return Reference.of(own, system.model.contributions(own))


def _about(metrics: dict[str, Any], champion: str, as_of: np.ndarray) -> dict[str, Any]:
    return {
        "model": champion,
        "trained_from": str(as_of.min())[:10],
        "trained_to": str(as_of.max())[:10],
        "train": {k: metrics[champion]["train"][k] for k in ("n", "n_bad")},
        "test": {k: metrics[champion]["test"][k] for k in ("n", "n_bad", "auc", "auc_low", "auc_high")},
    }


if __name__ == "__main__":
    run(main)
