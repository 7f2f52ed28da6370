"""A forest: trees as arrays, with thresholds as ranks, so that a value becomes a small number."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...compiled import compiled, inlined

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
NO_ZERO = 1.0000000180025095e-35  # LightGBM takes what is no further from 0 for 0


@dataclass(frozen=True)
class Forest:
    """Trees whose values add up to the raw score.

    A value is known by its rank among the thresholds of its column: 0 where it is missing, else one more than the
    number of thresholds below it. Of a category it is the number of its class: categories that no split tells apart
    are one class. Which ranks go left at a node is a set of bits.

    Attributes
    ----------
    columns : int
        Of the rows that it takes.
    used : int64, length u
        Columns that any tree splits.
    cuts, cut_starts : float64, int64 (u + 1)
        Thresholds of each used column, rising; of a categorical one the class of each category.
    is_category : bool, length u
    column : int64, a node each
        The place in `used` of the column that is split.
    goes_left : uint64, (nodes, words)
        Bit r is set if the rank r goes left.
    parent : int64, the nodes, then the leaves
        The node above; -1 for a root.
    is_left : bool, the nodes, then the leaves
    share : float64, the nodes, then the leaves
        Share of the training rows of the node above.
    values : float64, a leaf each
    leaf_starts : int64, trees + 1
        Leaves stand tree by tree, from left to right.
    """

    columns: int
    used: Integers
    cuts: Floats
    cut_starts: Integers
    is_category: npt.NDArray[np.bool_]
    column: Integers
    goes_left: npt.NDArray[np.uint64]
    parent: Integers
    is_left: npt.NDArray[np.bool_]
    share: Floats
    values: Floats
    leaf_starts: Integers

    @cached_property
    def ranks(self) -> Integers:
        """How many ranks each used column has, length u."""
        lengths = np.diff(self.cut_starts)
        most = [self.cuts[a:b].max(initial=0) + 1 for a, b in zip(self.cut_starts, self.cut_starts[1:], strict=False)]
        return np.where(self.is_category, most, lengths + 2).astype(np.int64)

    @property
    def rank_type(self) -> type:
        """The smallest that holds every rank."""
        return np.min_scalar_type(self.ranks.max(initial=1) - 1).type

    def thresholds(self, column: int) -> Floats:
        """Those of a column of numbers, rising; none if no tree splits it."""
        place = int(np.searchsorted(self.used, column))
        if place == len(self.used) or self.used[place] != column or self.is_category[place]:
            return np.empty(0)
        return self.cuts[self.cut_starts[place] : self.cut_starts[place + 1]]

    def rank(self, rows: Floats) -> npt.NDArray[np.unsignedinteger]:
        """(u, n): the rank of each value of rows (n, columns)."""
        told: npt.NDArray[np.unsignedinteger] = np.empty((len(self.used), len(rows)), self.rank_type)
        _rank(np.ascontiguousarray(rows, np.float64), self.used, self.cuts, self.cut_starts, self.is_category, told)
        return told


@compiled
def _rank(rows, used, cuts, starts, is_category, told):  # type: ignore[no-untyped-def]
    """Rows in small blocks, so that they are in cache for every column."""
    for begin in range(0, len(rows), 64):
        end = min(begin + 64, len(rows))
        for u in range(len(used)):
            column, start, length = used[u], starts[u], starts[u + 1] - starts[u]
            for row in range(begin, end):
                value = rows[row, column]
                if -NO_ZERO <= value <= NO_ZERO:
                    value = 0.0
                if is_category[u]:
                    whole = int(value) if value > -1.0 and value < length else -1
                    told[u, row] = int(cuts[start + whole]) if whole >= 0 else 0
                elif value != value:
                    told[u, row] = 0
                else:
                    told[u, row] = 1 + _below(cuts, start, length, value)


@inlined
def _below(cuts, start, length, value):  # type: ignore[no-untyped-def]
    """How many of the cuts lie below the value."""
    low = start
    while length > 1:
        half = length >> 1
        low += half if cuts[low + half - 1] < value else 0
        length -= half
    return low - start + (1 if length and cuts[low] < value else 0)
