"""Default: the days on which a customer counts as in default, from facts that a gate has already cut.

The definition is the D&B rule with a floor, by invoice (docs/conventions.md), every number a parameter.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from .facts import NEVER, Facts, Floats, Ints, ends_of, starts_of
from .replay import Steps, steps

TRIGGERS = ("overdue", "write_off", "collection", "insolvency", "prepayment")
TRIGGER_TEXT: dict[str, tuple[str, str]] = {
    "overdue": ("a material amount is overdue beyond the limit of days", "重大金额逾期超过规定天数"),
    "write_off": ("written off", "已核销"),
    "collection": ("placed with a collection agency or in court", "已委托催收或进入诉讼"),
    "insolvency": ("insolvent", "已破产"),
    "prepayment": ("moved to prepayment while overdue", "逾期期间改为预付款"),
}
_WRITE_OFF_DAYS = 365
_PREPAYMENT_DPD = 30


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


@dataclass(frozen=True)
class Triggers:
    """Spells of default: customer, days [start, end), and the place of its kind in `TRIGGERS`."""

    customer: Ints
    start: Ints
    end: Ints
    kind: Ints

    def hit(self, n: int, *, after: int, to: int) -> npt.NDArray[np.bool_]:
        """(n customers, n kinds): does a trigger hold on some day of (after, to]?"""
        inside = (self.start <= to) & (self.end > after + 1)
        hit = np.zeros((n, len(TRIGGERS)), bool)
        hit[self.customer[inside], self.kind[inside]] = True
        return hit


def triggers(facts: Facts, recipe: DefaultRecipe) -> Triggers:
    """All spells of default that these facts hold."""
    held = steps(facts)
    floor = recipe.floor * facts.minor
    overdue = _material_spells(facts, held, _crossing(facts, held, recipe), floor, recipe.share)
    spells = [(overdue, 0)]
    events, visible = facts.events, np.maximum(facts.events.day, facts.events.known)

    offs = np.flatnonzero((events.kind == "write_off") & (events.amount > 0))
    fires = [
        i
        for i in offs
        if events.amount[
            offs[(events.customer[offs] == events.customer[i]) & _within(visible[offs], visible[i], _WRITE_OFF_DAYS)]
        ].sum()
        >= floor
    ]
    spells.append(((events.customer[fires], visible[fires], visible[fires] + 1), 1))

    placed = np.flatnonzero(np.isin(events.kind, ("agency", "legal")))
    if len(placed):
        late = _material_spells(facts, held, facts.invoices.due + 1, 0.0, 0.0, only=np.unique(events.customer[placed]))
        ends = [_end_of(late, events.customer[i], visible[i]) for i in placed]
        spells.append(((events.customer[placed], visible[placed], np.array(ends, np.int64)), 2))

    lost = np.flatnonzero(events.kind == "insolvency")
    spells.append(((events.customer[lost], visible[lost], np.full(len(lost), NEVER)), 3))

    moved = np.flatnonzero((events.kind == "prepayment") & recipe.prepayment)
    if len(moved):
        late = _material_spells(
            facts,
            held,
            facts.invoices.due + _PREPAYMENT_DPD + 1,
            floor,
            recipe.share,
            only=np.unique(events.customer[moved]),
        )
        hard = [i for i in moved if _end_of(late, events.customer[i], visible[i]) > visible[i] + 1]
        spells.append(((events.customer[hard], visible[hard], visible[hard] + 1), 4))

    customer, start, end = (np.concatenate([spell[k] for spell, _ in spells]).astype(np.int64) for k in range(3))
    return Triggers(customer, start, end, np.concatenate([np.full(len(spell[0]), kind) for spell, kind in spells]))


def late_when_due(facts: Facts, recipe: DefaultRecipe, *, after: int, to: int) -> npt.NDArray[np.bool_]:
    """(n customers): is an invoice due in (after, to] paid more than dpd days late (window "due")?

    It is if money is unpaid at the close of due + dpd.
    """
    held = steps(facts)
    crossing = _crossing(facts, held, recipe)
    due = facts.invoices.due[held.invoice]
    here = crossing[held.invoice] - 1
    late = (due > after) & (due <= to) & (held.day <= here) & (here < held.until)
    late &= here <= to + recipe.decided_after_days - recipe.horizon_days  # beyond that nothing is known
    late &= held.undisputed > max(0.0, recipe.floor * facts.minor)
    hit = np.zeros(facts.n, bool)
    hit[facts.invoices.customer[held.invoice[late]]] = True
    return hit


def _within(days: Ints, day: int, n: int) -> npt.NDArray[np.bool_]:
    return (days <= day) & (days > day - n)


def _end_of(spells: tuple[Ints, Ints, Ints], customer: int, day: int) -> int:
    """When the spell of this customer that covers `day` ends; the day after it if none does."""
    mine = (spells[0] == customer) & (spells[1] <= day) & (day < spells[2])
    return int(spells[2][mine].max()) if mine.any() else int(day) + 1


def _crossing(facts: Facts, held: Steps, recipe: DefaultRecipe) -> Ints:
    """The day on which each invoice is dpd + 1 days past due, days wholly in dispute not counted."""
    crossing = facts.invoices.due + recipe.dpd + 1
    if not recipe.pause_disputes:
        return crossing
    paused = np.flatnonzero((held.open > 0) & (held.undisputed == 0))
    crossing = crossing.copy()
    for row in paused:  # in order of day, so that each pause sees the ones before it
        invoice = held.invoice[row]
        start = max(int(held.day[row]), int(facts.invoices.due[invoice]) + 1)
        if start < crossing[invoice]:
            crossing[invoice] += max(0, min(int(held.until[row]), NEVER) - start)
    return np.minimum(crossing, NEVER)


def _material_spells(
    facts: Facts, held: Steps, crossing: Ints, floor: float, share: float, only: Ints | None = None
) -> tuple[Ints, Ints, Ints]:
    """Customer, start, end of the days on which undisputed money past its crossing is material."""
    owner = facts.invoices.customer[held.invoice]
    past = (held.undisputed > 0) & (held.until > crossing[held.invoice])
    hopeful = np.unique(owner[past]) if only is None else np.intersect1d(only, owner[past])
    rows = np.flatnonzero(np.isin(owner, hopeful) & (held.undisputed > 0))
    late = rows[past[rows]]
    parts: list[tuple[Ints, Ints, Floats, Floats]] = []
    for which, begin, is_late in (
        (rows, held.day[rows], False),
        (late, np.maximum(held.day[late], crossing[held.invoice[late]]), True),
    ):
        money = held.undisputed[which]
        for day, sign in ((begin, 1.0), (held.until[which], -1.0)):
            zero = np.zeros(len(money))
            parts.append((owner[which], day, zero if is_late else sign * money, sign * money if is_late else zero))
    customer, day, all_, late_ = (np.concatenate([part[k] for part in parts]) for k in range(4))
    order = np.lexsort((day, customer))
    customer, day, all_, late_ = customer[order], day[order], np.cumsum(all_[order]), np.cumsum(late_[order])
    last = ends_of(starts_of(customer, day), len(day)) - 1
    customer, day, all_, late_ = customer[last], day[last], all_[last], late_[last]
    # every stock ends (at the latest at NEVER), so each customer's sums are back at zero before the next one's
    holds = (late_ > 0) & (late_ >= np.maximum(floor, share * all_)) & (day < NEVER)
    until = np.append(day[1:], NEVER)[: len(day)]
    follows = np.zeros(len(day), bool)
    follows[1:] = holds[1:] & holds[:-1] & (customer[1:] == customer[:-1])
    begins, ends = holds & ~follows, holds & ~np.append(follows[1:], False)[: len(day)]
    return customer[begins], day[begins], until[ends]
