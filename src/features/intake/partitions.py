"""Partitions: the rows of whole customers together, by customer and day (invoices by document), as Parquet."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..engine.numbering import Named, Texts, by_document, documents_of
from ..ledger import partitions_for, shard_of
from ..publishing import write_flushed
from ..schemas import DOCUMENT, OWN_DATE, SCHEMAS
from ..workers import in_order
from .conversions import CURRENCIES, Days, Ints
from .customers import Customers
from .rows import RAW, as_days, ints, kept
from .run import Run
from .spool import parted

_ROWS = 700_000  # invoices of a partition
_REPEATED = ("customer_id", "currency", "kind", "source", "name", "segment", "country", "delivery", "replaced_in")
_OF_FEW_BITS = (DOCUMENT, "amount")  # whole numbers, or their differences from row to row


class Partitions:
    """Where each customer's rows go, and the rows on their way there."""

    def __init__(self, run: Run, customers: Customers) -> None:
        self._run, self._customers = run, customers
        held = sum(pq.read_metadata(path).num_rows for path in run.before.parts("invoices"))
        read = run.report.rows[run.files["invoices"]]["read"]
        ids = customers.ids
        self.count = partitions_for(len(ids), max(read, held) // _ROWS)
        self._home = shard_of(ids.to_pylist(), self.count).astype(np.uint16)
        self._names: list[pa.StringArray] = []
        self._place = np.empty(len(ids), np.int32)  # of a customer among those of its partition
        for part in range(self.count):
            mine = np.flatnonzero(self._home == part)
            order = mine[pc.sort_indices(ids.take(pa.array(mine))).to_numpy()]
            self._names.append(ids.take(pa.array(order)))
            self._place[order] = np.arange(len(order), dtype=np.int32)
        self._spools = {table: run.spool(f"final-{table}", self.count) for table in RAW}

    def parted(self, rows: Iterable[pa.RecordBatch]) -> list[list[pa.RecordBatch]]:
        """The rows of each batch by partition."""
        return [parted(batch, self._home[ints(batch.column("customer"))], self.count) for batch in rows]

    def add(self, table: str, batches: list[list[pa.RecordBatch]]) -> None:
        """Put aside what `parted` cut."""
        for parts in batches:
            self._spools[table].add(parts)

    def write(self, folder: Path) -> None:
        """Write all tables but the rates."""
        for spool in self._spools.values():
            spool.close()
        for table in SCHEMAS:
            (folder / table).mkdir(parents=True, exist_ok=True)
        customers = self._customers.versions()
        home = self._home[ints(customers.column("number"))]

        def one(part: int) -> bool:
            mixed = False
            named: Named | None = None
            for table, spool in self._spools.items():
                rows = self._ordered(table, spool.read(part, kept(table)))
                mixed |= table == "invoices" and self._look(rows)
                rows, document, named = self._documents(part, rows, named)
                self._write(folder / table, part, table, rows, document)
            mine = customers.filter(pa.array(home == part)).drop_columns("number")
            write_part(folder / "customers", part, mine.cast(SCHEMAS["customers"]))
            return mixed

        if any([*in_order(self._run.pool, one, range(self.count))]):
            self._run.report.warn("MIXED_CURRENCY", self._run.files["invoices"])
        for spool in self._spools.values():
            spool.drop()

    def _ordered(self, table: str, rows: pa.RecordBatch) -> pa.RecordBatch:
        """By customer and day."""
        order = _by(self._place[ints(rows.column("customer"))], ints(rows.column(OWN_DATE[table])))
        return rows.take(pa.array(order))

    def _documents(
        self, part: int, rows: pa.RecordBatch, named: Named | None
    ) -> tuple[pa.RecordBatch, Any, Named | None]:
        """Rows and the number of each row's invoice within the partition, if the table has such.

        Invoices come first, and are put in order of their numbers.
        """
        if "invoice_id" not in rows.schema.names:
            return rows, None, named
        place, ids = self._place[ints(rows.column("customer"))], Texts.of(rows.column("invoice_id"))
        if named is not None:
            return rows, named.places(place, ids), named
        known, delivery, issued = (ints(rows.column(name)).copy() for name in ("known_on", "delivery", "issued_on"))
        document, named = documents_of(place, len(self._names[part]), ids, known, delivery, issued)
        order = by_document(document, known, delivery)
        if order is None:
            return rows, document, named
        return rows.take(pa.array(order)), document[order], named

    def _write(self, folder: Path, part: int, table: str, rows: pa.RecordBatch, document: Any) -> None:
        columns = []
        for field in SCHEMAS[table]:
            if field.name == "customer_id":
                place = self._place[ints(rows.column("customer"))]
                column = pa.DictionaryArray.from_arrays(pa.array(place), self._names[part])
            elif field.name == "currency":
                column = pa.DictionaryArray.from_arrays(rows.column("currency"), pa.array(CURRENCIES))
            else:
                column = rows.column(field.name)
                column = as_days(ints(column)) if pa.types.is_date32(field.type) else column
            columns.append(column)
        whole = pa.table(columns, names=SCHEMAS[table].names)
        write_part(folder, part, whole if document is None else whole.append_column(DOCUMENT, pa.array(document)))

    def _look(self, rows: pa.RecordBatch) -> bool:
        """Note each customer's first invoice; has one several currencies? Rows are in order of customer and day."""
        rows = rows.filter(pa.array(ints(rows.column("replaced_in")) == 0))
        if not len(rows):
            return False
        number, issued = ints(rows.column("customer")), ints(rows.column("issued_on"))
        begins = np.flatnonzero(np.append(True, number[1:] != number[:-1]))
        self._customers.first_issued[number[begins]] = issued[begins]
        currency = ints(rows.column("currency"))
        return bool(((number[1:] == number[:-1]) & (currency[1:] != currency[:-1])).any())


def _by(place: npt.NDArray[np.int32], day: Days) -> Ints:
    """The order by place, then day, then as they came."""
    many = len(place)
    if not many:
        return np.zeros(0, np.int64)
    low = int(day.min())
    row, days = int(many - 1).bit_length(), int(day.max() - low).bit_length()
    if row + days + int(place.max()).bit_length() > 63:
        return np.lexsort([day, place])
    key = (place.astype(np.int64) << (row + days)) | ((day.astype(np.int64) - low) << row) | np.arange(many)
    key.sort()
    return key & ((1 << row) - 1)


def write_part(folder: Path, part: int, table: pa.Table) -> None:
    """A part as Parquet, on the disk; a column without nulls is required, which is read in two thirds of the time."""
    fields = [f.with_nullable(table.column(f.name).null_count > 0) for f in table.schema]
    table = table.cast(pa.schema(fields))
    numbers = [f.name for f in table.schema if not (pa.types.is_string(f.type) or pa.types.is_dictionary(f.type))]
    packed = {f.name for f in table.schema if pa.types.is_date32(f.type)}.union(_REPEATED, _OF_FEW_BITS)
    packed &= set(table.column_names)
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        # numbers that are packed already are read faster uncompressed, and are as small
        compression={f.name: "NONE" if f.name in packed and f.name in numbers else "LZ4" for f in table.schema},
        use_dictionary=sorted(packed.difference(_OF_FEW_BITS)),
        column_encoding=dict.fromkeys(sorted(packed.intersection(_OF_FEW_BITS)), "DELTA_BINARY_PACKED") or None,
        store_schema=False,
        write_statistics=numbers,
    )
    write_flushed(folder / f"part-{part:04d}.parquet", memoryview(sink.getvalue()))
