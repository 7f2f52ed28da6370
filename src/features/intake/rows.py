"""Rows on their way from raw text to the ledger: customers and currencies are numbers, days are day numbers."""

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..schemas import SCHEMAS
from .conversions import CURRENCIES, EXPONENT_OF, NO_DAY, Codes, Days, Ints, in_minor

_TEXT, _DAY, _MONEY, _NUMBER = pa.string(), pa.int32(), pa.int64(), pa.int32()
_LINE = ("line", pa.int32())
_DECIMALS = ("decimals", pa.int8())
INVOICES = pa.schema(
    [
        ("invoice_id", _TEXT),
        ("customer", _NUMBER),
        ("issued_on", _DAY),
        ("due_on", _DAY),
        ("amount", _MONEY),
        ("currency", pa.int16()),
        ("known_on", _DAY),
        _LINE,
    ]
)
PAID = pa.field("paid_on", _DAY)  # of the invoice rows of a one-file export
# the amount of a payment or an event is in thousandths until its invoice tells the currency
PAYMENTS = pa.schema(
    [
        ("payment_id", _TEXT),
        ("customer", _NUMBER),
        ("invoice_id", _TEXT),
        ("paid_on", _DAY),
        ("amount", _MONEY),
        ("known_on", _DAY),
        _DECIMALS,
        _LINE,
    ]
)
EVENTS = pa.schema(
    [
        ("customer", _NUMBER),
        ("invoice_id", _TEXT),
        ("kind", _TEXT),
        ("occurred_on", _DAY),
        ("known_on", _DAY),
        ("amount", _MONEY),
        _DECIMALS,
        _LINE,
    ]
)
LIMITS = pa.schema(
    [
        ("customer", _NUMBER),
        ("valid_from", _DAY),
        ("valid_to", _DAY),
        ("amount", _MONEY),
        ("known_on", _DAY),
        _LINE,
    ]
)
SIGNALS = pa.schema(
    [
        ("customer", _NUMBER),
        ("source", _TEXT),
        ("name", _TEXT),
        ("value", pa.float64()),
        ("observed_on", _DAY),
        ("known_on", _DAY),
        _LINE,
    ]
)
RAW = {"invoices": INVOICES, "payments": PAYMENTS, "events": EVENTS, "limits": LIMITS, "signals": SIGNALS}
CONTENT = {  # what is compared and kept of each row, but for when it became known
    table: [name for name in schema.names if name not in ("line", "decimals", "known_on")]
    for table, schema in RAW.items()
}
_VERSION = {"delivery": pa.int32(), "replaced_on": _DAY, "replaced_in": pa.int32()}


def kept(table: str) -> pa.Schema:
    """The rows of a table as they will be written, in the order of its schema."""
    types = {"customer_id": _NUMBER, "currency": pa.int16()} | _VERSION
    types |= {field.name: field.type for field in RAW[table]}
    return pa.schema([(f.name.replace("customer_id", "customer"), types[f.name]) for f in SCHEMAS[table]])


def numbered(table: str, rows: pa.RecordBatch, ids: pa.StringArray) -> pa.RecordBatch:
    """Rows of the ledger as rows on their way; `ids` are the numbered customers."""
    schema = kept(table)
    columns = []
    for name, kind in zip(SCHEMAS[table].names, schema.types, strict=True):
        column = rows.column(name)
        if name == "customer_id":
            column = pc.index_in(column, value_set=ids)
        elif name == "currency":
            column = pc.index_in(column, value_set=pa.array(CURRENCIES))
        elif pa.types.is_date32(column.type):
            column = column.cast(pa.int32()).fill_null(NO_DAY)
        columns.append(column.cast(kind))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


# ---- between Arrow and numpy


def whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column in one piece."""
    if isinstance(column, pa.Array):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def ints(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[Any]:
    """A column of numbers without nulls as numpy."""
    return np.asarray(whole(column).to_numpy(zero_copy_only=False))


def plain(column: pa.ChunkedArray | pa.Array) -> Any:
    """Numbers become numpy, text stays Arrow."""
    return whole(column) if pa.types.is_string(column.type) else ints(column)


def where_of(column: pa.Array) -> npt.NDArray[np.bool_]:
    """Arrow's booleans as numpy's."""
    return np.asarray(whole(column).to_numpy(zero_copy_only=False), bool)


def texts(values: set[str]) -> pa.StringArray:
    """A set of texts to look up in."""
    return pa.array(sorted(values), pa.string())


def batch_of(schema: pa.Schema, *columns: Any) -> pa.RecordBatch:
    """Columns of Arrow or numpy as a batch."""
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, field.type)
        for field, column in zip(schema, columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def of_where(rows: pa.RecordBatch, where: npt.NDArray[np.bool_]) -> pa.RecordBatch:
    """The rows where `where` holds."""
    return rows if where.all() else rows.filter(pa.array(where))


def as_days(number: npt.NDArray[np.int32]) -> pa.Array:
    """Day numbers as dates, NO_DAY as null."""
    return pa.array(np.ascontiguousarray(number, np.int32), mask=number == NO_DAY).cast(pa.date32())


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - _EPOCH


def day_of_number(number: int) -> date:
    """The day of a day number."""
    return date.fromordinal(number + _EPOCH)


_EPOCH = date(1970, 1, 1).toordinal()


def minor_of(value: Ints, decimals: npt.NDArray[np.int8], currency: npt.NDArray[np.int16]) -> tuple[Ints, Codes]:
    """Thousandths as minor units of numbered currencies, and quarantine codes."""
    return in_minor(value, decimals, EXPONENT_OF[currency])


def no_days(many: int) -> Days:
    """Empty days."""
    return np.full(many, NO_DAY, np.int32)
