"""Singly: one customer rated from a ledger at a day, by a process that stays; the same to the bit as in a night.

The rows of a partition stay in memory, in order of customers, so that those of one are a slice. What a customer is
compared with is surveyed once a day and ledger.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import Mistake
from ..features.engine.days import day_number
from ..features.engine.facts import Facts
from ..features.engine.loading import facts_of
from ..features.engine.numbering import begins_of, numbers_of
from ..features.ledger import Columns, delivered, read_about, shard_of
from ..features.peers import Counts, Survey, stand, surveyed
from ..features.schemas import DOCUMENT
from .bundle import Bundle
from .earlier import Earlier
from .ratings import Rating
from .scoring import check_day, score

_PARTITIONS, _DAYS = 16, 8  # that stay in memory
Made = TypeVar("Made")


class Unknown(Mistake):
    """The ledger has no such customer."""


@dataclass(frozen=True)
class _Part:
    """A partition whose rows lie in order of customers; `begins` tells of each table where those of each begin."""

    columns: Columns
    names: dict[str, int]
    begins: dict[str, npt.NDArray[np.int64]]

    @classmethod
    def of(cls, columns: Columns) -> "_Part":
        customers = columns.customers.sort_values("customer_id", ignore_index=True)
        names = pa.array(customers["customer_id"], pa.string())
        tables, begins = {}, {}
        for name, table in (columns.tables | {"memberships": columns.memberships}).items():
            number = numbers_of(table.column("customer_id"), names)
            if (number[1:] < number[:-1]).any():
                order = np.argsort(number, kind="stable")
                table, number = table.take(pa.array(order)), number[order]
            tables[name], begins[name] = table.combine_chunks(), begins_of(number, len(names))
        kept = replace(columns, customers=customers, memberships=tables.pop("memberships"), tables=tables)
        return cls(kept, {one: place for place, one in enumerate(names.to_pylist())}, begins)

    def one(self, place: int) -> Facts:
        """The facts of the customer at a place."""
        tables = {name: self._rows(name, table, place) for name, table in self.columns.tables.items()}
        tables = _renumbered(tables) if DOCUMENT in tables["invoices"].column_names else tables
        return facts_of(
            replace(
                self.columns,
                tables=tables,
                customers=self.columns.customers.iloc[place : place + 1].reset_index(drop=True),
                memberships=self._rows("memberships", self.columns.memberships, place),
                whole=False,
            )
        )

    def _rows(self, name: str, table: pa.Table, place: int) -> pa.Table:
        start, end = self.begins[name][place], self.begins[name][place + 1]
        return table.slice(start, end - start)


def _renumbered(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """Documents of one customer, which are numbered one after the other, from 0; -1 is still none."""
    base = pc.min(tables["invoices"].column(DOCUMENT)).as_py() or 0
    told = {}
    for name, table in tables.items():
        if DOCUMENT in table.column_names:
            place, own = table.schema.get_field_index(DOCUMENT), table.column(DOCUMENT).to_numpy()
            table = table.set_column(place, DOCUMENT, pa.array(np.where(own < 0, -1, own - base).astype(np.int32)))
        told[name] = table
    return told


class Singly:
    """Rates one customer at a time; may be asked by several threads."""

    def __init__(self, bundle: Bundle, folder: Path) -> None:
        self.bundle, self._folder, self._lock = bundle, folder, Lock()
        self._kept: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._making: dict[tuple[Any, ...], Lock] = {}
        self._peers = any(one.measure.among_others for one in bundle.all_features)

    def rate(self, customer_id: str, as_of: date, earlier: Earlier | None = None) -> Rating:
        """The rating of a customer at the close of a day, as `score` tells it.

        Raises
        ------
        Unknown
            The ledger has no such customer.
        NotOfThatDay
            The ledger tells nothing of that day.
        """
        about = read_about(self._folder)
        check_day(as_of, date.fromisoformat(about["data_end"]))
        ledger, number = delivered(about), int(shard_of([customer_id], about["partitions"])[0])
        part = self._part(about, number)
        if customer_id not in part.names:
            raise Unknown(f"{self._folder}: has no customer {customer_id!r}; ids are those of the ledger.")
        place = part.names[customer_id]
        facts = part.one(place)
        if self._peers:
            days = tuple(sorted({day_number(as_of), *(earlier or Earlier.none()).days.tolist()}))
            survey, counts = self._keep(("survey", ledger, days), _DAYS, lambda: self._survey(about, days))
            own = Counts(*(one[place : place + 1] for one in counts[number]))
            facts = survey.beside(facts, own)
        return score(self.bundle, facts, as_of, earlier=earlier).rating(0)

    def warm(self, as_of: date) -> None:
        """Load what ratings of a day need, so that the first one asked for does not wait."""
        about = read_about(self._folder)
        for number in range(min(about["partitions"], _PARTITIONS)):
            part = self._part(about, number)
            if part.names:
                self.rate(next(iter(part.names)), as_of)

    def _part(self, about: dict[str, Any], number: int) -> _Part:
        def read() -> _Part:
            return _Part.of(Columns.read(self._folder, partition=number, about=about))

        return self._keep(("part", delivered(about), number), _PARTITIONS, read)

    def _survey(self, about: dict[str, Any], days: tuple[int, ...]) -> tuple[Survey, list[Counts]]:
        each = np.array(days)
        return surveyed(
            stand(facts_of(Columns.read(self._folder, partition=number, about=about)), each, self.bundle.peers)
            for number in range(about["partitions"])
        )

    def _keep(self, key: tuple[Any, ...], most: int, make: Callable[[], Made]) -> Made:
        """What was made under a key; the oldest of a kind goes where there are more than `most`.

        It is made once; who asks for another key meanwhile does not wait.
        """
        with self._lock:
            making = self._making.setdefault(key, Lock())
        with making:
            with self._lock:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    kept: Made = self._kept[key]
                    return kept
            made = make()
            with self._lock:
                self._kept[key] = made
                alike = [one for one in self._kept if one[0] == key[0]]
                for old in alike[:-most]:
                    del self._kept[old]
                    self._making.pop(old, None)
            return made
