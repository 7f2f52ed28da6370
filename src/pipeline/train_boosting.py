"""Grow the monotone trees."""

from ..models.boosting import BoostingRecipe
from .lessons import lessons
from .stage import Stage, run


def main(stage: Stage) -> None:
    """Write the boosted trees."""
    matrix, bad = lessons(stage, "train")
    trees = stage.recipe("boosting", BoostingRecipe).fit(matrix, bad)
    stage.write("boosting", trees)
    stage.say(f"  {trees.booster.num_trees()} trees on {len(trees.features)} features")


if __name__ == "__main__":
    run(main)
