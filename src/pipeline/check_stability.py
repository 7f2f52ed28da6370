"""Check how far the main reasons stay the same when the models are fitted again: other customers, other seeds."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from ..features.matrix import Matrix
from ..models.growing import BoostingRecipe
from ..models.model import Model
from ..models.scorecards import Scorecards
from ..models.stability import StabilityRecipe, against_mean, drawn
from .cards import card_recipe
from .lessons import lessons
from .stage import Stage, progress, run

Fit = Callable[[Matrix, np.ndarray, int], Model]


def main(stage: Stage) -> None:
    """Write reports/stability.json (a DVC metric): by model and way the mean overlap by feature and by family."""
    recipe = stage.recipe("stability", StabilityRecipe)
    trees = stage.recipe("boosting", BoostingRecipe, otherwise=stage.read("tuned"))
    card = card_recipe(stage)
    if not recipe.refits:
        stage.report("stability", {})
        stage.say("  not tried: stability.refits is 0")
        return
    (matrix, bad), (tune, _), (test, _) = (lessons(stage, name) for name in ("train", "tune", "test"))
    kinds: dict[str, Fit] = {
        "scorecard": lambda rows, hit, _: Scorecards(card.fit(rows, hit, tune=tune).card),
        "boosting": lambda rows, hit, seed: replace(trees, seed=seed).fit(rows, hit),
    }
    tell, done = progress("fits", 2 + 3 * recipe.refits), 0

    def fitted(name: str, rows: Matrix, hit: np.ndarray, seed: int) -> Model:
        nonlocal done
        model, done = kinds[name](rows, hit, seed), done + 1
        tell(done)
        return model

    figures: dict[str, dict[str, dict[str, float]]] = {}
    for name in kinds:
        first = fitted(name, matrix, bad, trees.seed)
        risky = recipe.risky(first, test)
        before = against_mean(first, matrix, risky)

        def again(way: str, name: str = name, risky: Matrix = risky) -> Iterator[np.ndarray]:
            rng = np.random.default_rng(recipe.seed)
            for k in range(1, recipe.refits + 1):
                lot = drawn(matrix, bad, rng) if way == "other_customers" else (matrix, bad)
                seed = trees.seed if way == "other_customers" else trees.seed + k
                yield against_mean(fitted(name, *lot, seed), lot[0], risky)

        ways = ("other_customers",) if name == "scorecard" else ("other_customers", "other_seeds")
        families = [one.family for one in risky.features]
        figures[name] = {way: recipe.compare(before, again(way), families) for way in ways}
    stage.report("stability", figures)
    for name, ways_told in figures.items():
        for way, told in ways_told.items():
            stage.say(
                f"  {name}, {way.replace('_', ' ')}: {told['by_feature']} by feature, {told['by_family']} by family"
            )


if __name__ == "__main__":
    run(main)
