"""Exact path-dependent TreeSHAP for every row: what leaves tell is tabulated once, then looked up.

A leaf with value v, reached through conditions on d columns, gives column i

    v (1_i - z_i) x integral over t in (0, 1) of the product over j != i of (t 1_j + (1 - t) z_j)

where 1_j says whether the row meets the condition on column j and z_j is the share of training rows that do
[Lundberg et al. 2020; as an integral, Yu et al. 2022]. So a leaf knows no more of a row than which of its conditions
hold. Neighbouring leaves share a table over all their conditions while it stays small; a leaf whose own would be too
large takes the integral for each row, by Gauss-Legendre nodes, which are exact here: the product is a polynomial.
"""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..compiled import compiled, inlined, tell_if_cold
from ..features.workers import THREADS
from .trees.deep import DeepLeaves
from .trees.forest import Floats, Forest, Integers
from .trees.leaves import Leaves
from .trees.places import Runs
from .trees.tables import Group, LeafTable

_LIMITS = (4096, 1024, 256, 64)  # places in a table; the first with which all tables are small enough together
_ENTRIES = 2**26  # of all tables, half a GiB
_BLOCK, _SHEET = 16384, 512  # rows, and tables, that are looked up together
_FEW = 1024  # rows: a smaller block is not worth a thread


@dataclass(frozen=True)
class Sheet:
    """Some tables laid end to end, column by column.

    Attributes
    ----------
    runs : Runs
        Lead each row to its place in each table.
    starts : int64, length u + 1
        Of each used column where its part of `tables` and `begins` stands.
    tables, begins : int64
        Which table tells of the column, and where in `told`.
    told : float64
    """

    runs: Runs
    starts: Integers
    tables: Integers
    begins: Integers
    told: Floats

    @classmethod
    def of(cls, tables: Sequence[LeafTable], used: int, *, rank: type, place: type) -> "Sheet":
        """Lay them out."""
        columns = np.concatenate([one.columns for one in tables])
        which = np.repeat(np.arange(len(tables)), [len(one.columns) for one in tables])
        order = np.argsort(columns, kind="stable")
        lengths = np.array([one.told.shape[1] for one in tables])[which]
        begins = np.cumsum(lengths[order]) - lengths[order]
        held, told = np.concatenate([one.told.ravel() for one in tables]), np.empty(lengths.sum())
        _lay_out(held, (np.cumsum(lengths) - lengths)[order], begins, lengths[order], told)
        return cls(
            Runs.of([one.base for one in tables], [one.runs for one in tables], rank=rank, place=place),
            np.searchsorted(columns[order], np.arange(used + 1)),
            which[order],
            begins,
            told,
        )

    def add(self, ranks: npt.NDArray[np.unsignedinteger], sums: Floats) -> None:
        """Add what they tell of rows by their ranks (u, n) to what others told, (u, n)."""
        _gather(self.runs.places(ranks), self.starts, self.tables, self.begins, self.told, sums)


@dataclass(frozen=True)
class TreeShap:
    """The explanation of boosters, ready for any number of rows.

    Attributes
    ----------
    forest : Forest
    parts : tuple of Sheet and DeepLeaves
    baseline : float
        Mean raw score over the training rows.
    """

    forest: Forest
    parts: tuple[Sheet | DeepLeaves, ...]
    baseline: float

    @classmethod
    def of(cls, forest: Forest, *, limits: Sequence[int] = _LIMITS) -> "TreeShap":
        """Of the mean of boosters (see `forest_of`).

        A table has at most so many places: the first of the limits with which half a GiB holds all tables, else the
        last.
        """
        tell_if_cold(_gather)
        leaves = Leaves.of(forest)
        for most in limits:
            groups = Group.all_of(forest, leaves, most=most)
            shallow = [one for one in groups if one.places <= most]
            if sum(one.entries for one in shallow) <= _ENTRIES:
                break
        asked = [one for one in shallow if len(one.columns)]
        with ThreadPoolExecutor(THREADS) as pool:
            parts = [asked[begin : begin + _SHEET] for begin in range(0, len(asked), _SHEET)]
            told = pool.map(lambda part: [one.table(forest, leaves) for one in part], parts)
            tables = [table for part in told for table in part]
        deep = np.array([one.first for one in groups if one.places > most], np.int64)
        return cls(
            forest,
            (
                *_sheets(tables, len(forest.used), rank=forest.rank_type),
                *DeepLeaves.of(forest, leaves, deep, rank=forest.rank_type),
            ),
            math.fsum(forest.values * leaves.reach),
        )

    def contributions(self, rows: Floats, *, threads: int = THREADS) -> Floats:
        """(n, columns): what each column adds to the baseline of each row; both add up to the raw score."""
        told = np.zeros((len(rows), self.forest.columns))
        size = min(_BLOCK, max(_FEW, -(-len(rows) // threads)))
        blocks = [slice(begin, begin + size) for begin in range(0, len(rows), size)]
        if len(blocks) < 2 or threads < 2:  # starting threads costs more than a few rows
            for block in blocks:
                self._block(rows, told, block)
            return told
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda block: self._block(rows, told, block), blocks))
        return told

    def _block(self, rows: Floats, told: Floats, block: slice) -> None:
        ranks = self.forest.rank(rows[block])
        sums = np.zeros(ranks.shape)
        for part in self.parts:
            part.add(ranks, sums)
        told[block, self.forest.used] = sums.T


def _sheets(tables: Sequence[LeafTable], used: int, *, rank: type) -> Iterator[Sheet]:
    """Small tables first: their places take a byte."""
    for place, least, most in ((np.uint8, 0, 256), (np.uint16, 257, 65536)):
        chosen = [one for one in tables if least <= one.told.shape[1] <= most]
        for begin in range(0, len(chosen), _SHEET):
            yield Sheet.of(chosen[begin : begin + _SHEET], used, rank=rank, place=place)


@compiled
def _lay_out(held, starts, begins, lengths, told):  # type: ignore[no-untyped-def]
    for k in range(len(lengths)):
        told[begins[k] : begins[k] + lengths[k]] = held[starts[k] : starts[k] + lengths[k]]


@compiled
def _gather(places, starts, tables, begins, told, sums):  # type: ignore[no-untyped-def]
    """Add what each table tells of each column to its sums, (u, n); four tables at once, so that sums are read once."""
    for u in range(len(starts) - 1):
        k, end = starts[u], starts[u + 1]
        while k + 4 <= end:
            _add_four(
                sums[u],
                places[tables[k]],
                places[tables[k + 1]],
                places[tables[k + 2]],
                places[tables[k + 3]],
                told[begins[k] :],
                told[begins[k + 1] :],
                told[begins[k + 2] :],
                told[begins[k + 3] :],
            )
            k += 4
        while k < end:
            _add_one(sums[u], places[tables[k]], told[begins[k] :])
            k += 1


@inlined
def _add_four(sums, p0, p1, p2, p3, t0, t1, t2, t3):  # type: ignore[no-untyped-def]
    for row in range(len(sums)):
        sums[row] += (t0[p0[row]] + t1[p1[row]]) + (t2[p2[row]] + t3[p3[row]])


@inlined
def _add_one(sums, places, told):  # type: ignore[no-untyped-def]
    for row in range(len(sums)):
        sums[row] += told[places[row]]
