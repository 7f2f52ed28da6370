"""The book: all rated customers, so that one can be placed among those of its segment and of its industry."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..models.rating import MasterScale
from .pages import industry_text, segment_text
from .scored import Scored

FEWEST = 10  # others: among fewer a rank says little, and might give one of them away


@dataclass(frozen=True)
class Place:
    """Where a customer stands among others.

    Attributes
    ----------
    en, zh : str
        Among whom.
    many : int
        Of rated customers, this one included.
    riskier_than : float in [0, 1]
        Share of the others with a lower PD.
    grades : tuple of int
        How many of them have each grade of the scale, best first.
    """

    en: str
    zh: str
    many: int
    riskier_than: float
    grades: tuple[int, ...]


@dataclass(frozen=True)
class Book:
    """Arrays of one length: calibrated log-odds, segment and industry of each rated customer."""

    scale: MasterScale
    log_odds: npt.NDArray[np.float64]
    segment: npt.NDArray[np.object_]
    industry: npt.NDArray[np.object_]

    @classmethod
    def of(cls, scale: MasterScale, parts: Iterable[Scored]) -> "Book":
        """Of the ratings of all partitions."""
        told = [
            (
                one.log_odds[one.rated],
                *(one.customers[name].to_numpy(object)[one.rated] for name in ("segment", "industry")),
            )
            for one in parts
        ]
        return cls(scale, *(np.concatenate(column) for column in zip(*told, strict=True)))

    def places(self, log_odds: float, segment: str, industry: str) -> tuple[Place, ...]:
        """Of a rated customer: among all, among its segment, among its industry; not among too few."""
        everyone = np.ones(len(self.log_odds), bool)
        asked = [("all rated customers", "全部已评级客户", everyone)]
        if segment:
            en, zh = segment_text(segment)
            asked.append((f"its segment: {en}", f"客户类别：{zh}", self.segment == segment))
        if industry:
            en, zh = industry_text(industry)
            asked.append((f"its industry: {en}", f"同行业：{zh}", self.industry == industry))
        told = []
        for en, zh, here in asked:
            z = self.log_odds[here]
            if len(z) > FEWEST or here is everyone:
                grades = np.bincount(self.scale.place(z), minlength=len(self.scale.names))
                less = float((z < log_odds).sum() / max(1, len(z) - 1))
                told.append(Place(en, zh, len(z), less, tuple(grades.tolist())))
        return tuple(told)
