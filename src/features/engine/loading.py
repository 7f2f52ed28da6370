"""Loading: the tables of a ledger numbered, converted and put in order, as facts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...compiled import compiled
from ...errors import Mistake
from ..ledger import Columns, Ledger
from ..money import EXPONENTS, rate_on
from ..schemas import DOCUMENT
from .days import NEVER, day_number
from .facts import (
    WHOLE,
    Documents,
    Events,
    Facts,
    Floats,
    Ints,
    Kind,
    Limits,
    Longs,
    Members,
    Notices,
    Payments,
    Receipts,
    Signals,
    Versions,
)
from .numbering import Texts, begins_of, by_document, documents_of, first_known, grouped, numbers_of
from .ordering import order_by

MOST = 2**62  # minor units that the invoices, or the payments, of one customer may sum to
PlaceOf = Callable[[pa.Table, Ints], Ints]
_KINDS = pa.array([kind.name.lower() for kind in Kind])


def facts_of(ledger: Ledger | Columns) -> Facts:
    """The facts of a ledger, or of one partition of it.

    Raises
    ------
    Mistake
        An invoice has no customer, a currency has no rate on some day, or a customer's money is more than can be
        counted exactly.
    """
    held = Columns.of(ledger) if isinstance(ledger, Ledger) else ledger
    told, customers = held.tables, held.customers.sort_values("customer_id", ignore_index=True)
    names, n = pa.array(customers["customer_id"], pa.string()), len(customers)
    own = told["invoices"]
    number = numbers_of(own.column("customer_id"), names)
    if (number < 0).any():
        row = int(np.argmax(number < 0))
        raise Mistake(
            f"invoices: {own.column('customer_id')[row]} of row {row + 1} is not among the customers; "
            "each invoice should have its customer in the ledger."
        )
    known, delivery = _days(own, "known_on"), _whole(own, "delivery")
    document, place_of = _documents(own, number, n, known, delivery)
    m = int(document.max(initial=-1)) + 1
    first = first_known(document, known, delivery, m)
    begins, rate = begins_of(number[first], n), _rates(own, first, held)

    amount, minor = _whole(own, "amount"), float(10 ** EXPONENTS[held.reporting_currency])
    credit = np.zeros(m + 1, bool)  # the last place serves -1
    credit[document[amount <= 0]] = True
    amount = amount if rate is None else np.rint(amount * rate[document]).astype(np.int64)
    _refuse_uncountable("invoices", number, amount, names, minor)
    versions, version_begins = _versions(own, document, known, delivery, amount, m)
    receipts, payments, payment_begins = _payments(told["payments"], names, place_of, rate, credit, minor)
    notices = _notices(told["events"], names, place_of, rate, minor)
    events, event_begins = _events(notices, m)
    signals, keys = _signals(told["signals"], names)
    members, segments, groups = _members(held.memberships, names)
    return Facts(
        customers=customers,
        begins=begins,
        documents=Documents(number[first], version_begins, payment_begins, event_begins),
        versions=versions,
        payments=payments,
        receive=receipts,
        events=events,
        notices=notices,
        limits=_limits(told["limits"], names),
        signals=signals,
        signal_keys=keys,
        since={source: day_number(day) for source, day in held.since.items()},
        minor=minor,
        data_end=day_number(held.data_end),
        members=members,
        segments=segments,
        groups=groups,
        whole=held.whole,
        ids=own.column("invoice_id").take(pa.array(first)) if "invoice_id" in own.column_names else None,
    )


def read_facts(folder: Path, partition: int, about: dict[str, Any] | None = None) -> Facts:
    """The facts of one partition of a ledger on disk; `about` is what `read_about` said before."""
    return facts_of(Columns.read(folder, partition=partition, about=about))


# ---- columns


def _days_of(column: pa.Array | pa.ChunkedArray) -> Any:
    told = column.cast(pa.date32()).cast(pa.int32())
    return _own(told.fill_null(NEVER) if told.null_count else told)


def _days(table: pa.Table, name: str) -> Any:
    return _days_of(table.column(name))


def _whole(table: pa.Table, name: str) -> Any:
    return _own(table.column(name))


def _own(column: pa.Array | pa.ChunkedArray) -> Any:
    """Numbers without nulls as an array that can be written to: kernels are compiled once more for others."""
    told = column.to_numpy()
    return told if told.flags.writeable else told.copy()


# ---- invoices


def _documents(own: pa.Table, number: Ints, n: int, known: Ints, delivery: Ints) -> tuple[Ints, PlaceOf]:
    """The document of each invoice row, and how the rows of other tables find theirs (-1: they have none)."""
    if DOCUMENT in own.column_names:
        return _whole(own, DOCUMENT), lambda table, _: np.asarray(_whole(table, DOCUMENT))
    ids = Texts.of(own.column("invoice_id"))
    document, named = documents_of(number, n, ids, known, delivery, _days(own, "issued_on"))
    return document, lambda table, customer: named.places(customer, Texts.of(table.column("invoice_id")))


def _rates(own: pa.Table, first: Ints, held: Columns) -> Floats | None:
    """The factor of each document's money; None where all of it is in the reporting currency."""
    if set(pc.unique(own.column("currency")).to_pylist()) <= {held.reporting_currency}:
        return None
    rows = own.select(["currency", "issued_on"]).take(pa.array(first))
    frame = rows.set_column(0, "currency", rows.column("currency").cast(pa.string())).to_pandas(date_as_object=False)
    return rate_on(frame["currency"], frame["issued_on"], held.rates, reporting=held.reporting_currency)


