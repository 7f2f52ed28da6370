"""Early warning: rules over ratings and features that call a person's attention before the default does."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from ..features.catalogue import feature
from ..features.declaration import Feature
from ..features.matrix import Matrix
from .sentences import Texts, describe_all

Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Grades = npt.NDArray[np.object_]
SEVERITIES = ("low", "medium", "high")


@dataclass(frozen=True)
class WarningRule:
    """A rule of the section `warnings` of params.yaml; it fires where all that it says holds.

    Attributes
    ----------
    severity : {"low", "medium", "high"}
    above, below : dict of str to float
        Features and what their value is above, or below; a missing value is neither.
    grades : int
        The published grade fell by so many since the rating before; 0: it is not asked.
    newly : bool
        It fires only where what is above or below was not so at the rating before, or where there was none.
    cool_down_days : int
        It is not written to the store again for the same customer within so many days.
    """

    severity: str
    above: dict[str, float] = field(default_factory=dict)
    below: dict[str, float] = field(default_factory=dict)
    grades: int = 0
    newly: bool = True
    cool_down_days: int = 30

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise Mistake(f"warnings: severity should be one of {', '.join(SEVERITIES)}, got {self.severity!r}.")
        if not (self.above or self.below or self.grades > 0):
            raise Mistake("warnings: a rule should say what is above, what is below, or by how many grades one fell.")
        if self.grades < 0 or self.cool_down_days < 0:
            raise Mistake("warnings: grades and cool_down_days should be 0 or more.")
        for name in self.names:
            try:
                feature(name)
            except KeyError:
                raise Mistake(f"warnings: there is no feature {name!r}; docs/features.md lists them.") from None

    @property
    def names(self) -> tuple[str, ...]:
        """The features that it looks at."""
        return tuple(dict.fromkeys((*self.above, *self.below)))

    def holds(self, matrix: Matrix) -> Flags:
        """Where what should be above or below is so, length n."""
        told = np.ones(len(matrix), bool)
        for name, limit in self.above.items():
            told &= matrix.column(name) > limit
        for name, limit in self.below.items():
            told &= matrix.column(name) < limit
        return told


def held(rules: Mapping[str, WarningRule], n: int, rows: Integers, then: Matrix) -> dict[str, Flags]:
    """Where each rule held at the rating before, length n; `then` are some `rows` of n as they stood."""
    told = {name: np.zeros(n, bool) for name in rules}
    for name, rule in rules.items():
        told[name][rows] = rule.holds(then)
    return told


def watched(rules: Mapping[str, WarningRule]) -> tuple[Feature, ...]:
    """The features that rules look at."""
    return tuple(feature(name) for name in dict.fromkeys(name for rule in rules.values() for name in rule.names))


@dataclass(frozen=True)
class Fired:
    """The warnings of n rows, flat as `Reasons`.

    Attributes
    ----------
    starts : int64, length n + 1
    rules, severities, en, zh : arrays of str, length r
    """

    starts: Integers
    rules: npt.NDArray[np.object_]
    severities: npt.NDArray[np.object_]
    en: npt.NDArray[np.object_]
    zh: npt.NDArray[np.object_]

    @classmethod
    def of(
        cls,
        rules: Mapping[str, WarningRule],
        matrix: Matrix,
        stood: Mapping[str, Flags],
        rows: Flags,
        before: Grades,
        now: Grades,
        scale: Sequence[str],
    ) -> "Fired":
        """Which rules fire, by severity, the gravest first.

        Parameters
        ----------
        matrix : Matrix, n rows
            Of the features that rules look at.
        stood : dict of str to bool, length n
            See `held`.
        rows : bool, length n
            Who is rated: of the others no feature is watched.
        before, now : n published grades
            "" or None for none.
        scale : grades, best first, default the last
        """
        rank = {grade: place for place, grade in enumerate(scale)}
        was, is_ = (np.array([rank.get(one or "", -1) for one in grades]) for grades in (before, now))
        fell = np.where((was >= 0) & (is_ >= 0), is_ - was, 0)
        order = sorted(rules, key=lambda name: -SEVERITIES.index(rules[name].severity))
        fires = np.zeros((len(order), len(rows)), bool)
        for fire, name in zip(fires, order, strict=True):
            rule = rules[name]
            fire[:] = fell >= rule.grades if rule.grades else True
            if rule.names:  # who fell into default is told of by the grade, not by what led there
                fire &= rule.holds(matrix) & rows
                fire &= ~stood[name] if rule.newly else True
        who, which = np.nonzero(fires.T)
        en, zh = np.empty(len(who), object), np.empty(len(who), object)
        for place, name in enumerate(order):
            here = which == place
            en[here], zh[here] = _said(rules[name], matrix, who[here], before, now)
        return cls(
            np.concatenate([[0], np.cumsum(fires.sum(axis=0))]).astype(np.int64),
            np.array(order, object)[which],
            np.array([rules[name].severity for name in order], object)[which],
            en,
            zh,
        )


def _said(rule: WarningRule, matrix: Matrix, rows: Integers, before: Grades, now: Grades) -> Texts:
    """What a rule saw of some rows."""
    parts: list[Texts] = []
    if rule.grades:
        fell = before[rows] + " → " + now[rows]
        parts.append(("Grade " + fell, "等级 " + fell))
    for name in rule.names:
        place = np.zeros(len(rows), np.int64)
        parts.append(describe_all([feature(name)], place, matrix.column(name)[rows], matrix.reasons(name)[rows]))
    en, zh = parts[0]
    for other_en, other_zh in parts[1:]:
        en, zh = en + "; " + other_en, zh + "；" + other_zh
    return en, zh


def as_dicts(rules: Mapping[str, WarningRule]) -> dict[str, Any]:
    """Plain JSON types."""
    return {name: asdict(one) for name, one in rules.items()}


def of_dicts(said: Mapping[str, Any]) -> dict[str, WarningRule]:
    """What `as_dicts` gave."""
    return {name: WarningRule(**one) for name, one in said.items()}
