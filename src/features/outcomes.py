"""Outcomes: what became of observations. The only place that looks ahead; scoring never comes here."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .default import TRIGGERS, Days, DefaultRecipe, Defaults
from .engine.facts import Events, Facts, Kind

TERMS = (30, 91, 182)  # days in one, three and six months


@dataclass(frozen=True)
class Outcome:
    """What became of n observations.

    Attributes
    ----------
    bad : float64, length n
        1, 0, or NaN where it is too early to tell (immature), bads included.
    by_trigger : bool (n, len(TRIGGERS))
        Which trigger made it bad; all False where immature.
    within : dict of days to float64, length n
        The same as `bad` within so many days, for each of `TERMS` that is shorter than the horizon.
    """

    bad: npt.NDArray[np.float64]
    by_trigger: npt.NDArray[np.bool_]
    within: dict[int, npt.NDArray[np.float64]]


def outcomes(facts: Facts, customer: Days, as_of: Days, recipe: DefaultRecipe) -> Outcome:
    """Bad, good or immature for each observation: a customer's number and a day number, length n.

    Told by what is known at T + horizon + lag. Payments and credits count from their own date (a late booking
    is no default); invoices and other events from the later of own date and `known_on` (a filing of before T
    that is learned after T is a bad, not lost).
    """
    hit = np.zeros((len(customer), len(TRIGGERS)), bool)
    bad = np.full(len(customer), np.nan)
    told = np.flatnonzero(as_of + recipe.decided_after_days <= facts.data_end)
    defaults = Defaults(_when_learned(facts), recipe)
    after, to = as_of[told], as_of[told] + recipe.horizon_days
    known_by = as_of[told] + recipe.decided_after_days

    def hits(to: Days) -> npt.NDArray[np.bool_]:
        if recipe.window != "due":
            return defaults.triggered(customer[told], after=after, to=to, known_by=known_by)
        found = np.zeros((len(told), len(TRIGGERS)), bool)
        found[:, TRIGGERS.index("overdue")] = defaults.late_when_due(
            customer[told], after=after, to=to, known_by=known_by
        )
        return found

    hit[told] = hits(to)
    bad[told] = hit[told].any(axis=1)
    within = {}
    for days in TERMS:
        if days < recipe.horizon_days:
            within[days] = np.full(len(customer), np.nan)
            within[days][told] = hits(as_of[told] + days).any(axis=1)
    return Outcome(bad, hit, within)


def _when_learned(facts: Facts) -> Facts:
    """The facts with invoices and events (but credits and bounces) dated by the day on which they were learned."""
    first = np.repeat(facts.versions.known[facts.documents.versions[:-1]], np.diff(facts.documents.versions))
    versions = facts.versions._replace(issued=np.maximum(facts.versions.issued, first))
    told = facts.events
    own = (told.kind == Kind.CREDIT_NOTE) | (told.kind == Kind.BOUNCED)
    day = np.where(own, told.day, np.maximum(told.day, told.seen)).astype(np.int32)
    order = np.lexsort((day, told.document))
    events = Events(told.document[order], told.kind[order], day[order], told.seen[order], told.amount[order])
    return replace(facts, versions=versions, events=events)
