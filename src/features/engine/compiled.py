"""How kernels are compiled: once for each machine (the result is kept on disk), without loosening any arithmetic."""

from collections.abc import Callable
from typing import Any

import numba


def compiled(kernel: Callable[..., Any]) -> Any:
    """A function of arrays, compiled when it is first called; other threads run meanwhile.

    Never `fastmath`: it drops tests for NaN, and sums would depend on the machine.
    """
    return numba.njit(cache=True, nogil=True, error_model="numpy")(kernel)


def inlined(kernel: Callable[..., Any]) -> Any:
    """The same for what other kernels call."""
    return numba.njit(nogil=True, error_model="numpy")(kernel)
