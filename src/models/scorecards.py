"""Scorecards: the pooled card and those of segments, all on one scale; each row is scored by one of them."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from ..features.matrix import Matrix
from .scorecard import Scorecard

Floats = npt.NDArray[np.float64]
POOLED = "pooled"


@dataclass(frozen=True)
class SegmentCard:
    """How one segment is rated.

    Attributes
    ----------
    segment : str
    how : {"own", "expert", "offset", "pooled"}
        By a card of its own, by one that people made for it, by the pooled card with `offset` points for everyone in
        it, or by the pooled card.
    bads : int
        Bad customers of the segment in train: the reason why.
    offset : int
    card : Scorecard or None
        Its own.
    """

    segment: str
    how: str
    bads: int
    offset: int = 0
    card: Scorecard | None = None

    @property
    def why(self) -> str:
        """In words."""
        n = f"{self.bads} bad customers"
        match self.how:
            case "own":
                return f"a card of its own, from {n}"
            case "expert":
                return f"the card of an expert; {n} are too few to fit one"
            case "offset":
                by = f"{'plus' if self.offset > 0 else 'minus'} {abs(self.offset)} points"
                return f"the pooled card {by}; {n} are too few for a card of its own"
            case _:
                return f"the pooled card; {n} are too few to tell it apart"

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "segment": self.segment,
            "how": self.how,
            "bads": self.bads,
            "offset": self.offset,
            "card": None if self.card is None else self.card.as_dict(),
        }

    @classmethod
    def of_dict(cls, said: dict[str, Any]) -> "SegmentCard":
        """What `as_dict` gave."""
        return cls(**{**said, "card": said["card"] and Scorecard.of_dict(said["card"])})


@dataclass(frozen=True)
class Scorecards:
    """The pooled scorecard and those of segments; each row is scored by one card.

    All have the same scale: a point is worth the same odds whoever is scored. A row whose `segment` is not named is
    scored by the pooled card.

    Attributes
    ----------
    pooled : Scorecard
    segments : tuple of SegmentCard
    """

    pooled: Scorecard
    segments: tuple[SegmentCard, ...] = ()

    kind: ClassVar[str] = "scorecard"

    def __post_init__(self) -> None:
        for one in self.segments:
            if one.card is not None and one.card.scale != self.pooled.scale:
                raise Mistake(f"segments.{one.segment}: its card has another scale of points than the pooled card.")

    @property
    def cards(self) -> list[tuple[str, Scorecard]]:
        """Each card with its name, the pooled one first; a shifted pooled card has the offset in its base."""
        told = [(POOLED, self.pooled)]
        for one in self.segments:
            shifted = replace(self.pooled, base=self.pooled.base + one.offset)
            told.append((one.segment, shifted if one.card is None else one.card))
        return told

    @property
    def features(self) -> tuple[str, ...]:
        """Those of the pooled card, then what other cards read besides."""
        return tuple(dict.fromkeys(name for _, card in self.cards for name in card.features))

    def steps(self, feature: str) -> Floats:
        """The edges of its bins on every card."""
        told = [edge for _, card in self.cards for one in card.bins if one.feature == feature for edge in one.edges]
        return np.unique(told)

    def card_of(self, matrix: Matrix) -> npt.NDArray[np.int64]:
        """The place in `cards` of the card that scores each row, length n."""
        if not self.segments:
            return np.zeros(len(matrix), np.int64)
        if "segment" not in matrix.keys:
            raise Mistake("rows: no column 'segment'; the scorecards differ by segment.")
        place = {one.segment: k for k, one in enumerate(self.segments, start=1)}
        return np.array([place.get(name, 0) for name in matrix.keys["segment"]], np.int64)

    def score(self, matrix: Matrix) -> npt.NDArray[np.int64]:
        """Whole points of each row, length n: more is less risk."""
        told = np.zeros(len(matrix), np.int64)
        for here, card in self._parts(matrix):
            told[here] = card.score(matrix.rows(here))
        return told

    def log_odds(self, matrix: Matrix) -> Floats:
        """Those of the whole points, length n."""
        return self.pooled.scale.log_odds(self.score(matrix).astype(float))

    def baselines(self, matrix: Matrix) -> Floats:
        """Log-odds of the mean customer of each row's card, length n."""
        told = np.zeros(len(matrix))
        for here, card in self._parts(matrix):
            told[here] = card.baseline
        return told

    def reads(self, matrix: Matrix) -> npt.NDArray[np.bool_]:
        """(n, k): which features the card of each row has."""
        told = np.array([[name in card.features for name in self.features] for _, card in self.cards])
        return told[self.card_of(matrix)]

    def contributions(self, matrix: Matrix) -> Floats:
        """(n, k): log-odds that each feature adds against its mean points; 0 where a row's card does not read it."""
        names, told = self.features, np.zeros((len(matrix), len(self.features)))
        for here, card in self._parts(matrix):
            places = np.array([names.index(name) for name in card.features])
            told[here[:, None], places] = card.contributions(matrix.rows(here))
        return told

    def _parts(self, matrix: Matrix) -> list[tuple[npt.NDArray[np.int64], Scorecard]]:
        """The rows of each card that scores any."""
        which = self.card_of(matrix)
        parts = [(np.flatnonzero(which == k), card) for k, (_, card) in enumerate(self.cards)]
        return [(here, card) for here, card in parts if len(here)]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        segments = [one.as_dict() for one in self.segments]
        return {"kind": self.kind, "pooled": self.pooled.as_dict(), "segments": segments}

    @classmethod
    def of_dict(cls, said: dict[str, Any]) -> "Scorecards":
        """What `as_dict` gave."""
        segments = tuple(SegmentCard.of_dict(one) for one in said["segments"])
        return cls(Scorecard.of_dict(said["pooled"]), segments)
