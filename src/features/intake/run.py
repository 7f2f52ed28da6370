"""What the work on one delivery shares: its day, its report, the rows that fell, the room for spools."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..mapping import Mapping
from ..quarantine import CODES, MOST, Report, SetAside
from ..schemas import OPTIONAL, SCHEMAS
from ..workers import in_order
from .conversions import CURRENCIES, NO_DAY, Codes, Days, Flags, Ints
from .rawtable import RawTable, Task
from .rejection import Rejected
from .rows import no_days, texts, where_of
from .sieve import Sieve
from .sources import Source
from .spool import Room, Spool

BUCKET = 1 << 23  # bytes of the largest raw file for each bucket
_MOST_BUCKETS = 512
_LEAST = 7, 10  # of the rows of the delivery before: seven tenths or fewer are too few
_ALSO_REFUSE = ("DUP_CONFLICT", "ENCODING_INVALID", "QUOTE_MALFORMED")  # what most of the rows are wrong by
Lines = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Before:
    """The ledger as a delivery finds it.

    Attributes
    ----------
    folder : Path or None
        Where its tables lie; None for the first delivery.
    deliveries : int
        How many there were.
    data_end : day number
        For which the last delivery was complete; NO_DAY if there was none.
    as_of : day number
        When the last delivery was taken in.
    rows : dict of table to int
        Rows that the last delivery had.
    open : dict of table to set of ids
        What lies in quarantine.
    """

    folder: Path | None = None
    deliveries: int = 0
    data_end: int = NO_DAY
    as_of: int = NO_DAY
    rows: dict[str, int] = field(default_factory=dict)
    open: dict[str, set[str]] = field(default_factory=dict)

    def table(self, name: str) -> Iterator[pa.Table]:
        """The parts of a table."""
        for path in self.parts(name):
            yield pq.read_table(path, schema=SCHEMAS[name], partitioning=None)

    def parts(self, name: str) -> list[Path]:
        """The files of a table."""
        return [] if self.folder is None else sorted((self.folder / name).glob("part-*.parquet"))


@dataclass
class Found:
    """What the work on one batch or bucket came to; merged into the report in order.

    Attributes
    ----------
    read, taken : dict of file to int
        Rows read, rows accepted.
    aside : list of SetAside
    noticed : list of (warning code, file, lines)
    sums : dict of (file, currency number) to int
        Accepted minor units.
    repaired : dict of (table, id) to line
        Rows that lay in quarantine and came sound.
    vanished : dict of table to int
        Rows of the ledger that the delivery leaves out.
    """

    read: dict[str, int] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)
    aside: list[SetAside] = field(default_factory=list)
    noticed: list[tuple[str, str, Lines]] = field(default_factory=list)
    sums: dict[tuple[str, int], int] = field(default_factory=dict)
    repaired: dict[tuple[str, str], int] = field(default_factory=dict)
    vanished: dict[str, int] = field(default_factory=dict)

    def notice(self, code: str, file: str, where: Flags, lines: Lines) -> None:
        """Warn of rows that are loaded all the same."""
        if where.any():
            self.noticed.append((code, file, lines[where]))

    def accept(self, file: str, amount: Ints, currency: npt.NDArray[np.int16]) -> None:
        """Count rows and their money. The halves of each number are added apart, so that nothing runs over."""
        self.taken[file] = len(amount)
        for code in np.unique(currency):
            money = amount[currency == code]
            self.sums[file, int(code)] = (int((money >> 24).sum()) << 24) + int((money & 0xFFFFFF).sum())


class Run:
    """One delivery at work.

    Parameters
    ----------
    scratch : Path
        An empty folder for what does not fit into memory.
    tell : callable
        Is told how many bytes were read, of how many.

    Attributes
    ----------
    today : day number
        The day for which the delivery is complete; a fact dated later is a fault.
    known : day number
        When a fact that a later delivery brings without `known_on` became known.
    number : int
        Of the delivery.
    files : dict of table to str
        What the report calls each table's file.
    fallen : dict of table to set of ids
        Of rows that fell; what belongs to a customer or an invoice falls with it.
    vanished : dict of table to int
    """

    def __init__(
        self,
        source: Source,
        mapping: Mapping,
        report: Report,
        before: Before,
        *,
        today: int,
        known: int,
        scratch: Path,
        pool: Executor,
        tell: Callable[[int, int], None],
    ) -> None:
        self.source, self.mapping, self.report, self.before = source, mapping, report, before
        self.today, self.known, self.number, self.pool = today, known, before.deliveries + 1, pool
        self.reporting = CURRENCIES.index(mapping.reporting_currency)
        self.files: dict[str, str] = {}
        self.raw: dict[str, RawTable] = {}
        self.since: dict[str, int] = {}
        self.fallen: dict[str, set[str]] = {"customers": set(), "invoices": set(), "payments": set()}
        self.repaired: dict[tuple[str, str], int] = {}
        self.vanished: dict[str, int] = {}
        self._memo: dict[str, int | str] = {}
        self._room = Room(scratch)
        self._done, self._tell = 0, tell
        self._size = sum(source.size(table) for table in SCHEMAS)
        self.buckets = max(1, min(_MOST_BUCKETS, self._heaviest() // BUCKET))

    def _heaviest(self) -> int:
        sizes = [self.source.size(table) for table in ("invoices", "payments", "events")]
        if self.before.folder is not None:
            held = sum(path.stat().st_size for path in self.before.folder.rglob("*.parquet"))
            sizes.append(2 * held)  # text is some three times larger than Parquet, and this is of all tables
        return max(sizes)

    def spool(self, name: str, buckets: int | None = None) -> Spool:
        """Room for rows."""
        return Spool(self._room, name, self.buckets if buckets is None else buckets)

    # ---- reading

    def open(self, table: str) -> RawTable | None:
        """A raw table; None for an optional one that is not there."""
        raw = self.source.open(table, self.mapping, self.report, self._told)
        if raw is not None:
            self.files[table], self.raw[table] = raw.file, raw
            self.report.rows[raw.file] = {"read": 0, "accepted": 0, "quarantined": 0}
        return raw

    def must_open(self, table: str) -> RawTable:
        """A raw table that every delivery has."""
        raw = self.open(table)
        assert raw is not None
        return raw

    def _told(self, read: int) -> None:
        self._done += read
        self._tell(min(self._done, self._size), self._size)

    def batches(self, raw: RawTable, work: Callable[[Sieve], Any]) -> Iterator[Any]:
        """What `work` makes of each batch, in order; rows that fell go to the report.

        Raises
        ------
        Rejected
            TABLE_EMPTY, VOLUME_DROP, QUARANTINE_RATIO.
        """

        def one(task: Task) -> tuple[Found, bool, Any]:
            sieve = Sieve(raw.table, task(), self.mapping, self._memo)
            made = work(sieve)
            return self._found(sieve), sieve.assumed, made

        assumed = "known_on" not in raw.columns
        for found, lacking, made in in_order(self.pool, one, raw.tasks()):
            self.merge(found)
            assumed |= lacking
            yield made
        if assumed and raw.table in SCHEMAS and "known_on" in SCHEMAS[raw.table].names:
            self.report.known_on_assumed.append(raw.file)
        if not self.report.rows[raw.file]["read"] and raw.table not in (*OPTIONAL, "rates"):
            raise Rejected("TABLE_EMPTY", f"{raw.file}: has a header and no rows.")
        self.refuse_drop(raw.table, raw.file)
        self.refuse_ratio(raw.table)

    def _found(self, sieve: Sieve) -> Found:
        file = self.files[sieve.table]
        fell = sieve.fallen(self.raw[sieve.table].header)
        aside = [SetAside(file, fault.line, fault.key, fault.code) for fault in fell]
        if sieve.table in self.fallen and aside:
            self.fallen[sieve.table].update(row.key for row in aside)
        noticed = [(code, file, lines) for code, lines in sieve.noticed]
        return Found(read={file: sieve.many + len(sieve.batch.faults)}, aside=aside, noticed=noticed)

    def known_of(self, sieve: Sieve) -> Days:
        """`known_on` as delivered; NO_DAY where it is not."""
        if not sieve.has("known_on"):
            return no_days(sieve.many)
        told = sieve.day("known_on", latest=self.known, optional=True)
        sieve.assumed = bool((told == NO_DAY).any())
        return told

    def became_known(self, told: Days, own: Days) -> Days:
        """When a fact that is new in this delivery became known.

        Nothing that a later delivery brings was known before the delivery before it had come.
        """
        if not self.before.deliveries:
            return np.where(told == NO_DAY, own, told).astype(np.int32)
        return np.where(told > self.before.as_of, told, self.known).astype(np.int32)

    # ---- keeping account

    def merge(self, found: Found) -> None:
        """Take what was found into the report."""
        tallies = self.report.rows
        for file, many in found.read.items():
            tallies[file]["read"] += many
        for file, many in found.taken.items():
            tallies[file]["accepted"] += many
        self.report.quarantine += found.aside
        for row in found.aside:
            tallies[row.file]["quarantined"] += 1
            if not row.cascade:
                self.report.own_faults[row.file] = self.report.own_faults.get(row.file, 0) + 1
        for code, file, lines in found.noticed:
            self.report.warn_lines(code, file, lines)
        for (file, currency), money in found.sums.items():
            sums = self.report.minor_sums.setdefault(file, {})
            sums[CURRENCIES[currency]] = sums.get(CURRENCIES[currency], 0) + money
        for table, many in found.vanished.items():
            self.vanished[table] = self.vanished.get(table, 0) + many
        self.repaired |= found.repaired

    def set_aside(
        self,
        found: Found,
        table: str,
        code: Codes,
        ids: pa.StringArray | None,
        lines: Lines,
    ) -> None:
        """Rows that fell in a join or a comparison."""
        for place in np.flatnonzero(code):
            reason = CODES[code[place]]
            key = "" if ids is None else str(ids[int(place)])
            found.aside.append(
                SetAside(self.files[table], int(lines[place]), key, reason, reason == "PARENT_QUARANTINED")
            )
            if table in self.fallen and reason != "DUP_EXACT":
                self.fallen[table].add(key)

    def close_entries(self, found: Found, table: str, ids: pa.StringArray, lines: Lines, stands: Flags) -> Flags:
        """Rows that come sound after they lay in quarantine close their entries."""
        if not self.before.open.get(table):
            return np.zeros(len(ids), bool)
        sound = stands & where_of(pc.is_in(ids, value_set=texts(self.before.open[table])))
        for place in np.flatnonzero(sound):
            found.repaired[table, str(ids[int(place)])] = int(lines[place])
        return sound

    def refuse_drop(self, table: str, file: str) -> None:
        """Refuse a table of which 30 % is missing since the last time."""
        before, now = self.before.rows.get(table, 0), self.report.rows.get(file, {}).get("read", 0)
        if before and _LEAST[1] * now <= _LEAST[0] * before and not self.source.fewer_rows:
            raise Rejected(
                "VOLUME_DROP",
                f"{file}: has {now} rows, the delivery before had {before}; 30 % fewer looks like a part of an "
                "extract. Deliver it whole; if it is right, say --fewer-rows.",
            )

    def refuse_ratio(self, table: str) -> None:
        """Refuse a file of which more than 5 % is wrong by itself."""
        file = self.files.get(table, "")
        own, read = self.report.own_faults.get(file, 0), self.report.rows.get(file, {}).get("read", 0)
        if own <= MOST * read:
            return
        mine = [row for row in self.report.quarantine if row.file == file and not row.cascade]
        first = min(mine, key=lambda row: row.line)
        reason, many = Counter(row.reason for row in mine).most_common(1)[0]
        raise Rejected(
            "QUARANTINE_RATIO",
            f"{file}: {own} of {read} rows are wrong, more than {MOST:.0%}; the first is line {first.line} "
            f"({first.key}: {first.reason}). Mend the export, or say in the mapping what it is like (delimiter, "
            "decimal, thousands, date_format, encoding, key).",
            *([reason] if reason in _ALSO_REFUSE and 2 * many > own else []),
        )
