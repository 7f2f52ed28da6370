"""Joining: one bucket of a delivery, its invoices with what is paid on them and told of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..quarantine import CODE
from ..schemas import OPTIONAL, OWN_DATE
from .conversions import EXPONENT_OF, NO_DAY, Codes, Days, Flags, Ints
from .reading import Reading
from .rows import CONTENT, PAYMENTS, batch_of, ints, kept, minor_of, no_days, of_where, plain, texts, where_of
from .run import Found, Lines, Run
from .sieve import ALL_THAT_IS_OPEN, FALLEN, UNKNOWN, UNTOLD, again, twice
from .spool import Index
from .versions import compare, place_before, replaced, told_before


@dataclass(frozen=True)
class Owed:
    """The invoices of a bucket that payments and events may belong to; place -1 of each array serves "none"."""

    index: Index
    customer: npt.NDArray[np.int32]
    issued: Days
    amount: Ints
    currency: npt.NDArray[np.int16]
    paid: Days
    lines: Lines

    @classmethod
    def of(cls, ids: pa.StringArray, columns: dict[str, npt.NDArray[Any]], lines: Lines) -> "Owed":
        """Of these invoices; `paid_on` may be missing."""
        many = len(ids)
        paid = columns.get("paid_on", no_days(many))
        none = [
            (columns["customer"], UNTOLD),
            (columns["issued_on"], NO_DAY),
            (columns["amount"], 0),
            (columns["currency"], 0),
            (paid, NO_DAY),
            (lines, 0),
        ]
        return cls(Index(ids), *(np.append(column, column.dtype.type(blank)) for column, blank in none))

    def settled(self) -> pa.RecordBatch:
        """One full payment for each invoice that has the day of it; what clears a credit note is no payment."""
        where = (self.paid != NO_DAY) & (self.amount > 0)
        ids = self.index.ids.filter(pa.array(where[:-1]))
        thousandths = self.amount[where] * 10 ** (3 - EXPONENT_OF[self.currency[where]].astype(np.int64))
        blank, many = no_days(len(ids)), np.zeros(len(ids), np.int8)
        customer, paid, lines = self.customer[where], self.paid[where], self.lines[where]
        return batch_of(PAYMENTS, ids, customer, ids, paid, thousandths, blank, many, lines)


@dataclass
class Paid:
    """The payments of a bucket while they are joined."""

    ids: pa.StringArray
    place: Ints
    amount: Ints
    paid: Days
    lines: Lines
    code: Codes

    @property
    def stands(self) -> Flags:
        """Payments without a fault."""
        return self.code == 0


class Joining:
    """Works on the buckets one by one; any thread may."""

    def __init__(self, run: Run, reading: Reading) -> None:
        self._run, self._reading = run, reading

    def bucket(self, number: int) -> tuple[Found, dict[str, list[pa.RecordBatch]]]:
        """What the report is told, and the rows to write of each table: the new ones and the ledger's."""
        found, rows = Found(), {}
        owed, rows["invoices"] = self._invoices(number, found)
        rows["payments"] = self._payments(number, found, owed)
        for table in OPTIONAL:
            rows[table] = self._optional(table, number, found, owed)
        return found, rows

    def _rows(self, table: str, number: int) -> pa.RecordBatch:
        return self._reading.spools[table].read(number, self._reading.schema[table])

    def _was(self, table: str, number: int) -> pa.RecordBatch | None:
        return self._reading.was[table].read(number, kept(table)) if self._reading.was else None

    def _kept(self, table: str, columns: list[Any], where: Flags) -> pa.RecordBatch:
        """New rows, with the delivery that brought them."""
        schema, many = kept(table), len(where)
        version = [np.full(many, self._run.number, np.int32), no_days(many), np.zeros(many, np.int32)]
        return of_where(batch_of(schema, *columns, *version[: len(schema) - len(columns)]), where)

    # ---- invoices

    def _invoices(self, number: int, found: Found) -> tuple[Owed, list[pa.RecordBatch]]:
        run, rows = self._run, self._rows("invoices", number)
        ids, lines, file = rows.column("invoice_id"), ints(rows.column("line")), run.files["invoices"]
        column = {name: ints(rows.column(name)) for name in rows.schema.names if name not in ("invoice_id", "line")}
        code = twice(ids, list(column.values()))
        code[(code == 0) & (column["customer"] == FALLEN)] = CODE["PARENT_QUARANTINED"]
        code[(code == 0) & (column["customer"] == UNKNOWN)] = CODE["ORPHAN"]
        run.set_aside(found, "invoices", code, ids, lines)
        stands = code == 0
        found.accept(file, column["amount"][stands], column["currency"][stands])
        known = run.became_known(column["known_on"], column["issued_on"])
        content = {name: column[name] for name in CONTENT["invoices"] if name in column}
        new, was = stands, self._was("invoices", number)
        if was is not None:
            place, differs = compare(run, found, "invoices", was, ids, content, stands, lines)
            moved = differs & (column["customer"] != ints(was.column("customer"))[place] if len(was) else False)
            found.notice("INVOICE_CUSTOMER_CHANGED", file, moved, lines)
            new = stands & ((place < 0) | differs)
            was = replaced(run, was, place[differs], known[differs])
        parts = [self._kept("invoices", [ids, *content.values(), known], new)]
        kept_ids = ids if stands.all() else ids.filter(pa.array(stands))
        mine = {name: values[stands] for name, values in column.items()}
        if was is None:
            return Owed.of(kept_ids, mine, lines[stands]), parts
        return self._owed_too(was, kept_ids, mine, lines[stands]), [*parts, was]

    def _owed_too(
        self, was: pa.RecordBatch, ids: pa.StringArray, mine: dict[str, npt.NDArray[Any]], lines: Lines
    ) -> Owed:
        """With the invoices that the ledger has and the delivery does not tell; not those that fell in it."""
        held = was.column("invoice_id")
        told = pc.or_(pc.is_in(held, value_set=ids), pc.is_in(held, value_set=texts(self._run.fallen["invoices"])))
        rows = was.filter(pc.and_(pc.equal(was.column("replaced_in"), 0), pc.invert(told)))
        both = {
            name: np.concatenate([mine[name], ints(rows.column(name))])
            for name in ("customer", "issued_on", "amount", "currency")
        }
        if "paid_on" in mine:
            both["paid_on"] = np.concatenate([mine["paid_on"], no_days(len(rows))])
        return Owed.of(
            pa.concat_arrays([ids, rows.column("invoice_id")]),
            both,
            np.concatenate([lines, np.zeros(len(rows), np.int32)]),
        )

    # ---- payments

    def _payments(self, number: int, found: Found, owed: Owed) -> list[pa.RecordBatch]:
        run, derived = self._run, self._reading.derived
        rows = owed.settled() if derived else self._rows("payments", number)
        ids, on, lines, file = (
            rows.column(0),
            rows.column("invoice_id"),
            ints(rows.column("line")),
            run.files["payments"],
        )
        if derived:
            found.read[file] = len(ids)
        named, day, told = (ints(rows.column(name)) for name in ("customer", "paid_on", "known_on"))
        place = owed.index.place_of(on).astype(np.int64)
        code = self._orphans(ids, on, named, place, lines, owed)
        whose = np.where(place >= 0, owed.customer[place], named).astype(np.int32)
        currency = np.where(place >= 0, owed.currency[place], run.reporting).astype(np.int16)
        amount, precise = minor_of(ints(rows.column("amount")), ints(rows.column("decimals")), currency)
        code = np.where(code == 0, precise, code).astype(np.uint8)
        if derived:
            code[(code == 0) & (day > run.today)] = CODE["DATE_FUTURE"]
        paid = Paid(ids, place, amount, day, lines, code)
        was = self._was("payments", number)
        self._reversals(paid, owed, was)
        run.set_aside(found, "payments", paid.code, ids, lines)
        stands, known = paid.stands, run.became_known(told, day)
        found.accept(file, amount[stands], currency[stands])
        self._judge(found, file, paid, owed)
        content = {"customer": whose, "invoice_id": on, "paid_on": day, "amount": amount, "currency": currency}
        columns = [ids, *content.values(), known]
        if was is None:
            return [self._kept("payments", columns, stands)]
        hit, differs = compare(run, found, "payments", was, ids, content, stands, lines, ("customer", "currency"))
        was = replaced(run, was, hit[differs], known[differs])
        return [self._kept("payments", columns, stands & ((hit < 0) | differs)), was]

    def _orphans(
        self,
        ids: pa.StringArray,
        on: pa.StringArray,
        named: npt.NDArray[np.int32],
        place: Ints,
        lines: Lines,
        owed: Owed,
    ) -> Codes:
        """Quarantine codes of payments that occur twice, or whose invoice or customer is not there."""
        run, twice_ = self._run, self._reading.twice
        code: Codes = np.zeros(len(ids), np.uint8)
        for at in np.flatnonzero(np.isin(lines, list(twice_))) if twice_ else ():
            code[at] = twice_[int(lines[at])]
        applied = ~where_of(pc.equal(on, ""))
        lost = applied & (place < 0) & (code == 0)
        if lost.any():
            fell = where_of(pc.is_in(on, value_set=texts(run.fallen["invoices"])))
            code[lost] = np.where(fell[lost], CODE["PARENT_QUARANTINED"], CODE["ORPHAN"])
        alone = (code == 0) & ~applied
        code[alone & (named == FALLEN)] = CODE["PARENT_QUARANTINED"]
        code[alone & (named == UNKNOWN)] = CODE["ORPHAN"]
        code[(code == 0) & applied & (named != UNTOLD) & (named != owed.customer[place])] = CODE["ORPHAN"]
        return code

    def _reversals(self, paid: Paid, owed: Owed, was: pa.RecordBatch | None) -> None:
        """Set reversals aside that exceed all payments of their invoice."""
        counts = paid.stands & (paid.place >= 0)
        back = counts & (paid.amount < 0) & (owed.amount[paid.place] > 0)
        if not back.any():
            return
        many = len(owed.amount)
        total = np.bincount(paid.place[counts], np.maximum(paid.amount[counts], 0), many)
        if was is not None:  # payments that the ledger has and this delivery does not tell again
            untold = ints(was.column("replaced_in")) == 0
            hit = place_before(was, "payment_id", paid.ids)
            untold[hit[hit >= 0]] = False
            at = owed.index.place_of(was.column("invoice_id").filter(pa.array(untold)))
            total += np.bincount(at[at >= 0], ints(was.column("amount"))[untold][at >= 0], many)
        undone = np.zeros(many)
        for row in sorted(np.flatnonzero(back), key=lambda row: (paid.paid[row], paid.lines[row])):
            of = paid.place[row]
            if undone[of] - paid.amount[row] > total[of]:
                paid.code[row] = CODE["REVERSAL_EXCEEDS"]
            else:
                undone[of] -= paid.amount[row]

    def _judge(self, found: Found, file: str, paid: Paid, owed: Owed) -> None:
        """Warn of payments that are strange and loaded all the same."""
        place, amount, lines = paid.place, paid.amount, paid.lines
        on = paid.stands & (place >= 0) & (owed.amount[place] > 0)  # what clears a credit note is no receipt
        found.notice("PAYMENT_BEFORE_INVOICE", file, on & (paid.paid < owed.issued[place]) & (amount > 0), lines)
        found.notice("REVERSAL", file, paid.stands & (amount < 0) & (on | (place < 0)), lines)
        total = np.bincount(place[on], amount[on], len(owed.amount))
        over = on & (total > owed.amount)[place] & (amount > 0)
        if over.any():
            last = np.zeros(len(owed.amount), np.int64)
            np.maximum.at(last, place[over], lines[over])
            found.notice("OVERPAYMENT", file, over & (lines == last[place]), lines)
        unsettled = on & (total != owed.amount)[place]  # what sums to the cent was not booked twice
        twins = again([place[unsettled], paid.paid[unsettled], amount[unsettled]])
        found.notice("POSSIBLE_DUPLICATE", file, twins, np.zeros(len(twins), np.int32))

    # ---- events, limits, signals

    def _optional(self, table: str, number: int, found: Found, owed: Owed) -> list[pa.RecordBatch]:
        run, rows = self._run, self._rows(table, number)
        lines, column = ints(rows.column("line")), {name: plain(rows.column(name)) for name in rows.schema.names}
        code: Codes = np.zeros(len(lines), np.uint8)
        if table == "events":
            code = self._join_events(column, owed)
        code[(code == 0) & (column["customer"] == FALLEN)] = CODE["PARENT_QUARANTINED"]
        code[(code == 0) & (column["customer"] == UNKNOWN)] = CODE["ORPHAN"]
        content = {name: column[name] for name in CONTENT[table]}
        code[(code == 0) & again([*content.values(), column["known_on"]])] = CODE["DUP_EXACT"]
        stands = code == 0
        if table in run.raw:
            run.set_aside(found, table, code, None, lines)
            found.taken[run.files[table]] = int(stands.sum())
        was, new = self._was(table, number), stands
        if was is not None:
            new = stands & ~told_before(run, found, table, was, content, stands, lines)
        column["known_on"] = run.became_known(column["known_on"], column[OWN_DATE[table]])
        names = [name for name in kept(table).names if name in column]
        parts = [self._kept(table, [column[name] for name in names], new)]
        return parts if was is None else [*parts, was]

    def _join_events(self, column: dict[str, Any], owed: Owed) -> Codes:
        """Codes of events on invoices that are not there or not the customer's; amounts become minor units."""
        on, number = column["invoice_id"], column["customer"]
        applied, place = ~where_of(pc.equal(on, "")), owed.index.place_of(on)
        fell = where_of(pc.is_in(on, value_set=texts(self._run.fallen["invoices"])))
        code: Codes = np.zeros(len(on), np.uint8)
        code[applied & (place < 0)] = CODE["ORPHAN"]
        code[applied & (place < 0) & fell] = CODE["PARENT_QUARANTINED"]
        code[(code == 0) & applied & (number >= 0) & (owed.customer[place] != number)] = CODE["ORPHAN"]
        currency = np.where(place >= 0, owed.currency[place], self._run.reporting)
        told = column["amount"] >= 0
        minor, precise = minor_of(np.maximum(column["amount"], 0), column["decimals"], currency)
        column["amount"] = np.where(told, minor, ALL_THAT_IS_OPEN)
        return np.where(code == 0, precise, code).astype(np.uint8)
