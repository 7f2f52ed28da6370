"""Observations: customer and day, and who cannot be observed on that day, each with the reason.

Looks back only: it asks what was known at the close of the day.
"""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from .calendar import month_ends
from .default import Days, DefaultRecipe, Defaults
from .engine.days import NEVER
from .engine.facts import Facts
from .engine.totals import Anchor, Quantity, Window
from .pasts import pasts


class Status(IntEnum):
    """Whether a customer can be rated on a day; of several reasons the first is told."""

    OBSERVED = 0
    UNKNOWN_YET = 1  # no invoice is visible and it was not taken on yet
    IN_DEFAULT = 2  # a trigger holds, or held in the cure period
    NO_EXPOSURE = 3  # nothing open and nothing issued lately


STATUS_TEXT: dict[Status, tuple[str, str]] = {
    Status.UNKNOWN_YET: ("not a customer yet on this day", "该日尚未成为客户"),
    Status.IN_DEFAULT: ("in default, or recovering from one", "处于违约或违约恢复期"),
    Status.NO_EXPOSURE: ("nothing open and nothing invoiced lately", "无未清账款且近期无开票"),
}


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """Who has something at risk with us.

    Attributes
    ----------
    exposure_days : int
        Who has nothing issued in so many days (and nothing open) is not observed.
    open_counts : bool
        Whether something open makes an exposure too; False asks for an invoice in `exposure_days`.
    """

    exposure_days: int = 365
    open_counts: bool = True


@dataclass(frozen=True)
class ObservationRecipe(Exposure):
    """When customers are looked at, and who: the section `observations` of params.yaml.

    Attributes
    ----------
    first, last : str
        ISO days; observations are made at the month ends between them, both included.
    """

    first: str
    last: str

    def days(self) -> list[date]:
        """The month ends."""
        ends = month_ends(as_day("observations.first", self.first), as_day("observations.last", self.last))
        if not ends:
            raise Mistake(
                f"params.yaml: observations.first '{self.first}' should lie before observations.last '{self.last}'."
            )
        return ends


def as_day(name: str, said: str) -> date:
    """An ISO day of params.yaml, or a line that says what would be right."""
    try:
        return date.fromisoformat(said)
    except (TypeError, ValueError):
        raise Mistake(f"params.yaml: {name} should be a day such as '2024-06-30', got {said!r}.") from None


def observe(
    facts: Facts, customer: Days, as_of: Days, recipe: Exposure, default: DefaultRecipe
) -> npt.NDArray[np.uint8]:
    """The `Status` of each observation: a customer's number and a day number, length n."""
    status = _exposure(facts, customer, as_of, recipe)
    looked_at = np.flatnonzero(status != Status.UNKNOWN_YET)
    bad = _in_default(Defaults(facts, default), customer[looked_at], as_of[looked_at])
    status[looked_at[bad]] = Status.IN_DEFAULT
    return status


def observed(facts: Facts, customer: Days, as_of: Days, recipe: Exposure, defaults: Defaults) -> npt.NDArray[np.bool_]:
    """Is the status OBSERVED? As `observe` tells, without looking for the reason where there is no exposure."""
    seen = _exposure(facts, customer, as_of, recipe) == Status.OBSERVED
    looked_at = np.flatnonzero(seen)
    seen[looked_at] = ~_in_default(defaults, customer[looked_at], as_of[looked_at])
    return np.asarray(seen)


def _exposure(facts: Facts, customer: Days, as_of: Days, recipe: Exposure) -> npt.NDArray[np.uint8]:
    status = np.full(len(customer), Status.OBSERVED, np.uint8)
    for rows, places, past in pasts(facts, customer, as_of):
        exposed = past.total(Quantity.ANY, Window(Anchor.ISSUED, days=recipe.exposure_days)) > 0
        if recipe.open_counts:
            exposed |= past.open > 0
        known = past.invoiced | ((past.onboarded <= past.T) & (past.onboarded < NEVER))
        told = np.where(known, np.where(exposed, Status.OBSERVED, Status.NO_EXPOSURE), Status.UNKNOWN_YET)
        status[rows] = told[places]
    return status


def _in_default(defaults: Defaults, customer: Days, as_of: Days) -> npt.NDArray[np.bool_]:
    told = defaults.triggered(customer, after=as_of - defaults.recipe.cure_days, to=as_of, known_by=as_of)
    return np.asarray(told.any(axis=1))
