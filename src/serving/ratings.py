"""Ratings: what is told of each customer, as an object and as a row of a table."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..features.declaration import Family
from ..features.observations import Status
from .changes import Changes
from .early_warning import Fired
from .opinions import Parting
from .reasons import Reason, Reasons


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


_TERM = pa.struct([("days", pa.int64()), ("pd", pa.float64())])
_FAMILY = pa.struct([("family", pa.string()), ("en", pa.string()), ("zh", pa.string()), ("points", pa.float64())])
_REASON = pa.struct(
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
_CHANGE = pa.struct([("what", pa.string()), ("points", pa.float64()), ("en", pa.string()), ("zh", pa.string())])
_PART = pa.struct(
    [
        ("feature", pa.string()),
        ("points", pa.float64()),
        ("second_points", pa.float64()),
        ("en", pa.string()),
        ("zh", pa.string()),
    ]
)
_WARNING = pa.struct([("rule", pa.string()), ("severity", pa.string()), ("en", pa.string()), ("zh", pa.string())])
SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("as_of", pa.date32()),
        ("status", pa.string()),
        ("status_en", pa.string()),
        ("status_zh", pa.string()),
        ("pd", pa.float64()),
        ("pd_cautious", pa.float64()),
        ("pd_term", pa.list_(_TERM)),
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
        ("families", pa.list_(_FAMILY)),
        ("reasons", pa.list_(_REASON)),
        ("second_grade", pa.string()),
        ("second_pd", pa.float64()),
        ("parted", pa.list_(_PART)),
        ("since", pa.date32()),
        ("changes", pa.list_(_CHANGE)),
        ("warnings", pa.list_(_WARNING)),
    ]
)


def listed(starts: npt.NDArray[np.int64], type_: pa.StructType, *columns: Iterable[Any]) -> pa.Array:
    """Lists of structs, from where each list starts and the columns of all of them end to end."""
    of = [pa.array(column, type_.field(place).type, from_pandas=True) for place, column in enumerate(columns)]
    return pa.ListArray.from_arrays(pa.array(starts, pa.int32()), pa.StructArray.from_arrays(of, fields=list(type_)))


def terms_column(rated: npt.NDArray[np.bool_], days: tuple[int, ...], told: npt.NDArray[np.float64]) -> pa.Array:
    """PD within each term, (n, t), of rated rows."""
    return listed(_starts(rated, len(days)), _TERM, np.tile(days, int(rated.sum())), told[rated].ravel())


def families_column(rated: npt.NDArray[np.bool_], told: dict[Family, npt.NDArray[np.float64]]) -> pa.Array:
    """Points of each family, of rated rows."""
    n, families = int(rated.sum()), list(told)
    return listed(
        _starts(rated, len(families)),
        _FAMILY,
        [one.name.lower() for one in families] * n,
        [one.value[0] for one in families] * n,
        [one.value[1] for one in families] * n,
        np.column_stack([points[rated] for points in told.values()]).ravel() if families else [],
    )


def reasons_column(reasons: Reasons) -> pa.Array:
    """The reasons of each row."""
    return listed(
        reasons.starts,
        _REASON,
        reasons.names,
        reasons.families,
        reasons.points,
        reasons.values,
        reasons.usual,
        reasons.why_missing,
        reasons.en,
        reasons.zh,
    )


def parted_column(parting: Parting) -> pa.Array:
    """On what the two models part, of each row."""
    return listed(parting.starts, _PART, parting.features, parting.first, parting.second, parting.en, parting.zh)


def changes_column(changes: Changes) -> pa.Array:
    """What moved each row since."""
    return listed(changes.starts, _CHANGE, changes.what, changes.points, changes.en, changes.zh)


def warnings_column(fired: Fired) -> pa.Array:
    """The rules that fire of each row."""
    return listed(fired.starts, _WARNING, fired.rules, fired.severities, fired.en, fired.zh)


def _starts(rated: npt.NDArray[np.bool_], each: int) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(rated) * each])
