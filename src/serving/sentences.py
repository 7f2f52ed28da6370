"""Sentences: what a feature's value says of a customer, in English and Chinese."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..features.column import MISSING_TEXT, Missing
from ..features.declaration import Feature, Unit

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8]
Texts = tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]  # in English, in Chinese
_TIMES = {  # what is written without decimals, and as how many times itself
    Unit.DAYS: 1.0,
    Unit.DAYS_CHANGE: 1.0,
    Unit.COUNT: 1.0,
    Unit.COUNT_CHANGE: 1.0,
    Unit.MONEY: 1.0,
    Unit.SHARE: 100.0,
    Unit.SHARE_CHANGE: 100.0,
}


def describe(declared: Feature, value: float, missing: int) -> tuple[str, str]:
    """What a customer's value says, or why there is none."""
    (en, zh), said = _begins(declared), _said(declared.unit, value, missing)
    return en + said[0], zh + said[1]


def describe_all(features: Sequence[Feature], places: Places, values: Floats, missing: Codes) -> Texts:
    """`describe` of many, all of length r; `places` are those of the features."""
    begins, said = _all_begin(features, places), _said_all(features, places, values, missing)
    return begins[0] + said[0], begins[1] + said[1]


def beside_usual(declared: Feature, value: float, missing: int, usual: float, points: float) -> tuple[str, str]:
    """The same, and what is usual in the segment where that reads otherwise and explains the points.

    Points compare with the mean customer, and the usual value is a median: where many are at one end, a customer on the
    better side of the median may still be worse than the mean. Then the median would only mislead, and is not told.
    """
    en, zh = describe(declared, value, missing)
    if missing or math.isnan(usual) or declared.risk.value * (value - usual) * points > 0:
        return en, zh
    told, own = _said(declared.unit, usual, 0), _said(declared.unit, value, 0)
    return (en, zh) if told == own else (f"{en} (usual {told[0]})", f"{zh}（通常为{told[1]}）")


def beside_usual_all(
    features: Sequence[Feature], places: Places, values: Floats, missing: Codes, usual: Floats, points: Floats
) -> Texts:
    """`beside_usual` of many, all of length r."""
    said = _said_all(features, places, values, missing)
    en, zh = (begins + told for begins, told in zip(_all_begin(features, places), said, strict=True))
    risk = np.array([one.risk.value for one in features], float)[places]
    there = np.flatnonzero(~((missing > 0) | np.isnan(usual) | (risk * (values - usual) * points > 0)))
    told = _said_all(features, places[there], usual[there], missing[there])
    other = (told[0] != said[0][there]) | (told[1] != said[1][there])
    rows = there[other]
    en[rows] += " (usual " + told[0][other] + ")"
    zh[rows] += "（通常为" + told[1][other] + "）"
    return en, zh


def from_to_all(
    features: Sequence[Feature], places: Places, before: tuple[Floats, Codes], now: tuple[Floats, Codes]
) -> Texts:
    """What values say, and what they said before where that reads otherwise: values and missing reasons of length r."""
    was, is_ = (_said_all(features, places, *one) for one in (before, now))
    en, zh = (begins + told for begins, told in zip(_all_begin(features, places), is_, strict=True))
    other = (was[0] != is_[0]) | (was[1] != is_[1])
    en[other] += " (before: " + was[0][other] + ")"
    zh[other] += "（此前：" + was[1][other] + "）"
    return en, zh


def _begins(declared: Feature) -> tuple[str, str]:
    return f"{declared.en[0].upper()}{declared.en[1:]}: ", f"{declared.zh}："


def _all_begin(features: Sequence[Feature], places: Places) -> Texts:
    begins = np.array([_begins(one) for one in features], object).reshape(-1, 2)[places]
    return begins[:, 0], begins[:, 1]


def _said(unit: Unit, value: float, missing: int) -> tuple[str, str]:
    if missing == Missing.NEVER:
        return "never", "从未发生"
    if missing:
        en, zh = MISSING_TEXT[Missing(missing)]
        return f"not available, {en}", f"无数据（{zh}）"
    return written(unit, value)


def _said_all(features: Sequence[Feature], places: Places, values: Floats, missing: Codes) -> Texts:
    """`_said` of many; what reads the same is written once."""
    en, zh = np.empty(len(places), object), np.empty(len(places), object)
    for code in np.unique(missing[missing > 0]).tolist():
        en[missing == code], zh[missing == code] = _said(Unit.FLAG, math.nan, code)
    units = np.array([list(Unit).index(one.unit) for one in features], np.int64)[places]
    for unit in np.unique(units[missing == 0]).tolist():
        here, of = np.flatnonzero((units == unit) & (missing == 0)), list(Unit)[unit]
        times = _TIMES.get(of)
        shown = np.rint(times * values[here]) if times else values[here]
        _, one, alike = np.unique(shown, return_index=True, return_inverse=True)
        told = [_said(of, value, 0) for value in values[here][one].tolist()]
        en[here], zh[here] = np.array(told, object).reshape(-1, 2)[alike].T
    return en, zh


def written(unit: Unit, value: float) -> tuple[str, str]:
    """A value as people write it, in English and in Chinese."""
    match unit:
        case Unit.DAYS | Unit.DAYS_CHANGE:
            told = _whole(value, signed=unit is Unit.DAYS_CHANGE)
            return f"{told} {'day' if round(abs(value)) == 1 else 'days'}", f"{told}天"
        case Unit.SHARE:
            told = _whole(100 * value)
            return f"{told} %", f"{told}%"
        case Unit.SHARE_CHANGE:
            told = _whole(100 * value, signed=True)
            return f"{told} percentage points", f"{told}个百分点"
        case Unit.FLAG:
            return ("yes", "是") if value else ("no", "否")
        case Unit.PER_MONTH:
            told = _minus(f"{value:+.2g}")
            return f"{told} a month", f"每月{told}"
        case Unit.COUNT | Unit.MONEY:
            told = _whole(value)
        case Unit.COUNT_CHANGE:
            told = _whole(value, signed=True)
        case Unit.RATIO:
            told = _minus(f"{value:.2f}")
        case Unit.RATIO_CHANGE:
            told = _minus(f"{value:+.2f}")
    return told, told


def _whole(value: float, *, signed: bool = False) -> str:
    """A whole number; there is no minus before 0, and no plus."""
    return _grouped(round(value), signed)


@lru_cache(2**16)
def _grouped(told: int, signed: bool) -> str:
    return _minus(f"{told:+,}" if signed and told else f"{told:,}")


def _minus(told: str) -> str:
    """With the sign that is a minus; what is nothing when it is rounded has none."""
    if told.strip("+-0.") == "":
        told = told.lstrip("+-")
    return told.replace("-", "\u2212")
