"""Hits: how many warnings were followed by a default, and how many defaults no warning had come before."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa

from . import tables
from .store import Store

# a customer falls where it is in default and was rated otherwise before; one that was never seen before it fell is none
_FALLS = sa.text(
    "SELECT customer_id, valid_from FROM ("
    "  SELECT customer_id, valid_from, status,"
    "         LAG(status) OVER (PARTITION BY customer_id ORDER BY valid_from) AS before"
    "  FROM rating_history) t "
    "WHERE status = 'in_default' AND before <> 'in_default'"
).columns(customer_id=sa.Text, valid_from=sa.Date)


@dataclass(frozen=True)
class Hits:
    """Of one rule, or of all together ("").

    Attributes
    ----------
    told : int
        Warnings.
    hits : int
        Whose customer fell within the horizon.
    false_alarms : int
        Whose customer did not, and the horizon is over.
    pending : int
        Whose horizon is not over.
    falls, warned : int
        Customers that fell, each fall once, and those of them that the rule had warned of within the horizon before.
    """

    rule: str
    told: int
    hits: int
    false_alarms: int
    pending: int
    falls: int
    warned: int


def hits_of(store: Store, *, horizon_days: int = 365) -> list[Hits]:
    """By rule, all together last; empty where no warning was told."""
    w = tables.warnings.c
    with store.reading() as connection:
        rows = connection.execute(sa.select(w.rule, w.customer_id, w.as_of)).all()
        falls = connection.execute(_FALLS).all()
        last = connection.scalar(sa.select(sa.func.max(tables.runs.c.as_of)))
    horizon = timedelta(days=horizon_days)
    fell, told = defaultdict[str, list[date]](list), defaultdict[str, list[tuple[str, date]]](list)
    for customer, day in falls:
        fell[customer].append(day)
    for rule, customer, day in rows:
        told[rule].append((customer, day))
        told[""].append((customer, day))
    rules = [*sorted(rule for rule in told if rule), *([""] if told else [])]
    return [_of_rule(rule, told[rule], fell, horizon, last) for rule in rules]


def _of_rule(
    rule: str, told: list[tuple[str, date]], fell: dict[str, list[date]], horizon: timedelta, last: date
) -> Hits:
    hits = [any(day < fall <= day + horizon for fall in fell.get(customer, ())) for customer, day in told]
    over = [day + horizon <= last for _, day in told]
    days = defaultdict[str, list[date]](list)
    for customer, day in told:
        days[customer].append(day)
    falls = [(customer, fall) for customer, all_ in fell.items() for fall in all_]
    warned = [any(day < fall <= day + horizon for day in days.get(customer, ())) for customer, fall in falls]
    missed = [done for hit, done in zip(hits, over, strict=True) if not hit]
    return Hits(rule, len(told), sum(hits), sum(missed), len(missed) - sum(missed), len(falls), sum(warned))
