"""The ledger: what a company knows of its customers' invoices and payments, each fact with `known_on`.

On disk it is a folder of Parquet, a folder a table, hash-partitioned by customer and sorted within, beside
`ledger.json`. Money is in minor units of each row's currency; payments carry their customer.
"""

import hashlib
import json
import shutil
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import Mistake
from .memberships import memberships
from .schemas import DOCUMENT, MEMBERSHIPS, OWN_DATE, SCHEMAS

_NOT_FOR_FEATURES = {  # columns that tell rows apart, not customers
    "invoices": ("replaced_in",),
    "payments": ("payment_id", "currency", "delivery", "replaced_in"),
    "events": ("delivery",),
    "limits": ("delivery",),
    "signals": ("delivery",),
}
_MOST_CUSTOMERS = 20_000  # in a partition
_WORTH_A_PARTITION = 250  # customers: below this a second core does not pay


def empty(table: str) -> pd.DataFrame:
    """A table of the declared columns and dtypes without a row."""
    return as_frame(SCHEMAS[table].empty_table())


def as_frame(table: pa.Table) -> pd.DataFrame:
    """Arrow to pandas with the dtypes the ledger promises: `str`, `datetime64[s]`, int64, float64, bool."""
    frame: pd.DataFrame = table.to_pandas(date_as_object=False)
    for column in table.schema:
        if pa.types.is_date32(column.type):
            frame[column.name] = frame[column.name].astype("datetime64[s]")
        elif pa.types.is_string(column.type):
            frame[column.name] = frame[column.name].astype("str")
    return frame


