"""Where a delivery's raw tables come from: a folder, one file, or a SQL database."""

import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from ...databases import engine_of, shown
from ...errors import Unavailable
from ..mapping import Mapping
from ..quarantine import Report
from ..schemas import SCHEMAS
from .csvfiles import csv_table
from .header import read_header
from .rawtable import RawTable, Task
from .rejection import Rejected
from .typedtables import parquet_table, typed_task

_ROWS = 50_000
CREDENTIALS = "TRADECREDIT_SOURCE"


class Source(Protocol):
    """What hands out raw tables.

    `fewer_rows`: the user says that this delivery may have far fewer rows than the one before.
    """

    fewer_rows: bool

    def open(self, table: str, mapping: Mapping, report: Report, tell: Callable[[int], None]) -> RawTable | None:
        """A table to read; None for an optional one that is not there."""

    def size(self, table: str, /) -> int:
        """Its bytes, as far as they are known beforehand."""

    def fingerprint(self) -> str:
        """Of all that would be read: equal for the same delivery. Empty where it cannot be told beforehand."""


class Files:
    """A folder with the canonical tables, or one raw file."""

    def __init__(self, place: Path, mapping: Mapping, *, fewer_rows: bool = False) -> None:
        self.place, self.mapping, self.fewer_rows = place, mapping, fewer_rows
        if not place.exists():
            raise Rejected("FILE_MISSING", f"{place}: there is no such folder or file.")

    def path(self, table: str) -> Path | None:
        """The file of a table."""
        named = self.mapping.files.get(table)
        if named is not None:
            path = self.place / named if self.place.is_dir() else self.place
            if not path.exists():
                raise Rejected("FILE_MISSING", f"{path}: the mapping names it for {table}; it is not there.")
            return path
        paths = [self.place / f"{table}{suffix}" for suffix in (".csv", ".parquet")]
        return next((path for path in paths if path.exists()), None)

    def open(self, table: str, mapping: Mapping, report: Report, tell: Callable[[int], None]) -> RawTable | None:
        path = self.path(table)
        if path is None:
            if table in ("customers", "invoices", "payments"):
                raise Rejected("FILE_MISSING", f"{self.place}: has no {table}.csv (or .parquet).")
            return None
        if not path.is_file():
            raise Rejected("NOT_CSV", f"{path}: is no file.")
        read = parquet_table if path.suffix == ".parquet" else csv_table
        return read(table, path, mapping, report, tell, _spare(table, self.path("limits") is not None))

    def size(self, table: str, /) -> int:
        path = self.path(table)
        return path.stat().st_size if path is not None else 0

    def fingerprint(self) -> str:
        told = hashlib.sha256()
        names = {path for table in SCHEMAS if (path := self.path(table)) is not None}
        for path in sorted(names | {self.place / "manifest.json"} if self.place.is_dir() else names):
            if path.is_file():
                told.update(path.name.encode() + b"\0")
                with path.open("rb") as file:
                    while chunk := file.read(1 << 22):
                        told.update(chunk)
        return told.hexdigest()


class Database:
    """A SQL database through SQLAlchemy: a table, a view or a query for each canonical table.

    User and password come from the environment alone (TRADECREDIT_SOURCE_USER, TRADECREDIT_SOURCE_PASSWORD)
    and are never printed.
    """

    def __init__(self, mapping: Mapping, *, fewer_rows: bool = False) -> None:
        self.mapping, self.fewer_rows = mapping, fewer_rows
        self._engine = engine_of("source", mapping.source, CREDENTIALS)
        self._shown, url = shown(self._engine.url), self._engine.url
        if url.drivername.startswith("sqlite") and not Path(url.database or "").is_file():
            raise Rejected("FILE_MISSING", f"{self._shown}: there is no such database file.")

    def open(self, table: str, mapping: Mapping, report: Report, tell: Callable[[int], None]) -> RawTable | None:
        said = mapping.tables.get(table)
        if said is None:
            if table in ("customers", "invoices", "payments"):
                raise Rejected(
                    "FILE_MISSING", f"mapping: tables has no query for {table}; name a table, view or query."
                )
            return None
        rows = self._rows(said)
        names = next(rows)
        header = read_header(list(names), table, table, mapping, report, _spare(table, "limits" in mapping.tables))

        def tasks() -> Iterator[Task]:
            first = 1
            for some in rows:
                used = set(header.places.values())
                columns = {place: pa.array([_told(row[place]) for row in some], pa.string()) for place in used}
                tell(0)
                yield typed_task(columns, first, len(some), table, header, mapping)
                first += len(some)

        return RawTable(table, table, mapping, header, tasks())

    def _rows(self, said: str) -> Iterator[Any]:
        """The columns' names, then lists of rows."""
        import sqlalchemy

        try:
            with self._engine.connect().execution_options(stream_results=True) as connection:
                if said.split()[0].lower() in ("select", "with", "values", "table"):
                    result = connection.exec_driver_sql(said)
                else:
                    schema, _, name = said.rpartition(".")
                    place = sqlalchemy.table(name, schema=schema or None)
                    result = connection.execute(sqlalchemy.select(sqlalchemy.text("*")).select_from(place))
                yield tuple(result.keys())
                yield from result.partitions(_ROWS)
        except sqlalchemy.exc.SQLAlchemyError as fault:
            told = str(getattr(fault, "orig", None) or fault).splitlines()[0]
            if isinstance(fault, sqlalchemy.exc.OperationalError) and not _SAID_WRONG.search(told):
                raise Unavailable(f"{self._shown}: {told}") from None
            raise Rejected("FILE_MISSING", f"{self._shown}: '{said}' cannot be read ({told}).") from None

    def size(self, _table: str, /) -> int:
        return 0

    def fingerprint(self) -> str:
        return ""


_SAID_WRONG = re.compile(r"no such|near \"|syntax|incomplete input|ambiguous")  # SQLite calls these operational too


def _spare(table: str, limits: bool) -> set[str]:
    """A customer's limit need not be told where there is a table of limits."""
    return {"credit_limit"} if table == "customers" and limits else set()


def _told(value: Any) -> str:
    """A database's value as the text that a file would hold; nothing is rounded."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        whole = (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0)
        return value.date().isoformat() if whole and value.tzinfo is None else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)
