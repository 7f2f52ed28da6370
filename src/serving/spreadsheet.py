"""Spreadsheet: ratings as CSV for people, a line a customer, lists told in words; no cell is run as a formula."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from ..features.exports import harmless

_ROWS = 20_000
_AS_TOLD = (
    "customer_id",
    "as_of",
    "status",
    "status_en",
    "status_zh",
    "pd",
    "pd_cautious",
    "score",
    "grade",
    "published",
    "previous",
    "manual_review",
    "model",
    "card",
    "second_grade",
    "second_pd",
)
_IN_WORDS = ("reasons", "changes", "warnings")


def write_spreadsheet(source: pq.ParquetFile, out: Path) -> None:
    """Write the ratings of a Parquet file: UTF-8 with a byte order mark, so that Excel reads Chinese."""
    days = _days(source)
    words = [f"{name}_{language}" for language in ("en", "zh") for name in _IN_WORDS]
    columns = [*_AS_TOLD, *(f"pd_{one}d" for one in days), *words, "bundle"]
    with out.open("w", encoding="utf-8-sig", newline="") as file:
        pd.DataFrame(columns=columns).to_csv(file, index=False, lineterminator="\r\n")
        for batch in source.iter_batches(batch_size=_ROWS):
            told = pd.DataFrame([_line(row) for row in batch.to_pylist()], columns=columns).astype({"score": "Int64"})
            told.map(harmless).to_csv(file, index=False, header=False, lineterminator="\r\n")


def _days(source: pq.ParquetFile) -> list[int]:
    """Of the terms of the PD; none where nobody is rated."""
    for batch in source.iter_batches(batch_size=_ROWS, columns=["pd_term"]):
        for terms in batch["pd_term"].to_pylist():
            if terms:
                return [one["days"] for one in terms]
    return []


def _line(row: dict[str, Any]) -> dict[str, Any]:
    terms = {f"pd_{one['days']}d": one["pd"] for one in row["pd_term"]}
    words = {
        f"{name}_{language}": between.join(_told(row[name], language))
        for language, between in (("en", "; "), ("zh", "；"))
        for name in _IN_WORDS
    }
    return {name: row[name] for name in (*_AS_TOLD, "bundle")} | terms | words


def _told(told: Sequence[dict[str, Any]], language: str) -> Iterable[str]:
    shape = "{}（{}）" if language == "zh" else "{} ({})"
    for one in told:
        yield shape.format(one[language], f"{one['points']:+.1f}") if "points" in one else one[language]
