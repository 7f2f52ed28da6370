"""Recording a run: ratings that were told to a file go into the store, all or none, and never twice."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from ...errors import Unavailable
from ...features.workers import THREADS, made_ahead
from . import bulk, tables
from .alerts import News, write_alerts
from .store import Store

TOLD = ("status", "manual_review", "pd", "pd_cautious", "score", "grade", "published", "previous", "model", "card")
_ROWS = 50_000


@dataclass(frozen=True)
class RunKey:
    """What a run is made from; the same three never give two runs.

    Attributes
    ----------
    bundle, ledger : str
        Fingerprints.
    as_of : date
    """

    bundle: str
    ledger: str
    as_of: date

    def __str__(self) -> str:
        return hashlib.sha256(f"{self.bundle}\n{self.as_of}\n{self.ledger}".encode()).hexdigest()


def recorded(store: Store, key: RunKey) -> int | None:
    """The number of the run with this key, if it is there."""
    with store.reading() as connection:
        return _run_of(connection, key)


def record(
    store: Store,
    key: RunKey,
    file: Path,
    *,
    about: dict[str, Any],
    names: dict[str, str],
    earlier_run: int | None,
    cool_downs: Mapping[str, int] | None = None,
    signed_by: str = "",
    progress: Callable[[int, int], None] = lambda *_: None,
) -> int:
    """Write the ratings of a file (the columns of `SCHEMA`) as one run and return its number.

    One transaction: whatever stops it, either the whole run is there or nothing of it. Where the answer to the last
    word is lost, the store is asked whether it was heard.

    Parameters
    ----------
    about : dict
        What the bundle was made from.
    names : dict of str to str
        Of customers, by id.
    cool_downs : dict of str to int
        Days for which a warning of a rule is no news again.
    signed_by : str
        Id of the key whose signature of the bundle was verified.
    """
    try:
        with store.writing() as connection:
            run_id = _run_of(connection, key)
            if run_id is None:
                run_id = _write(connection, key, file, about, names, earlier_run, cool_downs or {}, signed_by, progress)
            return run_id
    except Unavailable:
        store.engine.dispose()
        run_id = recorded(store, key)
        if run_id is None:
            raise
        return run_id


def _run_of(connection: sa.Connection, key: RunKey) -> int | None:
    return connection.scalar(sa.select(tables.runs.c.run_id).where(tables.runs.c.run_key == str(key)))


def _write(
    connection: sa.Connection,
    key: RunKey,
    file: Path,
    about: dict[str, Any],
    names: dict[str, str],
    earlier_run: int | None,
    cool_downs: Mapping[str, int],
    signed_by: str,
    progress: Callable[[int, int], None],
) -> int:
    now, source = datetime.now(UTC), pq.ParquetFile(file)
    known = connection.scalar(sa.select(tables.bundles.c.bundle).where(tables.bundles.c.bundle == key.bundle))
    if known is None:
        told = json.dumps(about, ensure_ascii=False, sort_keys=True)
        connection.execute(tables.bundles.insert().values(bundle=key.bundle, about=told, recorded_at=now))
    _learn(connection, names)
    status: Counter[str] = Counter()
    next_id = 1 + (connection.scalar(sa.select(sa.func.max(tables.ratings.c.rating_id))) or 0)
    run_id = 1 + (connection.scalar(sa.select(sa.func.max(tables.runs.c.run_id))) or 0)
    news, alerts = News(connection, key.as_of, cool_downs), list[pa.Table]()
    done, total, pages = 0, source.metadata.num_rows, hashlib.sha256()
    for batch in made_ahead(source.iter_batches(batch_size=_ROWS)):
        told = pa.Table.from_batches([batch])
        status.update(told["status"].to_pylist())
        _write_ratings(connection, told, run_id, next_id, pages)
        alerts.append(news.of(told))
        next_id, done = next_id + len(told), done + len(told)
        progress(done, total)
    if alerts:
        write_alerts(connection, run_id, pa.concat_tables(alerts))
    connection.execute(
        tables.runs.insert().values(
            run_id=run_id,
            run_key=str(key),
            bundle=key.bundle,
            as_of=key.as_of,
            ledger=key.ledger,
            earlier_run=earlier_run,
            recorded_at=now,
            customers=total,
            rated=status["observed"],
            version=version("tradecredit"),
            signed_by=signed_by or None,
            pages_sha256=pages.hexdigest(),
        )
    )
    return run_id


def _write_ratings(connection: sa.Connection, told: pa.Table, run_id: int, first_id: int, digest: Any) -> None:
    n = len(told)
    ids, places = np.arange(first_id, first_id + n), range(0, n, tables.PAGE)
    with ThreadPoolExecutor(THREADS) as pool:  # packed while the rows are written
        packed = pool.map(lambda at: _packed(told.slice(at, tables.PAGE)), places)
        _write_rows(connection, told, run_id, ids)
        pages = [{"first_id": int(ids[at]), "ratings": page} for at, page in zip(places, packed, strict=True)]
    for page in pages:
        digest.update(page["ratings"])
    if pages:
        connection.execute(tables.pages.insert(), pages)


def _write_rows(connection: sa.Connection, told: pa.Table, run_id: int, ids: npt.NDArray[np.int64]) -> None:
    n = len(told)
    rows = told.select(["customer_id", *TOLD, "second_grade", "base_points"])
    rows = rows.append_column("rating_id", pa.array(ids)).append_column("run_id", pa.array(np.full(n, run_id)))
    bulk.write(connection, tables.ratings, rows)
    lists = told["reasons"].combine_chunks()
    flat, many = lists.flatten(), pc.list_value_length(lists).fill_null(0).to_numpy()
    starts = np.concatenate([[0], np.cumsum(many)])
    columns = {
        "rating_id": np.repeat(ids, many),
        "place": np.arange(starts[-1]) - np.repeat(starts[:-1], many),
        **{name: flat.field(name) for name in ("feature", "points", "value", "usual", "missing")},
    }
    bulk.write(connection, tables.reasons, pa.table(columns))


def _learn(connection: sa.Connection, names: dict[str, str]) -> None:
    """Names of customers that are new, and those that changed."""
    query = sa.select(tables.customers.c.customer_id, tables.customers.c.name)
    held = {row.customer_id: row.name for row in connection.execute(query)}
    new = {one: name for one, name in names.items() if one not in held}
    bulk.write(connection, tables.customers, pa.table({"customer_id": list(new), "name": list(new.values())}))
    changed = [{"id": one, "to": name} for one, name in names.items() if one in held and held[one] != name]
    if changed:
        where = tables.customers.c.customer_id == sa.bindparam("id")
        connection.execute(tables.customers.update().where(where).values(name=sa.bindparam("to")), changed)


def _packed(told: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, told.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(told.combine_chunks())
    return sink.getvalue().to_pybytes()


def unpacked(page: bytes) -> pa.Table:
    """The ratings of a page."""
    with pa.ipc.open_stream(page) as reader:
        return reader.read_all()
