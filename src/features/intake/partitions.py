"""Partitions: the rows of whole customers together, sorted by customer and day, as Parquet."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..ledger import OWN_DATE, SCHEMAS, partitions_for, shard_of
from ..publishing import write_flushed
from .conversions import CURRENCIES, Days, Ints
from .customers import Customers
from .rows import RAW, as_days, ints, kept
from .run import Run
from .spool import in_order, parted

_ROWS = 700_000  # invoices of a partition
_REPEATED = ("customer_id", "currency", "kind", "source", "name", "segment", "country")


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
            for table, spool in self._spools.items():
                mixed |= self._write(folder / table, part, table, spool.read(part, kept(table)))
            mine = customers.filter(pa.array(home == part)).drop_columns("number")
            write_part(folder / "customers", part, mine.cast(SCHEMAS["customers"]))
            return mixed

        if any([*in_order(self._run.pool, one, range(self.count))]):
            self._run.report.warn("MIXED_CURRENCY", self._run.files["invoices"])
        for spool in self._spools.values():
            spool.drop()

    def _write(self, folder: Path, part: int, table: str, rows: pa.RecordBatch) -> bool:
        """Write a part; says whether a customer has invoices in several currencies."""
        number, own = ints(rows.column("customer")), ints(rows.column(OWN_DATE[table]))
        names, place = self._names[part], self._place[number]
        order = _by(place, own)
        mixed = table == "invoices" and self._look(rows, order)
        taken = [name for name in rows.schema.names if name != "customer"]
        sorted_ = rows.select(taken).take(pa.array(order))
        columns = []
        for field in SCHEMAS[table]:
            if field.name == "customer_id":
                column = pa.DictionaryArray.from_arrays(pa.array(place[order]), names)
            elif field.name == "currency":
                column = pa.DictionaryArray.from_arrays(sorted_.column("currency"), pa.array(CURRENCIES))
            else:
                column = sorted_.column(field.name)
                column = as_days(ints(column)) if pa.types.is_date32(field.type) else column
            columns.append(column)
        write_part(folder, part, pa.table(columns, names=SCHEMAS[table].names))
        return mixed

    def _look(self, rows: pa.RecordBatch, order: Ints) -> bool:
        """Note each customer's first invoice; has one several currencies? The order is by customer and day."""
        order = order[ints(rows.column("replaced_in"))[order] == 0]
        if not len(order):
            return False
        number, issued = ints(rows.column("customer"))[order], ints(rows.column("issued_on"))[order]
        begins = np.flatnonzero(np.append(True, number[1:] != number[:-1]))
        self._customers.first_issued[number[begins]] = issued[begins]
        currency = ints(rows.column("currency"))[order]
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
    """A part as Parquet, on the disk."""
    numbers = [f.name for f in table.schema if not (pa.types.is_string(f.type) or pa.types.is_dictionary(f.type))]
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression="lz4",
        use_dictionary=[name for name in _REPEATED if name in table.column_names],
        store_schema=False,
        write_statistics=numbers,
    )
    write_flushed(folder / f"part-{part:04d}.parquet", memoryview(sink.getvalue()))
