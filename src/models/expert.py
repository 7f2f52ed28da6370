"""The expert card: points that people give, where bads are too few to fit any."""

from typing import Any

from ..errors import Mistake
from ..features.matrix import Matrix
from .binning import BinningRecipe, Floats
from .scorecard import PointScale, Scorecard


def expert_card(
    said: dict[str, Any], scale: PointScale, matrix: Matrix, bad: Floats, recipe: BinningRecipe
) -> Scorecard:
    """A scorecard of given points.

    Parameters
    ----------
    said : dict
        base (points that everyone has) and features, a list of: feature; edges (inner edges of a number) or levels
        (lists of names); points, one for each bin; missing, points by reason, with MISSING for any other.
    matrix, bad
        Rows that counts, weights and mean points are told over; the points do not depend on them.

    Raises
    ------
    Mistake
        Something is missing, or does not fit together.
    """
    bins, points, missing = [], [], []
    for number, row in enumerate(said.get("features") or [], start=1):
        where = f"expert card, feature {number}"
        if unknown := sorted(set(row) - {"feature", "edges", "levels", "points", "missing"}):
            raise Mistake(f"{where}: {unknown[0]} is not known; known are feature, edges, levels, points, missing.")
        name, edges, levels = row.get("feature"), row.get("edges") or [], row.get("levels") or []
        if name not in matrix.names:
            raise Mistake(f"{where}: {name!r} is no feature that models may use.")
        n_bins = len(levels) if levels else len(edges) + 1
        if list(edges) != sorted(set(edges)):
            raise Mistake(f"{where} ({name}): edges should rise, got {edges}.")
        given, of_missing = row.get("points") or [], row.get("missing") or {}
        if len(given) != n_bins or not all(isinstance(p, int) for p in [*given, *of_missing.values()]):
            raise Mistake(f"{where} ({name}): points should be {n_bins} whole numbers, got {given}.")
        if "MISSING" not in of_missing:
            raise Mistake(f"{where} ({name}): missing should hold points for MISSING, any reason that is not named.")
        bins.append(recipe.cut(name, edges, levels, matrix, bad))
        points.append(tuple(given))
        missing.append({str(reason): worth for reason, worth in of_missing.items()})
    if not bins or not isinstance(said.get("base"), int):
        raise Mistake("expert card: should hold base, a whole number, and features.")
    return Scorecard(scale, said["base"], tuple(bins), tuple(points), tuple(missing), ()).over(matrix)
