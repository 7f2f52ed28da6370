"""Raw files: CSV and Parquet as columns of text, each row with the physical line on which it starts."""

import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import Mistake
from .mapping import Mapping


class Rejected(Mistake):
    """A delivery that was refused whole, with the code of the contract."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


Cells = tuple[list[str], list[list[str]], list[int], list[int]]


def csv_cells(path: Path, mapping: Mapping) -> Cells:
    """Header, columns of text, the physical line on which each row starts, lines of the wrong width."""
    raw = path.read_bytes()
    if not raw.strip():
        raise Rejected("FILE_EMPTY", f"{path.name}: is empty.")
    if raw[:2] == b"\x1f\x8b" or b"\x00" in raw[:1000]:
        raise Rejected("NOT_CSV", f"{path.name}: is binary, not CSV (compressed?); unpack it first.")
    try:
        text = raw.decode(mapping.encoding)
    except UnicodeDecodeError as fault:
        line = raw[: fault.start].count(b"\n") + 1
        raise Rejected(
            "ENCODING_INVALID",
            f"{path.name} line {line}: byte {raw[fault.start]:#04x} is not {mapping.encoding}; "
            "name the encoding in the mapping (encoding: ...).",
        ) from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mapping.delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    wrong: list[int] = []
    start = 1
    try:
        header = [name.strip() for name in next(reader)]
        start = reader.line_num + 1
        for row in reader:
            if len(row) == len(header):
                rows.append(row)
                lines.append(start)
            elif row:
                wrong.append(start)
            start = reader.line_num + 1
    except csv.Error as fault:
        raise Rejected("QUOTE_MALFORMED", f"{path.name} line {start}: {fault}.") from None
    columns = (
        [[value.strip() for value in column] for column in zip(*rows, strict=True)] if rows else [[] for _ in header]
    )
    return header, columns, lines, wrong


def parquet_cells(path: Path) -> Cells:
    """The same of a Parquet file: every column as text, so that one set of checks serves both; lines are rows."""
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as fault:
        raise Rejected("NOT_CSV", f"{path.name}: is no Parquet file ({str(fault).splitlines()[0]}).") from None
    columns = [_as_text(path, table.column(name), name) for name in table.column_names]
    return table.column_names, columns, list(range(1, table.num_rows + 1)), []


def _as_text(path: Path, column: pa.ChunkedArray, name: str) -> list[str]:
    try:
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.date32())  # refuses a time of day
        return list(column.cast(pa.string()).fill_null("").to_pylist())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise Rejected(
            "HEADER_MISMATCH",
            f"{path.name}: column '{name}' is {column.type}; give text, a day, a number or true/false.",
        ) from None
