"""Edits: what people change of a scorecard by hand, each with its author, day and reason; refused if it cannot hold."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

from ..errors import Mistake
from ..features.declaration import Risk
from ..features.matrix import Matrix
from .binning import BinningRecipe, Floats
from .bins import Bins, turn
from .scorecard import Scorecard
from .selection import SelectionRecipe

_OF = {
    "merge": {"bins"},
    "split": {"at", "levels"},
    "points": {"bin", "missing", "points"},
    "force_in": set[str](),
    "force_out": set[str](),
}
KINDS = tuple(_OF)
_KEYS = set[str]().union(*_OF.values())


@dataclass(frozen=True)
class Edit:
    """One change of one feature.

    Attributes
    ----------
    edit : {"merge", "split", "points", "force_in", "force_out"}
    feature, author, reason : str
    day : str
        As YYYY-MM-DD.
    bins : tuple of int
        Merge: neighbouring bins, counted from 1 in order of the values, as they are after the edits before this one.
    at : float
        Split: the new edge of a number; it belongs to the bin above.
    levels : tuple of str
        Split: the levels of a category that become a bin of their own.
    bin : int; missing : str
        Points: of which bin, counted from 1, or of which missing reason.
    points : int
        Points: what they are from now on.
    where : str
        The file and the place in it, for messages.
    """

    edit: str
    feature: str
    author: str
    day: str
    reason: str
    bins: tuple[int, ...] = ()
    at: float | None = None
    levels: tuple[str, ...] = ()
    bin: int = 0
    missing: str = ""
    points: int | None = None
    where: str = ""

    def __post_init__(self) -> None:
        if self.edit not in KINDS:
            raise Mistake(f"{self}: should be one of {', '.join(KINDS)}.")
        for name in ("author", "day", "reason"):
            if not getattr(self, name).strip():
                raise Mistake(f"{self}: has no {name}; people who read it later will ask.")
        try:
            date.fromisoformat(self.day)
        except ValueError:
            raise Mistake(f"{self}: day should be a day such as 2025-01-15, got '{self.day}'.") from None
        given = {one.name for one in fields(self) if one.name in _KEYS and getattr(self, one.name) != one.default}
        if strange := given - _OF[self.edit]:
            raise Mistake(f"{self}: {min(strange)} is not of this kind of edit, which holds {sorted(_OF[self.edit])}.")
        if self.edit == "points" and (self.points is None or bool(self.bin) == bool(self.missing)):
            raise Mistake(f"{self}: should hold points, and either bin or missing.")

    def __str__(self) -> str:
        return f"{self.where and self.where + ', '}edit '{self.edit}' of {self.feature}"

    @property
    def detail(self) -> str:
        """Of what it was: bins, an edge, levels, a bin or a missing reason."""
        match self.edit:
            case "merge":
                return ", ".join(map(str, self.bins))
            case "split":
                return ", ".join(self.levels) or f"{self.at:g}"
            case _:
                return self.missing or (str(self.bin) if self.bin else "")

    @property
    def because(self) -> str:
        """The reason, and whose it is."""
        return f"{self.reason} ({self.author}, {self.day})"


@dataclass(frozen=True)
class Change:
    """What an edit did to bins or points; None where it only chose the feature."""

    edit: Edit
    before: Bins | int | None = None
    after: Bins | int | None = None


def select(recipe: SelectionRecipe, edits: Sequence[Edit], names: Sequence[str]) -> SelectionRecipe:
    """The same selection with what people force in and out of the features with these names.

    Raises
    ------
    Mistake
        A feature is not among them, or is forced in and out.
    """
    ways: dict[str, dict[str, str]] = {"force_in": {}, "force_out": {}}
    for one in edits:
        if one.edit in ways:
            ways[one.edit][one.feature] = one.because
            if one.feature not in names:
                raise Mistake(f"{one}: is of no feature that models may use.")
            if all(one.feature in told for told in ways.values()):
                raise Mistake(f"{one}: it is forced in and out.")
            if one.edit == "force_in" and one.feature in recipe.veto:
                raise Mistake(f"{one}: selection.veto of params.yaml keeps it out.")
    return replace(recipe, keep=recipe.keep | ways["force_in"], veto=recipe.veto | ways["force_out"])


def edit_bins(
    bins: Sequence[Bins], edits: Sequence[Edit], matrix: Matrix, bad: Floats, recipe: BinningRecipe
) -> tuple[tuple[Bins, ...], list[Change]]:
    """Merge and split bins in order, and weigh them anew.

    Parameters
    ----------
    matrix, bad
        The rows that the bins were fitted on.

    Raises
    ------
    Mistake
        An edit cannot hold: the feature or bin is not there, the bins are no neighbours, a part of a split is below the
        floors, or risk would no longer move as declared.
    """
    found, changes = {one.feature: one for one in bins}, []
    for edit in edits:
        if edit.edit not in ("merge", "split"):
            continue
        before = found.get(edit.feature)
        if before is None:
            raise Mistake(f"{edit}: is of no feature that models may use.")
        edges, levels = _merged(edit, before) if edit.edit == "merge" else _split(edit, before)
        after = recipe.cut(edit.feature, edges, levels, matrix, bad)
        _check(edit, before, after, recipe, matrix.features[matrix.place(edit.feature)].risk)
        found[edit.feature] = after
        changes.append(Change(edit, before, after))
    return tuple(found[one.feature] for one in bins), changes


Cut = tuple[tuple[float, ...], tuple[tuple[str, ...], ...]]


def _merged(edit: Edit, bins: Bins) -> Cut:
    first, last = min(edit.bins, default=0), max(edit.bins, default=0)
    if len(edit.bins) < 2 or sorted(edit.bins) != list(range(first, last + 1)):
        raise Mistake(f"{edit}: bins should be two neighbours or more, such as [2, 3], got {list(edit.bins)}.")
    if first < 1 or last > len(bins.woe):
        raise Mistake(f"{edit}: there are bins 1 to {len(bins.woe)}, got {list(edit.bins)}.")
    if bins.levels:
        one = tuple(level for levels in bins.levels[first - 1 : last] for level in levels)
        return (), (*bins.levels[: first - 1], one, *bins.levels[last:])
    return (*bins.edges[: first - 1], *bins.edges[last - 1 :]), ()


def _split(edit: Edit, bins: Bins) -> Cut:
    if bins.levels:
        home = [k for k, levels in enumerate(bins.levels) if set(edit.levels) < set(levels)]
        if not edit.levels or not home:
            raise Mistake(f"{edit}: levels should be some, and not all, of one bin, got {list(edit.levels)}.")
        rest = tuple(level for level in bins.levels[home[0]] if level not in edit.levels)
        return (), (*bins.levels[: home[0]], rest, edit.levels, *bins.levels[home[0] + 1 :])
    if edit.levels:
        raise Mistake(f"{edit}: is a number; it is split at a value, not by levels.")
    if edit.at is None or not math.isfinite(edit.at) or edit.at in bins.edges:
        raise Mistake(f"{edit}: at should be a new edge, got {edit.at}; there are {list(bins.edges)}.")
    return tuple(sorted((*bins.edges, edit.at))), ()


def _check(edit: Edit, before: Bins, after: Bins, recipe: BinningRecipe, risk: Risk) -> None:
    """Refuse new bins below the floors of binning, or bins out of the declared direction."""
    floor = recipe.min_rows * (sum(after.goods) + sum(after.bads))
    held = {*zip(before.goods, before.bads, strict=True)}
    for k, (goods, bads) in enumerate(zip(after.goods, after.bads, strict=True), start=1):
        new = edit.edit == "split" and (goods, bads) not in held
        if new and (goods + bads < floor or bads < recipe.min_bads):
            raise Mistake(
                f"{edit}: bin {k} would hold {goods + bads} rows and {bads} bads; binning asks for "
                f"{floor:.0f} and {recipe.min_bads}."
            )
    _check_direction(edit, after.woe, risk, "the weight of evidence")


def _check_direction(edit: Edit, told: Sequence[float], risk: Risk, what: str) -> None:
    if turned := turn(told, risk):
        raise Mistake(
            f"{edit}: {what} would turn between bins {turned} and {turned + 1}; the catalogue declares that risk "
            f"{risk.name.lower()} with it."
        )


def edit_points(card: Scorecard, edits: Sequence[Edit], matrix: Matrix) -> tuple[Scorecard, list[Change]]:
    """Points that people fix.

    Raises
    ------
    Mistake
        The feature left the card, the bin or reason is not there, or points would turn against the declared direction.
    """
    changes = []
    for edit in edits:
        if edit.edit != "points":
            continue
        if edit.feature not in card.features:
            raise Mistake(f"{edit}: is not in the card; it has {', '.join(card.features)}.")
        k = card.features.index(edit.feature)
        points, missing = list(card.points[k]), dict(card.missing_points[k])
        assert edit.points is not None, "an edit of points holds them"
        if edit.missing:
            if edit.missing not in missing:
                raise Mistake(f"{edit}: missing should be one of {', '.join(missing)}, got '{edit.missing}'.")
            before, missing[edit.missing] = missing[edit.missing], edit.points
        else:
            if not 1 <= edit.bin <= len(points):
                raise Mistake(f"{edit}: bin should lie in 1 to {len(points)}, got {edit.bin}.")
            before, points[edit.bin - 1] = points[edit.bin - 1], edit.points
            risk = matrix.features[matrix.place(edit.feature)].risk
            _check_direction(edit, [-p for p in points], risk, "points")
        card = card.with_points(k, points, missing, matrix, fixed=edit.missing)
        changes.append(Change(edit, before, edit.points))
    return card, changes


def as_rows(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """Changes as plain JSON types; bins as `Bins.as_dict` tells them."""

    def plain(said: Bins | int | None) -> Any:
        return said.as_dict() if isinstance(said, Bins) else said

    return [
        {"edit": one.edit.edit, "feature": one.edit.feature, "of": one.edit.detail}
        | {"author": one.edit.author, "day": one.edit.day, "reason": one.edit.reason}
        | {"before": plain(one.before), "after": plain(one.after)}
        for one in changes
    ]
