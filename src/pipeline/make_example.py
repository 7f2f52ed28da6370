"""Make the example ledger: a book of business customers whose truth is known."""

from pathlib import Path

from ..features.example import ExampleRecipe, write_example
from .stage import Stage, progress, run


def main(stage: Stage) -> None:
    """Write data/example."""
    recipe = stage.recipe("example", ExampleRecipe)
    tell = progress("customers", recipe.customers)
    write_example(stage.root / Path("data/example"), recipe, progress=lambda done, _: tell(done))


if __name__ == "__main__":
    run(main)
