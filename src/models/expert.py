"""The expert card: points that people give, where bads are too few to fit any."""

import math
from dataclasses import replace
from typing import Any

from ..errors import Mistake
from ..features.column import Missing
from ..features.declaration import Feature
from ..features.matrix import Matrix
from .binning import BinningRecipe, Floats
from .bins import Bins, turn
from .scorecard import PointScale, Scorecard

_KEYS = {"feature", "edges", "levels", "points", "missing"}


def expert_card(
    said: dict[str, Any], scale: PointScale, matrix: Matrix, bad: Floats, recipe: BinningRecipe
) -> Scorecard:
    """A scorecard of given points.

    Parameters
    ----------
    said : dict
        where (the file, for messages), base (points that everyone has) and features, a list of: feature;
        edges (inner edges of a number) or levels
        (lists of names); points, one for each bin; missing, points by reason, with MISSING for any other.
    matrix, bad
        Rows that counts, weights and mean points are told over; the points do not depend on them.

    Raises
    ------
    Mistake
        Something is missing, or does not fit together.
    """
    rows, file = said.get("features"), said.get("where", "")
    card = f"{file}, expert card" if file else "expert card"
    if (
        set(said) - {"base", "features", "where"}
        or not _whole(said.get("base"))
        or not isinstance(rows, list)
        or not rows
    ):
        raise Mistake(f"{card}: should hold base, a whole number, and features, a list; nothing else.")
    bins: list[Bins] = []
    points, missing = [], []
    for number, row in enumerate(rows, start=1):
        where = f"{card}, feature {number}"
        if not isinstance(row, dict) or set(row) - _KEYS:
            raise Mistake(f"{where}: should hold {', '.join(sorted(_KEYS))} and nothing else, got {row!r}.")
        name, given = row.get("feature"), row.get("points")
        if name not in matrix.names or name in {one.feature for one in bins}:
            raise Mistake(f"{where}: {name!r} is no feature that models may use, or stands there twice.")
        declared = matrix.features[matrix.place(str(name))]
        edges, levels = _cuts(f"{where} ({name})", row, declared)
        n_bins = len(levels) if levels else len(edges) + 1
        if not isinstance(given, list) or len(given) != n_bins or not all(map(_whole, given)):
            raise Mistake(f"{where} ({name}): points should be {n_bins} whole numbers, got {given!r}.")
        if turned := turn([-worth for worth in given], declared.risk):
            raise Mistake(
                f"{where} ({name}): points turn between bins {turned} and {turned + 1}; the catalogue declares "
                f"that risk {declared.risk.name.lower()} with it, and more points are less risk."
            )
        points.append(tuple(given))
        missing.append(_missing(f"{where} ({name})", row.get("missing")))
        cut = recipe.cut(declared.name, edges, levels, matrix, bad)
        bins.append(replace(cut, missing_policy=dict.fromkeys({**cut.missing_policy, **missing[-1]}, "expert")))
    return Scorecard(scale, said["base"], tuple(bins), tuple(points), tuple(missing), ()).over(matrix)


def _cuts(where: str, row: dict[str, Any], declared: Feature) -> tuple[list[float], list[list[str]]]:
    """Edges of a number, or groups of levels of a category."""
    edges, levels = row.get("edges") or [], row.get("levels") or []
    if declared.levels:
        grouped = isinstance(levels, list) and all(isinstance(group, list) for group in levels)
        named = [level for group in levels for level in group] if grouped else []
        strange = [level for level in named if level not in declared.levels]
        if edges or not named or strange or len(set(named)) < len(named):
            raise Mistake(
                f"{where}: levels should be groups of {', '.join(declared.levels)}, each once, got {levels!r}."
            )
        return [], levels
    told = [edge for edge in edges if _number(edge)] if isinstance(edges, list) else []
    if levels or not isinstance(edges, list) or len(told) < len(edges) or told != sorted(set(told)):
        raise Mistake(f"{where}: edges should be numbers that rise, got {edges!r}{' and levels' if levels else ''}.")
    return told, []


def _missing(where: str, said: Any) -> dict[str, int]:
    """Points by reason."""
    known = {"MISSING", *Missing.__members__} - {Missing.NONE.name}
    if not isinstance(said, dict) or "MISSING" not in said:
        raise Mistake(f"{where}: missing should hold points for MISSING, any reason that is not named.")
    for reason, worth in said.items():
        if reason not in known or not _whole(worth):
            raise Mistake(
                f"{where}: missing.{reason} should be a reason such as NODUE with whole points, got {worth!r}."
            )
    return dict(said)


def _number(said: Any) -> bool:
    return isinstance(said, int | float) and not isinstance(said, bool) and math.isfinite(said)


def _whole(said: Any) -> bool:
    return isinstance(said, int) and not isinstance(said, bool)
