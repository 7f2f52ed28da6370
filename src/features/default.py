"""Default: what counts as default, and on which days a customer is in it.

The definition is the D&B rule with a floor, by invoice (docs/conventions.md), every number a parameter.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from .engine.defaulting import Ledger, Rule, Spells, hits, hopeful, late_when_due, spells_of
from .engine.facts import Facts
from .engine.replay import EPS

TRIGGERS = ("overdue", "write_off", "collection", "insolvency", "prepayment")
TRIGGER_TEXT: dict[str, tuple[str, str]] = {
    "overdue": ("a material amount is overdue beyond the limit of days", "重大金额逾期超过规定天数"),
    "write_off": ("written off", "已核销"),
    "collection": ("placed with a collection agency or in court", "已委托催收或进入诉讼"),
    "insolvency": ("insolvent", "已破产"),
    "prepayment": ("moved to prepayment while overdue", "逾期期间改为预付款"),
}


Days = npt.NDArray[Any]


@dataclass(frozen=True)
class DefaultRecipe:
    """What counts as default, and for how long it is looked for: the section `outcome` of params.yaml.

    Attributes
    ----------
    dpd : int
        Default is *more than* this many days past due.
    floor : float, in units of the reporting currency; share : float in [0, 1]
        Material is at least max(floor, share of all undisputed open money).
    horizon_days : int
        An observation at T is bad if a trigger holds on a day of (T, T + horizon].
    window : {"days", "due"}
        "days": any trigger in the horizon. "due": only invoices that fall due in it, bad if one is paid
        more than dpd days late.
    cure_days : int
        A customer with a trigger in (T - cure_days, T] is not observed at T; at least 1.
    booking_lag_days : int
        How long after a day its payments may still be booked; labels wait for it.
    pause_disputes, prepayment : bool
        Days on which all of an invoice is in dispute do not count; being moved to prepayment while
        materially overdue is default.
    """

    dpd: int = 90
    floor: float = 500.0
    share: float = 0.10
    horizon_days: int = 365
    window: str = "days"
    cure_days: int = 180
    booking_lag_days: int = 14
    pause_disputes: bool = True
    prepayment: bool = True

    def __post_init__(self) -> None:
        if self.window not in ("days", "due"):
            raise Mistake(f"params.yaml: outcome.window should be 'days' or 'due', got {self.window!r}.")
        for name in ("dpd", "horizon_days", "cure_days", "booking_lag_days"):
            least = 0 if name in ("dpd", "booking_lag_days") else 1
            if getattr(self, name) < least:
                raise Mistake(f"params.yaml: outcome.{name} should be at least {least}, got {getattr(self, name)}.")

        if not 0 <= self.share <= 1 or self.floor < 0:
            raise Mistake(
                f"params.yaml: outcome.share should lie in [0, 1] and outcome.floor be 0 or more, "
                f"got {self.share} and {self.floor}."
            )

    @property
    def decided_after_days(self) -> int:
        """Days after T until the label can be told: horizon, lateness still to run, booking lag."""
        still = self.dpd if self.window == "due" else 0
        return self.horizon_days + still + self.booking_lag_days


class Defaults:
    """The defaults of one partition of customers, by one definition."""

    def __init__(self, facts: Facts, recipe: DefaultRecipe) -> None:
        minor = facts.minor
        self.recipe, self._eps = recipe, EPS * minor
        self._rule = Rule(recipe.dpd, recipe.floor * minor, recipe.share, recipe.pause_disputes, recipe.prepayment)
        self._held = Ledger(facts.begins, facts.documents, facts.versions, facts.payments, facts.events, facts.notices)
        self._can = hopeful(self._held, self._rule, self._eps)

    def triggered(self, customer: Days, *, after: Days, to: Days, known_by: Days) -> npt.NDArray[np.bool_]:
        """(n rows, n kinds): does a trigger hold on some day of (after, to], by what was known at `known_by`?

        Parameters
        ----------
        customer : numbers of customers, length n
        after, to, known_by : day numbers, length n
        """
        given = (self._held, _small(customer), _small(known_by), _small(after), _small(to))
        return np.asarray(hits(*given, *self._can, self._rule, self._eps))

    def late_when_due(self, customer: Days, *, after: Days, to: Days, known_by: Days) -> npt.NDArray[np.bool_]:
        """Is an invoice due in (after, to] paid more than dpd days late (window "due")? Length n, as `triggered`."""
        last = to + self.recipe.decided_after_days - self.recipe.horizon_days
        given = (self._held, _small(customer), _small(known_by), _small(after), _small(to), _small(last))
        return np.asarray(late_when_due(*given, self._rule, self._eps))

    def spells(self, customer: int, day: int) -> Spells:
        """The spells of default of a customer, as known at the close of a day; kinds are places in `TRIGGERS`."""
        return spells_of(self._held, customer, day, self._rule, self._eps)


def _small(days: Days) -> npt.NDArray[np.int32]:
    return np.ascontiguousarray(days, np.int32)
