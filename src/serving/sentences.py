"""Sentences: what a feature's value says of a customer, in English and Chinese."""

import math

from ..features.column import MISSING_TEXT, Missing
from ..features.declaration import Feature, Unit


def describe(declared: Feature, value: float, missing: int) -> tuple[str, str]:
    """What a customer's value says, or why there is none."""
    en, zh = declared.en, declared.zh
    if missing in (Missing.NONE, Missing.NEVER):
        said = _said(declared, value, missing)
        return f"{en[0].upper()}{en[1:]}: {said[0]}", f"{zh}：{said[1]}"
    why_en, why_zh = MISSING_TEXT[Missing(missing)]
    return f"{why_en[0].upper()}{why_en[1:]}: {en} is not known", f"{why_zh}，无法得知{zh}"


def beside_usual(declared: Feature, value: float, missing: int, usual: float) -> tuple[str, str]:
    """The same, and what is usual in the segment where that reads otherwise."""
    en, zh = describe(declared, value, missing)
    if missing or math.isnan(usual):
        return en, zh
    told = written(declared.unit, usual, "en")
    if told == written(declared.unit, value, "en"):
        return en, zh
    return f"{en} (usual {told})", f"{zh}（通常为{written(declared.unit, usual, 'zh')}）"


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
        return f"not known, {en}", f"未知，{zh}"
    return written(declared.unit, value, "en"), written(declared.unit, value, "zh")


def written(unit: Unit, value: float, language: str) -> str:
    """A value as people of the language write it."""
    zh = language == "zh"
    match unit:
        case Unit.DAYS:
            return f"{value:.0f}天" if zh else f"{value:.0f} {'day' if round(abs(value)) == 1 else 'days'}"
        case Unit.SHARE:
            return f"{100 * value:.0f}%" if zh else f"{100 * value:.0f} %"
        case Unit.SHARE_CHANGE:
            return f"{100 * value:+.0f}个百分点" if zh else f"{100 * value:+.0f} percentage points"
        case Unit.MONEY:
            return f"{value:,.0f}"
        case Unit.COUNT:
            return f"{value:.0f}"
        case Unit.PER_MONTH:
            return f"每月{value:+.2g}" if zh else f"{value:+.2g} a month"
        case Unit.RATIO:
            return f"{value:.2f}"
