"""Raw files: CSV and Parquet as batches of text, each row with the physical line on which it starts."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..mapping import COLUMNS, Mapping, required
from ..quarantine import CODE, Report
from .conversions import bytes_of
from .csvrecords import LONGEST_FIELD, Fault, Records, Shape, bulk, careful, utf8_chunks
from .csvrecords import fields_of as header_fields
from .rejection import Rejected

_ROWS = 250_000  # of a batch that is not cut from a file's bytes
_TRAILER = re.compile(
    r"\W*(grand |sub|zwischen)?(total|sum|summe|gesamt\w*|count|records?|rows?|trailer|trl|end|eof|合计|总计|小计|总数)"
    r"(s|e)?\b.*|\W*\d+ (rows?|records?|lines?|zeilen)\b.*|(合计|总计|小计|共).*",
    re.IGNORECASE | re.DOTALL,
)
_TRAILER_LINES = 3
_NO_CSV = {
    b"\x1f\x8b": "is compressed (gzip); unpack it",
    b"PK\x03\x04": "is a zip archive or an Excel workbook; unpack it, or save it as CSV",
    b"\xd0\xcf\x11\xe0": "is an Excel workbook; save it as CSV",
    b"%PDF": "is a PDF; export the list as CSV",
    b"PAR1": "is Parquet; call it .parquet",
}


@dataclass
class Batch:
    """Some rows of a raw table: text by our column names, the line of each, the records that are none.

    `end` is the last physical line of the file, if it was read.
    """

    text: dict[str, pa.StringArray]
    lines: npt.NDArray[np.int32]
    faults: list[Fault] = field(default_factory=list)
    noticed: list[tuple[str, int]] = field(default_factory=list)
    end: int | None = None


Task = Callable[[], Batch]


@dataclass
class Header:
    """Which of a file's columns are ours.

    Attributes
    ----------
    places : dict of str to int
        Our name (or theirs, where the mapping needs it) to the place of the column.
    names : list of str
        As in the file.
    own : str
        What the file calls the table's id.
    """

    names: list[str]
    places: dict[str, int]
    own: str


def read_header(
    names: Sequence[str], table: str, file: str, mapping: Mapping, report: Report, spare: Set[str] = frozenset()
) -> Header:
    """Find our columns among theirs; what is missing refuses the delivery, what is strange is warned of.

    `spare` are columns that may be missing, since another table tells them.
    """
    ours = {unicodedata.normalize("NFC", theirs): name for theirs, name in mapping.columns.get(table, {}).items()}
    wanted = {*required(table), *COLUMNS[table][1].split()}
    found = [unicodedata.normalize("NFC", name).strip() for name in names]
    told = [ours.get(name, name) for name in found]
    for place, name in enumerate(told):
        plain = re.sub(r"[\s-]+", "_", name.strip("\ufeff\"' ").casefold())
        if name not in wanted and plain in wanted and plain not in told:
            told[place] = plain
            report.warn("HEADER_NORMALISED", file)
    filled = [name for name in told if name]
    doubled = next((name for name in filled if filled.count(name) > 1), None)
    if doubled:
        raise Rejected("HEADER_DUPLICATE", f"{file} line 1: two columns are called '{doubled}'; which one holds?")
    absent = sorted(set(ours) - set(found))
    if absent:
        raise Rejected(
            "HEADER_MISMATCH",
            f"{file} line 1: no column '{absent[0]}' (found {', '.join(found)[:300]}), which the mapping names in "
            f"columns: {{{table}: {{{absent[0]}: {ours[absent[0]]}}}}}.",
        )
    both = sorted(set(mapping.constants.get(table, {})) & set(told))
    if both:
        raise Rejected(
            "HEADER_MISMATCH",
            f"{file} line 1: has a column '{both[0]}', and the mapping states one value for all rows (constants); "
            "take it out of the mapping, or name another column.",
        )
    given = {*told, *mapping.constants.get(table, {}), *spare}
    lacking = [name for name in required(table) if name not in given]
    if lacking:
        raise Rejected("HEADER_MISMATCH", f"{file} line 1: {_lacking(lacking[0], table, found, mapping)}")
    used = _used(table, mapping)
    for part in used - wanted - set(told):
        raise Rejected(
            "HEADER_MISMATCH",
            f"{file} line 1: no column '{part}' (found {', '.join(found)[:300]}), which the mapping needs "
            "(key: or derive:).",
        )
    if "" in told:
        report.warn("EXTRA_EMPTY_COLUMN", file)
    if set(filled) - wanted - used:
        report.warn("EXTRA_COLUMN", file)
    places = {name: place for place, name in enumerate(told) if name in wanted | used}
    own = required(table)[0]
    return Header(list(names), places, found[places[own]] if own in places else own)


def _lacking(name: str, table: str, found: list[str], mapping: Mapping) -> str:
    said = f"no column '{name}' (found {', '.join(found)[:300]})"
    if len(found) <= 2:
        for mark in ";\t|,":
            if mark != mapping.delimiter and any(mark in one for one in found):
                shown = "\\t" if mark == "\t" else mark
                return (
                    f"{said}; the file seems to be separated by '{shown}': say delimiter: \"{shown}\" in the mapping."
                )
        return f"{said}; if lines stand above the header, say skip_rows: {{{table}: n}} in the mapping."
    if name in ("is_strategic", "credit_limit", "segment", "country", "name", "onboarded_on"):
        value = "false" if name == "is_strategic" else ""
        return (
            f"{said}; name yours in the mapping, columns: {{{table}: {{yours: {name}}}}}, or say what holds for all "
            f"rows, constants: {{{table}: {{{name}: '{value}'}}}}."
        )
    return f"{said}; name yours in the mapping, columns: {{{table}: {{yours: {name}}}}}."


def _used(table: str, mapping: Mapping) -> set[str]:
    """Columns beyond the canonical ones that the mapping makes something of."""
    names = {part for owner, parts in mapping.key.items() if _refers(table, owner) for part in parts}
    if table == "invoices":
        names |= {their for said in mapping.derive.values() if isinstance(said, dict) for their in said.values()}
    return names


def _refers(table: str, owner: str) -> bool:
    own = f"{owner[:-1]}_id"
    return table == owner or own in required(table) or (owner == "invoices" and table == "events")


class RawTable:
    """One raw table: its rows as batches of text under our column names.

    Attributes
    ----------
    table, file : str
        The canonical table, and what the report calls its file.
    """

    def __init__(self, table: str, file: str, mapping: Mapping, header: Header, tasks: Iterable[Task]) -> None:
        self.table, self.file, self.mapping, self.header = table, file, mapping, header
        self._tasks = tasks
        self.columns = {*header.places, *mapping.constants.get(table, {})}

    def tasks(self) -> Iterator[Task]:
        """What makes each batch; the tasks may run in any thread, their results belong in this order."""
        yield from self._tasks


def named(
    columns: Sequence[pa.StringArray] | dict[int, pa.StringArray],
    many: int,
    table: str,
    header: Header,
    mapping: Mapping,
) -> dict:
    """The columns under our names, constants filled in and compound ids put together."""
    text = {name: columns[place] for name, place in header.places.items()}
    for name, value in mapping.constants.get(table, {}).items():
        text[name] = pa.repeat(pa.scalar(value, pa.string()), many)
    for owner, parts in mapping.key.items():
        own = f"{owner[:-1]}_id"
        if _refers(table, owner) and own in text and len(parts) > 1:
            cells = [pc.utf8_trim_whitespace(text[part]) for part in parts]
            whole = pc.binary_join_element_wise(*cells, "/")
            lacks = pc.equal(pc.binary_length(cells[0]), 0)
            for cell in cells[1:]:
                lacks = pc.or_(lacks, pc.equal(pc.binary_length(cell), 0))
            text[own] = pc.if_else(lacks, pa.scalar(""), whole)
    return text


# ---- CSV


def csv_table(
    table: str, path: Path, mapping: Mapping, report: Report, tell: Callable[[int], None], spare: Set[str]
) -> RawTable:
    """A CSV file. `tell` is told how many bytes were read.

    Raises
    ------
    Rejected
        It is empty, no CSV, or its header does not fit; while it is read: a quote that never closes, a cut end.
    """
    file = path.name
    with path.open("rb") as opened:
        head = opened.read(4096)
    if not head.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x1a\0") and path.stat().st_size <= len(head):
        raise Rejected("FILE_EMPTY", f"{file}: is empty.")
    for magic, said in _NO_CSV.items():
        if head.startswith(magic):
            raise Rejected("NOT_CSV", f"{file}: {said}.")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise Rejected("NOT_CSV", f"{file}: is a web page or XML, not CSV (did the portal's session expire?).")
    chunks = _Lines(path, mapping.encoding)
    line, cells = _header_record(chunks, table, file, mapping, report)
    header = read_header(cells, table, file, mapping, report, spare)
    parts = mapping.key.get(table, [required(table)[0]])
    key = tuple(header.places[part] for part in parts if part in header.places) or (0,)
    shape = Shape(len(cells), key, mapping.delimiter.encode())
    reading = _File(chunks, shape, table, file, header, mapping)
    return RawTable(table, file, mapping, header, reading.tasks(line, report, tell))


class _Lines:
    """A file's UTF-8, in pieces that end where a line ends; what is left is put back with `unread`."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._chunks = utf8_chunks(path, encoding)
        self._held, self._coming = b"", next(self._chunks, b"")
        self.ctrl_z = self.cut = False

    @property
    def ended(self) -> bool:
        """Was all that there is handed out or put back?"""
        return not self._coming

    def next(self, *, more: bool = False) -> bytes:
        """The next whole lines; `more`: at least one chunk beyond what was put back. Empty at the end."""
        while self._coming and (more or not self._held or not self._cut_at()):
            self._held, self._coming, more = self._held + self._coming, next(self._chunks, b""), False
        if not self._coming:
            whole, self._held = self._finished(self._held), b""
            return whole
        at = self._cut_at()
        whole, self._held = self._held[:at], self._held[at:]
        return whole

    def _cut_at(self) -> int:
        return max(self._held.rfind(b"\n"), self._held.rfind(b"\r", 0, max(0, len(self._held) - 1))) + 1

    def unread(self, data: bytes) -> None:
        self._held = data + self._held

    def _finished(self, data: bytes) -> bytes:
        tail = re.search(rb"\x1a[\x1a\r\n]*\Z", data)
        if tail:
            self.ctrl_z, data = True, data[: tail.start()]
        if data and not data.endswith((b"\n", b"\r")):
            self.cut = not tail
            data += b"\n"
        return data


