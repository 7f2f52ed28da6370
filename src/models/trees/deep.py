"""Deep leaves: those with too many conditions for a table; each row takes the integral itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from ...compiled import compiled, inlined
from .forest import Floats, Forest, Integers
from .leaves import Leaves, met
from .places import Ranks, Runs, ring_runs

_TOGETHER = 64  # leaves
_STRIP = 1024  # rows of a leaf at once


@dataclass(frozen=True)
class DeepLeaves:
    """Some leaves without a table.

    Attributes
    ----------
    runs : Runs
        Lead to the bits of which conditions a row meets, eight conditions of a leaf together.
    bytes_of : int64, leaves + 1
        Where the bytes of each leaf stand.
    starts : int64, leaves + 1
    columns, shares : length c
        Its conditions, as in `Leaves`.
    values : float64, length of the leaves
    """

    runs: Runs
    bytes_of: Integers
    starts: Integers
    columns: Integers
    shares: Floats
    values: Floats

    @classmethod
    def of(cls, forest: Forest, leaves: Leaves, which: Integers, *, rank: type) -> "Iterator[DeepLeaves]":
        """The leaves with these numbers, some together."""
        for first in range(0, len(which), _TOGETHER):
            some = which[first : first + _TOGETHER]
            held = [np.arange(leaves.starts[leaf], leaves.starts[leaf + 1]) for leaf in some]
            eights = [one[k : k + 8] for one in held for k in range(0, len(one), 8)]
            told = [_bits(leaves.meets[one], leaves.columns[one], forest.ranks) for one in eights]
            conditions = np.concatenate(held)
            yield cls(
                Runs.of([base for base, _ in told], [runs for _, runs in told], rank=rank, place=np.uint8),
                np.cumsum([0, *(-(-len(one) // 8) for one in held)]),
                np.cumsum([0, *map(len, held)]),
                leaves.columns[conditions],
                leaves.shares[conditions],
                forest.values[some],
            )

    def add(self, ranks: Ranks, sums: Floats) -> None:
        """Add what they tell of rows by their ranks (u, n) to what others told, (u, n)."""
        at, weight = gauss_legendre(int(np.diff(self.starts).max()))
        met = self.runs.places(ranks)
        _integrate(met, self.bytes_of, self.starts, self.columns, self.shares, self.values, at, weight, sums)


@cache
def gauss_legendre(deepest: int) -> tuple[Floats, Floats]:
    """Nodes and weights on (0, 1), a row for each number of conditions: exact for the product of all but one.

    Rows are filled up with nodes of no weight.
    """
    width = -(-(deepest + 1) // 8) * 4
    at, weight = np.full((deepest + 1, width), 0.5), np.zeros((deepest + 1, width))
    for conditions in range(1, deepest + 1):
        n = (conditions + 1) // 2
        x, w = np.polynomial.legendre.leggauss(n)
        at[conditions, :n], weight[conditions, :n] = (x + 1) / 2, w / 2
    return at, weight


@compiled
def _bits(meets, columns, ranks):  # type: ignore[no-untyped-def]
    """Base and runs of up to eight conditions: a bit for each that is met."""
    total = 0
    for u in columns:
        total += ranks[u]
    row, runs, n, base = np.empty(ranks.max(), np.int64), np.empty((total, 4), np.int64), 0, 0
    for i in range(len(columns)):
        length = ranks[columns[i]]
        for rank in range(length):
            row[rank] = met(meets[i], rank)
        n, base = ring_runs(row, length, 1, columns[i], 1 << i, runs, n, base)
    return base, runs[:n].copy()


@compiled
def _integrate(met, bytes_of, starts, columns, shares, values, at, weight, sums):  # type: ignore[no-untyped-def]
    """The product over all conditions at each node, then for each condition without its own factor."""
    width = at.shape[1]
    product, own = np.empty((width, _STRIP)), np.empty(_STRIP)
    factors = np.empty((-(-(at.shape[0] - 1) // 8), width, 256))
    for leaf in range(len(values)):
        begin, d, first_byte = starts[leaf], starts[leaf + 1] - starts[leaf], bytes_of[leaf]
        nodes = -(-(d + 1) // 8) * 4
        for k in range(0, d, 8):
            for q in range(nodes):
                _factors(factors[k // 8, q], shares[begin + k : begin + min(k + 8, d)], at[d, q])
        for first in range(0, met.shape[1], _STRIP):
            end = min(first + _STRIP, met.shape[1])
            for q in range(nodes):
                product[q] = weight[d, q] * values[leaf]
                for k in range(0, d, 8):
                    _times(product[q], factors[k // 8, q], met[first_byte + k // 8, first:end])
            for i in range(d):
                bits, bit = met[first_byte + i // 8, first:end], np.uint8(1 << (i % 8))
                own[:] = 0.0
                for q in range(0, nodes, 4):
                    _without(own, product[q : q + 4], bits, bit, at[d, q : q + 4], shares[begin + i])
                _contribute(sums[columns[begin + i], first:end], own, bits, bit, shares[begin + i])


@inlined
def _factors(told, shares, t):  # type: ignore[no-untyped-def]
    """The product of some factors for each pattern of bits."""
    told[0], size = 1.0, 1
    for share in shares:
        no = share * (1 - t)
        for pattern in range(size):
            told[size + pattern] = told[pattern] * (no + t)
            told[pattern] *= no
        size *= 2


@inlined
def _times(product, factors, bits):  # type: ignore[no-untyped-def]
    for row in range(len(bits)):
        product[row] *= factors[bits[row]]


@inlined
def _without(own, product, bits, bit, at, share):  # type: ignore[no-untyped-def]
    """Add the product without this condition's own factor, at four nodes."""
    s0, s1, s2, s3 = share * (1 - at[0]), share * (1 - at[1]), share * (1 - at[2]), share * (1 - at[3])
    no0, no1, no2, no3 = 1 / s0, 1 / s1, 1 / s2, 1 / s3
    yes0, yes1, yes2, yes3 = 1 / (s0 + at[0]), 1 / (s1 + at[1]), 1 / (s2 + at[2]), 1 / (s3 + at[3])
    p0, p1, p2, p3 = product[0], product[1], product[2], product[3]
    for row in range(len(bits)):
        yes = (bits[row] & bit) != 0
        own[row] += (p0[row] * (yes0 if yes else no0) + p1[row] * (yes1 if yes else no1)) + (
            p2[row] * (yes2 if yes else no2) + p3[row] * (yes3 if yes else no3)
        )


@inlined
def _contribute(sums, own, bits, bit, share):  # type: ignore[no-untyped-def]
    for row in range(len(bits)):
        sums[row] += own[row] * ((1.0 if (bits[row] & bit) != 0 else 0.0) - share)
