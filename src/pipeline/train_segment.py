"""Rate a segment by a card of its own, by the pooled card with an offset, or by the pooled card, as its bads allow."""

import re
import sys

from ..errors import Mistake
from ..models.scorecard import Scorecard
from ..models.scorecards import POOLED
from ..models.segments import SegmentRecipe
from .cards import by_hand, card_recipe, no_stray_edits
from .lessons import lessons
from .settings import recipe
from .stage import Stage, run, write_json


def main(stage: Stage, segment: str) -> None:
    """Write artifacts/cards/<segment>.json, and why it is so to reports/cards/<segment>.json."""
    named = stage.params["segments"]
    if segment not in named:
        raise Mistake(f"params.yaml: segments has no '{segment}'; it has {', '.join(named) or 'none'}.")
    if not re.fullmatch(r"[\w-]+", segment) or segment == POOLED:
        raise Mistake(f"params.yaml: segments.{segment} should be named by letters, digits, - and _, and not {POOLED}.")
    said = recipe(named, segment, SegmentRecipe, where="params.yaml: segments")
    no_stray_edits(stage)
    (matrix, bad), (tune, _) = lessons(stage, "train"), lessons(stage, "tune")
    if segment not in set(matrix.keys["segment"]):
        there = ", ".join(sorted(set(matrix.keys["segment"]) - {""}))
        raise Mistake(f"params.yaml: segments.{segment} has no customer in train; there are {there}.")
    pooled, told = Scorecard.of_dict(stage.read("scorecard")), by_hand(stage, segment)
    card, made = said.fit(
        segment, pooled, card_recipe(stage, said), matrix, bad, tune=tune, edits=told.edits, expert=told.expert
    )
    if made is None and told.edits:
        raise Mistake(f"data/edits/{segment}.yaml: {segment} has no card of its own to edit ({card.why}).")
    write_json(stage.path("cards") / f"{segment}.json", card.as_dict())
    stage.report(f"cards/{segment}", {"how": card.how, "why": card.why} | (made.as_report() if made else {}))
    stage.say(f"  {segment}: {card.why}")


if __name__ == "__main__":
    run(lambda stage: main(stage, sys.argv[1]))
