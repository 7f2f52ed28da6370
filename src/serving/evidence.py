"""Evidence: the rows of the ledger that make a feature's value, found by telling its features on changed ledgers.

So no measure needs a second telling of what it looks at. What changes a value when it is left out is evidence of it;
the more it changes it, the more it weighs. Where rows stand for each other, so that none is missed alone, rows are
taken out as long as the value stays, the oldest first: what is left gives the value, and not without any one of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..features.engine.days import day_of
from ..features.ledger import Ledger
from ..features.matrix import Matrix
from ..features.variants import Changed, documents_of
from .what_if import WhatIf

_RECENT = 430  # days: what was done with before is told as one
_SHIFTS = (-100, 60)  # days: late enough, and early enough, for every measure of lateness to see
_EXACT = 1e-6  # of a value: float32 and the order of sums leave less
_LOOSE = ("payments", "events", "limits", "signals")  # rows that may belong to no document
_TOGETHER = 128  # variants rated at once
_CUTS = 8  # places at which a row of items is cut in one trial
_PASSES = 9  # of leaving out: where less of one makes room for less of another
_MOST_NEEDED = 40  # pieces found one by one; beyond so many none is of interest by itself
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Item:
    """A piece of evidence.

    Attributes
    ----------
    kind : {"invoice", "older", "payment", "event", "limit", "signal"}
        A document with all that was paid and happened; all documents done with long ago; or a row of its own.
    documents : tuple of int
        Numbers of the documents (see `documents_of`).
    row : int
        Of a row of its own its place in its table, else -1.
    """

    kind: str
    documents: tuple[int, ...] = ()
    row: int = -1


@dataclass(frozen=True)
class Evidence:
    """What stands behind one value.

    Attributes
    ----------
    items : tuple of Item
        The heaviest first.
    together : bool
        They make the value together: each of them can be left out without being missed, for another takes its place.
    """

    items: tuple[Item, ...]
    together: bool = False


def items_of(own: Ledger, day: int) -> list[Item]:
    """All that can be left out of a customer's ledger, piece by piece: what was done with long ago, rows of no
    document, then documents, the oldest first.
    """
    invoices, payments, names = own.invoices, own.payments, documents_of(own)
    last = pd.concat([invoices.set_index("invoice_id")["due_on"], payments.set_index("invoice_id")["paid_on"]])
    last = last.groupby(level=0).max().reindex(names)
    recent = last > pd.Timestamp(day_of(day - _RECENT))
    paid, asked = (rows.groupby("invoice_id")["amount"].sum() for rows in (payments, invoices))
    still = asked.sub(paid, fill_value=0).reindex(asked.index) > 0
    near = (recent | still.reindex(names, fill_value=False)).to_numpy(bool)
    told = [Item("older", tuple(np.flatnonzero(~near).tolist()))] if (~near).any() else []
    for table in _LOOSE:
        rows = getattr(own, table)
        loose = ~rows["invoice_id"].isin(names) if "invoice_id" in rows else pd.Series(True, index=rows.index)
        told += [Item(table.removesuffix("s"), row=int(row)) for row in np.flatnonzero(loose)]
    order = np.argsort(last.to_numpy("datetime64[s]"), kind="stable")
    return told + [Item("invoice", (int(place),)) for place in order if near[place]]


def evidence_of(if_: WhatIf, features: Sequence[str]) -> dict[str, Evidence]:
    """The evidence of some features of the customer as it stands."""
    if not features:
        return {}
    items = items_of(if_.own, if_.day)
    found = _suspects(if_, items, features)
    held = _first_enough(if_, items, found)
    weights = {name: np.zeros(len(held[name])) for name in held} | _missed(
        if_, items, {name: places for name, places in held.items() if len(places) <= _MOST_NEEDED}
    )
    for _ in range(_PASSES):
        slack = {name: held[name] for name, by in weights.items() if (by == 0).any()}
        if not slack:
            break
        held |= _fewest(if_, items, slack)
        weights |= _missed(if_, items, {name: held[name] for name in slack})
    result = {}
    for name, places in held.items():
        order = [places[k] for k in np.argsort(-weights[name], kind="stable")]
        alone = set(found[name][0])
        result[name] = Evidence(
            tuple(items[place] for place in order), together=len(order) > 1 and not alone.intersection(order)
        )
    return result


def _first_enough(if_: WhatIf, items: Sequence[Item], found: dict[str, tuple[list[int], ...]]) -> dict[str, list[int]]:
    """Of each feature's sets the first that gives the value; the last, which holds everything, does."""
    tries = [places for sets in found.values() for places in sets]
    kept = np.array([np.isin(range(len(items)), places) for places in tries], bool)
    again, told, at = _rated(if_, _without(if_.own, items, ~kept)), {}, 0
    for name, sets in found.items():
        moved = _moved(again, name)[at : at + len(sets)]
        told[name] = sets[next(place for place, by in enumerate(moved) if by == 0)]
        at += len(sets)
    return told


