"""Print the scorecard: a page and a table of its bins, slice by slice, and the statement that scores in a database."""

import pandas as pd

from ..features.exports import write_csv
from ..models.binning_table import FeatureTable, Line, binning_table
from ..models.card_sql import as_sql
from ..models.scorecard import Scorecard
from ..serving.scorecard_page import render_scorecard
from .lessons import observed
from .stage import Stage, run


def main(stage: Stage) -> None:
    """Write reports/scorecard.html and .csv, and artifacts/scorecard.sql."""
    card, (matrix, told) = Scorecard.of_dict(stage.read("scorecard")), observed(stage)
    bad = told["bad"].to_numpy("float64")
    where = {name: (told["slice"] == name).to_numpy() for name in ("train", "tune", "test")}
    slices = {name: (matrix.rows(here), bad[here]) for name, here in where.items()}
    tables = binning_table(card, slices)
    stage.path("scorecard_page").write_text(render_scorecard(card, tables), encoding="utf-8")
    write_csv(_rows(tables), stage.path("scorecard_table"))
    stage.path("scorecard_sql").write_text(as_sql(card), encoding="utf-8")
    stage.say(f"  {len(tables)} features in {sum(len(one.lines) for one in tables)} bins")


def _rows(tables: list[FeatureTable]) -> pd.DataFrame:
    """A row for each bin; the first has no lower end, the last no upper one."""
    rows = pd.DataFrame(
        [
            {"feature": one.feature.name, "en": one.feature.en, "zh": one.feature.zh}
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
