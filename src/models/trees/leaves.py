"""Leaves: what each asks of a row, and which neighbours are packed so that one look-up answers for them together."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...compiled import compiled, inlined
from .forest import Floats, Forest, Integers

_SMALL, _LARGE = 256, 1024  # entries of a column's table that stay in the first, and in the second, cache
_DEEP = 12.0  # what a condition of a leaf costs that has no table, in look-ups of a small one
_RUN = 0.15  # what a run of ranks costs, in the same


@dataclass(frozen=True)
class Leaves:
    """What each leaf of a forest asks: its conditions on one column are taken as one.

    Attributes
    ----------
    starts : int64, leaves + 1
        Where the conditions of each leaf stand.
    columns : int64, length c
        The place of the column in `Forest.used`.
    shares : float64, length c
        Share of training rows that meet the condition where it is asked, over all its splits.
    meets : uint64, (c, words)
        Bit r is set if the rank r meets it.
    """

    starts: Integers
    columns: Integers
    shares: Floats
    meets: npt.NDArray[np.uint64]

    @classmethod
    def of(cls, forest: Forest) -> "Leaves":
        """Those of a forest, in its order."""
        return cls(
            *_conditions(
                forest.column, forest.goes_left, forest.parent, forest.is_left, forest.share, len(forest.values)
            )
        )

    @property
    def deepest(self) -> int:
        """Most conditions of a leaf."""
        return int(np.diff(self.starts).max(initial=1))

    @property
    def reach(self) -> Floats:
        """Share of the training rows in each leaf."""
        return np.array([self.shares[a:b].prod() for a, b in zip(self.starts, self.starts[1:], strict=False)])

    def groups(self, forest: Forest, *, most: int) -> list[tuple[int, int]]:
        """First leaf and end of each group of neighbours, whose rows fall into at most so many cells.

        The groups of a tree are those that cost least together, by what a look-up costs in a table of each size. A leaf
        that alone has more cells is a group of its own.
        """
        firsts = _groups(forest.leaf_starts, self.starts, self.columns, self.meets, forest.ranks, most)
        return [(int(a), int(b)) for a, b in zip(firsts, [*firsts[1:], len(forest.values)], strict=True)]


@compiled
def _conditions(column, goes_left, parent, is_left, share, leaves):  # type: ignore[no-untyped-def]
    """From each leaf up to its root."""
    nodes, words = len(column), goes_left.shape[1]
    starts, total = np.zeros(leaves + 1, np.int64), 0
    for leaf in range(leaves):
        at = parent[nodes + leaf]
        while at >= 0:
            total += 1
            at = parent[at]
    columns, shares, meets = np.empty(total, np.int64), np.ones(total), np.empty((total, words), np.uint64)
    end = 0
    for leaf in range(leaves):
        begin, at = end, nodes + leaf
        while parent[at] >= 0:
            above, k = parent[at], begin
            while k < end and columns[k] != column[above]:
                k += 1
            if k == end:
                columns[k] = column[above]
                meets[k] = ~np.uint64(0)
                end += 1
            shares[k] *= share[at]
            for word in range(words):
                meets[k, word] &= goes_left[above, word] if is_left[at] else ~goes_left[above, word]
            at = above
        starts[leaf + 1] = end
    return starts, columns[:end].copy(), shares[:end].copy(), meets[:end].copy()


@compiled
def _groups(leaf_starts, starts, columns, meets, ranks, most):  # type: ignore[no-untyped-def]
    """First leaves of the cheapest division of each tree: from each leaf as far as a table reaches."""
    widest = ranks.max() if len(ranks) else 1
    cells, counts = np.zeros((len(ranks), widest), np.int64), np.ones(len(ranks), np.int64)
    scratch, touched = np.empty((2, widest), np.int64), np.empty(len(columns), np.int64)
    firsts, n = np.empty(leaf_starts[-1], np.int64), 0
    for tree in range(len(leaf_starts) - 1):
        first, end = leaf_starts[tree], leaf_starts[tree + 1]
        best, back = np.full(end - first + 1, np.inf), np.zeros(end - first + 1, np.int64)
        best[0] = 0.0
        for a in range(first, end):
            size, k, runs = 1.0, 0, 0
            for b in range(a, end):
                for i in range(starts[b], starts[b + 1]):
                    u, before = columns[i], counts[columns[i]]
                    if before == 1:
                        touched[k] = u
                        k += 1
                    counts[u] = split(cells[u], before, ranks[u], meets[i], scratch)
                    size *= counts[u] / before
                    runs += counts[u] - before
                if size > most + 0.5 and b > a:
                    break
                cost = best[a - first] + _cost(size, k, runs, most)
                if cost < best[b + 1 - first]:
                    best[b + 1 - first], back[b + 1 - first] = cost, a - first
                if size > most + 0.5:
                    break
            for i in range(k):
                counts[touched[i]] = 1
                cells[touched[i]] = 0
        begin, at = n, end - first
        while at > 0:
            at = back[at]
            firsts[n] = first + at
            n += 1
        firsts[begin:n] = firsts[begin:n][::-1].copy()
    return firsts[:n].copy()


@inlined
def _cost(size, columns, runs, most):  # type: ignore[no-untyped-def]
    """Of a group, in look-ups of a small table."""
    if size > most + 0.5:
        return _DEEP * columns
    each = 1.0 if size <= _SMALL + 0.5 else (1.5 if size <= _LARGE + 0.5 else 2.5)
    return 1.0 + each * columns + _RUN * runs


@inlined
def split(cells, count, ranks, meets, scratch):  # type: ignore[no-untyped-def]
    """Part the cells of a column's ranks into those that meet a condition and those that do not; how many there are."""
    for cell in range(count):
        scratch[0, cell] = scratch[1, cell] = -1
    told = 0
    for rank in range(ranks):
        side, cell = met(meets, rank), cells[rank]
        if scratch[side, cell] < 0:
            scratch[side, cell] = told
            told += 1
        cells[rank] = scratch[side, cell]
    return told


@inlined
def met(meets, rank):  # type: ignore[no-untyped-def]
    """1 if a rank meets a condition, else 0."""
    return np.int64((meets[rank >> 6] >> np.uint64(rank & 63)) & np.uint64(1))
