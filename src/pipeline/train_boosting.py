"""Grow the monotone trees, as they were tuned."""

from dataclasses import replace

from ..models.growing import BoostingRecipe
from .lessons import lessons
from .stage import Stage, run


def main(stage: Stage) -> None:
    """Write the boosted trees."""
    matrix, bad = lessons(stage, "train")
    recipe = replace(stage.recipe("boosting", BoostingRecipe), **stage.read("tuned"))
    trees = recipe.fit(matrix, bad)
    stage.write("boosting", trees)
    flags = len(trees.encoding.flags)
    stage.say(f"  {recipe.bags} x {recipe.trees} trees on {len(trees.features)} features and {flags} missing reasons")


if __name__ == "__main__":
    run(main)
