"""Walks: the leaf of each tree in which a row ends, and the values of those leaves added as LightGBM adds them.

A row need not be walked down a tree with few leaves. A split that sends it to the right rules out the leaves on its
left; of what no split rules out, the leftmost is where it ends [QuickScorer: Lucchese et al. 2015]. What the splits of
a column rule out is tabulated by rank, a bit for each leaf.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...compiled import compiled
from ...features.workers import THREADS
from .forest import Floats, Forest, Integers

_BITS = 64  # leaves of a tree, at most
_ENTRIES = 2**24  # of all tables, 128 MiB
_TOGETHER = 256  # rows that are in cache with a tree
_BLOCK = 16384  # rows of a thread


@dataclass(frozen=True)
class Walks:
    """A forest, ready to tell in which leaves rows end.

    Attributes
    ----------
    forest : Forest
    children : int32, (nodes, 2)
        What stands under each node, on its right and on its left; leaves count on from the nodes.
    roots : int32, a tree each
    tables : int64, trees + 1
        Where the tables of each tree stand in `columns` and `begins`.
    columns, begins : int64
        The place of a table's column in `Forest.used`, and where it begins in `possible`.
    possible : uint64
        By rank, which leaves of its tree are not ruled out; empty where trees are walked down.
    """

    forest: Forest
    children: npt.NDArray[np.int32]
    roots: npt.NDArray[np.int32]
    tables: Integers
    columns: Integers
    begins: Integers
    possible: npt.NDArray[np.uint64]

    @classmethod
    def of(cls, forest: Forest, *, entries: int = _ENTRIES) -> "Walks":
        """All tables have at most so many entries together, else there are none."""
        children, roots, tree, left = _shape(forest.parent, forest.is_left, forest.leaf_starts, len(forest.column))
        width = max(1, len(forest.used))
        own, table = np.unique(tree * width + forest.column, return_inverse=True)
        tables, columns = np.searchsorted(own, np.arange(len(roots) + 1) * width), own % width
        ends = np.cumsum(forest.ranks[columns])
        few = np.diff(forest.leaf_starts).max(initial=1) <= _BITS and ends.max(initial=0) <= entries
        begins = np.concatenate([[0], ends])[:-1]
        possible = np.full(ends.max(initial=0) if few else 0, ~np.uint64(0))
        if few:
            _rule_out(possible, begins[table], left, forest.ranks[forest.column], forest.goes_left)
        return cls(forest, children, roots, tables, columns, begins, possible)

    def scores(self, rows: Floats) -> Floats:
        """Raw scores of rows (n, columns), length n."""
        blocks = [rows[begin : begin + _BLOCK] for begin in range(0, len(rows), _BLOCK)]
        if len(blocks) < 2:
            return self._scores(rows)
        with ThreadPoolExecutor(THREADS) as pool:
            return np.concatenate(list(pool.map(self._scores, blocks)))

    def _scores(self, rows: Floats) -> Floats:
        ranks, forest = self.forest.rank(rows), self.forest
        told = np.zeros(len(rows))
        if len(self.possible) or not len(forest.column):
            given = (self.tables, self.columns, self.begins, self.possible, forest.leaf_starts)
            _look_up(ranks, *given, forest.values, told)
        else:
            _walk_down(ranks, forest.column, forest.goes_left, self.children, self.roots, forest.values, told)
        return told


@compiled
def _shape(parent, is_left, leaf_starts, nodes):  # type: ignore[no-untyped-def]
    """Children of each node, roots; of each node its tree, and the leaves on its left, counted within the tree."""
    trees = len(leaf_starts) - 1
    children, roots = np.empty((nodes, 2), np.int32), np.empty(trees, np.int32)
    tree, left = np.empty(nodes, np.int64), np.empty((nodes, 2), np.int64)
    left[:, 0], left[:, 1] = len(parent), 0
    for t in range(trees):
        for leaf in range(leaf_starts[t], leaf_starts[t + 1]):
            at = nodes + leaf
            while parent[at] >= 0:
                above = parent[at]
                children[above, 1 if is_left[at] else 0] = at
                tree[above] = t
                if is_left[at]:
                    left[above, 0] = min(left[above, 0], leaf - leaf_starts[t])
                    left[above, 1] = max(left[above, 1], leaf - leaf_starts[t] + 1)
                at = above
            roots[t] = at
    return children, roots, tree, left


@compiled
def _rule_out(possible, begins, left, ranks, goes_left):  # type: ignore[no-untyped-def]
    for node in range(len(begins)):
        bits = np.uint64(0)
        for leaf in range(left[node, 0], left[node, 1]):
            bits |= np.uint64(1) << np.uint64(leaf)
        for rank in range(ranks[node]):
            if not (goes_left[node, rank >> 6] >> np.uint64(rank & 63)) & np.uint64(1):
                possible[begins[node] + rank] &= ~bits


@compiled
def _look_up(ranks, tables, columns, begins, possible, leaf_starts, values, told):  # type: ignore[no-untyped-def]
    left, lowest = np.empty(_TOGETHER, np.uint64), np.empty(_TOGETHER)
    power = lowest.view(np.int64)
    for begin in range(0, ranks.shape[1], _TOGETHER):
        many = min(_TOGETHER, ranks.shape[1] - begin)
        for t in range(len(leaf_starts) - 1):
            left[:] = ~np.uint64(0)
            for table in range(tables[t], tables[t + 1]):
                own, start = ranks[columns[table]], begins[table]
                for row in range(many):
                    left[row] &= possible[start + own[begin + row]]
            for row in range(many):  # the lowest bit is a power of two, and its exponent the leaf
                lowest[row] = float(left[row] & (~left[row] + np.uint64(1)))
            for row in range(many):
                told[begin + row] += values[leaf_starts[t] + (power[row] >> 52) - 1023]


@compiled
def _walk_down(ranks, column, goes_left, children, roots, values, told):  # type: ignore[no-untyped-def]
    nodes = len(column)
    for begin in range(0, ranks.shape[1], _TOGETHER):
        end = min(begin + _TOGETHER, ranks.shape[1])
        for root in roots:
            for row in range(begin, end):
                at = root
                while at < nodes:
                    rank = np.int64(ranks[column[at], row])
                    at = children[at, (goes_left[at, rank >> 6] >> np.uint64(rank & 63)) & np.uint64(1)]
                told[row] += values[at - nodes]