def as_declared(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The declared columns of a table with their dtypes; what the frame does not have is empty."""
    blank = {pa.string(): "", pa.date32(): pd.NaT, pa.bool_(): False, pa.int32(): 0}
    columns = {
        column.name: frame[column.name] if column.name in frame else pd.Series(blank[column.type], index=frame.index)
        for column in SCHEMAS[table]
    }
    return as_frame(pa.Table.from_pandas(pd.DataFrame(columns), schema=SCHEMAS[table], preserve_index=False))


@dataclass(frozen=True)
class Ledger:
    """One book, or one partition of whole customers of it.

    Attributes
    ----------
    customers, invoices, payments, events, limits, signals, rates : DataFrame
        The columns of `SCHEMAS`; days are datetime64, money is int64 minor units (a promise or dispute
        without amount: -1, meaning all that is open).
    data_end : date
        The last day for which every table is complete.
    since : dict of str to date
        For each optional source that the book has, the day from which it is complete. A source that is
        not named is not there (features on it are missing as NOSRC). "extensions" (moved due days) is there from the
        second delivery on; "invoices" may name the first day of the ledger.
    reporting_currency : str
        The currency of features and materiality.
    known_on_assumed : tuple of str
        Tables whose `known_on` was not delivered and is the fact's own date.
    partitions : int
        Partitions by customer on disk.
    memberships : DataFrame or None
        customer_id, segment, group_id, onboarded_on and the day from which that was known (NaT: from the beginning);
        None: as the customers say, from the beginning.
    whole : bool
        Are these all customers of the book? Else other customers have to be told of by a survey (peers.py).
    """

    customers: pd.DataFrame
    invoices: pd.DataFrame
    payments: pd.DataFrame
    events: pd.DataFrame = field(default_factory=lambda: empty("events"))
    limits: pd.DataFrame = field(default_factory=lambda: empty("limits"))
    signals: pd.DataFrame = field(default_factory=lambda: empty("signals"))
    rates: pd.DataFrame = field(default_factory=lambda: empty("rates"))
    data_end: date = date.max
    since: dict[str, date] = field(default_factory=dict)
    reporting_currency: str = "EUR"
    known_on_assumed: tuple[str, ...] = ()
    partitions: int = 1
    memberships: pd.DataFrame | None = None
    whole: bool = True

    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by its name."""
        return {name: getattr(self, name) for name in SCHEMAS}

    def of_customers(self, ids: set[str] | list[str]) -> "Ledger":
        """The ledger of these customers alone, as a book of its own."""
        kept: dict[str, Any] = {
            name: table[table["customer_id"].isin(list(ids))].reset_index(drop=True)
            for name, table in self.tables().items()
            if name != "rates"
        }
        if self.memberships is not None:
            kept["memberships"] = self.memberships[self.memberships["customer_id"].isin(list(ids))]
        return replace(self, whole=True, **kept)

    def write(self, folder: Path) -> None:
        """Write the ledger as partitioned Parquet; the same ledger gives the same bytes.

        Raises
        ------
        ValueError
            Some customer's segment or group became known later, which only deliveries can tell on disk.
        """
        if self.memberships is not None and self.memberships["known_on"].notna().any():
            raise ValueError("memberships: known from some day on; take the deliveries in to keep that.")
        count = partitions_for(len(self.customers))
        for name, table in self.tables().items():
            shutil.rmtree(folder / name, ignore_errors=True)
            (folder / name).mkdir(parents=True)
            keys = [c for c in ("customer_id", OWN_DATE.get(name, "date")) if c in table]
            ordered = table.sort_values(keys, kind="stable")
            home = np.zeros(len(table), int) if name == "rates" else shard_of(ordered["customer_id"], count)
            for part in range(1 if name == "rates" else count):
                arrow = pa.Table.from_pandas(ordered[home == part], schema=SCHEMAS[name], preserve_index=False)
                pq.write_table(arrow, folder / name / f"part-{part:04d}.parquet", compression="zstd")
        about = {
            "data_end": self.data_end.isoformat(),
            "since": {source: day.isoformat() for source, day in sorted(self.since.items())},
            "reporting_currency": self.reporting_currency,
            "known_on_assumed": list(self.known_on_assumed),
            "partitions": count,
            "customers": len(self.customers),
            "invoices": len(self.invoices),
        }
        (folder / "ledger.json").write_text(json.dumps(about, indent=1) + "\n")

    @classmethod
    def read(cls, folder: Path, *, partition: int | None = None, upto: int | None = None) -> "Ledger":
        """Read a ledger, or one partition of its customers; with `upto`, as it was after that delivery."""
        return cls._read(folder, read_about(folder), partition, upto)

    @classmethod
    def _read(cls, folder: Path, about: dict[str, Any], partition: int | None, upto: int | None = None) -> "Ledger":
        frames: dict[str, Any] = {
            name: as_frame(table) for name, table in _in_force(_tables(folder, about, partition), about, upto).items()
        }
        return cls(**frames, **_about(about, upto), whole=partition is None or about["partitions"] == 1)

    @classmethod
    def read_partitions(cls, folder: Path, about: dict[str, Any] | None = None) -> Iterator["Ledger"]:
        """The partitions one after the other, so that memory is bounded by one of them; all of the same delivery.

        `about` is what `read_about` said before, for two passes over the same delivery.
        """
        about = about or read_about(folder)
        for partition in range(about["partitions"]):
            yield cls.of_partition(folder, about, partition)

    @classmethod
    def of_partition(cls, folder: Path, about: dict[str, Any], partition: int) -> "Ledger":
        """One partition, of the delivery that `about` tells of."""
        return cls._read(folder, about, partition)


def members_of(ledger: Ledger) -> pa.Table:
    """The memberships of a ledger as they are told, or as its customers say."""
    if ledger.memberships is None:
        customers = pa.Table.from_pandas(ledger.customers, schema=SCHEMAS["customers"], preserve_index=False)
        return memberships(customers, [])
    return pa.Table.from_pandas(ledger.memberships, schema=MEMBERSHIPS, preserve_index=False)


@dataclass(frozen=True)
class Columns:
    """A ledger, or one partition of it, as Arrow tables: what the feature engine reads.

    Attributes
    ----------
    tables : dict of str to Table
        All but the rates, columns as in `SCHEMAS`; text may be dictionary-encoded, and `DOCUMENT` may stand for
        `invoice_id`.
    customers, rates : DataFrame
    memberships : Table
        As in `Ledger`, a null day for the beginning.
    data_end, since, reporting_currency, whole : as in `Ledger`
    """

    tables: dict[str, pa.Table]
    customers: pd.DataFrame
    rates: pd.DataFrame
    data_end: date
    since: dict[str, date]
    reporting_currency: str
    memberships: pa.Table
    whole: bool

    @classmethod
    def of(cls, ledger: Ledger) -> "Columns":
        """The tables of a ledger in memory."""
        tables = {
            name: pa.Table.from_pandas(getattr(ledger, name), schema=SCHEMAS[name], preserve_index=False)
            for name in OWN_DATE
        }
        about = ledger.data_end, ledger.since, ledger.reporting_currency, members_of(ledger), ledger.whole
        return cls(tables, ledger.customers, ledger.rates, *about)

    @classmethod
    def read(cls, folder: Path, *, partition: int | None = None, about: dict[str, Any] | None = None) -> "Columns":
        """Read a ledger, or one partition of its customers, without a detour; `about` as for `read_partitions`."""
        about = about or read_about(folder)
        tables = _tables(folder, about, partition, coded=("customer_id", "currency", "kind"), bare=True)
        return cls.told(tables, about, whole=partition is None or about["partitions"] == 1)

    @classmethod
    def told(cls, tables: dict[str, pa.Table], about: dict[str, Any], *, whole: bool) -> "Columns":
        """The tables of a ledger as they lie on disk, and what its `ledger.json` says."""
        tables, said = _in_force(tables, about, None), _about(about, None)
        customers, rates = as_frame(tables.pop("customers")), as_frame(tables.pop("rates"))
        kept = said["data_end"], said["since"], said["reporting_currency"]
        return cls(tables, customers, rates, *kept, tables.pop("memberships"), whole)


def _tables(
    folder: Path,
    about: dict[str, Any],
    partition: int | None,
    *,
    coded: tuple[str, ...] = (),
    bare: bool = False,
) -> dict[str, pa.Table]:
    """The tables on disk; columns of `coded` may come dictionary-encoded; `bare` leaves out what no feature needs."""
    tables, numbered = {}, False
    for name, schema in SCHEMAS.items():
        parts = "*" if partition is None or name == "rates" else f"{partition:04d}"
        place = folder / about.get("tables", "") / name
        files = sorted(place.glob(f"part-{parts}.parquet"))
        if not files:
            raise Mistake(f"{place}: no Parquet parts; write the ledger anew with build_ledger.")
        short = [] if name in ("customers", "rates") else [one for one in coded if one in schema.names]
        left_out = _NOT_FOR_FEATURES.get(name, ()) if bare else ()
        fields = [f for f in schema if f.name not in left_out]
        try:
            if bare and name == "invoices":
                numbered = len(files) == 1 and DOCUMENT in pq.read_schema(files[0]).names
            if numbered and "invoice_id" in schema.names:
                fields = [pa.field(DOCUMENT, pa.int32()) if f.name == "invoice_id" else f for f in fields]
            code = pa.dictionary(pa.int32(), pa.string())
            wanted = pa.schema([(f.name, code if f.name in short else f.type) for f in fields])
            options: dict[str, Any] = dict(columns=wanted.names, partitioning=None, read_dictionary=short)
            if partition is not None:  # partitions are read side by side
                options |= dict(use_threads=False, pre_buffer=False)
            read = [pq.read_table(f, schema=wanted, **options) for f in files]
            whole = pa.concat_tables(read)
        except pa.ArrowInvalid as fault:
            said = str(fault).splitlines()[0]
            raise Mistake(f"{place}: cannot be read ({said}); write the ledger anew.") from None
        tables[name] = whole
    return tables


def _in_force(tables: dict[str, pa.Table], about: dict[str, Any], upto: int | None) -> dict[str, pa.Table]:
    """What lies on disk as it is after all deliveries, or after one; with the memberships of the customers."""
    tables = {name: _after(name, table, upto) for name, table in tables.items()}
    versions, deliveries = tables["customers"], about.get("deliveries", [])
    tables["memberships"] = memberships(versions, deliveries)
    tables["customers"] = versions.filter(pc.equal(versions.column("replaced_in"), 0))
    if deliveries:
        rates = _rates_in_force(as_frame(tables["rates"]), deliveries)
        tables["rates"] = pa.Table.from_pandas(rates, schema=SCHEMAS["rates"], preserve_index=False)
    return tables


def _about(about: dict[str, Any], upto: int | None) -> dict[str, Any]:
    """What `ledger.json` says, or what it said after a delivery.

    That a due day was moved can be seen once there is a delivery to compare with: from then on extensions are known.
    """
    deliveries = about.get("deliveries", [])[:upto]
    if upto is not None:
        about = about | deliveries[-1]
    since = {source: date.fromisoformat(day) for source, day in about["since"].items()}
    if len(deliveries) > 1:
        since["extensions"] = date.fromisoformat(deliveries[1]["data_end"])
    return dict(
        data_end=date.fromisoformat(about["data_end"]),
        since=since,
        reporting_currency=about["reporting_currency"],
        known_on_assumed=tuple(about["known_on_assumed"]),
        partitions=about["partitions"],
    )


def _after(name: str, rows: pa.Table, upto: int | None) -> pa.Table:
    """The rows as they were after a delivery."""
    if upto is not None:
        rows = rows.filter(pc.less_equal(rows.column("delivery"), upto))
        if "replaced_in" in rows.column_names:
            later = pc.greater(rows.column("replaced_in"), upto)
            place = rows.schema.get_field_index("replaced_in")
            rows = rows.set_column(
                place, SCHEMAS[name].field(place), pc.if_else(later, pa.scalar(0, pa.int32()), rows.column(place))
            )
            if "replaced_on" in rows.column_names:
                place = rows.schema.get_field_index("replaced_on")
                cleared = pc.if_else(later, pa.scalar(None, pa.date32()), rows.column(place))
                rows = rows.set_column(place, SCHEMAS[name].field(place), cleared)
    return rows


def _rates_in_force(rates: pd.DataFrame, deliveries: list[dict[str, Any]]) -> pd.DataFrame:
    """What a later delivery says of a currency that had rates already holds after the delivery before it.

    So no amount that was known is converted anew. The first rate told for a day stays.
    """
    if (rates["delivery"] <= 1).all():
        return rates
    begun = rates.groupby("currency")["delivery"].transform("min")
    ends = {number: pd.Timestamp(one["data_end"]) for number, one in enumerate(deliveries, start=1)}
    earliest = (rates["delivery"] - 1).map(ends) + pd.Timedelta(days=1)
    later = rates["delivery"] > begun
    moved = rates["date"].where(~later | (rates["date"] >= earliest), earliest)
    known = rates.assign(date=moved.astype("datetime64[s]"), told=rates["date"])
    known = known.sort_values(["currency", "date", "delivery", "told"], kind="stable", na_position="first")
    # of several that come into force on one day, the newest of the last delivery holds
    kept = known.drop_duplicates(["currency", "date"], keep="last")
    return kept.drop(columns="told").reset_index(drop=True)


def read_about(folder: Path) -> dict[str, Any]:
    """What `ledger.json` says."""
    try:
        return dict(json.loads((folder / "ledger.json").read_text()))
    except ValueError:
        raise Mistake(f"{folder / 'ledger.json'}: is no JSON; write the ledger anew.") from None
    except (FileNotFoundError, NotADirectoryError):
        raise Mistake(f"{folder}: is no ledger (it has no ledger.json); make one with 'tradecredit intake'.") from None


def delivered(about: dict[str, Any]) -> str:
    """SHA-256 of all that was delivered to a ledger, from what `read_about` gives: other deliveries, another one."""
    return hashlib.sha256(json.dumps(about["deliveries"], sort_keys=True).encode()).hexdigest()


def partitions_for(customers: int, least: int = 1) -> int:
    """How many partitions a book of so many customers has, `least` at the least."""
    return max(1, min(4, customers // _WORTH_A_PARTITION), -(-customers // _MOST_CUSTOMERS), least)


def shard_of(ids: Iterable[str], count: int) -> npt.NDArray[np.int64]:
    """The partition of each customer: CRC-32 of its id, the same on every machine."""
    if count == 1:
        return np.zeros(len(list(ids)), np.int64)
    return np.array([zlib.crc32(name.encode()) for name in ids], np.int64) % count
