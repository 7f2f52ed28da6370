"""History: what was the rating of a customer on a day, as it was known on another."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import zip_longest

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

from ...errors import Mistake
from ..earlier import Earlier
from ..published import Publication
from ..ratings import SCHEMA, Rating
from . import tables
from .decisions import Decision, decisions_of
from .provenance import publication_of
from .recording import unpacked
from .store import Store


class NoRating(Mistake):
    """The store has no such customer, or no rating of it then."""


@dataclass(frozen=True)
class Entry:
    """A rating as the store holds it.

    Attributes
    ----------
    valid_to : date or None
        The day of the rating that followed; it is the first on which this one holds no more.
    recorded_at : datetime, UTC
    superseded : bool
        The same day was rated anew, later.
    """

    rating_id: int
    run_id: int
    valid_from: date
    valid_to: date | None
    recorded_at: datetime
    superseded: bool
    status: str
    pd: float | None
    score: int | None
    grade: str | None
    published: str | None
    bundle: str


@dataclass(frozen=True)
class Told:
    """The rating that held on a day, by which run it was told, what people decided, and where its bundle comes from.

    Attributes
    ----------
    publication : Publication or None
        None where the store has not learned it (see `tradecredit score --published`).
    signed_by : str
        Id of the key whose signature was verified; "" if none was asked for.
    """

    entry: Entry
    rating: Rating
    ledger: str
    decision: Decision | None
    publication: Publication | None
    signed_by: str


def history(store: Store, customer_id: str, *, known_on: date | None = None) -> list[Entry]:
    """All ratings of a customer, by day and then as they were recorded; with `known_on`, by what was known that day.

    Raises
    ------
    Mistake
        The store has never heard of the customer.
    """
    u, r = tables.runs.c, tables.ratings.c
    query = (
        sa.select(
            r.rating_id, r.run_id, u.as_of, u.recorded_at, r.status, r.pd, r.score, r.grade, r.published, u.bundle
        )
        .join_from(tables.ratings, tables.runs, r.run_id == u.run_id)
        .where(r.customer_id == customer_id)
        .order_by(u.as_of, r.run_id)
    )
    with store.reading() as connection:
        rows = [row for row in connection.execute(query) if known_on is None or _utc(row[3]) < _end_of(known_on)]
        if not rows and not _heard_of(connection, customer_id):
            raise NoRating(f"{store.name}: holds no customer {customer_id!r}; ids are those of the ledger.")
    days = sorted({row[2] for row in rows})
    next_day = dict(zip_longest(days, days[1:]))
    last = {row[2]: row[1] for row in rows}
    return [
        Entry(row[0], row[1], row[2], next_day[row[2]], _utc(row[3]), last[row[2]] != row[1], *tuple(row)[4:])
        for row in rows
    ]


def why(store: Store, customer_id: str, *, on: date, known_on: date | None = None) -> Told:
    """The rating that held on a day, whole, and by what it was told.

    Raises
    ------
    Mistake
        There was none.
    """
    held = [
        one for one in history(store, customer_id, known_on=known_on) if one.valid_from <= on and not one.superseded
    ]
    if not held:
        raise NoRating(
            f"{store.name}: {customer_id} had no rating on {on}{f' known on {known_on}' if known_on else ''}."
        )
    entry = held[-1]
    with store.reading() as connection:
        u = tables.runs.c
        run = connection.execute(sa.select(u.ledger, u.signed_by).where(u.run_id == entry.run_id)).one()
        (row,) = _rows(connection, [entry.rating_id]).to_pylist()
    decided = [one for one in decisions_of(store, customer_id, known_on=known_on) if one.valid_from <= on]
    last = decided[-1] if decided else None
    in_force = last if last and last.kind == "override" and on <= last.valid_until else None
    return Told(
        entry, Rating.of_row(row), run.ledger, in_force, publication_of(store, entry.bundle), run.signed_by or ""
    )


def earlier_ratings(store: Store, as_of: date) -> tuple[int | None, Earlier | None]:
    """The last run of an earlier day, and its ratings; None and None if there is none."""
    with store.reading() as connection:
        run_id = connection.scalar(_latest(as_of))
    return run_id, None if run_id is None else earlier_of(store, run_id)


def _latest(as_of: date) -> sa.Select[int]:
    u = tables.runs.c
    return sa.select(u.run_id).where(u.as_of < as_of).order_by(u.as_of.desc(), u.run_id.desc()).limit(1)


def earlier_of_customer(store: Store, customer_id: str, as_of: date) -> Earlier | None:
    """The rating of one customer in the last run of an earlier day; None if there is no such run."""
    with store.reading() as connection:
        run_id = connection.scalar(_latest(as_of))
    return None if run_id is None else earlier_of(store, run_id, tables.ratings.c.customer_id == customer_id)


def earlier_of(store: Store, run_id: int, where: sa.ColumnElement[bool] | None = None) -> Earlier:
    """The ratings of a run, or some of them, as those before the next."""
    u, r = tables.runs.c, tables.ratings.c
    with store.reading() as connection:
        as_of = connection.scalar(sa.select(u.as_of).where(u.run_id == run_id))
        query = sa.select(r.customer_id, r.published, r.pd).where(r.run_id == run_id)
        query = query if where is None else query.where(where)
        told = pd.DataFrame(connection.execute(query).all(), columns=["customer_id", "published", "pd"])
    columns = {
        "customer_id": pa.array(told["customer_id"], pa.string()),
        "as_of": pa.array([as_of] * len(told), pa.date32()),
        "published": pa.array(told["published"], pa.string()),
        "pd": pa.array(told["pd"].astype(float), pa.float64(), from_pandas=True),
    }
    return Earlier.of_ratings(pa.table(columns))


def ratings_of(store: Store, run_id: int) -> pa.Table:
    """All ratings of a run as they were told, in the order in which they were."""
    query = sa.select(tables.ratings.c.rating_id).where(tables.ratings.c.run_id == run_id).order_by("rating_id")
    with store.reading() as connection:
        return _rows(connection, list(connection.scalars(query)))


def _rows(connection: sa.Connection, ids: list[int]) -> pa.Table:
    """The ratings with these numbers, ascending."""
    if not ids:
        return SCHEMA.empty_table()
    p = tables.pages.c
    first = connection.scalar(sa.select(sa.func.max(p.first_id)).where(p.first_id <= ids[0]))
    query = sa.select(p.first_id, p.ratings).where(p.first_id >= first, p.first_id <= ids[-1]).order_by(p.first_id)
    told, left = [], ids
    for start, page in connection.execute(query):
        rows = unpacked(page)
        here = [one - start for one in left if one < start + len(rows)]
        left = left[len(here) :]
        told.append(rows.take(here))
    return pa.concat_tables(told)


def _heard_of(connection: sa.Connection, customer_id: str) -> bool:
    held = sa.select(tables.customers.c.customer_id).where(tables.customers.c.customer_id == customer_id)
    return connection.scalar(held) is not None


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _end_of(day: date) -> datetime:
    if day == date.max:
        return datetime.max.replace(tzinfo=UTC)
    return datetime.combine(day + timedelta(days=1), time(), UTC)
