"""The scorecard page: points of every bin beside what it held, slice by slice, in English and Chinese."""

import math
from collections.abc import Sequence

from ..features.column import MISSING_TEXT
from ..features.declaration import Feature, Unit
from ..models.binning_table import FeatureTable, Line
from ..models.scorecard import Scorecard
from .pages import filled

SLICES = {"train": ("train", "训练"), "tune": ("tune", "调优"), "test": ("test", "测试")}


def render_scorecard(card: Scorecard, tables: Sequence[FeatureTable], *, language: str = "en") -> str:
    """The page as HTML; `language` ("en" or "zh") is the one it opens in."""
    told = dict(card=card, pdo=f"{card.scale.pdo:g}", tables=tables, slices=SLICES, told=range_of, three=_three)
    return filled("scorecard.html", language, **told)


def range_of(line: Line, feature: Feature) -> tuple[str, str]:
    """Which values a bin holds, or why there are none, in English and Chinese."""
    if line.missing:
        return MISSING_TEXT[line.missing]
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
            told = f"{edge:,.0f}"
        case Unit.SHARE:
            told = f"{100 * edge:.4g}%" if zh else f"{100 * edge:.4g} %"
        case Unit.SHARE_CHANGE:
            told = f"{100 * edge:+.4g}{'个百分点' if zh else ' percentage points'}"
        case Unit.DAYS:
            told = f"{edge:.4g}{'天' if zh else ' days'}"
        case _:
            told = f"{edge:.4g}"
    return told.replace("-", "\u2212")


def _three(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"