def _converted(amount: Longs, rate: Floats | None, document: Ints) -> Longs:
    """Money of documents (-1: of none, in the reporting currency already); WHOLE stays."""
    if rate is None:
        return amount
    factor = np.append(rate, 1.0)[document]
    return np.where(amount == WHOLE, amount, np.rint(amount * factor)).astype(np.int64)


def _versions(
    own: pa.Table, document: Ints, known: Ints, delivery: Ints, amount: Longs, m: int
) -> tuple[Versions, Longs]:
    columns: tuple[Any, ...] = (known, _days(own, "replaced_on"), _days(own, "issued_on"), _days(own, "due_on"), amount)
    order = by_document(document, known, delivery)
    if order is not None:  # on disk they lie in order
        columns = tuple(column[order] for column in columns)
    return Versions(*columns), np.arange(m + 1) if len(document) == m else begins_of(np.sort(document), m)


# ---- payments and events


def _payments(
    table: pa.Table,
    names: pa.Array,
    place_of: PlaceOf,
    rate: Floats | None,
    credit: npt.NDArray[np.bool_],
    minor: float,
) -> tuple[Callable[[], Receipts], Payments, Longs]:
    """All payments by customer (made when they are asked for), and those of documents with where each begins."""
    customer = numbers_of(table.column("customer_id"), names)
    document = place_of(table, customer)
    day, amount = _days(table, "paid_on"), _whole(table, "amount")
    if rate is not None:
        amount = _converted(amount, rate, document)
    _refuse_uncountable("payments", customer, amount, names, minor)
    seen, replaced = np.maximum(day, _days(table, "known_on")), _days(table, "replaced_on")
    order = _by_customer_and_day(customer, day, document, seen, replaced, amount)
    if credit.any():  # what clears a credit note is no receipt
        order = order[~credit[document[order]]]
    columns: tuple[Any, ...] = (document, day, seen, replaced, amount)

    def received() -> Receipts:
        return Receipts(begins_of(customer[order], len(names)), *(column[order] for column in columns))

    applied = document[order]
    by_document, begins = order[grouped(applied, len(credit) - 1)], begins_of(applied, len(credit) - 1)
    return received, Payments(*(column[by_document] for column in columns)), begins


def _by_customer_and_day(customer: Ints, day: Ints, *ties: npt.NDArray[Any]) -> Longs:
    """The order of rows; rows of one customer and day in an order that does not depend on how they came."""
    order = grouped(customer, int(customer.max(initial=-1)) + 1)
    if not _settled(order, customer, day, *ties):
        keys = (day, *ties)
        order = np.lexsort((*keys[::-1], customer))
    return np.asarray(order)


@compiled
def _settled(order, customer, day, document, seen, replaced, amount):  # type: ignore[no-untyped-def]
    """Put the few rows of one customer and day in order; False if there are many, or if days are out of order."""
    moves = 0
    for k in range(1, len(order)):
        one, j = order[k], k
        other = order[k - 1]
        if customer[other] != customer[one] or day[other] < day[one]:
            continue
        if day[other] > day[one]:
            return False
        told = (document[one], seen[one], replaced[one], amount[one])
        while j > 0:
            other = order[j - 1]
            if customer[other] != customer[one] or day[other] != day[one]:
                break
            if (document[other], seen[other], replaced[other], amount[other]) <= told:
                break
            order[j] = other
            j -= 1
        order[j] = one
        moves += k - j
        if moves > 8 * len(order):
            return False
    return True


