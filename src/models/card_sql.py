"""The scorecard as one SQL statement: the same whole points wherever the features lie in a table."""

from ..features.column import Missing
from .bins import Bins
from .scorecard import Scorecard


def as_sql(card: Scorecard, table: str = "features") -> str:
    """Standard SQL that gives each row of a table its points by feature and their sum, `score`.

    Parameters
    ----------
    table : str
        Perhaps with its schema before a dot. Holds `customer_id` and `as_of`, for each feature of the card a column of
        its name (a double, or the name of the level; null where it is missing) and one of its name and `:missing` (the
        number of the reason), as `Matrix.write` writes them.

    Notes
    -----
    Tried in SQLite and PostgreSQL. Features have to be doubles there: a decimal column would be compared as one. Edges
    are written with an exponent, which standard SQL takes for a double.
    """
    points = ",\n".join(
        f"    {_case(bins, of_bins, of_missing)} AS {_name(bins.feature)}"
        for bins, of_bins, of_missing in zip(card.bins, card.points, card.missing_points, strict=True)
    )
    sum_ = " + ".join([str(card.base), *(_name(one.feature) for one in card.bins)])
    place = ".".join(_name(part) for part in table.split("."))
    return (
        f"SELECT customer_id, as_of, {sum_} AS score,\n"
        f"  {', '.join(_name(one.feature) for one in card.bins)}\n"
        f"FROM (\n  SELECT customer_id, as_of,\n{points}\n  FROM {place}\n) AS points\n"
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
        rest = missing["UNSEEN"]
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
