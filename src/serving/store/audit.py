"""Audit: a walk through the whole store that says, in words, whatever contradicts what the store promises."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from ..ratings import SCHEMA
from . import tables
from .recording import TOLD, RunKey, unpacked
from .store import Store

Columns = dict[str, tuple[Any, ...]]
_COLUMNS = ["rating_id", "customer_id", *TOLD, "second_grade", "base_points"]


def audit(store: Store, progress: Callable[[int, int], None] = lambda *_: None) -> Iterator[str]:
    """What is wrong, one fault a text; nothing if all is well.

    Every run is whole and there once; its counts are those of its ratings; its pages are those that were written; the
    ratings of the tables are those of the pages, to the bit, reasons and warnings included; what refers to something
    refers to what is there; the triggers that keep the history are there. A change of who decided what, or of the
    checksums themselves, by somebody who may drop triggers, would want a log that is kept elsewhere.
    """
    if damage := _damage(store):
        yield f"{store.name} is damaged: {damage}; restore a backup"
        return
    with store.reading() as connection:
        yield from _guards(connection)
        u = tables.runs.c
        runs = connection.execute(sa.select(tables.runs).order_by(u.run_id)).all()
        days = {row.run_id: row.as_of for row in runs}
        next_id = 1
        for done, run in enumerate(runs, start=1):
            yield from _of_run(run, done, days)
            rows = connection.execute(_ratings_of(run.run_id)).all()
            told = dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(_COLUMNS, ())
            yield from _whole(run, told, next_id)
            yield from _readable(connection, run, told)
            next_id += len(rows)
            progress(done, len(runs))
        yield from _strays(connection, next_id, len(runs))


def _ratings_of(run_id: int) -> Any:
    r = tables.ratings.c
    return sa.select(*(r[name] for name in _COLUMNS)).where(r.run_id == run_id).order_by(r.rating_id)


def _of_run(run: Any, number: int, days: dict[int, date]) -> Iterator[str]:
    if run.run_id != number:
        yield f"run {run.run_id} should be number {number}"
    if run.run_key != str(RunKey(run.bundle, run.ledger, run.as_of)):
        yield f"run {run.run_id}: its key is not that of its bundle, day and ledger"
    if run.earlier_run is not None and not days.get(run.earlier_run, date.max) < run.as_of:
        yield f"run {run.run_id}: the run before it, {run.earlier_run}, is not of an earlier day"


def _whole(run: Any, told: Columns, next_id: int) -> Iterator[str]:
    many, rated = len(told["rating_id"]), told["status"].count("observed")
    if many != run.customers:
        yield f"run {run.run_id}: holds {many} ratings of {run.customers} customers"
    if rated != run.rated:
        yield f"run {run.run_id}: {rated} are rated, and it says {run.rated}"
    if told["rating_id"] != tuple(range(next_id, next_id + many)):
        yield f"run {run.run_id}: its ratings are not numbered one after the other from {next_id}"
    if len(set(told["customer_id"])) != many:
        yield f"run {run.run_id}: a customer is rated twice"


def _readable(connection: sa.Connection, run: Any, told: Columns) -> list[str]:
    try:
        return list(_as_told(connection, run, told))
    except sa.exc.SQLAlchemyError:
        raise
    except Exception:  # whatever Arrow makes of bytes that are none of its own
        return [f"run {run.run_id}: a page cannot be read"]


def _as_told(connection: sa.Connection, run: Any, told: Columns) -> Iterator[str]:
    """The tables against the pages, which hold what was told."""
    many = len(told["rating_id"])
    if not many:
        return
    first, last = told["rating_id"][0], told["rating_id"][-1]
    p = tables.pages.c
    query = sa.select(p.first_id, p.ratings).where(p.first_id >= first, p.first_id <= last).order_by(p.first_id)
    packed = connection.execute(query).all()
    if run.pages_sha256 and hashlib.sha256(b"".join(row.ratings for row in packed)).hexdigest() != run.pages_sha256:
        yield f"run {run.run_id}: its pages are not those that were written"
        return
    pages = [unpacked(row.ratings) for row in packed]
    for page in pages:
        page.validate(full=True)
    starts = [first + sum(len(one) for one in pages[:k]) for k in range(len(pages))]
    whole = pa.concat_tables(pages) if pages else SCHEMA.empty_table()
    if [row.first_id for row in packed] != starts or len(whole) != many:
        yield f"run {run.run_id}: its pages do not hold its {many} ratings"
        return
    for name in _COLUMNS[1:]:
        if whole[name].to_pylist() != list(told[name]):
            yield f"run {run.run_id}: {name} is not what was told"
    if set(whole["bundle"].to_pylist()) != {run.bundle} or set(whole["as_of"].to_pylist()) != {run.as_of}:
        yield f"run {run.run_id}: its ratings are of another bundle or day"
    yield from _reasons_as_told(connection, run, whole, first, last)
    yield from _warnings_as_told(connection, run, whole)


def _reasons_as_told(connection: sa.Connection, run: Any, whole: pa.Table, first: int, last: int) -> Iterator[str]:
    e = tables.reasons.c
    names = ("feature", "points", "value", "usual", "missing")
    query = sa.select(e.rating_id, e.place, *(e[name] for name in names)).where(e.rating_id.between(first, last))
    held = [tuple(row) for row in connection.execute(query.order_by(e.rating_id, e.place))]
    meant = [
        (first + row, place, *(one[name] for name in names))
        for row, reasons in enumerate(whole["reasons"].to_pylist())
        for place, one in enumerate(reasons or [])
    ]
    if held != meant:
        yield f"run {run.run_id}: its reasons are not what was told"


def _warnings_as_told(connection: sa.Connection, run: Any, whole: pa.Table) -> Iterator[str]:
    """Each warning of the run is one that a rating of it told."""
    w = tables.warnings.c
    query = sa.select(w.customer_id, w.rule, w.severity, w.en, w.zh).where(w.run_id == run.run_id)
    told = {
        (row["customer_id"], one["rule"], one["severity"], one["en"], one["zh"])
        for row in whole.select(["customer_id", "warnings"]).to_pylist()
        for one in row["warnings"] or []
    }
    if strange := [row.customer_id for row in connection.execute(query) if tuple(row) not in told]:
        yield f"run {run.run_id}: warnings such as that of {strange[0]} are not what was told"


def _strays(connection: sa.Connection, next_id: int, runs: int) -> Iterator[str]:
    """What refers to nothing."""
    r, p, e, w, d = (one.c for one in (tables.ratings, tables.pages, tables.reasons, tables.warnings, tables.decisions))
    for what, query in (
        ("ratings of no run", sa.select(r.rating_id).where(r.run_id > runs)),
        ("pages of no rating", sa.select(p.first_id).where(p.first_id >= next_id)),
        ("reasons of no rating", sa.select(e.rating_id).where(e.rating_id >= next_id)),
        ("warnings of no run", sa.select(w.warning_id).where(w.run_id > runs)),
        ("decisions on no rating", sa.select(d.decision_id).where(d.rating_id >= next_id)),
    ):
        if many := len(connection.execute(query).all()):
            yield f"{many} {what}"


def _guards(connection: sa.Connection) -> Iterator[str]:
    """The triggers that keep the history as it is; of all tables but the customers', which may be erased."""
    history = sorted(set(tables.META.tables) - {"customers"})
    if connection.dialect.name == "sqlite":
        meant = {f"{table}_no_{change}" for table in history for change in ("update", "delete")}
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        meant = {f"{table}_is_history" for table in history}
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
    if gone := sorted(meant - set(connection.exec_driver_sql(query).scalars())):
        yield f"{len(gone)} of {len(meant)} triggers that keep the history as it is are gone, such as {gone[0]}"


def _damage(store: Store) -> str:
    """What SQLite finds wrong with its own file; "" if nothing. A server looks after its files itself."""
    if not store.sqlite:
        return ""
    try:
        with store.engine.connect() as connection:
            said = str(connection.exec_driver_sql("PRAGMA integrity_check").scalar())
    except sa.exc.DatabaseError as fault:
        said = str(fault.orig)
    return "" if said == "ok" else said
