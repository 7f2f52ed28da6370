"""Tables whose values have types already (Parquet, a database) as text, so that one set of checks serves all."""

from collections.abc import Callable, Iterator, Set
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..mapping import Mapping, required
from ..quarantine import CODE, CODES, Report
from .conversions import bytes_of
from .csvrecords import LONGEST_FIELD, Fault
from .header import Header, read_header
from .rawtable import Batch, RawTable, Task, named
from .rejection import Rejected

_ROWS = 250_000  # of a batch


def parquet_table(
    table: str, path: Path, mapping: Mapping, report: Report, tell: Callable[[int], None], spare: Set[str]
) -> RawTable:
    """A Parquet file, every column as text, so that one set of checks serves both; its lines are rows."""
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as fault:
        raise Rejected("NOT_CSV", f"{path.name}: is no Parquet file ({str(fault).splitlines()[0]}).") from None
    names = file.schema_arrow.names
    header = read_header(names, table, path.name, mapping, report, spare)

    used = sorted(set(header.places.values()))

    def tasks() -> Iterator[Task]:
        first = 1
        for batch in _batches(file, path.name):
            columns = {place: as_text(path.name, batch.column(place), names[place]) for place in used}
            tell(batch.nbytes)
            yield typed_task(columns, first, batch.num_rows, table, header, mapping)
            first += batch.num_rows

    return RawTable(table, path.name, mapping, header, tasks())


def _batches(file: pq.ParquetFile, name: str) -> Iterator[pa.RecordBatch]:
    try:
        yield from file.iter_batches(batch_size=_ROWS)
    except (pa.ArrowInvalid, OSError) as fault:
        raise Rejected("NOT_CSV", f"{name}: is damaged ({str(fault).splitlines()[0]}); deliver it anew.") from None


def typed_task(
    columns: dict[int, pa.StringArray], first: int, many: int, table: str, header: Header, mapping: Mapping
) -> Task:
    """A batch of rows that were not parsed, columns by their place: the same rules for what a field may hold."""

    def make() -> Batch:
        lines = np.arange(first, first + many, dtype=np.int32)
        code = np.zeros(len(lines), np.uint8)
        for column in columns.values():
            offsets, text = bytes_of(column)
            strange = np.flatnonzero(((text < 32) & (text != 9) & (text != 10) & (text != 13)) | (text == 127))
            for place in np.searchsorted(offsets[1:], strange, side="right"):
                nul = "\0" in str(column[int(place)])
                code[place] = CODE["NUL_BYTE" if nul else "CONTROL_CHAR"]
            code[(code == 0) & (np.diff(offsets) > LONGEST_FIELD)] = CODE["FIELD_TOO_LONG"]
        faults = []
        key = header.places.get(required(table)[0], 0)
        for place in np.flatnonzero(code):
            known = str(columns[key][int(place)])[:LONGEST_FIELD]
            faults.append(Fault(int(lines[place]), CODES[code[place]], known, known))
        if faults:
            sound = pa.array(code == 0)
            kept = {place: column.filter(sound) for place, column in columns.items()}
            return Batch(named(kept, int((code == 0).sum()), table, header, mapping), lines[code == 0], faults)
        return Batch(named(columns, len(lines), table, header, mapping), lines)

    return make


def as_text(file: str, column: pa.Array, name: str) -> pa.StringArray:
    """A typed column as text; a time stamp must be a day."""
    try:
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.date32())  # refuses a time of day
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        text = column.cast(pa.string()).fill_null("")
        if pa.types.is_decimal(column.type) and column.type.scale > 0:  # its zeros say how it is stored, not how large
            text = pc.utf8_rtrim(pc.utf8_rtrim(text, "0"), ".")
        return text
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise Rejected(
            "HEADER_MISMATCH",
            f"{file}: column '{name}' is {column.type}; give text, a day, a number or true/false.",
        ) from None
