"""The customers of a delivery: read whole, numbered, and joined with those that the ledger has."""

from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..quarantine import ATTRIBUTES
from ..schemas import SCHEMAS
from .conversions import NO_DAY, Flags
from .rows import as_days, ints, texts, where_of, whole
from .run import Found, Run
from .sieve import FALLEN, UNKNOWN, UNTOLD, Sieve, twice
from .spool import Index

NEVER = 2**31 - 1  # a day that does not come
Numbers = npt.NDArray[np.int32]


class Customers:
    """Every customer has a number: its place in `ids`.

    The delivery's sound customers come first, then those that only the ledger has; last those whose row fell in this
    delivery and that the ledger has, so that what belongs to them falls too.

    Attributes
    ----------
    derived : bool
        They are known by their invoices alone (a one-file export).
    rows : Table
        The delivery's, with `limit` (minor units, UNTOLD where it is empty) and `line`.
    first_issued : array of day numbers
        Of each customer's first invoice; NEVER where there is none. Is filled while the tables are written.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self.derived = bool(run.mapping.derive.get("customers"))
        self.ids = pa.array([], pa.string())
        self.rows = pa.table({})
        self._numbers: dict[str, int] = {}
        self._told: list[dict[str, str]] = []

    # ---- reading

    def read(self) -> None:
        """Read the table of customers; one that is derived is read with the invoices."""
        run, raw, found = self._run, self._run.must_open("customers"), Found()
        rows = pa.Table.from_batches([*run.batches(raw, self._sifted)]).combine_chunks()
        ids, lines = whole(rows.column("customer_id")), ints(rows.column("line"))
        code = twice(ids, [_comparable(rows.column(n)) for n in rows.column_names if n not in ("line", "customer_id")])
        run.set_aside(found, "customers", code, ids, lines)
        stands = code == 0
        found.taken[raw.file] = int(stands.sum())
        self.rows = rows.filter(pa.array(stands))
        self.ids, lines = whole(self.rows.column("customer_id")), ints(self.rows.column("line"))
        known = pa.array([*run.mapping.segments, ""])
        found.notice("UNSEEN_CATEGORY", raw.file, ~where_of(pc.is_in(self.rows.column("segment"), known)), lines)
        run.close_entries(found, "customers", self.ids, lines, np.ones(len(lines), bool))
        run.merge(found)
        run.fallen["customers"] -= set(self.ids.to_pylist()) if run.fallen["customers"] else set()
        run.refuse_ratio("customers")
        self._join_before()

    def _sifted(self, sieve: Sieve) -> pa.RecordBatch:
        ids = sieve.ident("customer_id")
        onboarded = sieve.day("onboarded_on", latest=self._run.today, optional=True)
        strategic = sieve.flag("is_strategic")
        value, decimals = sieve.amount("credit_limit", empty=True)
        limit = sieve.minor(value, decimals, np.full(sieve.many, self._run.reporting, np.int16))
        sieve.fail(limit < 0, "AMOUNT_NEGATIVE")
        unknown = sieve.blank("credit_limit")
        sieve.notice("CREDIT_LIMIT_UNKNOWN", unknown & sieve.has("credit_limit"))
        sieve.words("name")
        rows = {
            "customer_id": ids,
            **{name: sieve.text(name) for name in ATTRIBUTES[:-1]},
            "onboarded_on": as_days(onboarded),
            "is_strategic": pa.array(strategic),
            "limit": pa.array(np.where(unknown, UNTOLD, limit)),
            "line": pa.array(sieve.batch.lines),
        }
        return pa.RecordBatch.from_pydict(rows).filter(pa.array(sieve.stands()))

    def derive(self, ids: pa.StringArray, attributes: dict[str, pa.StringArray]) -> Numbers:
        """Number customers by the invoice rows that name them; an attribute is that of a customer's first row."""
        told = ids.dictionary_encode()
        where = told.indices.to_numpy()
        first = np.unique(where, return_index=True)[1]
        numbers = np.empty(len(told.dictionary), np.int32)
        for place, name in enumerate(told.dictionary.to_pylist()):
            if name and name not in self._numbers:
                self._numbers[name] = len(self._numbers)
                self._told.append({ours: str(column[int(first[place])]) for ours, column in attributes.items()})
            numbers[place] = self._numbers.get(name, UNKNOWN)
        return numbers[where]

    def close_derived(self) -> None:
        """All invoice rows were read."""
        self.ids = pa.array(list(self._numbers), pa.string())
        blank = {name: [row.get(name, "") for row in self._told] for name in ATTRIBUTES[1:-1]}
        names = [row.get("name") or own for own, row in zip(self._numbers, self._told, strict=True)]
        self.rows = pa.table(
            {
                "customer_id": self.ids,
                "name": pa.array(names, pa.string()),
                **{name: pa.array(column, pa.string()) for name, column in blank.items()},
                "onboarded_on": pa.nulls(len(self.ids), pa.date32()),
                "is_strategic": pa.repeat(pa.scalar(False), len(self.ids)),
                "line": pa.array(np.zeros(len(self.ids), np.int32)),
            }
        )
        self._join_before()

    def _join_before(self) -> None:
        run = self._run
        self._named, self._before = len(self.ids), None
        if run.before.folder is not None:
            self._before = pa.concat_tables(run.before.table("customers"))
            held = whole(self._before.filter(pc.equal(self._before.column("replaced_in"), 0)).column("customer_id"))
            lost = held.filter(pc.invert(pc.is_in(held, value_set=self.ids)))
            fell = pc.is_in(lost, value_set=texts(run.fallen["customers"]))
            gone = lost.filter(pc.invert(fell))
            if not self.derived:
                run.vanished["customers"] = len(gone)
            self._sound = self._named + len(gone)
            self.ids = pa.concat_arrays([self.ids, gone, lost.filter(fell)])
        else:
            self._sound = self._named
        self._index = Index(self.ids)
        self.first_issued = np.full(len(self.ids), NEVER, np.int32)

    # ---- looking up

    def number_of(self, sieve: Sieve, *, where: Flags | None = None) -> Numbers:
        """Each row's customer; UNKNOWN where there is none, FALLEN where its own row fell."""
        number = self._index.place_of(sieve.text("customer_id"))
        lost = number == UNKNOWN if where is None else (number == UNKNOWN) & where
        if lost.any():
            ids, rows = sieve.ident("customer_id", where=lost), np.flatnonzero(lost)
            some = ids.take(pa.array(rows))
            number[rows] = self._index.place_of(some)
            fell = where_of(pc.is_in(some, value_set=texts(self._run.fallen["customers"])))
            number[rows[fell & (number[rows] == UNKNOWN)]] = FALLEN
        number[number >= self._sound] = FALLEN
        return number

    # ---- writing

    def versions(self) -> pa.Table:
        """The rows to write, with each customer's `number`: what is new or changed, and what the ledger had."""
        rows, many, run = self.rows, len(self.rows), self._run
        rows = rows.append_column("delivery", pa.array(np.full(many, run.number, np.int32)))
        rows = rows.append_column("replaced_in", pa.array(np.zeros(many, np.int32)))
        rows = rows.append_column("number", pa.array(np.arange(many, dtype=np.int32)))
        rows = rows.select([*SCHEMAS["customers"].names, "number"])
        if self._before is not None:
            rows = self._beside(rows, self._before)
        order = pc.sort_indices(rows, [("customer_id", "ascending"), ("delivery", "ascending")])
        return rows.take(order).combine_chunks()

    def _beside(self, rows: pa.Table, was: pa.Table) -> pa.Table:
        current = np.flatnonzero(ints(was.column("replaced_in")) == 0)
        held = whole(was.column("customer_id")).take(pa.array(current))
        place = Index(held).place_of(whole(rows.column("customer_id")))
        known = place >= 0
        at = current[np.maximum(place, 0)] if len(current) else np.zeros(len(rows), np.int64)
        restated = np.zeros(len(rows), bool)
        for name in ATTRIBUTES:
            mine, theirs = whole(rows.column(name)), whole(was.column(name)).take(pa.array(at))
            if name == "onboarded_on":
                mine, theirs = mine.fill_null(date(1, 1, 1)), theirs.fill_null(date(1, 1, 1))
            restated |= where_of(pc.not_equal(mine, theirs)) & known
        strategic = pc.not_equal(rows.column("is_strategic"), whole(was.column("is_strategic")).take(pa.array(at)))
        differs = restated | (where_of(strategic) & known)
        if restated.any() and not self.derived:
            lines = ints(self.rows.column("line"))
            self._run.report.warn_lines("RESTATED", self._run.files["customers"], lines[restated])
        replaced = ints(was.column("replaced_in")).copy()
        replaced[at[differs]] = self._run.number
        was = was.set_column(was.schema.get_field_index("replaced_in"), "replaced_in", pa.array(replaced))
        was = was.append_column("number", pc.index_in(whole(was.column("customer_id")), value_set=self.ids))
        return pa.concat_tables([rows.filter(pa.array(~known | differs)), was.select(rows.column_names)])

    def judge(self) -> None:
        """Warn of customers that have no invoice, or one from before they were known."""
        if self.derived:
            return
        run, begun = self._run, ints(self.rows.column("onboarded_on").cast(pa.int32()).fill_null(NO_DAY))
        first, lines = self.first_issued[: self._named], ints(self.rows.column("line"))
        after = (begun != NO_DAY) & (first != NEVER) & (begun > first)
        run.report.warn_lines("ONBOARDED_AFTER_INVOICE", run.files["customers"], lines[after])
        if (first == NEVER).any():
            run.report.warn("NO_HISTORY", run.files["customers"])


def _comparable(column: pa.ChunkedArray) -> pa.StringArray | npt.NDArray[np.int64]:
    column = whole(column)
    if pa.types.is_string(column.type):
        return column
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32()).fill_null(NO_DAY)
    return ints(column).astype(np.int64)
