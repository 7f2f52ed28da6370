"""CSV to records, each with the physical line on which it starts: carefully, or in bulk where the text is plain.

A line ends with LF, CR LF or CR. A field that starts with a quote ends with one; `""` within it is a quote; what
follows must be a delimiter or the end of the line. Nothing is padded, repaired or dropped: a record that breaks
these rules is a fault with its line, and the next record starts on the next line.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from .rejection import Rejected

LONGEST_FIELD = 32_767  # characters; a spreadsheet's cell holds no more
_LONGEST_RECORD = 1 << 24  # bytes; a quote that has not closed by then does not close
CHUNK = 1 << 22  # bytes read at a time
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")  # a tab may stand in a name
_CONTROL_BUT_BREAKS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # within quotes
_UNREADABLE = "\udcff"  # becomes the byte 0xFF, which no UTF-8 text holds


@dataclass(frozen=True)
class Fault:
    """A record that cannot be read. `key` is its id as far as it can be told, `first` its first field."""

    line: int
    code: str
    key: str
    first: str


@dataclass
class Records:
    """What was read: columns of text, the line of each row, the faults, and what was noticed."""

    columns: list[pa.StringArray]
    lines: npt.NDArray[np.int32]
    faults: list[Fault] = field(default_factory=list)
    noticed: list[tuple[str, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Shape:
    """What the records of a file look like. `key`: the places of the fields that make the id."""

    width: int
    key: tuple[int, ...]
    delimiter: bytes

    def fault(self, line: int, code: str, texts: list[str]) -> Fault:
        """A record that cannot be read, with its id as far as it can be told."""
        told = [texts[place].strip().strip('"') for place in self.key if place < len(texts)]
        return Fault(line, code, "/".join(told)[:LONGEST_FIELD], texts[0].strip().strip('"')[:LONGEST_FIELD])


# ---- bytes to UTF-8


def _mark(fault: UnicodeError) -> tuple[str, int]:
    assert isinstance(fault, UnicodeDecodeError)
    return _UNREADABLE, fault.end


codecs.register_error("tradecredit.mark", _mark)


def utf8_chunks(path: Path, encoding: str) -> Iterator[bytes]:
    """The file as UTF-8 without its byte order mark; what does not decode is a byte 0xFF."""
    name = codecs.lookup(encoding).name
    with path.open("rb") as file:
        if name in ("utf-8", "ascii", "utf-8-sig"):
            chunk = file.read(CHUNK).removeprefix(codecs.BOM_UTF8)
            while chunk:
                yield (
                    chunk
                    if name != "ascii"
                    else chunk.decode("ascii", "tradecredit.mark").encode("utf-8", "surrogateescape")
                )
                chunk = file.read(CHUNK)
            return
        decoder = codecs.getincrementaldecoder(encoding)("tradecredit.mark")
        first = True
        while True:
            chunk = file.read(CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeError as fault:  # UTF-16 or UTF-32 without a byte order mark
                raise Rejected(
                    "ENCODING_INVALID",
                    f"{path.name}: cannot be read as {encoding} ({fault}); try {encoding}-le or -be.",
                ) from None
            if first and text:
                text, first = text.removeprefix("\ufeff"), False
            if text:
                yield text.encode("utf-8", "surrogateescape")
            if not chunk:
                return


# ---- the careful way


def careful(data: bytes, line: int, shape: Shape, *, last: bool, name: str) -> tuple[Records, int, int]:
    """Read records one by one.

    Parameters
    ----------
    data : bytes
        UTF-8 that starts with a record, on physical line `line`.
    last : bool
        Nothing follows; otherwise a record that goes on beyond `data` is left for later.

    Returns
    -------
    records, the number of bytes read, the line after them.

    Raises
    ------
    Rejected
        A quote never closes.
    """
    lines = data.splitlines(keepends=True)
    cells: list[list[str]] = []
    starts: list[int] = []
    faults: list[Fault] = []
    noticed: list[tuple[str, int]] = []
    place = used = 0
    while place < len(lines):
        told = _fields(lines, place, shape.delimiter, shape.width)
        if told is None:
            held = sum(map(len, lines[place:]))
            if last or held > _LONGEST_RECORD:
                raise Rejected(
                    "FILE_UNTERMINATED_QUOTE",
                    f"{name} line {line + place}: a quote opens here and does not close before the file ends; "
                    "export the file anew, or double the quotes within a field.",
                )
            break
        raw, taken, quoted, stray = told
        here, place = line + place, place + taken
        used += sum(map(len, lines[place - taken : place]))
        if raw is not None and len(raw) == 1 and not raw[0].strip(b" \t") and not quoted and shape.width > 1:
            noticed.append(("BLANK_LINE", here))
            continue
        code, texts = _judged(raw if raw is not None else [lines[place - taken]], shape.width, quoted)
        if raw is None:
            code, texts = (
                "QUOTE_MALFORMED",
                lines[place - taken].decode("utf-8", "replace").split(shape.delimiter.decode()),
            )
        if code:
            faults.append(shape.fault(here, code, texts))
            continue
        if stray:
            noticed.append(("STRAY_QUOTE", here))
        cells.append(texts)
        starts.append(here)
    columns = [pa.array(column, pa.string()) for column in zip(*cells, strict=True)] if cells else []
    columns = columns or [pa.array([], pa.string()) for _ in range(shape.width)]
    return Records(columns, np.array(starts, np.int32), faults, noticed), used, line + place


def _fields(
    lines: list[bytes], place: int, delimiter: bytes, width: int
) -> tuple[list[bytes] | None, int, bool, bool] | None:
    """Raw fields (None: malformed), lines taken, was there a quoted field, a stray quote; None: it does not end."""
    text = lines[place]
    if b'"' not in text:
        return _body(text).split(delimiter), 1, False, False
    fields: list[bytes] = []
    line, at, quoted, stray = place, 0, False, False
    while True:
        if text.startswith(b'"', at):
            parts, at, quoted = [], at + 1, True
            while True:
                close = text.find(b'"', at)
                if close < 0:
                    parts.append(text[at:])
                    line, at = line + 1, 0
                    if line == len(lines):
                        return None
                    text = lines[line]
                elif text.startswith(b'"', close + 1):
                    parts.append(text[at : close + 1])
                    at = close + 2
                else:
                    parts.append(text[at:close])
                    at = close + 1
                    break
            value = b"".join(parts)
            if (
                len(parts) > 1
                and width
                and value.count(delimiter) >= width - 1
                and b"\n" in value.replace(b"\r", b"\n")
            ):
                return None, 1, quoted, stray  # whole records between two stray quotes
            fields.append(value)
        else:
            end = text.find(delimiter, at)
            value = _body(text[at:]) if end < 0 else text[at:end]
            stray |= b'"' in value
            fields.append(value)
            at += len(value)
        if text.startswith(delimiter, at):
            at += 1
        elif not _body(text[at:]):
            return fields, line - place + 1, quoted, stray
        else:
            return None, 1, quoted, stray


def _body(line: bytes) -> bytes:
    """A line without its end."""
    if line.endswith(b"\r\n"):
        return line[:-2]
    return line[:-1] if line.endswith((b"\n", b"\r")) else line


def _judged(raw: list[bytes], width: int, quoted: bool) -> tuple[str, list[str]]:
    """The code of a record's fault ("" if it has none), and its fields as text."""
    try:
        texts = [value.decode("utf-8") for value in raw]
    except UnicodeDecodeError:
        return "ENCODING_INVALID", [value.decode("utf-8", "replace") for value in raw]
    control = _CONTROL_BUT_BREAKS if quoted else _CONTROL
    if any(map(control.search, texts)):
        return "NUL_BYTE" if any("\0" in text for text in texts) else "CONTROL_CHAR", texts
    if len(texts) != width:
        return "FIELD_COUNT", texts
    return "FIELD_TOO_LONG" if max(map(len, texts)) > LONGEST_FIELD else "", texts


