"""Alerts: the warnings of a run that are news; what was told within its cool-down is not told again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

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

    def of(self, told: pa.Table) -> list[Alert]:
        """Of some ratings (the columns `customer_id` and `warnings`)."""
        warned = told.filter(pa.compute.greater(pa.compute.list_value_length(told["warnings"]), 0))
        return [
            Alert(self._as_of, row["customer_id"], one["rule"], one["severity"], one["en"], one["zh"])
            for row in warned.select(["customer_id", "warnings"]).to_pylist()
            for one in row["warnings"]
            if not self._told(row["customer_id"], one["rule"])
        ]

    def _told(self, customer_id: str, rule: str) -> bool:
        last = self._last.get((customer_id, rule))
        return last is not None and (self._as_of - last).days < max(1, self._cool_downs.get(rule, 0))


def write_alerts(connection: sa.Connection, run_id: int, alerts: list[Alert]) -> None:
    """Append the alerts of a run."""
    first = 1 + (connection.scalar(sa.select(sa.func.max(tables.warnings.c.warning_id))) or 0)
    columns = {name: [getattr(one, name) for one in alerts] for name in _COLUMNS}
    days = pa.array(columns.pop("as_of"), pa.date32())
    ids = {"warning_id": list(range(first, first + len(alerts))), "run_id": [run_id] * len(alerts)}
    if alerts:
        bulk.write(connection, tables.warnings, pa.table(ids | {"as_of": days} | columns))


def alerts_of(store: Store, *, since: date | None = None, run_id: int | None = None) -> list[Alert]:
    """Of a run, or of all days from `since`, as they were written."""
    w = tables.warnings.c
    query = sa.select(*(w[name] for name in _COLUMNS)).order_by(w.warning_id)
    query = query if since is None else query.where(w.as_of >= since)
    query = query if run_id is None else query.where(w.run_id == run_id)
    with store.reading() as connection:
        return [Alert(**row._mapping) for row in connection.execute(query)]
