"""A feature is declared once: its name, both languages, unit, direction of risk, measure, missing reasons."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import numpy as np

from .column import Column, Missing

if TYPE_CHECKING:
    from .engine.past import Past


class Risk(Enum):
    """How risk moves when the value rises."""

    RISES = 1
    FALLS = -1
    FREE = 0


class Unit(Enum):
    """What a value is counted in."""

    DAYS = "days"
    DAYS_CHANGE = "change of days"
    COUNT = "count"
    COUNT_CHANGE = "change of a count"
    FLAG = "yes or no"
    MONEY = "money"
    SHARE = "share"
    SHARE_CHANGE = "change of a share"
    RATIO = "ratio"
    RATIO_CHANGE = "change of a ratio"
    PER_MONTH = "per month"


class Family(Enum):
    """Families of the catalogue, with their names in both languages."""

    ACTIVITY = ("tenure and activity", "合作年限与业务量")
    LATENESS = ("lateness", "付款逾期")
    TREND = ("trend and shock", "趋势与突变")
    AGEING = ("ageing and exposure", "账龄与敞口")
    LIMIT = ("credit limit", "信用额度")
    TERMS = ("terms of payment", "付款条件")
    MECHANICS = ("payment mechanics", "付款方式")
    DISPUTES = ("disputes, credits, promises, dunning", "争议、贷项、承诺与催收")
    OUTSIDE = ("peers, group and signals from outside", "同业、集团与外部信息")


USUAL_DAYS = 430  # windows of a year, and what is decided 60 days after due within one
_MONTH = 31

Windows = ParamSpec("Windows")


@dataclass(frozen=True)
class Measure:
    """A declared computation: equal declarations are one measure and are computed once.

    One that is `lifelong` looks at documents that were done with more than a window ago; one that is `monthly` compares
    with what was known at the ends of earlier months. The engine gives others neither. One that compares with
    `others` needs a survey of all customers on the day (features/peers.py).

    >>> from tradecredit.features.measures.lateness import dbt
    >>> print(dbt(due_within=90))
    dbt(due_within=90)
    """

    name: str
    windows: tuple[tuple[str, Any], ...]
    compute: Callable[..., Column]
    lifelong: bool = False
    monthly: bool = False
    others: bool = False

    @cached_property
    def among_others(self) -> bool:
        """Does it, or a measure that it is made of, compare with other customers?"""
        return self.others or any(one.among_others for one in self._bases)

    @cached_property
    def looks_at_all(self) -> bool:
        """Does it, or a measure that it is made of, look further back than a usual window?"""
        return self.lifelong or self._long or any(one.looks_at_all for one in self._bases)

    @cached_property
    def looks_back(self) -> bool:
        """Does it, or a measure that it is made of, compare with earlier months?"""
        return self.monthly or any(one.looks_back for one in self._bases)

    @property
    def _bases(self) -> "list[Measure]":
        return [one for _, one in self.windows if isinstance(one, Measure)]

    @property
    def _long(self) -> bool:
        """Is it given a window beyond the usual?"""
        told = [one * _MONTH if key == "months" else one for key, one in self.windows if isinstance(one, int)]
        reaches = [getattr(one, "reach", 0) for _, one in self.windows]
        return max([*told, *reaches], default=0) > USUAL_DAYS

    @cached_property
    def _given(self) -> dict[str, Any]:
        return dict(self.windows)

    @cached_property
    def _hash(self) -> int:
        return hash((self.name, self.windows))

    def __hash__(self) -> int:
        return self._hash

    def __call__(self, past: "Past") -> Column:
        return self.compute(past, **self._given)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{key}={value}' for key, value in self.windows)})"


def measure(
    compute: Callable[Concatenate["Past", Windows], Column],
    *,
    lifelong: bool = False,
    monthly: bool = False,
    others: bool = False,
) -> Callable[Windows, Measure]:
    """Turn `f(past, *, window=...)` into a declaration: `f(window=90)` is a `Measure`."""

    def declare(*args: Windows.args, **windows: Windows.kwargs) -> Measure:
        assert not args, "windows are keyword-only"
        return Measure(compute.__name__, tuple(sorted(windows.items())), compute, lifelong, monthly, others)

    declare.__doc__ = compute.__doc__
    return declare


def lifelong(
    compute: Callable[Concatenate["Past", Windows], Column],
) -> Callable[Windows, Measure]:
    """The same for a measure of the customer's whole history."""
    return measure(compute, lifelong=True)


def monthly(
    compute: Callable[Concatenate["Past", Windows], Column],
) -> Callable[Windows, Measure]:
    """The same for a measure that compares with what was known at the ends of earlier months."""
    return measure(compute, monthly=True)


def among_others(
    compute: Callable[Concatenate["Past", Windows], Column],
) -> Callable[Windows, Measure]:
    """The same for a measure that compares a customer with the others of its segment or group."""
    return measure(compute, others=True)


@dataclass(frozen=True)
class Feature:
    """One declared feature.

    Attributes
    ----------
    name : str
        Its window is the suffix: `_90d`, `_12m`.
    en, zh : str
        What a credit manager reads.
    risk : Risk
        Bins, monotone constraints and law tests follow it.
    measure : Measure
        What is computed from the past.
    missing : tuple of Missing
        The reasons for which there may be no number, besides NEW.
    acts : bool
        Can the customer change it by what it does from now on?
    in_scorecard : bool
        False keeps it out of models (near the label, or the credit team's own decision, which would feed itself).
    levels : tuple of str
        Names of the levels of a category, whose value is the place of its level here; empty for a number.
    """

    name: str
    en: str
    zh: str
    unit: Unit
    risk: Risk
    measure: Measure
    missing: tuple[Missing, ...] = ()
    acts: bool = True
    in_scorecard: bool = True
    family: Family = Family.ACTIVITY
    levels: tuple[str, ...] = ()

    @property
    def dtype(self) -> type[np.floating[Any]]:
        """Money is float64; all else is rounded to float32, for training and for scoring alike."""
        return np.float64 if self.unit is Unit.MONEY else np.float32


def declared(
    family: Family, *told: tuple[Any, ...], acts: bool = True, in_scorecard: bool = True
) -> tuple[Feature, ...]:
    """Features of one family: name, English, Chinese, unit, risk, measure and missing reasons of each."""
    features = (Feature(*one) for one in told)
    return tuple(replace(one, acts=acts, in_scorecard=in_scorecard, family=family) for one in features)