def _notices(table: pa.Table, names: pa.Array, place_of: PlaceOf, rate: Floats | None, minor: float) -> Notices:
    customer = numbers_of(table.column("customer_id"), names)
    document = place_of(table, customer)
    kind = np.maximum(numbers_of(table.column("kind"), _KINDS), 0)
    day, known = _days(table, "occurred_on"), _days(table, "known_on")
    seen = np.where(kind == Kind.PROMISE, known, np.maximum(day, known)).astype(np.int32)
    amount = np.where(_whole(table, "amount") < 0, WHOLE, _converted(_whole(table, "amount"), rate, document))
    _refuse_uncountable("events", customer, amount, names, minor)
    order = _by_customer_and_day(customer, day, document, kind, seen, amount)
    begins = begins_of(customer[order], len(names))
    return Notices(begins, document[order], kind[order].astype(np.uint8), day[order], seen[order], amount[order])


def _events(notices: Notices, m: int) -> tuple[Events, Longs]:
    order = grouped(notices.document, m)
    begins = begins_of(notices.document[order], m)
    columns = (notices.document, notices.kind, notices.day, notices.seen, notices.amount)
    return Events(*(column[order] for column in columns)), begins


# ---- limits and signals


def _limits(table: pa.Table, names: pa.Array) -> Limits:
    customer = numbers_of(table.column("customer_id"), names)
    start, end, known = (_days(table, name) for name in ("valid_from", "valid_to", "known_on"))
    amount = _whole(table, "amount")
    order = order_by(customer, known, start, end, amount)
    begins = begins_of(customer[order], len(names))
    return Limits(begins, start[order], end[order], known[order], amount[order])


def _signals(table: pa.Table, names: pa.Array) -> tuple[Signals, dict[tuple[str, str], int]]:
    customer = numbers_of(table.column("customer_id"), names)
    source, name = (table.column(one).cast(pa.string()).combine_chunks() for one in ("source", "name"))
    pairs = pc.binary_join_element_wise(source, name, "\0").dictionary_encode()
    told = [tuple(str(pair).split("\0")) for pair in pairs.dictionary.to_pylist()]
    keys = {(one[0], one[1]): number for number, one in enumerate(sorted(told))}
    number = np.array([keys[one[0], one[1]] for one in told], np.int32)
    key = number[pairs.indices.to_numpy()] if len(pairs) else np.zeros(0, np.int32)
    day, known = _days(table, "observed_on"), _days(table, "known_on")
    value = _whole(table, "value")
    order = order_by(customer, day, known, value)
    begins = begins_of(customer[order], len(names))
    seen = np.maximum(day, known)
    return Signals(begins, key[order], day[order], seen[order], value[order]), keys


def _members(table: pa.Table, names: pa.Array) -> tuple[Members, tuple[str, ...], tuple[str, ...]]:
    customer = numbers_of(table.column("customer_id"), names)
    known = table.column("known_on").cast(pa.int32()).fill_null(-NEVER).to_numpy()
    order = np.lexsort((known, customer))
    order = order[customer[order] >= 0]
    segment, group = (pa.array(table.column(one).to_pylist(), pa.string()) for one in ("segment", "group_id"))
    segment, group = segment.dictionary_encode(), group.dictionary_encode()
    segments, groups = (np.array(one.indices, np.int32)[order] for one in (segment, group))
    begins = begins_of(customer[order], len(names))
    onboarded = _days(table, "onboarded_on")[order]
    told = Members(begins, Members.keys(customer[order], known[order]), segments, groups, onboarded)
    return told, tuple(segment.dictionary.to_pylist()), tuple(group.dictionary.to_pylist())


def _refuse_uncountable(what: str, customer: Ints, amount: Longs, names: pa.Array, minor: float) -> None:
    """Sums of a customer's money are whole numbers of 64 bits; what would not fit is refused, not wrapped."""
    if len(amount) * float(np.abs(amount).max(initial=0)) < MOST:
        return
    own = customer >= 0
    money = np.bincount(customer[own], np.abs(amount[own]).astype(float), len(names))
    if money.max(initial=0.0) >= MOST:
        raise Mistake(
            f"{what}: those of customer {names[int(money.argmax())]} sum to {money.max() / minor:.3g}, and at most "
            f"{MOST / minor:.3g} can be counted exactly; are the amounts in the right unit?"
        )