def _fewest(if_: WhatIf, items: Sequence[Item], found: dict[str, list[int]]) -> dict[str, list[int]]:
    """Sets from which nothing can be left out any more, of sets that give the values; in the order of the items.

    From the front as much is left out at once as the value allows; what stops it is needed. All features are tried in
    one book of variants.
    """
    left = {name: sorted(places) for name, places in found.items()}
    needed: dict[str, list[int]] = {name: [] for name in found}
    while open_ := [name for name, places in left.items() if places]:
        low, high = dict.fromkeys(open_, 0), {name: len(left[name]) for name in open_}
        while narrow := [name for name in open_ if low[name] < high[name]]:  # up to low all can go, beyond high not
            cuts = {name: _between(low[name], high[name]) for name in narrow}
            kept = np.array(
                [
                    np.isin(range(len(items)), [*needed[name], *left[name][cut:]])
                    for name in narrow
                    for cut in cuts[name]
                ],
                bool,
            )
            told, at = _rated(if_, _without(if_.own, items, ~kept)), 0
            for name in narrow:
                moved = _moved(told, name)[at : at + len(cuts[name])]
                at += len(cuts[name])
                good = next((k for k, by in enumerate(moved) if by > 0), len(moved))
                if good < len(moved):
                    high[name] = cuts[name][good] - 1
                if good:
                    low[name] = cuts[name][good - 1]
        for name in open_:
            rest = left[name][low[name] :]
            needed[name] += rest[:1]
            left[name] = rest[1:]
            if len(needed[name]) == _MOST_NEEDED:
                needed[name], left[name] = needed[name] + left[name], []
    return needed


def _between(low: int, high: int) -> list[int]:
    """Some numbers above `low` up to `high`, ascending, evenly apart; `high` is the last."""
    return sorted({low + -(-(high - low) * k // _CUTS) for k in range(1, _CUTS + 1)})


def _missed(if_: WhatIf, items: Sequence[Item], held: dict[str, list[int]]) -> dict[str, Floats]:
    """By how much each feature's value moves when one of its set is left out of it."""
    if not held:
        return {}
    kept = np.zeros((sum(map(len, held.values())), len(items)), bool)
    at = 0
    for places in held.values():
        kept[at : at + len(places), places] = ~np.eye(len(places), dtype=bool)
        at += len(places)
    told, at, moved = _rated(if_, _without(if_.own, items, ~kept)), 0, {}
    for name, places in held.items():
        moved[name] = _moved(told, name)[at : at + len(places)]
        at += len(places)
    return moved


def _suspects(if_: WhatIf, items: Sequence[Item], features: Sequence[str]) -> dict[str, tuple[list[int], ...]]:
    """For each feature items, each time more: what is missed alone, what is dated by it, whole kinds, all."""
    kinds = list(dict.fromkeys(one.kind for one in items))
    of_kind = np.array([[one.kind == kind for one in items] for kind in kinds], bool).reshape(len(kinds), len(items))
    left_out = _rated(if_, _without(if_.own, items, np.vstack([np.eye(len(items), dtype=bool), of_kind])))
    dated = [place for place, one in enumerate(items) if one.kind == "invoice"]
    shifted = [_rated(if_, _later(if_.own, items, dated, days)) for days in _SHIFTS]
    told: dict[str, tuple[list[int], ...]] = {}
    for name in features:
        alone, by_kind = np.split(_moved(left_out, name), [len(items)])
        few = [int(place) for place in np.argsort(-alone, kind="stable") if alone[place] > 0]
        seen = np.max([_moved(one, name) for one in shifted], axis=0, initial=0)
        some = list(dict.fromkeys([*few, *(place for place, by in zip(dated, seen, strict=True) if by > 0)]))
        many = list(dict.fromkeys([*some, *np.flatnonzero((of_kind & (by_kind > 0)[:, None]).any(axis=0)).tolist()]))
        told[name] = few, some, many, list(range(len(items)))
    return told


def only(own: Ledger, items: Sequence[Item], kept: Sequence[Item]) -> Changed:
    """One variant of the ledger: some of its items alone."""
    return _without(own, items, np.array([[one not in set(kept) for one in items]]))


def _without(own: Ledger, items: Sequence[Item], gone: Flags) -> Changed:
    """A variant for each row of `gone` (n, items)."""
    documents = np.zeros((len(gone), len(documents_of(own))), bool)
    rows = {table: np.zeros((len(gone), len(getattr(own, table))), bool) for table in _LOOSE}
    for place, one in enumerate(items):
        if one.row >= 0:
            rows[f"{one.kind}s"][:, one.row] = gone[:, place]
        documents[:, list(one.documents)] = gone[:, place : place + 1]
    return Changed(documents, rows, np.zeros(documents.shape, np.int64))


def _later(own: Ledger, items: Sequence[Item], places: Sequence[int], days: int) -> Changed:
    """A variant for each of some documents: it is due so many days later."""
    later = np.zeros((len(places), len(documents_of(own))), np.int64)
    for k, place in enumerate(places):
        later[k, list(items[place].documents)] = days
    return Changed(np.zeros(later.shape, bool), {}, later)


def _rated(if_: WhatIf, changed: Changed) -> Matrix:
    """The features of the customer as it is, then of each variant."""
    some = [changed.rows(slice(k, k + _TOGETHER)) for k in range(0, len(changed.without), _TOGETHER)]
    told = [if_.matrix(book) for book in (if_.own, *(one.book(if_.own) for one in some))]
    values, missing = (np.vstack([getattr(one, name) for one in told]) for name in ("values", "missing"))
    return Matrix(pd.concat([one.keys for one in told], ignore_index=True), values, missing, told[0].features)


def _moved(matrix: Matrix, name: str) -> Floats:
    """By how much each row but the first differs from it; infinitely where one of the two has no value."""
    values, missing = matrix.column(name), matrix.reasons(name)
    far = np.where(missing != missing[0], np.inf, np.nan_to_num(np.abs(values - values[0])))
    return np.where(far <= _EXACT * max(1.0, abs(np.nan_to_num(values[0]))), 0.0, far)[1:]
