"""Cut, choose and weigh the features of the pooled scorecard."""

from ..models.scorecards import POOLED
from .cards import by_hand, card_recipe
from .lessons import lessons
from .stage import Stage, run


def main(stage: Stage) -> None:
    """Write the scorecard, for each feature that left the reason, and what people edited."""
    (matrix, bad), (tune, _) = lessons(stage, "train"), lessons(stage, "tune")
    told = by_hand(stage, POOLED)
    made = card_recipe(stage).fit(matrix, bad, tune=tune, edits=told.edits, expert=told.expert)
    stage.write("scorecard", made.card)
    stage.report("cards/pooled", made.as_report())
    stage.say(f"  {len(made.card.features)} features in the scorecard, {len(made.dropped)} left out")
    if made.expert:
        stage.say(f"  the expert card was taken: {made.expert}")


if __name__ == "__main__":
    run(main)
