"""Tables of leaves: what a group of them tells of each column, for all that a row can be to the group."""

from dataclasses import dataclass

import numpy as np

from ...compiled import compiled, inlined
from .deep import gauss_legendre
from .forest import Floats, Forest, Integers
from .leaves import Leaves, met, split
from .places import ring_runs


@dataclass(frozen=True)
class LeafTable:
    """What a group of leaves tells.

    For each column the ranks fall into cells that its conditions do not tell apart; a row is one cell of each column,
    and its place is the sum of what they add.

    Attributes
    ----------
    columns : int64, length k
        Places in `Forest.used`.
    base : int
    runs : int64, (r, 4)
        Column, first rank, last rank, and what is added to the place of a row whose rank lies between.
    told : float64, (k, m)
        What each column contributes, by place.
    """

    columns: Integers
    base: int
    runs: Integers
    told: Floats


@dataclass(frozen=True)
class Group:
    """Some neighbouring leaves of a tree, from `first` to before `end`: what they tell apart.

    `cells` (k, ranks) are the cell of each rank in each column, `counts` (k) how many cells there are.
    """

    first: int
    end: int
    columns: Integers
    cells: Integers
    counts: Integers

    @property
    def places(self) -> float:
        """In a table of all cells."""
        return float(self.counts.prod(dtype=float))

    @property
    def entries(self) -> float:
        """Of the whole table."""
        return len(self.columns) * self.places

    @classmethod
    def all_of(cls, forest: Forest, leaves: Leaves, *, most: int) -> "list[Group]":
        """The cheapest groups with tables of at most so many places; a leaf that alone has more is told alone."""
        told = []
        for first, end in leaves.groups(forest, most=most):
            here = slice(leaves.starts[first], leaves.starts[end])
            told.append(cls(first, end, *_cells(leaves.columns[here], leaves.meets[here], forest.ranks)))
        return told

    def table(self, forest: Forest, leaves: Leaves) -> LeafTable:
        """What its leaves tell."""
        a, b = leaves.starts[self.first], leaves.starts[self.end]
        base, runs = _runs(self.columns, self.cells, self.counts, forest.ranks)
        told = _table(
            self.columns,
            self.cells,
            self.counts,
            leaves.starts[self.first : self.end + 1] - a,
            leaves.columns[a:b],
            leaves.shares[a:b],
            leaves.meets[a:b],
            forest.values[self.first : self.end],
            forest.ranks,
            *gauss_legendre(leaves.deepest),
        )
        return LeafTable(self.columns, base, runs, told)


@compiled
def _cells(columns, meets, ranks):  # type: ignore[no-untyped-def]
    """The columns of some conditions, and for each the cell of each rank and how many cells there are."""
    own, k = np.empty(len(columns), np.int64), 0
    place = np.full(len(ranks), -1)
    for u in columns:
        if place[u] < 0:
            place[u] = k
            own[k] = u
            k += 1
    widest = ranks.max() if len(ranks) else 1
    cells, counts, scratch = np.zeros((k, widest), np.int64), np.ones(k, np.int64), np.empty((2, widest), np.int64)
    for i in range(len(columns)):
        p = place[columns[i]]
        counts[p] = split(cells[p], counts[p], ranks[columns[i]], meets[i], scratch)
    return own[:k].copy(), cells, counts


@compiled
def _runs(own, cells, counts, ranks):  # type: ignore[no-untyped-def]
    """Renumber the cells so that the one of most runs adds nothing; the base, and the runs of the others."""
    total = 0
    for u in own:
        total += ranks[u]
    runs, n, base, stride = np.empty((total, 4), np.int64), 0, 0, 1
    for p in range(len(own)):
        row, length = cells[p], ranks[own[p]]
        still, most = 0, -1
        for cell in range(counts[p]):
            starts = 0
            for rank in range(length):
                starts += row[rank] == cell and row[rank - 1 if rank else length - 1] != cell
            if starts > most:
                still, most = cell, starts
        for rank in range(length):
            row[rank] = 0 if row[rank] == still else (still if row[rank] == 0 else row[rank])
        for cell in range(1, counts[p]):
            n, base = ring_runs(row, length, cell, own[p], cell * stride, runs, n, base)
        stride *= counts[p]
    return base, runs[:n].copy()


@compiled
def _table(own, cells, counts, starts, columns, shares, meets, values, ranks, at, weight):  # type: ignore[no-untyped-def]
    """What the leaves tell of each column, (k, m): each leaf's integral once for each pattern of its conditions."""
    size, deepest = 1, 1
    for count in counts:
        size *= count
    for leaf in range(len(values)):
        deepest = max(deepest, starts[leaf + 1] - starts[leaf])
    told = np.zeros((len(own), size))
    place = np.zeros(len(ranks), np.int64)
    for p in range(len(own)):
        place[own[p]] = p
    holds, fits = np.zeros(deepest, np.bool_), np.zeros((deepest, cells.shape[1]), np.bool_)
    patterns, known = np.empty((1 << deepest, deepest)), np.empty(1 << deepest, np.bool_)
    parts, digits = np.empty(deepest), np.empty(len(own), np.int64)
    for leaf in range(len(values)):
        begin, d = starts[leaf], starts[leaf + 1] - starts[leaf]
        for i in range(d):
            p = place[columns[begin + i]]
            for rank in range(ranks[columns[begin + i]]):
                fits[i, cells[p, rank]] = met(meets[begin + i], rank) == 1
        known[: 1 << d] = False
        digits[:] = 0
        for entry in range(size):
            pattern = 0
            for i in range(d):
                holds[i] = fits[i, digits[place[columns[begin + i]]]]
                pattern |= (1 << i) if holds[i] else 0
            if not known[pattern]:
                known[pattern] = True
                _integral(shares, begin, d, holds, values[leaf], at[d], weight[d], parts, patterns[pattern])
            for i in range(d):
                told[place[columns[begin + i]], entry] += patterns[pattern, i]
            for p in range(len(own)):
                digits[p] += 1
                if digits[p] < counts[p]:
                    break
                digits[p] = 0
    return told


@inlined
def _integral(shares, begin, d, holds, value, at, weight, parts, told):  # type: ignore[no-untyped-def]
    """What a leaf tells of each of its d columns, from which of their conditions hold."""
    told[:d] = 0.0
    for node in range((d + 1) // 2):
        t, left, right = at[node], weight[node] * value, 1.0
        for i in range(d):
            parts[i] = left
            left *= (1 - t) * shares[begin + i] + (t if holds[i] else 0.0)
        for i in range(d - 1, -1, -1):
            told[i] += parts[i] * right
            right *= (1 - t) * shares[begin + i] + (t if holds[i] else 0.0)
    for i in range(d):
        told[i] *= (1.0 if holds[i] else 0.0) - shares[begin + i]
