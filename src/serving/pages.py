"""Pages: the frame they share, and how they write numbers and days."""

import re
from datetime import date
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

# Fonts of every system that has Chinese ones; none is shipped.
FONTS = 'system-ui, "Segoe UI", "Noto Sans", "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", sans-serif'

SEGMENTS = {
    "SME": ("small or medium company", "中小企业"),
    "CORP": ("large company", "大型企业"),
    "RETAIL": ("retail trade", "零售商"),
    "PUBLIC": ("public sector", "公共部门"),
}
INDUSTRIES = {
    "construction": ("construction", "建筑业"),
    "machinery": ("machinery", "机械制造"),
    "wholesale": ("wholesale", "批发业"),
    "food": ("food", "食品业"),
    "transport": ("transport", "运输业"),
    "chemicals": ("chemicals", "化工"),
    "services": ("services", "服务业"),
}


def segment_text(segment: str) -> tuple[str, str]:
    """The name of a segment, in English and Chinese."""
    return SEGMENTS.get(segment, (segment, segment))


def industry_text(industry: str) -> tuple[str, str]:
    """The name of an industry, in English and Chinese; as the ledger has it where it is another."""
    return INDUSTRIES.get(industry, (industry, industry))


def filled(template: str, language: str, **told: Any) -> str:
    """A template filled in, as HTML; `language` ("en" or "zh") is the one it opens in."""
    return _environment().get_template(template).render(opens_in=language, fonts=Markup(FONTS), **told)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    env = Environment(
        loader=PackageLoader("tradecredit.serving"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {
        "en_date": _en_date,
        "zh_date": _zh_date,
        "zh_short": _zh_short,
        "money": _money,
        "percent": _percent,
        "points": _points,
    }
    env.filters |= {"unbroken": _unbroken, "capitalise": _capitalise}
    return env


def _en_date(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _zh_date(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _zh_short(day: date) -> str:
    return f"{day.year}/{day.month}/{day.day}"


def _unbroken(text: str) -> str:
    """A number stays in one line with its unit."""
    return re.sub(r"(?<=\d) (?=%|days?\b)", "\u00a0", text)


def _money(amount: float) -> str:
    return f"{amount:,.0f}".replace("-", "\u2212")


def _capitalise(text: str) -> str:
    return text[:1].upper() + text[1:]


def _percent(share: float) -> str:
    if 0 < share < 0.0005:
        return "< 0.1"
    return f"{100 * share:.1f}" if share < 0.0995 else f"{100 * share:.0f}"


def _points(points: float) -> str:
    return f"{points:+.0f}".replace("-", "\u2212") if round(points) else "0"
