"""Calibrate both models on the tune slice, put them on one scale, and choose the champion there."""

from ..models.boosting import BoostedTrees
from ..models.calibrating import CalibrationRecipe
from ..models.hazard import HazardRecipe
from ..models.rating import RatingRecipe, RatingSystem
from ..models.sweep import gate
from ..models.validation import ChampionRecipe
from .cards import scorecards
from .lessons import lessons, terms
from .stage import Stage, run


def main(stage: Stage) -> None:
    """Write both rating systems and the champion's name."""
    matrix, bad = lessons(stage, "tune")
    customer = matrix.keys["customer_id"].to_numpy(object)
    rating, calibration = stage.recipe("rating", RatingRecipe), stage.recipe("calibration", CalibrationRecipe)
    hazard, train, by_term = stage.recipe("hazard", HazardRecipe), *terms(stage, "train")
    systems = {}
    for model in (scorecards(stage), BoostedTrees.of_dict(stage.read("boosting"))):
        gate(model, train)
        found = calibration.fit(bad, model.log_odds(matrix), customer=customer)
        # its level does not matter: the PD at the horizon stays the rating's
        term = hazard.fit(found.apply(model.log_odds(train)), by_term)
        systems[model.kind] = RatingSystem(model, found, rating.scale(), rating.points(), term, rating.hysteresis)
    log_odds = {name: system.log_odds(matrix) for name, system in systems.items()}
    champion, why = stage.recipe("champion", ChampionRecipe).choose(bad, log_odds, customer=customer)
    stage.write(
        "systems",
        {"champion": champion, "why": why, "systems": {name: system.as_dict() for name, system in systems.items()}},
    )
    stage.report(
        "champion",
        {"champion": champion, "why": why} | {name: system.calibration.as_dict() for name, system in systems.items()},
    )
    stage.say(f"  champion: {champion} ({why})")


if __name__ == "__main__":
    run(main)
