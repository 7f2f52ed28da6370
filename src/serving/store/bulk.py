"""Bulk: columns into a table, by COPY on PostgreSQL and by one prepared statement on SQLite."""

import io
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import sqlalchemy as sa

_ROWS, _TOGETHER = 100_000, 50


def write(connection: sa.Connection, table: sa.Table, columns: pa.Table) -> None:
    """Append rows; the columns are named as the table's."""
    names = columns.column_names
    raw: Any = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite":
        _insert(raw, f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ", columns)
        return
    said = f"COPY {table.name} ({', '.join(names)}) FROM STDIN WITH (FORMAT csv)"
    with raw.cursor() as cursor, cursor.copy(said) as copy:
        for batch in columns.to_batches(max_chunksize=_ROWS):
            text = io.BytesIO()
            options = pa.csv.WriteOptions(include_header=False)
            pa.csv.write_csv(pa.Table.from_batches([batch]), text, options)
            copy.write(text.getvalue())


def _insert(raw: Any, said: str, columns: pa.Table) -> None:
    """Some rows a statement, which takes three fifths of the time of a row each."""
    wide, rows = columns.num_columns, _tuples(columns)
    marks, values = f"({', '.join('?' * wide)})", chain.from_iterable(rows)
    together = (tuple(islice(values, _TOGETHER * wide)) for _ in range(len(columns) // _TOGETHER))
    raw.executemany(said + ", ".join([marks] * _TOGETHER), together)
    raw.executemany(said + marks, rows)


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