def _header_record(chunks: _Lines, table: str, file: str, mapping: Mapping, report: Report) -> tuple[int, list[str]]:
    """The line after the header, and the header's fields."""
    line, skip = 1, mapping.skip_rows.get(table, 0)
    data = chunks.next()
    while True:
        lines = data.splitlines(keepends=True)
        while lines and (skip or not lines[0].strip()):
            if not skip:
                report.warn("BLANK_LINE", file, line)
            skip, line = max(0, skip - 1), line + 1
            lines.pop(0)
        if lines:
            break
        data = chunks.next()
        if not data:
            break
    if not lines:
        raise Rejected("FILE_EMPTY", f"{file}: has no header line.")
    told = header_fields(lines, mapping.delimiter.encode())
    if told is None:
        raise Rejected("QUOTE_MALFORMED", f"{file} line {line}: a quote in the header does not close.")
    raw, taken = told
    chunks.unread(b"".join(lines[taken:]))
    try:
        cells = [value.decode("utf-8") for value in raw]
    except UnicodeDecodeError as fault:
        raise Rejected(
            "ENCODING_INVALID",
            f"{file} line {line}: byte {fault.object[fault.start]:#04x} is not {mapping.encoding}; name the encoding "
            "in the mapping (encoding: gb18030, utf-16, cp1252, ...).",
        ) from None
    if any("\0" in cell for cell in cells):
        raise Rejected("NOT_CSV", f"{file} line {line}: holds NUL bytes; if it is UTF-16, say encoding: utf-16.")
    return line + taken, cells


