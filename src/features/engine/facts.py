"""Facts: one partition of the ledger as columns of numbers, each customer's and each document's rows together.

Customers and documents are numbered, days are whole numbers, money is in whole minor units of the reporting currency
(int64, so sums are exact). Money of an invoice, its payments and its credits converts at the rate of the issue day
that was known first. Nothing is cut here: what was known when is asked of the gate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from .days import NEVER

if TYPE_CHECKING:
    from ..peers import Peers

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Money = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
WHOLE = -1  # a dispute or promise without an amount means all that is open


class Kind(IntEnum):
    """Kinds of events that a feature or the outcome looks at; others are OTHER."""

    OTHER = 0
    CREDIT_NOTE = 1
    WRITE_OFF = 2
    BOUNCED = 3
    DISPUTE_OPENED = 4
    DISPUTE_CLOSED = 5
    PROMISE = 6
    DUNNING = 7
    AGENCY = 8
    LEGAL = 9
    INSOLVENCY = 10
    PREPAYMENT = 11


class Documents(NamedTuple):
    """Invoices and credit notes in order of customer, then first issue day.

    `versions`, `payments` and `events` (length n + 1) tell where each document's rows begin.
    """

    customer: Ints
    versions: Longs
    payments: Longs
    events: Longs


class Versions(NamedTuple):
    """What was told of a document, as it became known; a version holds from `known` until `replaced`.

    A negative `amount` is a credit note without invoice.
    """

    known: Ints
    replaced: Ints
    issued: Ints
    due: Ints
    amount: Money


class Payments(NamedTuple):
    """Payments in order of document, then day; `seen` is the later of own day and known day. Negative: a reversal."""

    document: Ints
    day: Ints
    seen: Ints
    replaced: Ints
    amount: Money


class Receipts(NamedTuple):
    """All payments of a customer in order of day, unapplied ones too; `begins` (n + 1) by customer."""

    begins: Longs
    document: Ints
    day: Ints
    seen: Ints
    replaced: Ints
    amount: Money


class Events(NamedTuple):
    """What happened to a document, in order of document, then day. `amount` WHOLE: all that is open."""

    document: Ints
    kind: npt.NDArray[np.uint8]
    day: Ints
    seen: Ints
    amount: Money


class Notices(NamedTuple):
    """All events of a customer in order of day; `begins` (n + 1) by customer, `document` -1: the customer's own.

    A promise is dated by the day promised for and seen from the day it was given.
    """

    begins: Longs
    document: Ints
    kind: npt.NDArray[np.uint8]
    day: Ints
    seen: Ints
    amount: Money


class Limits(NamedTuple):
    """Credit limits of a customer, the one known last at the end; `begins` (n + 1) by customer."""

    begins: Longs
    start: Ints
    end: Ints
    known: Ints
    amount: Money


class Signals(NamedTuple):
    """Signals of a customer in order of (day, known); `begins` (n + 1) by customer, `key` numbers (source, name)."""

    begins: Longs
    key: Ints
    day: Ints
    seen: Ints
    value: Floats


class Members(NamedTuple):
    """Which segment and group (by their number) a customer belonged to, and since when it is one (NEVER: not stated).

    As it became known: `begins` by customer; `key` tells customer and day in one, ascending.
    """

    begins: Longs
    key: Longs
    segment: Ints
    group: Ints
    onboarded: Ints

    @staticmethod
    def keys(customer: npt.NDArray[Any], day: npt.NDArray[Any]) -> Longs:
        """Customer and day in one number."""
        return (customer.astype(np.int64) << 32) + day + NEVER

    def at(self, customer: npt.NDArray[Any], day: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """The row that holds for each customer (by its number) at the close of a day; -1 where none is known yet."""
        row = np.searchsorted(self.key, self.keys(customer, day), side="right") - 1
        return np.where(row >= self.begins[customer], row, -1)


@dataclass(frozen=True)
class Facts:
    """All that the ledger holds of `n` customers.

    Attributes
    ----------
    customers : DataFrame, n rows
        Sorted by customer_id; a customer's number is its row.
    begins : int64, length n + 1
        Where each customer's documents begin.
    signal_keys : dict
        (source, name) to its number.
    since : dict of str to day number
        Optional sources and the day from which each is complete.
    minor : float
        Minor units in one unit of the reporting currency.
    members : Members
        Of the customers; `segments` and `groups` are the names of their numbers ("": of none).
    whole : bool
        Are these all customers of the book?
    peers : Peers or None
        What was surveyed of the other customers (features/peers.py).
    ids : array of str
        By which the documents are known to their users, for evidence; None where they were not read.
    """

    customers: pd.DataFrame
    begins: Longs
    documents: Documents
    versions: Versions
    payments: Payments
    receive: Callable[[], Receipts]
    events: Events
    notices: Notices
    limits: Limits
    signals: Signals
    signal_keys: dict[tuple[str, str], int]
    since: dict[str, int]
    minor: float
    data_end: int
    members: Members
    segments: tuple[str, ...]
    groups: tuple[str, ...]
    whole: bool
    ids: pa.ChunkedArray | None
    peers: "Peers | None" = None

    @cached_property
    def receipts(self) -> Receipts:
        """All payments by customer; put together when they are first asked for."""
        return self.receive()

    @property
    def n(self) -> int:
        """Customers."""
        return len(self.customers)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.customers["customer_id"])}

    def numbers_of(self, ids: pd.Series) -> Longs:
        """The number of each customer; -1 where it is not among these."""
        return np.array([self._numbers.get(name, -1) for name in ids.tolist()], np.int64)

    def segment_of(self, customer: npt.NDArray[Any], day: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The name of the segment that each customer was known to belong to; "" where none was known yet."""
        names = np.array([*self.segments, ""], object)
        return np.asarray(names[np.append(self.members.segment, -1)[self.members.at(customer, day)]])

    def document_id(self, document: int) -> str:
        """The id by which a document is known to its users."""
        assert self.ids is not None, "ids were not read with these facts"
        return str(self.ids[document])
