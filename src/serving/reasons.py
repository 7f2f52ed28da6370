"""Reasons: which features move a customer's points, in words, in English and Chinese."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..features.column import MISSING_TEXT, Missing
from ..features.declaration import Feature, Unit
from .bundle import Bundle

Floats = npt.NDArray[np.float64]
ADVERSE, FAVOURABLE = 4, 2  # at most so many are told
_WORTH_TELLING = 0.5  # points: less is rounding


@dataclass(frozen=True)
class Reason:
    """One feature's part in a rating.

    Attributes
    ----------
    feature : str
    points : float
        What it adds to the score against the mean customer: negative is adverse.
    value, usual : float
        The customer's value and the median of its segment; NaN where there is none.
    missing : str
        The typed reason why there is no value, or "".
    en, zh : str
        In words.
    """

    feature: str
    points: float
    value: float
    usual: float
    missing: str
    en: str
    zh: str


def reasons_of(
    bundle: Bundle, points: Floats, values: Floats, missing: npt.NDArray[np.uint8], segment: str
) -> list[Reason]:
    """Up to four adverse reasons, the worst first, then up to two favourable, the best first.

    Parameters
    ----------
    points, values, missing : arrays, length k
        Of one customer, in the order of the bundle's features.
    """
    order = np.argsort(points, kind="stable")
    adverse = [place for place in order if points[place] <= -_WORTH_TELLING][:ADVERSE]
    favourable = [place for place in order[::-1] if points[place] >= _WORTH_TELLING][:FAVOURABLE]
    return [
        told(
            bundle.features[p],
            float(points[p]),
            float(values[p]),
            int(missing[p]),
            bundle.usual(segment, bundle.features[p].name),
        )
        for p in [*adverse, *favourable]
    ]


def told(declared: Feature, points: float, value: float, missing: int, usual: float) -> Reason:
    """The sentence of one feature."""
    en, zh = describe(declared, value, missing)
    if (
        not missing
        and not math.isnan(usual)
        and written(declared.unit, usual, "en") != written(declared.unit, value, "en")
    ):
        en += f" (usual {written(declared.unit, usual, 'en')})"
        zh += f"（通常为{written(declared.unit, usual, 'zh')}）"
    name = Missing(missing).name if missing else ""
    return Reason(declared.name, points, value, usual, name, en, zh)


def describe(declared: Feature, value: float, missing: int) -> tuple[str, str]:
    """What a customer's value says, in English and Chinese."""
    name = declared.en[0].upper() + declared.en[1:]
    if missing:
        en, zh = MISSING_TEXT[Missing(missing)]
        return f"{name}: not known, {en}", f"{declared.zh}：未知，{zh}"
    return f"{name}: {written(declared.unit, value, 'en')}", f"{declared.zh}：{written(declared.unit, value, 'zh')}"


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


def columns(reasons: Sequence[Reason]) -> list[dict[str, object]]:
    """Reasons as plain rows, for files."""
    return [
        {
            "feature": r.feature,
            "points": r.points,
            "value": None if math.isnan(r.value) else r.value,
            "usual": None if math.isnan(r.usual) else r.usual,
            "missing": r.missing,
            "en": r.en,
            "zh": r.zh,
        }
        for r in reasons
    ]
