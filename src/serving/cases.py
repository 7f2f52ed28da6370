"""Cases: what a credit manager needs to decide on a strategic customer by hand, gathered from the ledger."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from ..features.account import Account
from ..features.catalogue import feature
from ..features.column import MISSING_TEXT, Missing
from ..features.declaration import Family, Feature
from ..features.default import TRIGGER_TEXT, TRIGGERS, DefaultRecipe, Defaults
from ..features.engine.days import day_number, day_of
from ..features.engine.facts import Facts
from ..features.ledger import Ledger
from .behind import Behind, shown
from .book import Book, Place
from .evidence import evidence_of
from .helping import Help, what_would_help
from .ratings import Rating
from .scored import Scored
from .sentences import beside_usual
from .what_if import WhatIf

MONTHS = 24  # of behaviour shown
BARS = 10  # features shown on their own in the waterfall; the rest stands by family
_EDGES = (0, 30, 60, 90)
_LATENESS = feature("late_km_90d").measure


@dataclass(frozen=True)
class Step:
    """One step of the waterfall: a feature, or ("") all others of a family together. Points as in `Reason`."""

    feature: str
    en: str
    zh: str
    points: float


@dataclass(frozen=True)
class Month:
    """How a customer stood at a month end, as it was known then. Money in the reporting currency; NaN: no limit."""

    end: date
    open: float
    overdue: float
    limit: float
    days_late: float


@dataclass(frozen=True)
class Case:
    """All that one case page shows.

    Attributes
    ----------
    places : tuple of Place
        Among all rated customers first, then among its segment and industry; empty where it is not rated.
    baseline : {"segment", "best"}
        Whom the customer is compared with (see `ReasonRecipe`).
    base_points : float
        That one's points; the waterfall leads from here to the score.
    ageing : tuple of five amounts
        Undisputed open money not due, and 1-30, 31-60, 61-90, over 90 days past due; then `disputed`.
    limit : float or None
    defaults : tuple of (English, Chinese, day)
        Why and since when the customer counts as in default; empty if it does not.
    missing : tuple of (English, Chinese)
        What the model could not know, each with its reason; empty where it does not rate.
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
    places: tuple[Place, ...]
    baseline: str
    base_points: float
    waterfall: tuple[Step, ...]
    ageing: tuple[float, ...]
    disputed: float
    limit: float | None
    months: tuple[Month, ...]
    defaults: tuple[tuple[str, str, date], ...]
    evidence: tuple[Behind, ...]
    helps: tuple[Help, ...]
    missing: tuple[tuple[str, str], ...]
    known_on_assumed: tuple[str, ...]


def gather(scored: Scored, ledger: Ledger, facts: Facts, places: list[int], book: Book) -> list[Case]:
    """The cases of some customers of a partition.

    Parameters
    ----------
    scored, ledger, facts
        Of the same partition.
    places : list of customer numbers
    book : Book
        All rated customers.
    """
    day, defaults = day_number(scored.as_of), Defaults(facts, scored.bundle.default)
    return [_case(scored, ledger, Account(facts, place, day), defaults, book) for place in places]


