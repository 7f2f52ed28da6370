"""Places: where rows fall, told by runs of their ranks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...compiled import compiled, inlined
from .forest import Integers

Ranks = npt.NDArray[np.unsignedinteger]


@dataclass(frozen=True)
class Runs:
    """How the ranks of a row lead to its place in each of g tables.

    The place starts at `base`; each run adds to it if the row's rank in a column lies between two others. Places wrap
    round in their own type, which holds every place that comes out.

    Attributes
    ----------
    base : unsigned, length g
    starts : int64, length g + 1
        Where the runs of each table stand.
    columns : int64; low, high : as the ranks; adds : as `base`
    """

    base: Ranks
    starts: Integers
    columns: Integers
    low: Ranks
    high: Ranks
    adds: Ranks

    @classmethod
    def of(cls, bases: Sequence[int], runs: Sequence[Integers], *, rank: type, place: type) -> "Runs":
        """From the base of each table and its runs, (r, 4): column, lowest rank, highest rank, what is added."""
        all_of = np.concatenate(runs)
        return cls(
            np.array(bases).astype(place),
            np.cumsum([0, *map(len, runs)]),
            all_of[:, 0].copy(),
            all_of[:, 1].astype(rank),
            all_of[:, 2].astype(rank),
            all_of[:, 3].astype(place),
        )

    def places(self, ranks: Ranks) -> Ranks:
        """(g, n) from the ranks of n rows, (u, n)."""
        told = np.empty((len(self.base), ranks.shape[1]), self.base.dtype)
        _look_up(ranks, self.base, self.starts, self.columns, self.low, self.high, self.adds, told)
        return told


@compiled
def _look_up(ranks, base, starts, columns, low, high, adds, told):  # type: ignore[no-untyped-def]
    for table in range(len(base)):
        told[table] = base[table]
        for run in range(starts[table], starts[table + 1]):
            _add(ranks[columns[run]], low[run], high[run], adds[run], told[table])


@inlined
def _add(ranks, low, high, adds, told):  # type: ignore[no-untyped-def]
    for row in range(len(told)):
        told[row] += adds if (ranks[row] >= low) & (ranks[row] <= high) else 0


@inlined
def ring_runs(row, length, cell, column, adds, runs, n, base):  # type: ignore[no-untyped-def]
    """Write the runs of a cell. Ranks are a ring: a run over its end is told as the base, less what lies between."""
    for rank in range(length):
        if row[rank] == cell and row[rank - 1 if rank else length - 1] != cell:
            end = rank
            while row[(end + 1) % length] == cell:
                end += 1
            over = end >= length
            runs[n, 0], runs[n, 1], runs[n, 2] = column, end + 1 - length if over else rank, rank - 1 if over else end
            runs[n, 3] = -adds if over else adds
            base += adds if over else 0
            n += 1
    return n, base
