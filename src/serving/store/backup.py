"""Backup: a copy of a SQLite store as of one moment, also while others write to it."""

import sqlite3
from pathlib import Path

from ...errors import Mistake
from ...features.publishing import ASIDE, flush
from .store import Store


def back_up(store: Store, out: Path) -> None:
    """Write a whole copy that opens as a store; it appears under its name when it is on the disk.

    A copy of the file alone would lack what SQLite still keeps beside it.

    Raises
    ------
    Mistake
        The store is no SQLite file, or there is a file already.
    """
    if not store.sqlite:
        raise Mistake(f"{store.name}: is copied by PostgreSQL's own pg_dump, which takes all tables as of one moment.")
    if out.exists():
        raise Mistake(f"{out}: is there already; a backup overwrites nothing.")
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f".{out.name}{ASIDE}")
    aside.unlink(missing_ok=True)
    try:
        with store.reading() as connection:
            raw = connection.connection.dbapi_connection
            assert isinstance(raw, sqlite3.Connection), "that is what SQLite's driver gives"
            raw.execute("VACUUM INTO ?", (str(aside),))
        flush(aside)
        aside.rename(out)
        flush(out.parent)
    finally:
        aside.unlink(missing_ok=True)
