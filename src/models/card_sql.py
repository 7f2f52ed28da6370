"""The scorecard as one SQL statement: the same whole points wherever the features lie in a table."""

from ..features.column import Missing
from .bins import Bins
from .scorecard import Scorecard
from .scorecards import POOLED, Scorecards


def as_sql(cards: Scorecards, table: str = "features") -> str:
    """Standard SQL that gives each row of a table its card and its whole points, `score`.

    Where there is one card for all, the points of each feature stand beside it.

    Parameters
    ----------
    table : str
        Perhaps with its schema before a dot. Holds `customer_id`, `as_of` and `segment`; for each feature of the cards
        a column of its name (a double, or the name of the level; null where it is missing) and one of its name and
        `:missing` (the number of the reason), as `Matrix.write` writes them.

    Notes
    -----
    Tried in SQLite, PostgreSQL and DuckDB. Features have to be doubles there: a decimal column would be compared as
    one. Edges are written with an exponent, which standard SQL takes for a double.
    """
    place = ".".join(_name(part) for part in table.split("."))
    if not cards.segments:
        return _select(cards.pooled, POOLED, place, "", each=True)
    names = [one.segment for one in cards.segments]
    others = f"segment IS NULL OR segment NOT IN ({', '.join(map(_text, names))})"
    parts = [
        _select(card, name, place, others if name == POOLED else f"segment = {_text(name)}", each=False)
        for name, card in cards.cards
    ]
    return "UNION ALL\n".join(parts)


def _select(card: Scorecard, name: str, place: str, where: str, *, each: bool) -> str:
    """The rows that one card scores."""
    points = ",\n".join(
        f"    {_case(bins, of_bins, of_missing)} AS {_name(bins.feature)}"
        for bins, of_bins, of_missing in zip(card.bins, card.points, card.missing_points, strict=True)
    )
    sum_ = " + ".join([str(card.base), *(_name(one.feature) for one in card.bins)])
    besides = "".join(f", {_name(one.feature)}" for one in card.bins) if each else ""
    return (
        f"SELECT customer_id, as_of, {_text(name)} AS card, {sum_} AS score{besides}\n"
        f"FROM (\n  SELECT customer_id, as_of,\n{points}\n  FROM {place}\n"
        + (f"  WHERE {where}\n" if where else "")
        + ") AS points\n"
    )


def _case(bins: Bins, points: tuple[int, ...], missing: dict[str, int]) -> str:
    """The points of one feature."""
    value, reason = _name(bins.feature), _name(f"{bins.feature}:missing")
    told = [f"WHEN {Missing[name].value} THEN {worth}" for name, worth in missing.items() if name != "MISSING"]
    other = str(missing["MISSING"])
    of_missing = f"CASE {reason} {' '.join(told)} ELSE {other} END" if told else other
    if bins.levels:
        named = zip(bins.levels, points, strict=True)
        ranges = [f"WHEN {value} IN ({', '.join(map(_text, levels))}) THEN {worth}" for levels, worth in named]
        rest = missing.get(Missing.UNSEEN.name, missing["MISSING"])
    else:
        edged = zip(bins.edges, points[:-1], strict=True)
        ranges = [f"WHEN {value} < {_double(edge)} THEN {worth}" for edge, worth in edged]
        rest = points[-1]
    lines = [f"WHEN {value} IS NULL THEN {of_missing}", *ranges, f"ELSE {rest}"]
    return "CASE\n      " + "\n      ".join(lines) + " END"


def _double(value: float) -> str:
    told = repr(value)
    return told if "e" in told else f"{told}e0"


def _text(level: str) -> str:
    return "'" + level.replace("'", "''") + "'"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
