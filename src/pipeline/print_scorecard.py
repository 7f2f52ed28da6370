"""Print the scorecard: a page and a table of its bins, slice by slice, and the statement that scores in a database."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..features.exports import write_csv
from ..models.binning_table import FeatureTable, Line, Slices, binning_table, binning_table_of
from ..models.bins import Bins
from ..models.card_sql import as_sql
from ..models.scorecards import POOLED
from ..serving.scorecard_page import PrintedCard, render_scorecards
from .cards import scorecards
from .lessons import observed
from .stage import Stage, run


def main(stage: Stage) -> None:
    """Write reports/scorecard.html and .csv, and artifacts/scorecard.sql."""
    cards, (matrix, told) = scorecards(stage), observed(stage)
    bad, segment = told["bad"].to_numpy("float64"), matrix.keys["segment"].to_numpy(object)
    where = {name: (told["slice"] == name).to_numpy() for name in ("train", "tune", "test")}
    own = {one.segment for one in cards.segments if one.card is not None}
    printed: list[PrintedCard] = []
    for name, card in cards.cards:
        if name != POOLED and name not in own:
            continue
        mine = segment == name if name in own else np.ones(len(segment), bool)
        slices = {part: (matrix.rows(here & mine), bad[here & mine]) for part, here in where.items()}
        said = json.loads((stage.path("card_reports") / f"{name}.json").read_text("utf-8"))
        tables, edited = binning_table(card, slices), _edited(said["edits"], slices)
        printed.append(PrintedCard(name, card, tables, edited, said["expert"]))
    stage.path("scorecard_page").write_text(render_scorecards(cards, printed), encoding="utf-8")
    write_csv(pd.concat(_rows(one.name, one.tables) for one in printed), stage.path("scorecard_table"))
    stage.path("scorecard_sql").write_text(as_sql(cards), encoding="utf-8")
    bins = sum(len(table.lines) for one in printed for table in one.tables)
    stage.say(f"  {len(printed)} cards, {sum(len(one.tables) for one in printed)} features in {bins} bins")


def _edited(edits: Sequence[dict[str, Any]], slices: Slices) -> list[tuple[dict[str, Any], FeatureTable | None]]:
    """What people edited, and the bins as they were before."""
    train = {"train": slices["train"]}
    return [
        (row, binning_table_of(Bins.of_dict(row["before"]), train) if isinstance(row["before"], dict) else None)
        for row in edits
    ]


def _rows(card: str, tables: Sequence[FeatureTable]) -> pd.DataFrame:
    """A row for each bin; the first has no lower end, the last no upper one."""
    rows = pd.DataFrame(
        [
            {"card": card, "feature": one.feature.name, "en": one.feature.en, "zh": one.feature.zh}
            | {"from": line.low, "to_below": line.high, "levels": " | ".join(line.levels)}
            | {"missing": _reason(line), "policy": line.policy}
            | {"points": line.points, "woe": line.woe}
            | {
                f"{name}_{what}": value
                for name, held in line.held.items()
                for what, value in (
                    ("goods", held.goods),
                    ("bads", held.bads),
                    ("bad_rate", held.bad_rate),
                    ("woe", held.woe),
                    ("iv", one.iv[name]),
                )
            }
            for one in tables
            for line in one.lines
        ]
    )
    return rows.replace([float("inf"), float("-inf")], float("nan"))


def _reason(line: Line) -> str:
    if line.missing is None:
        return "other"
    return line.missing.name if line.missing else ""


if __name__ == "__main__":
    run(main)
