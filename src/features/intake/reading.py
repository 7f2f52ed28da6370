"""Reading a delivery's tables: each row is checked by itself and put aside by the id that joins it to others."""

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..schemas import EVENT_KINDS, NEEDS_AMOUNT, SCHEMAS
from ..workers import in_order
from .conversions import CURRENCIES, EARLIEST, NO_DAY
from .customers import Customers
from .rows import (
    EVENTS,
    INVOICES,
    LIMITS,
    PAID,
    PAYMENTS,
    RAW,
    SIGNALS,
    as_days,
    batch_of,
    day_number,
    ints,
    no_days,
    numbered,
    of_where,
    plain,
    texts,
    where_of,
    whole,
)
from .run import Found, Run
from .sieve import ALL_THAT_IS_OPEN, UNTOLD, Sieve, again, twice
from .spool import Spool, bucket_of, fingerprint, parted, spread

_MARKS = pa.schema([("mark", pa.uint64()), ("home", pa.uint64())])  # fingerprints of a payment and what it is booked on
Marks = npt.NDArray[np.uint64]


class Reading:
    """The rows of a delivery in spools, and the ledger's beside them.

    Attributes
    ----------
    spools : dict of table to Spool
        The delivery's rows, by invoice where there is one, else by customer.
    was : dict of table to Spool
        The ledger's, alike; empty for the first delivery.
    schema : dict of table to Schema
    twice : dict of line to quarantine code
        Payments whose id occurs twice.
    moved : dict of payment id to bucket
        Payments that the ledger books elsewhere than the delivery does, and where the delivery's row lies.
    """

    def __init__(self, run: Run, customers: Customers) -> None:
        self._run, self._customers = run, customers
        self.derived = "payments" in run.mapping.derive
        self.schema = dict(RAW) | ({"invoices": INVOICES.append(PAID)} if self.derived else {})
        self.spools = {table: run.spool(table) for table in RAW}
        self.was: dict[str, Spool] = {}
        self.twice: dict[int, int] = {}
        self.moved: dict[str, int] = {}

    def read(self) -> None:
        """Read everything but the customers and the rates."""
        self._invoices()
        if self.derived:
            self._derive_payments()
        else:
            self._payments()
        for table, sifted in (("events", self._events), ("limits", self._limits), ("signals", self._signals)):
            self._optional(table, sifted)
        for spool in self.spools.values():
            spool.close()
        if self._run.before.folder is not None:
            self._spool_before()

    def _home(self, table: str, rows: pa.RecordBatch) -> npt.NDArray[np.uint16]:
        """The bucket of each row: by its invoice where it has one, else by its customer."""
        buckets = self._run.buckets
        if table == "invoices":
            return spread(rows.column("invoice_id"), buckets)
        own = (np.maximum(ints(rows.column("customer")), 0) % buckets).astype(np.uint16)
        if "invoice_id" not in rows.schema.names:
            return own
        on = rows.column("invoice_id")
        alone = where_of(pc.equal(on, ""))
        joined = spread(on, buckets)
        return np.where(alone, own, joined).astype(np.uint16) if alone.any() else joined

    def _parted(self, table: str, rows: pa.RecordBatch) -> list[pa.RecordBatch]:
        return parted(rows, self._home(table, rows), self._run.buckets)

    # ---- invoices

    def _invoices(self) -> None:
        run, spool = self._run, self.spools["invoices"]
        for made in run.batches(run.must_open("invoices"), self._sift_invoices):
            spool.add(self._with_derived(*made) if self._customers.derived else made)
        if self._customers.derived:
            self._customers.close_derived()

    def _sift_invoices(self, sieve: Sieve) -> Any:
        run = self._run
        ids = sieve.ident("invoice_id")
        if self._customers.derived:
            owner, number = sieve.ident("customer_id"), np.zeros(sieve.many, np.int32)
        else:
            number = self._customers.number_of(sieve)
        issued = sieve.day("issued_on", latest=run.today)
        due = sieve.day("due_on")
        currency = sieve.currency("currency")
        value, decimals = sieve.amount("amount")
        amount = sieve.minor(value, decimals, currency)
        sieve.fail(due < issued, "DUE_BEFORE_ISSUE")
        paid = []
        if self.derived:  # an invoice whose paid date cannot be read is not unpaid
            paid = [sieve.day(run.mapping.derive["payments"]["paid_on"], optional=True)]
        known = run.known_of(sieve)
        stands = sieve.stands()
        sieve.notice("AMOUNT_ZERO", amount == 0)
        sieve.notice("CREDIT_NOTE", amount < 0)
        columns = (ids, number, issued, due, amount, currency, known, sieve.batch.lines, *paid)
        rows = of_where(batch_of(self.schema["invoices"], *columns), stands)
        if not self._customers.derived:
            return self._parted("invoices", rows)
        theirs = run.mapping.derive["customers"]
        told = theirs.items() if isinstance(theirs, dict) else ()
        return rows, owner, stands, {ours: sieve.text(their) for ours, their in told}

    def _with_derived(
        self, rows: pa.RecordBatch, owner: pa.StringArray, stands: npt.NDArray[np.bool_], attributes: dict
    ) -> list[pa.RecordBatch]:
        number = self._customers.derive(owner, attributes)
        place = rows.schema.get_field_index("customer")
        return self._parted("invoices", rows.set_column(place, INVOICES.field("customer"), pa.array(number[stands])))

    # ---- payments

    def _derive_payments(self) -> None:
        """They are made of the invoices' paid dates when those are joined."""
        run = self._run
        run.files["payments"] = f"{run.files['invoices']} (payments)"
        run.report.rows[run.files["payments"]] = {"read": 0, "accepted": 0, "quarantined": 0}

    def _payments(self) -> None:
        run, spool, marks = self._run, self.spools["payments"], self._run.spool("marks")
        for parts, mine in run.batches(run.must_open("payments"), self._sift_payments):
            spool.add(parts)
            marks.add(mine)
        spool.close()
        marks.close()
        self._judge_marks(marks)

    def _sift_payments(self, sieve: Sieve) -> tuple[list[pa.RecordBatch], list[pa.RecordBatch]]:
        run, named = self._run, sieve.has("customer_id")
        ids = sieve.ident("payment_id")
        applied = ~sieve.blank("invoice_id")
        invoice = sieve.ident("invoice_id", where=applied if named else None)
        number = np.full(sieve.many, UNTOLD, np.int32)
        if named:
            told = ~sieve.blank("customer_id")
            number = np.where(told, self._customers.number_of(sieve, where=told), UNTOLD).astype(np.int32)
            sieve.fail(~applied & ~told, "ID_NULL")
            if not applied.all():
                invoice = pc.if_else(pa.array(applied), invoice, "")
        paid = sieve.day("paid_on", latest=run.today)
        value, decimals = sieve.amount("amount")
        known = run.known_of(sieve)
        stands = sieve.stands()
        sieve.notice("AMOUNT_ZERO", value == 0)
        rows = batch_of(PAYMENTS, ids, number, invoice, paid, value, known, decimals, sieve.batch.lines)
        rows = of_where(rows, stands)
        return self._parted("payments", rows), self._marked(rows)

    def _marked(self, rows: pa.RecordBatch) -> list[pa.RecordBatch]:
        mark, home = fingerprint(rows.column("payment_id")), fingerprint(rows.column("invoice_id"))
        number = ints(rows.column("customer"))
        alone = where_of(pc.equal(rows.column("invoice_id"), "")) & (number >= 0)
        if alone.any():  # unapplied cash is booked on its customer
            home[alone] = fingerprint(self._customers.ids.take(pa.array(number[alone])))
        return parted(batch_of(_MARKS, mark, home), bucket_of(mark, self._run.buckets), self._run.buckets)

    def _judge_marks(self, marks: Spool) -> None:
        """Find payment ids that occur twice, or that the ledger books elsewhere, wherever they lie.

        Different fingerprints prove different ids; the few rows whose fingerprints agree are looked at themselves.
        """
        run, held = self._run, self._marks_before()

        def doubtful(bucket: int) -> Marks:
            rows = marks.read(bucket, _MARKS)
            mine: Marks = ints(rows.column("mark"))
            ordered = np.sort(mine)
            doubled = ordered[1:][ordered[1:] == ordered[:-1]]
            if held is None:
                return doubled
            was = held.read(bucket, _MARKS)
            theirs = ints(was.column("mark"))
            order = np.argsort(theirs)
            place = np.searchsorted(theirs[order], mine)
            there = np.flatnonzero(place < len(theirs))
            there = there[theirs[order[place[there]]] == mine[there]]
            differs = ints(was.column("home"))[order[place[there]]] != ints(rows.column("home"))[there]
            return np.concatenate([doubled, mine[there][differs]])

        marked = np.unique(np.concatenate([*in_order(run.pool, doubtful, range(run.buckets))]))
        if len(marked):
            self._look_at(marked)

    def _look_at(self, marked: Marks) -> None:
        parts = []
        for bucket in range(self._run.buckets):
            rows = self.spools["payments"].read(bucket, PAYMENTS, keep=True)
            parts.append(rows.filter(pa.array(np.isin(fingerprint(rows.column("payment_id")), marked))))
        rows = pa.concat_batches(parts)
        rows = rows.take(pc.sort_indices(rows.column("line")))
        content = [plain(rows.column(name)) for name in ("customer", "invoice_id", "paid_on", "amount", "known_on")]
        code, lines = twice(rows.column("payment_id"), content), ints(rows.column("line"))
        self.twice = {int(line): int(one) for line, one in zip(lines[code > 0], code[code > 0], strict=True)}
        if self._run.before.folder is not None:
            self._find_moved(rows.filter(pa.array(code == 0)))

    def _find_moved(self, rows: pa.RecordBatch) -> None:
        run, ids = self._run, rows.column("payment_id")
        parts = []
        for part in run.before.table("payments"):
            current = pc.and_(
                pc.equal(part.column("replaced_in"), 0), pc.is_in(part.column("payment_id"), value_set=ids)
            )
            parts.append(part.filter(current).select(["payment_id", "invoice_id", "customer_id"]))
        was = pa.concat_tables(parts)
        place = pc.index_in(ids, value_set=whole(was.column("payment_id")))
        on, held = rows.column("invoice_id"), whole(was.column("invoice_id")).take(place)
        number = ints(rows.column("customer"))
        owner = self._customers.ids.take(pa.array(np.maximum(number, 0)))
        other = pc.or_(
            pc.not_equal(on, held),
            pc.and_(pc.equal(on, ""), pc.not_equal(owner, whole(was.column("customer_id")).take(place))),
        )
        moved = pa.array(where_of(other.fill_null(False)))
        there = self._home("payments", rows.filter(moved))
        self.moved = dict(zip(ids.filter(moved).to_pylist(), there.tolist(), strict=True))

    # ---- events, limits, signals

    def _optional(self, table: str, sifted: Any) -> None:
        run, spool = self._run, self.spools[table]
        raw = run.open(table)
        if raw is not None:
            said = run.mapping.since.get(table)
            begins = run.before.data_end + 1 if run.before.deliveries else day_number(EARLIEST)
            run.since[table] = day_number(date.fromisoformat(said)) if said else begins
            for rows in run.batches(raw, sifted):
                spool.add(self._parted(table, rows))
        elif run.before.rows.get(table):
            run.refuse_drop(table, f"{table}.csv")
        if table == "limits" and raw is None and not self._customers.derived:
            spool.add(self._parted("limits", self._limits_of_today()))

    def _events(self, sieve: Sieve) -> pa.RecordBatch:
        run = self._run
        number = self._customers.number_of(sieve)
        on = sieve.ident("invoice_id", where=~sieve.blank("invoice_id"))
        kind = pc.utf8_trim_whitespace(sieve.text("kind"))
        sieve.fail(~where_of(pc.is_in(kind, pa.array(sorted(EVENT_KINDS)))), "ID_INVALID")
        day = sieve.day("occurred_on")
        # a promise's own date is the day promised for: it alone may lie ahead
        sieve.fail((day > run.today) & ~where_of(pc.equal(kind, "promise")), "DATE_FUTURE")
        bare = sieve.blank("amount")
        sieve.fail(where_of(pc.is_in(kind, pa.array(NEEDS_AMOUNT))) & bare, "AMOUNT_NULL")
        value, decimals = sieve.amount("amount", empty=True)
        sieve.fail(value < 0, "AMOUNT_NEGATIVE")
        value = np.where(bare, ALL_THAT_IS_OPEN, value)
        known = run.known_of(sieve)
        rows = batch_of(EVENTS, number, on, kind, day, known, value, decimals, sieve.batch.lines)
        return of_where(rows, sieve.stands())

    def _limits(self, sieve: Sieve) -> pa.RecordBatch:
        run = self._run
        number = self._customers.number_of(sieve)
        start = sieve.day("valid_from", latest=run.today)
        end = sieve.day("valid_to", optional=True)
        value, decimals = sieve.amount("amount")
        amount = sieve.minor(value, decimals, np.full(sieve.many, run.reporting, np.int16))
        sieve.fail(amount < 0, "AMOUNT_NEGATIVE")
        known = run.known_of(sieve)
        return of_where(batch_of(LIMITS, number, start, end, amount, known, sieve.batch.lines), sieve.stands())

    def _signals(self, sieve: Sieve) -> pa.RecordBatch:
        number = self._customers.number_of(sieve)
        value = sieve.number("value")
        day = sieve.day("observed_on", latest=self._run.today)
        known = self._run.known_of(sieve)
        words = sieve.text("source"), sieve.text("name")
        return of_where(batch_of(SIGNALS, number, *words, value, day, known, sieve.batch.lines), sieve.stands())

    def _limits_of_today(self) -> pa.RecordBatch:
        """The limits of the customers' table: facts of the delivery's day, never backdated."""
        run, rows = self._run, self._customers.rows
        run.since["limits"] = run.today
        run.files["limits"] = "limits"
        limit = ints(rows.column("limit"))
        given = np.flatnonzero(limit >= 0)
        day = np.full(len(given), run.today, np.int32)
        return batch_of(
            LIMITS,
            given.astype(np.int32),
            day,
            no_days(len(given)),
            limit[given],
            day,
            ints(rows.column("line"))[given],
        )

    def rates(self) -> pa.Table:
        """Dated rates of the delivery and stated ones of the mapping, beside those that the ledger has."""
        run, stated = self._run, self._run.mapping.rates
        parts = [_rate_rows(list(stated), no_days(len(stated)), [float(r) for r in stated.values()], run.number)]
        raw = run.open("rates")
        if raw is not None:
            read = [*run.batches(raw, _sift_rates)]
            names, day, rate, lines = (np.concatenate(column) for column in zip(*read, strict=True))
            ids = pa.array([f"{name} {one}" for name, one in zip(names, day, strict=True)], pa.string())
            code, found = twice(ids, [rate.view(np.int64)]), Found()
            run.set_aside(found, "rates", code, pa.array(names, pa.string()), lines)
            found.taken[raw.file] = int((code == 0).sum())
            run.merge(found)
            run.refuse_ratio("rates")
            parts.append(_rate_rows(list(names[code == 0]), day[code == 0], list(rate[code == 0]), run.number))
        both = pa.concat_tables([*run.before.table("rates"), *parts])
        day = ints(both.column("date").cast(pa.int32()).fill_null(NO_DAY))
        told = again([whole(both.column("currency")), day, ints(both.column("rate")).view(np.int64)])
        return both.filter(pa.array(~told))

    # ---- what the ledger has

    def _marks_before(self) -> Spool | None:
        """Fingerprints of the ledger's payments and of what they are booked on."""
        run = self._run
        if run.before.folder is None:
            return None
        spool = run.spool("was-marks")
        for part in run.before.table("payments"):
            current = part.filter(pc.equal(part.column("replaced_in"), 0))
            on = whole(current.column("invoice_id"))
            on = pc.if_else(pc.equal(on, ""), whole(current.column("customer_id")), on)
            mark = fingerprint(whole(current.column("payment_id")))
            spool.add(parted(batch_of(_MARKS, mark, fingerprint(on)), bucket_of(mark, run.buckets), run.buckets))
        spool.close()
        return spool

    def _spool_before(self) -> None:
        """The ledger's rows, in the same buckets as the delivery's."""
        moved = texts(set(self.moved))
        for table in RAW:
            spool = self.was[table] = self._run.spool(f"was-{table}")
            for part in self._run.before.table(table):
                for piece in part.combine_chunks().to_batches(max_chunksize=500_000):
                    rows = numbered(table, piece, self._customers.ids)
                    home = self._home(table, rows)
                    if table == "payments" and len(moved):
                        ids = rows.column("payment_id")
                        for at in np.flatnonzero(where_of(pc.is_in(ids, value_set=moved))):
                            home[at] = self.moved[str(ids[int(at)])]
                    spool.add(parted(rows, home, self._run.buckets))
            spool.close()


def _sift_rates(sieve: Sieve) -> tuple[npt.NDArray[Any], ...]:
    currency = sieve.currency("currency")
    day = sieve.day("date")
    rate = sieve.number("rate", positive=True)
    stands = sieve.stands()
    names = np.array([CURRENCIES[code] for code in currency[stands]], object)
    return names, day[stands], rate[stands], sieve.batch.lines[stands]


def _rate_rows(currency: list[str], day: npt.NDArray[np.int32], rate: list[float], number: int) -> pa.Table:
    delivery = np.full(len(currency), number, np.int32)
    columns = [pa.array(currency, pa.string()), as_days(day), pa.array(rate, pa.float64()), pa.array(delivery)]
    return pa.table(columns, schema=SCHEMAS["rates"])
