"""A delivery on its way into the ledger: read, checked, joined, compared with what was known before, written.

Rows pass through spools bucketed by the ids that join them, so that memory is bounded by some buckets and not by the
book; customers stay in memory. What a delivery brings is new, told again, or restated; what it leaves out stays.
"""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..workers import in_order
from .customers import Customers
from .joining import Joining
from .partitions import Partitions, write_part
from .reading import Reading
from .run import Found, Run

Parted = dict[str, list[list[pa.RecordBatch]]]


def write_delivery(run: Run, folder: Path) -> dict[str, Any]:
    """Take a delivery in and write the ledger's tables, as they are now known, to an empty folder.

    Returns
    -------
    what ledger.json says of the tables: partitions, customers, and the rows of invoices (versions counted).

    Raises
    ------
    Rejected
        The delivery is refused whole.
    """
    customers = Customers(run)
    if not customers.derived:
        customers.read()
    reading = Reading(run, customers)
    reading.read()
    rates = reading.rates()
    partitions = Partitions(run, customers)
    _join(run, reading, partitions)
    partitions.write(folder)
    write_part(folder / "rates", 0, rates)
    customers.judge()
    for table, many in run.vanished.items():
        if many and table in run.files:
            run.report.warn("VANISHED", run.files[table], rows=many)
    invoices = sum(pq.read_metadata(path).num_rows for path in (folder / "invoices").glob("part-*.parquet"))
    return {"partitions": partitions.count, "customers": len(customers.ids), "invoices": invoices}


def _join(run: Run, reading: Reading, partitions: Partitions) -> None:
    joining = Joining(run, reading)

    def one(bucket: int) -> tuple[Found, Parted]:
        found, rows = joining.bucket(bucket)
        return found, {table: partitions.parted(batches) for table, batches in rows.items()}

    for found, parts in in_order(run.pool, one, range(run.buckets)):
        run.merge(found)
        for table, batches in parts.items():
            partitions.add(table, batches)
    for spool in (*reading.spools.values(), *reading.was.values()):
        spool.drop()
    for table in run.files:
        run.refuse_ratio(table)