# ---- in bulk


def bulk(data: bytes, line: int, shape: Shape) -> Records | None:
    """The same records by a vectorised reader; None where the text is not plain enough to be sure.

    Plain is valid UTF-8 whose only control characters are tabs and one kind of line end, without empty or
    overlong lines, and with quotes only around whole fields, none of them within a field.
    """
    code = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(code == 10)
    if not len(ends) or not data.endswith(b"\n"):
        return None
    controls = int(np.count_nonzero(code < 32)) - len(ends)
    returns = int(np.count_nonzero(code == 13)) if controls else 0
    if returns and not (returns == len(ends) == data.count(b"\r\n")):
        return None
    if controls != returns + (int(np.count_nonzero(code == 9)) if controls else 0):
        return None
    length = np.diff(ends, prepend=-1)
    if length.min() <= (2 if returns else 1) or length.max() > LONGEST_FIELD or b"\x7f" in data:
        return None
    if code.max() > 127:
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            return None
        if b"\xc2" in data and re.search(rb"\xc2[\x80-\x9f]", data):
            return None
    quoted = b'"' in data
    if quoted and not _quotes_are_regular(code, ends, shape.delimiter):
        return None
    names = [str(place) for place in range(shape.width)]
    odd: list[tuple[int, str]] = []

    def note(row: pyarrow.csv.InvalidRow) -> str:
        odd.append((row.number - 1, row.text))
        return "skip"

    table = pyarrow.csv.read_csv(
        pa.py_buffer(data),
        pyarrow.csv.ReadOptions(use_threads=False, column_names=names, block_size=len(data) + 1),
        pyarrow.csv.ParseOptions(
            delimiter=shape.delimiter.decode(),
            quote_char='"' if quoted else False,
            double_quote=False,
            newlines_in_values=False,
            ignore_empty_lines=False,
            invalid_row_handler=note,
        ),
        pyarrow.csv.ConvertOptions(
            check_utf8=False,
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=False,
            null_values=[],
        ),
    )
    if table.num_rows + len(odd) != len(ends):
        return None
    if any(not text.strip(" \t") or '"' in text for _, text in odd):
        return None
    lines = np.arange(line, line + len(ends), dtype=np.int32)
    faults = [shape.fault(line + place, "FIELD_COUNT", text.split(shape.delimiter.decode())) for place, text in odd]
    if odd:
        lines = np.delete(lines, [place for place, _ in odd])
    columns = [_one(table.column(name)) for name in names]
    return Records(columns, lines, faults)


def _one(column: pa.ChunkedArray) -> pa.StringArray:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _quotes_are_regular(code: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64], delimiter: bytes) -> bool:
    quotes = np.flatnonzero(code == 34)
    if len(quotes) % 2:
        return False
    opening, closing = quotes[::2], quotes[1::2]
    edge = np.zeros(256, bool)
    edge[[10, 13, delimiter[0]]] = True
    before = np.where(opening == 0, 10, code[opening - 1])
    after = code[np.minimum(closing + 1, len(code) - 1)]
    within = np.searchsorted(ends, opening) != np.searchsorted(ends, closing)
    return bool(edge[before].all() and edge[after].all() and not within.any())


def fields_of(lines: list[bytes], delimiter: bytes) -> tuple[list[bytes], int] | None:
    """The raw fields of the first record, and how many lines it takes; None where its quotes are wrong."""
    told = _fields(lines, 0, delimiter, 0)
    return None if told is None or told[0] is None else (told[0], told[1])