def _case(scored: Scored, ledger: Ledger, account: Account, defaults: Defaults, book: Book) -> Case:
    place = account.place
    rating, person = scored.rating(place), scored.customers.iloc[place]
    rated = rating.pd is not None
    bundle, segment = scored.bundle, person["segment"]
    read = bundle.system.model.reads(scored.matrix.rows(slice(place, place + 1)))[0]
    missing = np.where(read & rated, scored.matrix.missing[place], Missing.NONE)
    onboarded = person["onboarded_on"]
    adverse = [reason for reason in rating.reasons if reason.points < 0]
    if_ = WhatIf.of(bundle, ledger, account.facts, rating.customer_id, account.T)
    ageing, disputed = _ageing(account)
    limit = account.limit
    return Case(
        customer_id=rating.customer_id,
        name=person["name"] or rating.customer_id,
        segment=segment,
        industry=person["industry"],
        country=person["country"],
        currency=ledger.reporting_currency,
        since=None if pd.isna(onboarded) else onboarded.date(),
        rating=rating,
        horizon_days=bundle.default.horizon_days,
        places=book.places(float(scored.log_odds[place]), segment, person["industry"]) if rated else (),
        baseline=bundle.reasons.baseline,
        base_points=float(scored.base_points[place]),
        waterfall=_waterfall(scored, place, rating, read) if rated else (),
        ageing=ageing,
        disputed=disputed,
        limit=None if np.isnan(limit) else limit / account.minor,
        months=_months(account),
        defaults=_defaults(account, defaults, bundle.default),
        evidence=shown(adverse, evidence_of(if_, [one.feature for one in adverse]), if_.own, account),
        helps=tuple(what_would_help(if_, _overdue(account), float(scored.log_odds[place]))) if rated else (),
        missing=tuple(
            _told_missing(one, int(code)) for one, code in zip(bundle.features, missing, strict=True) if code
        ),
        known_on_assumed=ledger.known_on_assumed,
    )


def _waterfall(scored: Scored, place: int, rating: Rating, read: np.ndarray) -> tuple[Step, ...]:
    """The features that weigh most, every told reason among them, and the others by family; the worst first."""
    bundle, points = scored.bundle, scored.points[place]
    told_names = {reason.feature for reason in rating.reasons}
    order = sorted(np.flatnonzero(read), key=lambda p: (bundle.features[p].name not in told_names, -abs(points[p])))
    steps, rest = [], dict[Family, float]()
    for rank, p in enumerate(order):
        one = bundle.features[p]
        if rank < BARS:
            value, code = float(scored.matrix.values[place, p]), int(scored.matrix.missing[place, p])
            en, zh = beside_usual(one, value, code, float(scored.usual[place, p]), float(points[p]))
            steps.append(Step(one.name, en, zh, float(points[p])))
        else:
            rest[one.family] = rest.get(one.family, 0.0) + float(points[p])
    for family, sum_ in rest.items():
        en, zh = family.value
        steps.append(Step("", f"Others of {en}", f"其他{zh}指标", sum_))
    return tuple(sorted(steps, key=lambda step: step.points))


def _defaults(account: Account, defaults: Defaults, recipe: DefaultRecipe) -> tuple[tuple[str, str, date], ...]:
    """Each kind of trigger that holds, or held in the cure period, and since when."""
    spells = defaults.spells(account.place, account.T)
    here = (spells.start <= account.T) & (spells.end > account.T - recipe.cure_days + 1)
    since = {kind: int(spells.start[here & (spells.kind == kind)].max()) for kind in np.unique(spells.kind[here])}
    return tuple((*TRIGGER_TEXT[TRIGGERS[kind]], day_of(day)) for kind, day in since.items())


def _months(account: Account) -> tuple[Month, ...]:
    """Month ends, oldest first, as the customer was known then."""
    days, figures = account.months(MONTHS, _LATENESS)
    return tuple(Month(day_of(day), *map(float, told)) for day, told in zip(days, figures.T, strict=True))


def _overdue(account: Account) -> list[tuple[str, float]]:
    """Invoices past due and not in dispute, and what is open of each, the heaviest first."""
    late = np.flatnonzero((account.open > 0) & (account.open == account.undisputed) & (account.due < account.T))
    order = late[np.argsort(-account.open[late], kind="stable")]
    return [
        (account.facts.document_id(int(account.document[k])), float(account.open[k] / account.minor)) for k in order
    ]


def _ageing(account: Account) -> tuple[tuple[float, ...], float]:
    bucket = np.searchsorted(_EDGES, account.T - account.due, side="left")
    sums = np.bincount(bucket, account.undisputed, minlength=len(_EDGES) + 1) / account.minor
    return tuple(float(s) for s in sums), float((account.open - account.undisputed).sum() / account.minor)


def _told_missing(declared: Feature, code: int) -> tuple[str, str]:
    en, zh = MISSING_TEXT[Missing(code)]
    return f"{declared.en[0].upper()}{declared.en[1:]}: {en}", f"{declared.zh}：{zh}"
