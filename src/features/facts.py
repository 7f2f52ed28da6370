"""Facts: one partition of the ledger as columns of numbers, ready to be cut at a day and replayed.

Customers and invoices are numbered, days are whole numbers, money is in whole minor units of the reporting
currency (float64 holds them exactly, so sums are exact too). Money of an invoice, its payments and its
credits converts at the rate of the issue day.
"""

from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from .ledger import Ledger
from .money import EXPONENTS, rate_on

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Places = Flags | Ints
EPOCH = date(1970, 1, 1)
NEVER = 10**6  # a day that does not come (the year 4707)
OPEN_ENDED = -1.0  # a dispute or promise without an amount means all that is open


def sum_by(group: Ints, weight: Floats, n: int) -> Floats:
    """Sum of `weight` for each group number below `n`; zeros of float64 where there is nothing."""
    return np.bincount(group, weight, minlength=n).astype(np.float64)


def starts_of(*keys: Ints) -> Ints:
    """Where a new group begins, in rows that are sorted by these keys."""
    new = np.ones(len(keys[0]), bool)
    if len(new):
        new[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return np.flatnonzero(new)


def ends_of(starts: Ints, n: int) -> Ints:
    """Where each of these groups of n rows ends: the place after its last row."""
    return np.append(starts[1:], n)[: len(starts)]


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def day_of(number: int) -> date:
    """The day of a day number."""
    return EPOCH + timedelta(days=int(number))


@dataclass(frozen=True)
class Invoices:
    """Versions of invoices in order of customer, then issue day. A negative `amount` is a credit note without invoice.

    `document` numbers the invoice that a row is a version of; a version holds from `known` until `replaced`
    (NEVER: it still does).
    """

    document: Ints
    customer: Ints
    issued: Ints
    due: Ints
    amount: Floats
    known: Ints
    replaced: Ints

    @property
    def day(self) -> Ints:
        """The own date of an invoice is the day of its issue."""
        return self.issued


@dataclass(frozen=True)
class Payments:
    """Payments in order of invoice, then day. `invoice` -1: unapplied cash. Negative: a reversal.

    `invoice` numbers documents until the facts are cut at a day; then it is the row of the version that holds.
    """

    customer: Ints
    invoice: Ints
    day: Ints
    amount: Floats
    known: Ints
    replaced: Ints


@dataclass(frozen=True)
class Events:
    """Events in order of day. `invoice` -1: the customer's. `amount` -1: all that is open."""

    customer: Ints
    invoice: Ints
    kind: npt.NDArray[np.str_]
    day: Ints
    amount: Floats
    known: Ints


@dataclass(frozen=True)
class Limits:
    """Credit limits in order of (known, valid from): of several in force the last row holds."""

    customer: Ints
    start: Ints
    end: Ints
    amount: Floats
    known: Ints


@dataclass(frozen=True)
class Signals:
    """Signals from outside in order of (day, known): of several the last row is the latest."""

    customer: Ints
    source: npt.NDArray[np.str_]
    name: npt.NDArray[np.str_]
    value: Floats
    day: Ints
    known: Ints


@dataclass(frozen=True)
class Facts:
    """All that the ledger holds of `n` customers.

    Attributes
    ----------
    customers : DataFrame, n rows
        Sorted by customer_id; a customer's number is its row.
    onboarded : array of day numbers, length n
        NEVER where it is not stated.
    invoice_ids : array of str
        By the invoice's number, for evidence.
    since : dict of str to day number
        Optional sources and the day from which each is complete.
    minor : float
        Minor units in one unit of the reporting currency.
    """

    customers: pd.DataFrame
    onboarded: Ints
    invoices: Invoices
    payments: Payments
    events: Events
    limits: Limits
    signals: Signals
    invoice_ids: npt.NDArray[np.object_]
    since: dict[str, int]
    minor: float
    data_end: int

    @property
    def n(self) -> int:
        """Customers."""
        return len(self.customers)

    @classmethod
    def of(cls, ledger: Ledger) -> "Facts":
        """Number and convert the tables of a ledger."""
        customers = ledger.customers.sort_values("customer_id", ignore_index=True)
        number = pd.Index(customers["customer_id"])
        own = ledger.invoices.assign(customer=number.get_indexer(ledger.invoices["customer_id"]))
        own = own.sort_values(["customer", "issued_on", "invoice_id"], ignore_index=True)
        rate = rate_on(own["currency"], own["issued_on"], ledger.rates, reporting=ledger.reporting_currency)
        document, told = pd.factorize(own["invoice_id"])
        invoice, first = pd.Index(told), _first_versions(own, document)
        return cls(
            customers=customers,
            onboarded=_days(customers["onboarded_on"]),
            invoices=Invoices(
                document=document.astype("int64"),
                customer=own["customer"].to_numpy("int64"),
                issued=_days(own["issued_on"]),
                due=_days(own["due_on"]),
                amount=np.rint(own["amount"].to_numpy("float64") * rate),
                known=_days(own["known_on"]),
                replaced=_days(own["replaced_on"]),
            ),
            payments=_payments(ledger, number, invoice, rate[first]),
            events=_events(ledger, number, invoice, rate[first]),
            limits=_limits(ledger, number),
            signals=_signals(ledger, number),
            invoice_ids=own["invoice_id"].to_numpy(object),
            since={source: day_number(day) for source, day in ledger.since.items()},
            minor=float(10 ** EXPONENTS[ledger.reporting_currency]),
            data_end=day_number(ledger.data_end),
        )

    def known(self, *, by: int) -> "tuple[Facts, Ints]":
        """The facts dated and known on or before the day `by`, and the old numbers of its invoices.

        Only a gate calls this (history looks back with it, outcomes looks ahead). Of the versions of a fact the one
        that held at the close of `by` counts. A promise is dated by the day promised for, so it counts from the
        day it was given. A payment on an invoice that is not visible yet is unapplied.
        """
        rows = self.invoices
        seen = (rows.issued <= by) & (rows.known <= by) & (by < rows.replaced)
        renumbered = np.full(rows.document.max(initial=-1) + 2, -1)  # the last place serves -1
        renumbered[rows.document[seen]] = np.arange(np.count_nonzero(seen))
        first = np.full(len(renumbered), NEVER)  # a restated invoice is believed since it was first known
        np.minimum.at(first, rows.document[rows.known <= by], rows.known[rows.known <= by])
        told = self.payments
        pays = kept(told, (told.day <= by) & (told.known <= by) & (by < told.replaced))
        pays = replace(pays, invoice=renumbered[pays.invoice])
        pays = kept(pays, np.argsort(pays.invoice, kind="stable"))
        promised = self.events.kind == "promise"
        events = kept(self.events, ((self.events.day <= by) | promised) & (self.events.known <= by))
        cut = replace(
            self,
            invoices=replace(
                kept(rows, seen), known=first[rows.document[seen]], document=np.arange(np.count_nonzero(seen))
            ),
            payments=pays,
            events=replace(events, invoice=renumbered[events.invoice]),
            limits=kept(self.limits, (self.limits.start <= by) & (self.limits.known <= by)),
            signals=kept(self.signals, (self.signals.day <= by) & (self.signals.known <= by)),
            invoice_ids=self.invoice_ids[seen],
        )
        return cut, np.flatnonzero(seen)


Rows = TypeVar("Rows", Invoices, Payments, Events, Limits, Signals)


def kept(rows: Rows, where: Places) -> Rows:
    """The rows where `where` holds."""
    return type(rows)(**{f.name: getattr(rows, f.name)[where] for f in fields(rows)})


def _days(column: pd.Series) -> Ints:
    days = column.to_numpy("datetime64[D]")
    return np.where(np.isnat(days), NEVER, days.astype("int64"))


def _first_versions(own: pd.DataFrame, document: Ints) -> Ints:
    """For each document the row that was known first: money converts at its issue day, whatever came later."""
    order = np.lexsort([own["delivery"].to_numpy(), _days(own["known_on"]), document])
    return order[starts_of(document[order])] if len(order) else order


def _payments(ledger: Ledger, number: pd.Index, invoice: pd.Index, rate: Floats) -> Payments:
    rows = ledger.payments
    credits_ = ledger.invoices.loc[ledger.invoices["amount"] <= 0, "invoice_id"]
    rows = rows[~rows["invoice_id"].isin(credits_)]  # what clears a credit note is no receipt
    on = invoice.get_indexer(pd.Index(rows["invoice_id"]))
    factor = np.where(on >= 0, rate[on] if len(rate) else 1.0, 1.0)
    pays = Payments(
        customer=number.get_indexer(pd.Index(rows["customer_id"])).astype("int64"),
        invoice=on.astype("int64"),
        day=_days(rows["paid_on"]),
        amount=np.rint(rows["amount"].to_numpy("float64") * factor),
        known=_days(rows["known_on"]),
        replaced=_days(rows["replaced_on"]),
    )
    order = np.lexsort((rows["payment_id"].to_numpy(object).astype(str), pays.day, pays.invoice))
    return kept(pays, order)


def _events(ledger: Ledger, number: pd.Index, invoice: pd.Index, rate: Floats) -> Events:
    rows = ledger.events
    on = invoice.get_indexer(pd.Index(rows["invoice_id"]))
    factor = np.where(on >= 0, rate[on] if len(rate) else 1.0, 1.0)
    amount = rows["amount"].to_numpy("float64")
    events = Events(
        customer=number.get_indexer(pd.Index(rows["customer_id"])).astype("int64"),
        invoice=on.astype("int64"),
        kind=rows["kind"].to_numpy(object).astype(str),
        day=_days(rows["occurred_on"]),
        amount=np.where(amount < 0, OPEN_ENDED, np.rint(amount * factor)),
        known=_days(rows["known_on"]),
    )
    return kept(events, np.lexsort((events.kind, events.invoice, events.customer, events.day)))


def _limits(ledger: Ledger, number: pd.Index) -> Limits:
    rows = ledger.limits
    limits = Limits(
        customer=number.get_indexer(pd.Index(rows["customer_id"])).astype("int64"),
        start=_days(rows["valid_from"]),
        end=_days(rows["valid_to"]),
        amount=rows["amount"].to_numpy("float64"),
        known=_days(rows["known_on"]),
    )
    return kept(limits, np.lexsort((limits.start, limits.known)))


def _signals(ledger: Ledger, number: pd.Index) -> Signals:
    rows = ledger.signals
    signals = Signals(
        customer=number.get_indexer(pd.Index(rows["customer_id"])).astype("int64"),
        source=rows["source"].to_numpy(object).astype(str),
        name=rows["name"].to_numpy(object).astype(str),
        value=rows["value"].to_numpy("float64"),
        day=_days(rows["observed_on"]),
        known=_days(rows["known_on"]),
    )
    return kept(signals, np.lexsort((signals.known, signals.day)))
