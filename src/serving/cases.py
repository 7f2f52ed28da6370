"""Cases: what a credit manager needs to decide on a strategic customer by hand, gathered from the ledger."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from ..features.calendar import months_before
from ..features.catalogue import feature
from ..features.declaration import MISSING_TEXT, Family, Feature, Missing
from ..features.default import TRIGGER_TEXT, TRIGGERS, DefaultRecipe, triggers
from ..features.facts import NEVER, day_of
from ..features.history import History, View
from .evidence import invoices_behind
from .reasons import Reason, told
from .scoring import Rating, Scored

MONTHS = 24  # of behaviour shown
BARS = 10  # features shown on their own in the waterfall; the rest stands by family
ROWS = 5  # invoices shown behind a reason
_EDGES = (0, 30, 60, 90)
_LATENESS = feature("late_km_90d").measure


@dataclass(frozen=True)
class Step:
    """One step of the waterfall: a feature, or all others of a family together. Points as in `Reason`."""

    en: str
    zh: str
    points: float


@dataclass(frozen=True)
class Month:
    """How a customer stood at a month end, as it was known then. Money in the reporting currency."""

    end: date
    open: float
    overdue: float
    days_late: float


@dataclass(frozen=True)
class InvoiceRow:
    """One invoice as evidence. `settled_on` is None while it is open; then `days_late` is so far."""

    invoice_id: str
    issued_on: date
    due_on: date
    amount: float
    open: float
    settled_on: date | None
    days_late: int


@dataclass(frozen=True)
class Evidence:
    """The invoices that weigh most behind some reasons, and how many more there are."""

    reasons: tuple[Reason, ...]
    rows: tuple[InvoiceRow, ...]
    more: int


@dataclass(frozen=True)
class Case:
    """All that one case page shows.

    Attributes
    ----------
    riskier_than : float in [0, 1]
        Share of the rated customers with a lower PD; NaN where the customer is not rated.
    base_points : float
        Points before any feature speaks; the waterfall leads from here to the score.
    ageing : tuple of five amounts
        Undisputed open money not due, and 1-30, 31-60, 61-90, over 90 days past due; then `disputed`.
    limit : float or None
    defaults : tuple of (English, Chinese, day)
        Why and since when the customer counts as in default; empty if it does not.
    missing : tuple of (English, Chinese)
        What the model could not know, each with its reason.
    """

    customer_id: str
    name: str
    segment: str
    industry: str
    country: str
    currency: str
    since: date | None
    rating: Rating
    horizon_days: int
    riskier_than: float
    base_points: float
    waterfall: tuple[Step, ...]
    ageing: tuple[float, ...]
    disputed: float
    limit: float | None
    months: tuple[Month, ...]
    defaults: tuple[tuple[str, str, date], ...]
    evidence: tuple[Evidence, ...]
    missing: tuple[tuple[str, str], ...]
    known_on_assumed: tuple[str, ...]


def gather(
    scored: Scored, history: History, places: list[int], *, ranked: np.ndarray, currency: str, assumed: tuple[str, ...]
) -> list[Case]:
    """The cases of some customers of a partition.

    Parameters
    ----------
    scored, history
        Of the same partition.
    places : list of customer numbers
    ranked : float64
        Calibrated log-odds of all rated customers of the book, ascending.
    """
    day = (pd.Timestamp(scored.as_of) - pd.Timestamp(0)).days
    view = history.at(day)
    months = _months(history, day)
    return [_case(scored, view, months, place, ranked, currency, assumed) for place in places]


def _case(
    scored: Scored,
    view: View,
    months: list[tuple[date, np.ndarray]],
    place: int,
    ranked: np.ndarray,
    currency: str,
    assumed: tuple[str, ...],
) -> Case:
    rating, person = scored.rating(place), scored.customers.iloc[place]
    rated = rating.pd is not None
    bundle, segment = scored.bundle, person["segment"]
    missing = scored.matrix.missing[place]
    onboarded = person["onboarded_on"]
    ageing, disputed = _ageing(view, place)
    limit = view.limit[place]
    return Case(
        customer_id=rating.customer_id,
        name=person["name"] or rating.customer_id,
        segment=segment,
        industry=person["industry"],
        country=person["country"],
        currency=currency,
        since=None if pd.isna(onboarded) else onboarded.date(),
        rating=rating,
        horizon_days=bundle.default.horizon_days,
        riskier_than=float(np.searchsorted(ranked, scored.log_odds[place]) / max(1, len(ranked))) if rated else np.nan,
        base_points=scored.base_points,
        waterfall=_waterfall(scored, place, rating) if rated else (),
        ageing=ageing,
        disputed=disputed,
        limit=None if np.isnan(limit) else float(limit / view.minor),
        months=tuple(Month(end, *(float(x) for x in figures[:, place])) for end, figures in months),
        defaults=_defaults(view, place, bundle.default),
        evidence=_joined([_evidence(view, place, reason) for reason in rating.reasons if reason.points < 0]),
        missing=tuple(
            _told_missing(one, int(code)) for one, code in zip(bundle.features, missing, strict=True) if code
        ),
        known_on_assumed=assumed,
    )


def _waterfall(scored: Scored, place: int, rating: Rating) -> tuple[Step, ...]:
    """The features that weigh most, every told reason among them, and the others by family; the worst first."""
    bundle, points = scored.bundle, scored.points[place]
    told_names = {reason.feature for reason in rating.reasons}
    order = sorted(range(len(points)), key=lambda p: (bundle.features[p].name not in told_names, -abs(points[p])))
    steps, rest = [], dict[Family, float]()
    for rank, p in enumerate(order):
        one = bundle.features[p]
        if rank < BARS:
            value, code = float(scored.matrix.values[place, p]), int(scored.matrix.missing[place, p])
            usual = bundle.usual(str(scored.customers["segment"].iloc[place]), one.name)
            reason = told(one, float(points[p]), value, code, usual)
            steps.append(Step(reason.en, reason.zh, reason.points))
        else:
            rest[one.family] = rest.get(one.family, 0.0) + float(points[p])
    for family, sum_ in rest.items():
        en, zh = family.value
        steps.append(Step(f"Others of {en}", f"其他{zh}指标", sum_))
    return tuple(sorted(steps, key=lambda step: step.points))


def _defaults(view: View, place: int, recipe: DefaultRecipe) -> tuple[tuple[str, str, date], ...]:
    """Each kind of trigger that holds, or held in the cure period, and since when."""
    spells = triggers(view.facts, recipe)
    here = (spells.customer == place) & (spells.start <= view.T) & (spells.end > view.T - recipe.cure_days + 1)
    since = {kind: int(spells.start[here & (spells.kind == kind)].max()) for kind in np.unique(spells.kind[here])}
    return tuple((*TRIGGER_TEXT[TRIGGERS[kind]], day_of(day)) for kind, day in since.items())


def _months(history: History, day: int) -> list[tuple[date, np.ndarray]]:
    """Month ends, oldest first, each with (3, n): open, overdue, expected days late, as known then."""
    rows = []
    for back in range(MONTHS - 1, -1, -1):
        then = months_before(day, back)
        view = history.at(then)
        late = history.column(_LATENESS, then).values
        rows.append((day_of(then), np.vstack([view.open_amount / view.minor, view.overdue() / view.minor, late])))
    return rows


def _ageing(view: View, place: int) -> tuple[tuple[float, ...], float]:
    invoice, open_, undisputed = view.open_now
    mine = view.customer[invoice] == place
    bucket = np.searchsorted(_EDGES, view.dpd_now[mine], side="left")
    sums = np.bincount(bucket, undisputed[mine], minlength=len(_EDGES) + 1) / view.minor
    return tuple(float(s) for s in sums), float((open_ - undisputed)[mine].sum() / view.minor)


def _evidence(view: View, place: int, reason: Reason) -> Evidence:
    behind = invoices_behind(view, place, feature(reason.feature))
    open_ = np.zeros(len(view.due))
    open_[view.open_now[0]] = view.open_now[1]
    rows = tuple(_row(view, i, open_[i]) for i in behind[:ROWS])
    return Evidence((reason,), rows, max(0, len(behind) - ROWS))


def _joined(evidence: list[Evidence]) -> tuple[Evidence, ...]:
    """Reasons that the same invoices stand behind are told together."""
    together: dict[tuple[tuple[InvoiceRow, ...], int], list[Reason]] = {}
    for one in evidence:
        together.setdefault((one.rows, one.more), []).extend(one.reasons)
    return tuple(Evidence(tuple(reasons), rows, more) for (rows, more), reasons in together.items())


def _row(view: View, i: int, open_: float) -> InvoiceRow:
    settle = int(view.lateness.settle[i])
    return InvoiceRow(
        str(view.facts.invoice_ids[i]),
        day_of(int(view.issued[i])),
        day_of(int(view.due[i])),
        float(view.facts.invoices.amount[i] / view.minor),
        float(open_ / view.minor),
        day_of(settle) if settle < NEVER else None,
        int(view.late[i]),
    )


def _told_missing(declared: Feature, code: int) -> tuple[str, str]:
    en, zh = MISSING_TEXT[Missing(code)]
    return f"{declared.en[0].upper()}{declared.en[1:]}: {en}", f"{declared.zh}：{zh}"
