"""Cut, choose and weigh the features of the scorecard."""

from ..models.binning import BinningRecipe
from ..models.scorecard import ScorecardRecipe
from ..models.selection import SelectionRecipe
from .lessons import lessons
from .stage import Stage, run


def main(stage: Stage) -> None:
    """Write the scorecard, and for each feature that left the reason."""
    matrix, bad = lessons(stage, "train")
    bins = stage.recipe("binning", BinningRecipe).fit(matrix, bad)
    tune, _ = lessons(stage, "tune")
    kept, dropped = stage.recipe("selection", SelectionRecipe).fit(bins, matrix, tune)
    scorecard, turned = stage.recipe("scorecard", ScorecardRecipe).fit(kept, matrix, bad)
    stage.write("scorecard", scorecard)
    stage.report(
        "selection",
        {
            "kept": list(scorecard.features),
            "dropped": dropped | turned,
            "iv": {b.feature: round(b.iv, 4) for b in bins},
        },
    )
    stage.say(f"  {len(scorecard.features)} features in the scorecard, {len(dropped | turned)} left out")


if __name__ == "__main__":
    run(main)
