"""An account: the documents of one customer as they were known at the close of a day, for people to read."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .calendar import months_before
from .declaration import Measure
from .engine.days import NEVER
from .engine.facts import Facts
from .engine.moments import Calendar
from .engine.past import Past

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Days = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Account:
    """One customer at the close of day T.

    Attributes
    ----------
    place : int
        The customer's number.
    T : int
        A day number.
    """

    facts: Facts
    place: int
    T: int

    def _past(self, days: list[int]) -> Past:
        calendar = Calendar.of(np.array(days), series=False)
        moments, _ = calendar.moments(np.zeros(len(days), np.int32), calendar.places(np.array(days)), 1)
        return Past(self.facts, moments, calendar, range(self.place, self.place + 1))

    @cached_property
    def past(self) -> Past:
        """What was known at T: one moment."""
        return self._past([self.T])

    @property
    def minor(self) -> float:
        """Minor units in one unit of the reporting currency."""
        return self.facts.minor

    # ---- by invoice: arrays of one length; money in minor units

    @property
    def document(self) -> Days:
        """The number of each invoice."""
        return self.past.states.document

    @property
    def issued(self) -> Days:
        """Issue days."""
        return self.past.states.issued

    @property
    def due(self) -> Days:
        """Due days."""
        return self.past.states.due

    @property
    def amount(self) -> npt.NDArray[np.int64]:
        """As invoiced."""
        return self.past.states.amount

    @property
    def net(self) -> npt.NDArray[np.int64]:
        """Amount less credit notes; 0 where void."""
        return self.past.states.net

    @property
    def owed(self) -> Flags:
        """Not void: the invoices that have a lateness."""
        return ~self.past.states.void

    @property
    def settle(self) -> Days:
        """The day of settlement; NEVER while open."""
        return self.past.states.settle

    @cached_property
    def late(self) -> Days:
        """Days from due to settlement; T - due, a lower bound, where unsettled."""
        return np.where(self.settle < NEVER, self.settle, self.T) - self.due

    @property
    def open(self) -> npt.NDArray[np.int64]:
        """Open money at the close of T."""
        return self.past.states.open

    @property
    def undisputed(self) -> npt.NDArray[np.int64]:
        """Open money that is not in dispute."""
        return self.past.states.undisputed

    # ---- the customer as a whole

    @property
    def limit(self) -> float:
        """The credit limit in force, in minor units; NaN where there is none."""
        return float(self.past.limit()[0])

    def months(self, many: int, measure: Measure) -> tuple[list[int], Floats]:
        """The last month ends, oldest first, and (4, many): open, overdue, limit (NaN: none) and a measure.

        Each as it was known then; money in the reporting currency.
        """
        days = [months_before(self.T, back) for back in range(many - 1, -1, -1)]
        past = self._past(days)
        at = np.searchsorted(past.moments.day, days)
        told = *(one / past.minor for one in (past.open, past.overdue(), past.limit())), past.column(measure).values
        return days, np.vstack(told)[:, at]
