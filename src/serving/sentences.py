"""Sentences: what a feature's value says of a customer, in English and Chinese."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..features.column import MISSING_TEXT, Missing
from ..features.declaration import Feature, Unit

_FEW = 100  # texts: fewer are sooner written than told apart
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
    en, zh = declared.en, declared.zh
    if missing in (Missing.NONE, Missing.NEVER):
        said = _said(declared, value, missing)
        return f"{en[0].upper()}{en[1:]}: {said[0]}", f"{zh}：{said[1]}"
    why_en, why_zh = MISSING_TEXT[Missing(missing)]
    return f"{en[0].upper()}{en[1:]}: not available, {why_en}", f"{zh}：无数据（{why_zh}）"


def beside_usual(declared: Feature, value: float, missing: int, usual: float, points: float) -> tuple[str, str]:
    """The same, and what is usual in the segment where that reads otherwise and explains the points.

    Points compare with the mean customer, and the usual value is a median: where many are at one end, a customer on the
    better side of the median may still be worse than the mean. Then the median would only mislead, and is not told.
    """
    en, zh = describe(declared, value, missing)
    if missing or math.isnan(usual) or declared.risk.value * (value - usual) * points > 0:
        return en, zh
    told = written(declared.unit, usual, "en")
    if told == written(declared.unit, value, "en"):
        return en, zh
    return f"{en} (usual {told})", f"{zh}（通常为{written(declared.unit, usual, 'zh')}）"


def all_beside_usual(
    features: Sequence[Feature],
    places: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
    missing: npt.NDArray[np.uint8],
    usual: npt.NDArray[np.float64],
    points: npt.NDArray[np.float64],
) -> tuple[list[str], list[str]]:
    """`beside_usual` of many, all of length r; what reads the same is written once.

    `places` are those of the features.
    """
    if len(places) < _FEW:
        rows = zip(places.tolist(), values.tolist(), missing.tolist(), usual.tolist(), points.tolist(), strict=True)
        told = [beside_usual(features[place], *rest) for place, *rest in rows]
        return [one[0] for one in told], [one[1] for one in told]
    times = np.array([_TIMES.get(one.unit, np.nan) for one in features])[places]
    risk = np.array([one.risk.value for one in features])[places]
    hidden = (missing > 0) | np.isnan(usual) | (risk * (values - usual) * points > 0)
    shown = [np.where(np.isnan(times), one, np.rint(times * one)) for one in (values, usual)]
    keys = {"place": places, "value": shown[0], "missing": missing, "usual": np.where(hidden, np.nan, shown[1])}
    alike = pd.DataFrame(keys).groupby(list(keys), sort=False, dropna=False).ngroup().to_numpy()
    _, first = np.unique(alike, return_index=True)
    told = [
        beside_usual(features[places[r]], float(values[r]), int(missing[r]), float(usual[r]), float(points[r]))
        for r in first.tolist()
    ]
    en, zh = (np.array([one[k] for one in told], object)[alike].tolist() for k in (0, 1))
    return en, zh


def from_to(declared: Feature, before: tuple[float, int], now: tuple[float, int]) -> tuple[str, str]:
    """What it says, and what it said before where that reads otherwise; each a value and its missing reason."""
    en, zh = describe(declared, *now)
    was, is_ = _said(declared, *before), _said(declared, *now)
    return (en, zh) if was == is_ else (f"{en} (before: {was[0]})", f"{zh}（此前：{was[1]}）")


def _said(declared: Feature, value: float, missing: int) -> tuple[str, str]:
    if missing == Missing.NEVER:
        return "never", "从未发生"
    if missing:
        en, zh = MISSING_TEXT[Missing(missing)]
        return f"not available, {en}", f"无数据（{zh}）"
    return written(declared.unit, value, "en"), written(declared.unit, value, "zh")


def written(unit: Unit, value: float, language: str) -> str:
    """A value as people of the language write it."""
    zh = language == "zh"
    match unit:
        case Unit.DAYS | Unit.DAYS_CHANGE:
            told = _whole(value, signed=unit is Unit.DAYS_CHANGE)
            return f"{told}天" if zh else f"{told} {'day' if round(abs(value)) == 1 else 'days'}"
        case Unit.SHARE:
            return f"{_whole(100 * value)}%" if zh else f"{_whole(100 * value)} %"
        case Unit.SHARE_CHANGE:
            told = _whole(100 * value, signed=True)
            return f"{told}个百分点" if zh else f"{told} percentage points"
        case Unit.FLAG:
            return ("是" if value else "否") if zh else ("yes" if value else "no")
        case Unit.COUNT | Unit.MONEY:
            return _whole(value)
        case Unit.COUNT_CHANGE:
            return _whole(value, signed=True)
        case Unit.PER_MONTH:
            told = _minus(f"{value:+.2g}")
            return f"每月{told}" if zh else f"{told} a month"
        case Unit.RATIO:
            return _minus(f"{value:.2f}")
        case Unit.RATIO_CHANGE:
            return _minus(f"{value:+.2f}")


def _whole(value: float, *, signed: bool = False) -> str:
    """A whole number; there is no minus before 0, and no plus."""
    told = round(value)
    return _minus(f"{told:+,}" if signed and told else f"{told:,}")


def _minus(told: str) -> str:
    """With the sign that is a minus; what is nothing when it is rounded has none."""
    if told.strip("+-0.") == "":
        told = told.lstrip("+-")
    return told.replace("-", "\u2212")
