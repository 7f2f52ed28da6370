"""The scorecard page: points of every bin beside what it held, slice by slice, in English and Chinese."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..features.column import MISSING_TEXT
from ..features.declaration import Feature, Unit
from ..models.binning_table import FeatureTable, Line
from ..models.scorecard import Scorecard
from ..models.scorecards import Scorecards
from .card_text import why_card
from .pages import filled, segment_text

POLICIES = {
    "": ("", ""),
    "own": ("by its own rows", "按自身样本"),
    "pooled": ("by all rows without a value", "按全部缺失样本"),
    "neutral": ("too few rows: neutral", "样本过少，取中性"),
    "safest": ("as the safest", "同最安全分箱"),
    "stated": ("stated by people", "人工设定"),
    "expert": ("given by an expert", "由专家给定"),
    "fixed": ("points fixed by people", "人工固定得分"),
}
EDITS = {
    "merge": ("bins merged", "合并分箱"),
    "split": ("bin split", "拆分分箱"),
    "points": ("points fixed", "固定得分"),
    "force_in": ("forced in", "强制入选"),
    "force_out": ("forced out", "强制剔除"),
}
SLICES = {"train": ("train", "训练集"), "tune": ("tune", "调优集"), "test": ("test, out of time", "跨期测试集")}


@dataclass(frozen=True)
class PrintedCard:
    """One card as it is printed.

    Attributes
    ----------
    name : str
        Of its segment, or "pooled".
    card : Scorecard
    tables : list of FeatureTable
    edited : list of (edit, FeatureTable or None)
        What people changed (edit, feature, of, author, day, reason, before, after), and the bins as they were.
    expert : str
        Why the card of an expert was taken; "" where it was fitted.
    """

    name: str
    card: Scorecard
    tables: Sequence[FeatureTable]
    edited: Sequence[tuple[dict[str, Any], FeatureTable | None]] = ()
    expert: str = ""


def render_scorecards(cards: Scorecards, printed: Sequence[PrintedCard], *, language: str = "en") -> str:
    """The page as HTML; `language` ("en" or "zh") is the one it opens in."""
    told = dict(
        cards=cards,
        printed=printed,
        pdo=f"{cards.pooled.scale.pdo:g}",
        slices=SLICES,
        policies=POLICIES,
        told=range_of,
        three=_three,
        segment=segment_text,
        why=why_card,
        edit_kinds=EDITS,
    )
    return filled("scorecard.html", language, **told)


def range_of(line: Line, feature: Feature) -> tuple[str, str]:
    """Which values a bin holds, or why there are none, in English and Chinese."""
    if line.missing is None:
        return "not known for any other reason", "因其他原因缺失"
    if line.missing:
        return MISSING_TEXT[line.missing]
    if line.levels:
        return ", ".join(line.levels), "、".join(line.levels)
    (low_en, high_en), (low_zh, high_zh) = (
        ["" if math.isinf(edge) else _edge(feature, edge, language) for edge in (line.low, line.high)]
        for language in ("en", "zh")
    )
    if math.isinf(line.low) and math.isinf(line.high):
        return "any", "任意值"
    if math.isinf(line.low):
        return f"below {high_en}", f"低于{high_zh}"
    if math.isinf(line.high):
        return f"{low_en} and above", f"{low_zh}及以上"
    return f"{low_en} to below {high_en}", f"{low_zh}至{high_zh}（不含）"


def _edge(feature: Feature, edge: float, language: str) -> str:
    """Four digits of an edge with its unit; the CSV beside the page has all of them."""
    zh = language == "zh"
    match feature.unit:
        case Unit.MONEY:
            told = _digits(round(edge))
        case Unit.SHARE:
            told = f"{_digits(100 * edge)}{'%' if zh else ' %'}"
        case Unit.SHARE_CHANGE:
            told = f"{'+' if edge > 0 else ''}{_digits(100 * edge)}{'个百分点' if zh else ' percentage points'}"
        case Unit.DAYS | Unit.DAYS_CHANGE:
            sign = "+" if edge > 0 and feature.unit is Unit.DAYS_CHANGE else ""
            told = f"{sign}{_digits(edge)}{'天' if zh else ' days'}"
        case _:
            told = _digits(edge)
    return told.replace("-", "\u2212")


def _digits(value: float) -> str:
    """Four digits, or all before the point."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value + 0.0:.4f}".rstrip("0").rstrip(".") if abs(value) < 1 else f"{value:.4g}"


def _three(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}".replace("-", "\u2212")
