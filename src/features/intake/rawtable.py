"""A raw table: its rows as batches of text under our column names, each with the line on which it starts."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..mapping import Mapping
from .csvrecords import Fault
from .header import Header, refers

_TRAILER = re.compile(
    r"\W*(grand |sub|zwischen)?(total|sum|summe|gesamt\w*|count|records?|rows?|trailer|trl|end|eof|合计|总计|小计|总数)"
    r"(s|e)?\b.*|\W*\d+ (rows?|records?|lines?|zeilen)\b.*|(合计|总计|小计|共).*",
    re.IGNORECASE | re.DOTALL,
)
_TRAILER_LINES = 3


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


class RawTable:
    """One raw table: its rows as batches of text under our column names.

    Attributes
    ----------
    table, file : str
        The canonical table, and what the report calls its file.
    """

    def __init__(self, table: str, file: str, mapping: Mapping, header: Header, tasks: Iterable[Task]) -> None:
        self.table, self.file, self.header = table, file, header
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
        if refers(table, owner) and own in text and len(parts) > 1:
            cells = [pc.utf8_trim_whitespace(text[part]) for part in parts]
            whole = pc.binary_join_element_wise(*cells, "/")
            lacks = pc.equal(pc.binary_length(cells[0]), 0)
            for cell in cells[1:]:
                lacks = pc.or_(lacks, pc.equal(pc.binary_length(cell), 0))
            text[own] = pc.if_else(lacks, pa.scalar(""), whole)
    return text


def renamed(fault: Fault, own: str, end: int | None) -> Fault:
    """A repeated header or a trailer is called so. `end`: the last line, where this may be told."""
    if own and own in (fault.key, fault.first):
        return Fault(fault.line, "REPEATED_HEADER", fault.key, fault.first)
    if end is not None and fault.line > end - _TRAILER_LINES and _TRAILER.fullmatch(fault.first or fault.key):
        return Fault(fault.line, "TRAILER_ROW", fault.key, fault.first)
    return fault
