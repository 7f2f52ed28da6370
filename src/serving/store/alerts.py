"""Alerts: the warnings of a run that are news; what was told within its cool-down is not told again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from . import bulk, tables
from .store import Store


@dataclass(frozen=True)
class Alert:
    """A warning as the store holds it."""

    as_of: date
    customer_id: str
    rule: str
    severity: str
    en: str
    zh: str


_COLUMNS = [one.name for one in tables.warnings.c if one.name not in ("warning_id", "run_id")]


class News:
    """What is news on a day: told of a customer by a rule for the first time within the rule's cool-down."""

    def __init__(self, connection: sa.Connection, as_of: date, cool_downs: Mapping[str, int]) -> None:
        w = tables.warnings.c
        since = as_of - timedelta(days=max(cool_downs.values(), default=0))
        query = sa.select(w.customer_id, w.rule, sa.func.max(w.as_of)).where(w.as_of > since, w.as_of <= as_of)
        rows = connection.execute(query.group_by(w.customer_id, w.rule))
        self._last = {(customer, rule): day for customer, rule, day in rows}
        self._as_of, self._cool_downs = as_of, cool_downs

    def of(self, told: pa.Table) -> pa.Table:
        """Of some ratings (the columns `customer_id` and `warnings`): the columns of `Alert`."""
        lists = told["warnings"].combine_chunks()
        flat, customers = lists.flatten(), told["customer_id"].combine_chunks().take(lists.value_parent_indices())
        columns = {name: flat.field(name) for name in ("rule", "severity", "en", "zh")}
        days = pa.array([self._as_of] * len(flat), pa.date32())
        warned = pa.table({"as_of": days, "customer_id": customers, **columns})
        if not self._last:
            return warned
        pairs = zip(customers.to_pylist(), columns["rule"].to_pylist(), strict=True)
        return warned.filter(pa.array([not self._told(*pair) for pair in pairs], pa.bool_()))

    def _told(self, customer_id: str, rule: str) -> bool:
        last = self._last.get((customer_id, rule))
        return last is not None and (self._as_of - last).days < max(1, self._cool_downs.get(rule, 0))


def write_alerts(connection: sa.Connection, run_id: int, alerts: pa.Table) -> None:
    """Append the alerts of a run (the columns of `Alert`)."""
    first, many = 1 + (connection.scalar(sa.select(sa.func.max(tables.warnings.c.warning_id))) or 0), len(alerts)
    ids = {"warning_id": np.arange(first, first + many), "run_id": np.full(many, run_id)}
    bulk.write(connection, tables.warnings, pa.table(ids | {name: alerts[name] for name in _COLUMNS}))


def by_severity(store: Store, run_id: int) -> dict[str, int]:
    """How many warnings of each severity a run told."""
    w = tables.warnings.c
    query = sa.select(w.severity, sa.func.count()).where(w.run_id == run_id).group_by(w.severity)
    with store.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def alerts_of(store: Store, *, since: date | None = None, run_id: int | None = None) -> list[Alert]:
    """Of a run, or of all days from `since`, as they were written."""
    w = tables.warnings.c
    query = sa.select(*(w[name] for name in _COLUMNS)).order_by(w.warning_id)
    query = query if since is None else query.where(w.as_of >= since)
    query = query if run_id is None else query.where(w.run_id == run_id)
    with store.reading() as connection:
        return [Alert(**row._mapping) for row in connection.execute(query)]
