"""The case page: one self-contained HTML file in English and Chinese, drawn without a script."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import quote

import numpy as np

from .cases import Case, Month
from .pages import filled, industry_text, segment_text
from .ratings import Change, Part
from .scoring import status_text
from .whole import whole

_LONGEST = 100  # characters of an id in a file name
_MARK = 1.2  # per cent of the waterfall's width: where it starts and ends is a mark, not a length
_COMPARED = {
    "segment": ("Average customer of the segment", "同类客户平均水平"),
    "best": ("Safest of the segment in each feature", "同类客户各指标最优值"),
}
BUCKETS = (
    ("not due", "未到期"),
    ("1-30 days", "逾期1-30天"),
    ("31-60 days", "逾期31-60天"),
    ("61-90 days", "逾期61-90天"),
    ("over 90 days", "逾期90天以上"),
)


@dataclass(frozen=True)
class Bar:
    """A bar of the waterfall in per cent of its width; `tone` is bad, good or total."""

    en: str
    zh: str
    points: int
    left: float
    width: float
    tone: str


@dataclass(frozen=True)
class Column:
    """A month of the behaviour plot, in its own units (760 x 120 for money, 760 x 70 for days late)."""

    x: float
    width: float
    open_height: float
    overdue_height: float
    limit_y: float | None
    late_y: float | None
    month: Month
    labelled: bool


@dataclass(frozen=True)
class Behaviour:
    """The behaviour plot: columns, the tops of its scales, and days late and the limit as points of SVG polylines."""

    columns: tuple[Column, ...]
    money_top: float
    late_top: float
    late_bottom: float
    zero_y: float
    line: tuple[str, ...]
    limits: tuple[str, ...]


def render(case: Case, *, scale: tuple[str, ...], language: str = "en") -> str:
    """The page as HTML. `scale`: all grades, best first; `language` ("en" or "zh") is the one it opens in."""
    return filled(
        "case.html",
        language,
        case=case,
        rating=case.rating,
        status=status_text(case.rating.status),
        horizon=_horizon(case.horizon_days),
        scale=scale,
        bars=_bars(case),
        behaviour=_behaviour(case.months),
        buckets=list(zip(BUCKETS, case.ageing, strict=True)),
        open_total=sum(case.ageing) + case.disputed,
        overdue_total=sum(case.ageing[1:]),
        segment=segment_text(case.segment),
        industry=industry_text(case.industry),
        changes=_changes(case),
        parted=_parted(case),
    )


def render_index(cases: Sequence[Case], *, language: str = "en") -> str:
    """The list of all cases, the riskiest first."""
    rows = [(case, quote(file_name(case.customer_id)), segment_text(case.segment)) for case in cases]
    return filled("cases.html", language, rows=rows, status_text=status_text)


def file_name(customer_id: str) -> str:
    """A file name that no id can break out of, nor make too long."""
    name = quote(customer_id, safe="")
    if len(name) > _LONGEST:
        name = f"{name[:_LONGEST]}-{hashlib.sha256(customer_id.encode()).hexdigest()[:16]}"
    return f"case-{name}.html"


def _horizon(days: int) -> tuple[str, str]:
    return ("12 months", "12个月") if days == 365 else (f"{days} days", f"{days}天")


def _bars(case: Case) -> list[Bar]:
    """From whom the customer is compared with to the score: every bar begins where the one before ended."""
    if not case.waterfall:
        return []
    ends = [case.base_points]
    for step in case.waterfall:
        ends.append(ends[-1] + step.points)
    low, high = min(ends), max(ends)
    low, high = low - 0.08 * (high - low + 1), high + 0.02 * (high - low + 1)

    def at(points: float) -> float:
        return 100 * (points - low) / (high - low)

    bars = [Bar(*_COMPARED[case.baseline], round(case.base_points), at(case.base_points) - _MARK, _MARK, "total")]
    for step, before, after, points in zip(case.waterfall, ends, ends[1:], _whole_steps(case), strict=False):
        tone = "bad" if step.points < 0 else "good"
        left, width = at(min(before, after)), max(0.4, abs(at(after) - at(before)))
        bars.append(Bar(step.en, step.zh, points, left, width, tone))
    bars.append(Bar("Score", "得分", case.rating.score or 0, at(ends[-1]) - _MARK, _MARK, "total"))
    return bars


def _whole_steps(case: Case) -> list[int]:
    """The points of the waterfall as they are printed: from the rounded base to the score."""
    return whole([step.points for step in case.waterfall], (case.rating.score or 0) - round(case.base_points))


def _changes(case: Case) -> tuple[list[tuple[Change, int]], int]:
    """What moved the points, and all together: from the score as it was printed before to the one of now."""
    rating = case.rating
    if not rating.changes:
        return [], 0
    exact = case.base_points + sum(step.points for step in case.waterfall)
    moved = [one.points for one in rating.changes]
    total = (rating.score or 0) - round(exact - sum(moved))
    return list(zip(rating.changes, whole(moved, total), strict=True)), total


def _parted(case: Case) -> list[tuple[Part, int]]:
    """The features on which the models part, with the points that the waterfall prints."""
    printed = dict(zip((step.feature for step in case.waterfall), _whole_steps(case), strict=True))
    return [(one, printed.get(one.feature, round(one.points))) for one in case.rating.parted]


def _behaviour(months: Sequence[Month]) -> Behaviour:
    money_top = _round_up(np.nanmax([0.0, *(month.open for month in months), *(month.limit for month in months)]))
    told = [month.days_late for month in months if not math.isnan(month.days_late)]
    late_top, late_bottom = _round_up(max([*told, 10.0])), min([0.0, *told])
    late_bottom = -_round_up(-late_bottom) if late_bottom < 0 else 0.0

    def late_y(days: float) -> float:
        return round(70 * (late_top - days) / (late_top - late_bottom), 1)

    step = 760 / max(1, len(months))
    columns = tuple(
        Column(
            round(k * step + 0.15 * step, 1),
            round(0.7 * step, 1),
            round(120 * month.open / money_top, 1),
            round(120 * month.overdue / money_top, 1),
            None if math.isnan(month.limit) else round(120 - 120 * month.limit / money_top, 1),
            None if math.isnan(month.days_late) else late_y(month.days_late),
            month,
            k % 3 == (len(months) - 1) % 3,
        )
        for k, month in enumerate(months)
    )
    # a month without anything due, or without a limit, breaks the line
    late = _broken([None if one.late_y is None else [f"{one.x + one.width / 2:.1f},{one.late_y}"] for one in columns])
    edges = [(f"{k * step:.1f}", f"{(k + 1) * step:.1f}") for k in range(len(columns))]
    limits = _broken(
        [
            None if one.limit_y is None else [f"{x},{one.limit_y}" for x in edge]
            for one, edge in zip(columns, edges, strict=True)
        ]
    )
    return Behaviour(columns, money_top, late_top, late_bottom, late_y(0), late, limits)


def _broken(points: Sequence[list[str] | None]) -> tuple[str, ...]:
    """The points of each month as lines, broken where a month has none."""
    runs = groupby(points, key=lambda one: one is None)
    return tuple(" ".join(point for one in run for point in one or ()) for none, run in runs if not none)


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, ... above."""
    if value <= 0:
        return 1.0
    size = 10 ** math.floor(math.log10(value))
    return float(next(size * k for k in (1, 2, 5, 10) if value <= size * k))
