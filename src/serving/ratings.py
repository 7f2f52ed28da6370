"""Ratings: what is told of each customer, as an object and as a row of a table."""

from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import pyarrow as pa

from ..features.observations import Status
from .reasons import Reason


@dataclass(frozen=True)
class Change:
    """One part of what moved a customer's points since its rating before.

    Attributes
    ----------
    what : str
        A feature's name, or "segment", "model", "others".
    points : float
        All parts add up to the change of the points, not rounded.
    en, zh : str
        In words.
    """

    what: str
    points: float
    en: str
    zh: str


@dataclass(frozen=True)
class Part:
    """A feature on which two models part: points that it adds by the champion, and by the other."""

    feature: str
    points: float
    second_points: float
    en: str
    zh: str


@dataclass(frozen=True)
class EarlyWarning:
    """A rule that fires, and what it saw, in words."""

    rule: str
    severity: str
    en: str
    zh: str


@dataclass(frozen=True)
class Rating:
    """The rating of one customer at one day.

    Attributes
    ----------
    status : Status
        OBSERVED is rated; the others tell why not (a defaulted customer has the grade D and no PD).
    pd : float in (0, 1); score : int, more is less risk; grade : str, the model's
    published, previous : str
        The grade that is shown, which moves only when the PD has left its band by the margin of the rating philosophy,
        and the one shown before ("" where none was given).
    pd_cautious : float in (0, 1)
        The PD with the margin of conservatism: beside it, never part of grade or points.
    pd_term : tuple of (days, pd)
        The PD within each term, the last the horizon: what the receivables of the next weeks are at risk of.
    card, card_en, card_zh : str
        Which scorecard rated, and why that one; "" for trees, and where there is one card for all.
    manual_review : bool
        A strategic customer: the rating is advice, people decide.
    base_points : float
        The score, not rounded, of whom the customer is compared with.
    families : dict of str to float
        What each family of features adds to them; all together lead to the score.
    reasons : tuple of Reason
    second_grade : str or None; second_pd : float or None
        What the model that is not the champion says, where the bundle holds it.
    parted : tuple of Part
        Where that is two grades or more away: the features on which the two part.
    since : date or None
        Of the rating before, where its ratings were given.
    changes : tuple of Change
    warnings : tuple of EarlyWarning
        The gravest first.
    """

    customer_id: str
    as_of: date
    status: Status
    pd: float | None
    pd_cautious: float | None
    pd_term: tuple[tuple[int, float], ...]
    score: int | None
    grade: str | None
    published: str | None
    previous: str
    model: str
    card: str
    card_en: str
    card_zh: str
    bundle: str
    manual_review: bool
    base_points: float | None
    families: dict[str, float]
    reasons: tuple[Reason, ...]
    second_grade: str | None
    second_pd: float | None
    parted: tuple[Part, ...]
    since: date | None
    changes: tuple[Change, ...]
    warnings: tuple[EarlyWarning, ...]

    @classmethod
    def of_row(cls, row: dict[str, Any]) -> "Rating":
        """From a row of the table, as Python objects."""
        told = {one.name: row[one.name] for one in fields(cls)}
        return cls(
            **told
            | {
                "status": Status[row["status"].upper()],
                "pd_term": tuple((one["days"], one["pd"]) for one in row["pd_term"]),
                "families": {one["family"]: one["points"] for one in row["families"]},
                "reasons": tuple(Reason(**one) for one in row["reasons"]),
                "parted": tuple(Part(**one) for one in row["parted"]),
                "changes": tuple(Change(**one) for one in row["changes"]),
                "warnings": tuple(EarlyWarning(**one) for one in row["warnings"]),
            }
        )


TERM = pa.struct([("days", pa.int64()), ("pd", pa.float64())])
FAMILY = pa.struct([("family", pa.string()), ("en", pa.string()), ("zh", pa.string()), ("points", pa.float64())])
REASON = pa.struct(
    [
        ("feature", pa.string()),
        ("family", pa.string()),
        ("points", pa.float64()),
        ("value", pa.float64()),
        ("usual", pa.float64()),
        ("missing", pa.string()),
        ("en", pa.string()),
        ("zh", pa.string()),
    ]
)
CHANGE = pa.struct([("what", pa.string()), ("points", pa.float64()), ("en", pa.string()), ("zh", pa.string())])
PART = pa.struct(
    [
        ("feature", pa.string()),
        ("points", pa.float64()),
        ("second_points", pa.float64()),
        ("en", pa.string()),
        ("zh", pa.string()),
    ]
)
WARNING = pa.struct([("rule", pa.string()), ("severity", pa.string()), ("en", pa.string()), ("zh", pa.string())])
SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("as_of", pa.date32()),
        ("status", pa.string()),
        ("status_en", pa.string()),
        ("status_zh", pa.string()),
        ("pd", pa.float64()),
        ("pd_cautious", pa.float64()),
        ("pd_term", pa.list_(TERM)),
        ("score", pa.int64()),
        ("grade", pa.string()),
        ("published", pa.string()),
        ("previous", pa.string()),
        ("model", pa.string()),
        ("card", pa.string()),
        ("card_en", pa.string()),
        ("card_zh", pa.string()),
        ("bundle", pa.string()),
        ("manual_review", pa.bool_()),
        ("base_points", pa.float64()),
        ("families", pa.list_(FAMILY)),
        ("reasons", pa.list_(REASON)),
        ("second_grade", pa.string()),
        ("second_pd", pa.float64()),
        ("parted", pa.list_(PART)),
        ("since", pa.date32()),
        ("changes", pa.list_(CHANGE)),
        ("warnings", pa.list_(WARNING)),
    ]
)
