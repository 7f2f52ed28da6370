"""Outcomes: what became of an observation. The only place that looks ahead; scoring never comes here."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .default import TRIGGERS, DefaultRecipe, late_when_due, triggers
from .facts import Facts


@dataclass(frozen=True)
class Outcome:
    """What became of n customers observed at one day.

    Attributes
    ----------
    bad : float64, length n
        1, 0, or NaN where it is too early to tell (immature), bads included.
    by_trigger : bool (n, len(TRIGGERS))
        Which trigger made it bad; all False where immature.
    """

    bad: npt.NDArray[np.float64]
    by_trigger: npt.NDArray[np.bool_]


def outcome(facts: Facts, as_of: int, recipe: DefaultRecipe) -> Outcome:
    """Bad, good or immature for each customer observed at the close of `as_of` (a day number).

    Told by what is known at T + horizon + lag. Payments and credits count from their own date (a late booking
    is no default); invoices and other events from the later of own date and `known_on` (a filing of before T
    that is learned after T is a bad, not lost).
    """
    hits = np.zeros((facts.n, len(TRIGGERS)), bool)
    told_on = as_of + recipe.decided_after_days
    if told_on > facts.data_end:
        return Outcome(np.full(facts.n, np.nan), hits)
    known, _ = facts.known(by=told_on)
    events = known.events
    credit = np.isin(events.kind, ("credit_note", "bounced"))
    known = replace(
        known,
        invoices=replace(known.invoices, issued=np.maximum(known.invoices.issued, known.invoices.known)),
        events=replace(events, day=np.where(credit, events.day, np.maximum(events.day, events.known))),
    )
    end = as_of + recipe.horizon_days
    if recipe.window == "due":
        hits[:, TRIGGERS.index("overdue")] = late_when_due(known, recipe, after=as_of, to=end)
    else:
        hits = triggers(known, recipe).hit(facts.n, after=as_of, to=end)
    return Outcome(hits.any(axis=1).astype(float), hits)
