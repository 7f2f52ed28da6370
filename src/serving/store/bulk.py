"""Bulk: columns into a table, by COPY on PostgreSQL and by one prepared statement on SQLite."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import sqlalchemy as sa

_ROWS = 100_000


def write(connection: sa.Connection, table: sa.Table, columns: pa.Table) -> None:
    """Append rows; the columns are named as the table's."""
    names = columns.column_names
    raw: Any = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(names))
        raw.executemany(f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})", _tuples(columns))
        return
    said = f"COPY {table.name} ({', '.join(names)}) FROM STDIN WITH (FORMAT csv)"
    with raw.cursor() as cursor, cursor.copy(said) as copy:
        for batch in columns.to_batches(max_chunksize=_ROWS):
            text = io.BytesIO()
            options = pa.csv.WriteOptions(include_header=False)
            pa.csv.write_csv(pa.Table.from_batches([batch]), text, options)
            copy.write(text.getvalue())


def _tuples(columns: pa.Table) -> Iterator[tuple[Any, ...]]:
    for batch in columns.to_batches(max_chunksize=_ROWS):
        yield from zip(*map(_listed, batch.columns), strict=True)


def _listed(column: pa.Array) -> list[Any]:
    """Python objects, None for null; numbers take the quick way."""
    if pa.types.is_floating(column.type):
        return column.to_numpy(zero_copy_only=False).tolist()  # SQLite takes NaN for NULL
    if not column.null_count and (pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)):
        told: list[Any] = np.asarray(column.to_numpy(zero_copy_only=False)).tolist()
        return told
    return column.to_pylist()
