"""Decisions of people: an override keeps a person's grade until it expires, with the model's always beside it."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from ...errors import Mistake
from . import tables
from .store import Store

LONGEST_DAYS = 366


@dataclass(frozen=True)
class Decision:
    """What a person decided of a customer.

    Attributes
    ----------
    kind : {"override", "withdrawal"}
    grade : str or None
        Of the override; None where one is withdrawn.
    valid_from, valid_until : date
        Both days included.
    rating_id : int or None
        The rating that lay before who decided.
    recorded_at : datetime, UTC
        None until it is.
    """

    customer_id: str
    kind: str
    grade: str | None
    valid_from: date
    valid_until: date
    reason: str
    decided_by: str
    rating_id: int | None
    recorded_at: datetime | None = None


def override(store: Store, customer_id: str, grade: str, *, until: date, by: str, reason: str) -> str | None:
    """Let a person's grade hold from today; returns the published one that it stands in for.

    Raises
    ------
    Mistake
        The customer was never rated, the grade is not on the scale of its rating, nobody or nothing is named, or it
        would hold for more than a year or not even today.
    """
    today = datetime.now(UTC).date()
    if until < today:
        raise Mistake(f"--until {until}: is over; name today or a later day.")
    if (until - today).days > LONGEST_DAYS:
        raise Mistake(f"--until {until}: is more than a year away; an override is looked at again by then.")
    rating = _last_rating(store, customer_id)
    grades = json.loads(rating.about)["grades"]
    if grade not in grades:
        raise Mistake(f"--grade should be one of {', '.join(grades)}, got {grade!r}.")
    _decide(store, Decision(customer_id, "override", grade, today, until, reason, by, rating.rating_id))
    return str(rating.published) if rating.published else None


def withdraw_override(store: Store, customer_id: str, *, by: str, reason: str) -> None:
    """Let the model's grade hold again from today.

    Raises
    ------
    Mistake
        No override is in force, or nobody or nothing is named.
    """
    today = datetime.now(UTC).date()
    held = decisions_of(store, customer_id)
    if not held or held[-1].kind != "override" or held[-1].valid_until < today:
        raise Mistake(f"{store.name}: no override of {customer_id!r} is in force; there is nothing to withdraw.")
    rating_id = _last_rating(store, customer_id).rating_id
    _decide(store, Decision(customer_id, "withdrawal", None, today, today, reason, by, rating_id))


def _last_rating(store: Store, customer_id: str) -> Any:
    r, u, b = tables.ratings.c, tables.runs.c, tables.bundles.c
    query = (
        sa.select(r.rating_id, r.published, b.about)
        .join_from(tables.ratings, tables.runs, r.run_id == u.run_id)
        .join(tables.bundles, b.bundle == u.bundle)
        .where(r.customer_id == customer_id)
        .order_by(u.as_of.desc(), u.run_id.desc())
        .limit(1)
    )
    with store.reading() as connection:
        row = connection.execute(query).first()
    if row is None:
        raise Mistake(f"{store.name}: holds no customer {customer_id!r}; ids are those of the ledger.")
    return row


def _decide(store: Store, decision: Decision) -> None:
    for option, said in (("--by", decision.decided_by), ("--reason", decision.reason)):
        if not said.strip():
            raise Mistake(f"{option} should say who decides and why; it is kept for the audit.")
    with store.writing() as connection:
        next_id = 1 + (connection.scalar(sa.select(sa.func.max(tables.decisions.c.decision_id))) or 0)
        told = asdict(decision) | {"decision_id": next_id, "recorded_at": datetime.now(UTC)}
        connection.execute(tables.decisions.insert().values(**told))


def decisions_of(store: Store, customer_id: str, *, known_on: date | None = None) -> list[Decision]:
    """All of a customer, as they were recorded."""
    d = tables.decisions.c
    names = [one.name for one in tables.decisions.c if one.name != "decision_id"]
    query = sa.select(*(d[name] for name in names)).where(d.customer_id == customer_id).order_by(d.decision_id)
    with store.reading() as connection:
        told = [Decision(**row._mapping) for row in connection.execute(query)]
    return [one for one in told if known_on is None or _day(one.recorded_at) <= known_on]


def _day(moment: datetime | None) -> date:
    assert moment, "it was recorded"
    return (moment if moment.tzinfo is None else moment.astimezone(UTC)).date()
