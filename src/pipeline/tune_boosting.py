"""Search the settings of the trees, on folds of other customers and later days; goes on where it was stopped."""

import hashlib
import json
from dataclasses import asdict
from typing import Any

from ..features.default import DefaultRecipe
from ..features.matrix import Matrix
from ..features.samples import kept_for_tuning
from ..models.folds import folds
from ..models.growing import BoostingRecipe
from ..models.tuning import TuningRecipe, study_for
from .lessons import lessons
from .stage import Stage, progress, run

STORE = "tuning.db"  # beside params.yaml, never an output: a stage's outputs are deleted before it runs


def main(stage: Stage) -> None:
    """Write the settings that were found (none where there are no trials), and each trial."""
    recipe, tuning = stage.recipe("boosting", BoostingRecipe), stage.recipe("tuning", TuningRecipe)
    if not tuning.trials:
        stage.write("tuned", {})
        stage.report("tuning", {"trials": []})
        stage.say("  not tuned: tuning.trials is 0")
        return
    matrix, bad = lessons(stage, "train")
    if len(matrix) > tuning.most_rows:
        drawn = kept_for_tuning(matrix.keys["customer_id"], tuning.most_rows / len(matrix))
        matrix, bad = matrix.rows(drawn), bad[drawn]
    embargo = stage.recipe("outcome", DefaultRecipe).decided_after_days
    pairs, how = folds(matrix.keys, bad, many=tuning.folds, embargo_days=embargo, seed=tuning.seed)
    name = _name(matrix, bad.tobytes(), asdict(recipe), asdict(tuning) | {"trials": 0, "embargo": embargo})
    study = study_for(f"sqlite:///{stage.root / STORE}", name)
    found = tuning.search(study, recipe, matrix, bad, pairs, tell=progress("trials", tuning.trials))
    changed = {key: value for key, value in asdict(found).items() if value != asdict(recipe)[key]}
    stage.write("tuned", changed)
    trials = [
        {"number": one.number, "state": one.state.name.lower(), "auc": one.value, **one.params, **one.user_attrs}
        for one in study.trials
        if one.state.is_finished()
    ]
    stage.report("tuning", {"study": name, "folds": how, "best": study.best_value, "found": changed, "trials": trials})
    stage.say(f"  {how}: AUC {study.best_value:.4f} by {changed}")


def _name(matrix: Matrix, outcomes: bytes, *recipes: dict[str, Any]) -> str:
    """Of the study: other data or other ranges begin another one."""
    digest = hashlib.sha256(json.dumps([matrix.names, *recipes], sort_keys=True).encode())
    for part in (matrix.values.tobytes(), matrix.missing.tobytes(), outcomes):
        digest.update(part)
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    run(main)
