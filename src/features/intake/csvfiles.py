"""CSV files as raw tables, read in pieces that end where a line ends."""

import re
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ..mapping import Mapping, required
from ..quarantine import Report
from .csvrecords import Records, Shape, bulk, careful, utf8_chunks
from .csvrecords import fields_of as header_fields
from .header import Header, read_header
from .rawtable import Batch, RawTable, Task, named, renamed
from .rejection import Rejected

_NO_CSV = {
    b"\x1f\x8b": "is compressed (gzip); unpack it",
    b"PK\x03\x04": "is a zip archive or an Excel workbook; unpack it, or save it as CSV",
    b"\xd0\xcf\x11\xe0": "is an Excel workbook; save it as CSV",
    b"%PDF": "is a PDF; export the list as CSV",
    b"PAR1": "is Parquet; call it .parquet",
}


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
