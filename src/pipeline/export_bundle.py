"""Export the champion as a bundle: plain files with checksums."""

from typing import Any

import numpy as np

from ..features.default import DefaultRecipe
from ..features.observations import ObservationRecipe
from ..serving.bundle import write_bundle
from ..serving.reasons import ReasonRecipe
from ..serving.reference import Reference
from .lessons import observed
from .stage import Stage, run
from .systems import systems


def main(stage: Stage) -> None:
    """Write artifacts/bundle."""
    (known, champion), (matrix, slices) = systems(stage), observed(stage)
    system = known[champion]
    train = matrix.rows((slices["slice"] == "train").to_numpy()).only(system.model.features)
    fingerprint = write_bundle(
        stage.path("bundle"),
        system,
        default=stage.recipe("outcome", DefaultRecipe),
        observation=stage.recipe("observations", ObservationRecipe),
        reference=Reference.of(train, system.model.contributions(train)),
        reasons=stage.recipe("reasons", ReasonRecipe),
        about=_about(stage.read("metrics"), champion, train.keys["as_of"].to_numpy())
        | {"philosophy": system.calibration.philosophy},
    )
    stage.say(f"  {champion} in {stage.path('bundle')}, fingerprint {fingerprint[:12]}")


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
