"""CSV for people: cells that a spreadsheet would run are made harmless; what is stored stays as it is."""

from pathlib import Path

import pandas as pd

_RUNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def harmless(cell: object) -> object:
    """A text that a spreadsheet would run as a formula with an apostrophe before it; anything else as it is.

    >>> harmless("=cmd|'/C calc'!A0"), harmless("+49 Handels GmbH"), harmless("Müller"), harmless(-5.0)
    ("'=cmd|'/C calc'!A0", "'+49 Handels GmbH", 'Müller', -5.0)
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_RUNS) else cell


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table for a spreadsheet: UTF-8 with a byte order mark, so that Excel reads Chinese names."""
    safe = frame.rename(columns=harmless).map(harmless)
    safe.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\r\n")
