"""Answers: what the API takes and gives, as OpenAPI tells it."""

import re
from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from .ratings import Change, EarlyWarning, Part, Rating
from .reasons import Reason
from .store.history import Entry, Told

CustomerId = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


def _written(said: object) -> object:
    if not isinstance(said, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", said):
        raise ValueError("should be a day such as 2024-12-31")
    return said


Day = Annotated[date, BeforeValidator(_written)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Question(_Strict):
    """Whom to rate, and at the close of which day."""

    customer_id: CustomerId
    as_of: Day = Field(strict=False, description="A day for which the ledger is complete, as YYYY-MM-DD.")


class Term(_Strict):
    """The PD within so many days."""

    days: int
    pd: float


class RatingOut(_Strict):
    """A rating; see the table of ratings in README.md for what each part is."""

    customer_id: str
    as_of: date
    status: str = Field(description="observed is rated; the others say why not.")
    pd: float | None = Field(description="Probability of default within the horizon.")
    pd_cautious: float | None
    pd_term: list[Term]
    score: int | None = Field(description="Points: more is less risk.")
    grade: str | None = Field(description="The model's.")
    published: str | None = Field(description="The grade that is shown.")
    previous: str
    model: str
    card: str
    card_en: str
    card_zh: str
    bundle: str = Field(description="SHA-256 of the bundle's manifest.")
    manual_review: bool = Field(description="A strategic customer: the rating is advice, people decide.")
    base_points: float | None
    families: dict[str, float]
    reasons: list[Reason]
    second_grade: str | None
    second_pd: float | None
    parted: list[Part]
    since: date | None
    changes: list[Change]
    warnings: list[EarlyWarning]

    @classmethod
    def of(cls, rating: Rating) -> "RatingOut":
        """Of a rating as it is told."""
        said = {name: getattr(rating, name) for name in cls.model_fields}
        listed = {name: list(said[name]) for name in ("reasons", "parted", "changes", "warnings")}
        terms = [Term(days=days, pd=pd) for days, pd in rating.pd_term]
        return cls(**said | listed | {"status": rating.status.name.lower(), "pd_term": terms})


class Override(_Strict):
    """The grade that people gave, and until when."""

    grade: str
    valid_until: date
    decided_by: str
    reason: str


class HeldOut(_Strict):
    """The rating that held on a day, by which run it was told, and what people decided."""

    rating: RatingOut
    in_force: str | None = Field(description="The grade that holds: that of people, or the published one.")
    override: Override | None
    run_id: int
    recorded_at: datetime
    ledger: str = Field(description="Fingerprint of the ledger's deliveries.")

    @classmethod
    def of(cls, told: Told) -> "HeldOut":
        """Of what the store tells."""
        one = told.decision
        decided = None
        if one is not None:
            decided = Override(
                grade=str(one.grade), valid_until=one.valid_until, decided_by=one.decided_by, reason=one.reason
            )
        return cls(
            rating=RatingOut.of(told.rating),
            in_force=decided.grade if decided else told.rating.published,
            override=decided,
            run_id=told.entry.run_id,
            recorded_at=told.entry.recorded_at,
            ledger=told.ledger,
        )


class HistoryOut(_Strict):
    """All ratings of a customer, the oldest first."""

    customer_id: str
    entries: list[Entry]


class Fault(_Strict):
    """What is wrong, and what would be right."""

    error: str
    request_id: str
