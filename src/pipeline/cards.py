"""Cards: how a scorecard is made, and what people say of it by hand in data/edits/<card>.yaml."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ..errors import Mistake
from ..models.binning import BinningRecipe
from ..models.edits import Edit
from ..models.making import CardRecipe
from ..models.scorecard import Scorecard
from ..models.scorecards import POOLED, Scorecards, SegmentCard
from ..models.segments import SegmentRecipe
from ..models.selection import SelectionRecipe
from ..models.weighing import ScorecardRecipe
from ..yaml_file import read_yaml
from .settings import recipe
from .stage import Stage


@dataclass(frozen=True)
class ByHand:
    """The edits of a card in order, and the points of an expert's card, if one is given."""

    edits: tuple[Edit, ...] = ()
    expert: dict[str, Any] | None = None


def card_recipe(stage: Stage, segment: SegmentRecipe | None = None) -> CardRecipe:
    """The sections that make a card, with what a segment does otherwise."""
    other = segment or SegmentRecipe()
    return CardRecipe(
        stage.recipe("binning", BinningRecipe, otherwise=other.binning),
        stage.recipe("selection", SelectionRecipe, otherwise=other.selection),
        stage.recipe("scorecard", ScorecardRecipe, otherwise=other.scorecard),
    )


def scorecards(stage: Stage) -> Scorecards:
    """The pooled card and how each segment is rated, as the stages wrote them."""
    folder = stage.path("cards")
    told = [json.loads((folder / f"{name}.json").read_text("utf-8")) for name in stage.params["segments"]]
    return Scorecards(Scorecard.of_dict(stage.read("scorecard")), tuple(SegmentCard.of_dict(one) for one in told))


def by_hand(stage: Stage, card: str) -> ByHand:
    """What data/edits/<card>.yaml says. The pipeline asks for the file; outside of it there may be none."""
    path = stage.path("edits") / f"{card}.yaml"
    return read_by_hand(path) if path.exists() else ByHand()


def no_stray_edits(stage: Stage) -> None:
    """Refuse a file of edits that no card reads, such as SME.yml."""
    cards = [f"{name}.yaml" for name in (POOLED, *stage.params["segments"])]
    for one in sorted(stage.path("edits").glob("*.y*ml")):
        if one.name not in cards:
            raise Mistake(f"{one}: is of no card; edits stand in {', '.join(cards)}.")


def read_by_hand(path: Path) -> ByHand:
    """The file, checked key by key."""
    said = read_yaml(path) or {}
    if not isinstance(said, dict) or set(said) - {"edits", "expert"}:
        raise Mistake(f"{path}: should hold 'edits:' and perhaps 'expert:'.")
    rows, expert = said.get("edits") or [], said.get("expert")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Mistake(f"{path}: edits should be a list, each with edit, feature, author, day and reason.")
    if expert is not None and not isinstance(expert, dict):
        raise Mistake(f"{path}: expert should hold base and features.")
    edits = []
    for number, row in enumerate(rows, start=1):
        name = f"edit {number}"
        told = {key: str(value) if isinstance(value, date) else value for key, value in row.items()}
        edits.append(recipe({name: told | {"where": f"{path} {name}"}}, name, Edit, where=str(path)))
    return ByHand(tuple(edits), None if expert is None else expert | {"where": str(path)})
