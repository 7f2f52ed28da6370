"""Evidence: the rows of the ledger that make a feature's value, found by telling its features on changed ledgers.

So no measure needs a second telling of what it looks at. What changes a value when it is left out is evidence of it;
the more it changes it, the more it weighs. Where rows stand for each other, so that none is missed alone, the documents
are evidence whose due day the value depends on. All evidence of a feature together, and nothing else, gives its value
again.
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
        They make the value together: some can be left out one by one without being missed.
    """

    items: tuple[Item, ...]
    together: bool = False


def items_of(own: Ledger, day: int) -> list[Item]:
    """All that can be left out of a customer's ledger, piece by piece."""
    invoices, payments, names = own.invoices, own.payments, documents_of(own)
    last = pd.concat([invoices.set_index("invoice_id")["due_on"], payments.set_index("invoice_id")["paid_on"]])
    recent = last.groupby(level=0).max() > pd.Timestamp(day_of(day - _RECENT))
    paid, asked = (rows.groupby("invoice_id")["amount"].sum() for rows in (payments, invoices))
    still = asked.sub(paid, fill_value=0).reindex(asked.index) > 0
    near = (recent.reindex(names, fill_value=False) | still.reindex(names, fill_value=False)).to_numpy(bool)
    told = [Item("invoice", (int(place),)) for place in np.flatnonzero(near)]
    told += [Item("older", tuple(np.flatnonzero(~near).tolist()))] if (~near).any() else []
    for table in _LOOSE:
        rows = getattr(own, table)
        loose = ~rows["invoice_id"].isin(names) if "invoice_id" in rows else pd.Series(True, index=rows.index)
        told += [Item(table.removesuffix("s"), row=int(row)) for row in np.flatnonzero(loose)]
    return told


def evidence_of(if_: WhatIf, features: Sequence[str]) -> dict[str, Evidence]:
    """The evidence of some features of the customer as it stands."""
    if not features:
        return {}
    items = items_of(if_.own, if_.day)
    found = _suspects(if_, items, features)
    tries = [places for told in found.values() for places in told]
    kept = np.array([[place in places for place in range(len(items))] for places in tries], bool)
    again = _rated(if_, _without(if_.own, items, ~kept))
    result = {}
    for k, (name, sets) in enumerate(found.items()):
        moved = _moved(again, name)[k * len(sets) : (k + 1) * len(sets)]
        enough = next(place for place, by in enumerate(moved) if by == 0)  # the last holds everything
        result[name] = Evidence(tuple(items[place] for place in sets[enough]), together=enough > 0)
    return result


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