@dataclass(frozen=True)
class _File:
    """A CSV file being read."""

    lines: _Lines
    shape: Shape
    table: str
    name: str
    header: Header
    mapping: Mapping

    def tasks(self, line: int, report: Report, tell: Callable[[int], None]) -> Iterator[Task]:
        """What makes each batch of the records from `line` on."""
        more = False
        while data := self.lines.next(more=more):
            more, last = False, self.lines.ended
            if b'"' in data:  # a record may go on beyond the piece, so it is read here and now
                records = bulk(data, line, self.shape)
                used, after = len(data), line + _line_ends(data)
                if records is None:
                    records, used, after = careful(data, line, self.shape, last=last, name=self.name)
                if used < len(data):
                    self.lines.unread(data[used:])
                    more = True
                yield partial(self._batch, records, after - 1, last=last)
            else:
                after = line + (len(data.splitlines()) if b"\r" in data else _line_ends(data))
                yield partial(self._read, data, line, after - 1, last=last)
            tell(len(data))
            line = after
        if self.lines.ctrl_z:
            report.warn("TRAILING_CTRL_Z", self.name)
        if self.lines.cut:
            report.warn("NO_FINAL_NEWLINE", self.name)

    def _read(self, data: bytes, line: int, end: int, *, last: bool) -> Batch:
        records = bulk(data, line, self.shape) or careful(data, line, self.shape, last=True, name=self.name)[0]
        return self._batch(records, end, last=last)

    def _batch(self, records: Records, end: int, *, last: bool) -> Batch:
        """Records as a batch. `end` is the last physical line read."""
        final = renamed(records.faults[-1], self.header.own, end) if records.faults else None
        cut = final and last and self.lines.cut and final.line == end
        if final and cut and final.code in ("FIELD_COUNT", "ENCODING_INVALID"):
            raise Rejected(
                "FILE_TRUNCATED",
                f"{self.name} line {end}: the last record is cut off (no line end, and not all fields); was the file "
                "still being written, or did the transfer break? Deliver it anew.",
            )
        text = named(records.columns, len(records.lines), self.table, self.header, self.mapping)
        return Batch(text, records.lines, records.faults, records.noticed, end if last else None)


def _line_ends(data: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == 10))


def renamed(fault: Fault, own: str, end: int | None) -> Fault:
    """A repeated header or a trailer is called so. `end`: the last line, where this may be told."""
    if own and own in (fault.key, fault.first):
        return Fault(fault.line, "REPEATED_HEADER", fault.key, fault.first)
    if end is not None and fault.line > end - _TRAILER_LINES and _TRAILER.fullmatch(fault.first or fault.key):
        return Fault(fault.line, "TRAILER_ROW", fault.key, fault.first)
    return fault


# ---- what is typed already


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
            faults.append(Fault(int(lines[place]), _NAMES[code[place]], known, known))
        if faults:
            sound = pa.array(code == 0)
            kept = {place: column.filter(sound) for place, column in columns.items()}
            return Batch(named(kept, int((code == 0).sum()), table, header, mapping), lines[code == 0], faults)
        return Batch(named(columns, len(lines), table, header, mapping), lines)

    return make


_NAMES = {number: name for name, number in CODE.items()}


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
