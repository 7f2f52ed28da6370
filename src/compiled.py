"""How kernels are compiled: once for each machine (the result is kept on disk), without loosening any arithmetic."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core.options import DefaultOptions

_OPTIONS: dict[str, Any] = dict(nogil=True, error_model="numpy")  # never `fastmath`: it drops tests for NaN
# Numba counts the references to an array wherever it is read from a tuple of columns, which can cost ten times the work
# itself. What makes no array does not need the count; a Numba that cannot leave it out is slower, and as right.
_UNCOUNTED = _OPTIONS | ({"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {})


def compiled(kernel: Callable[..., Any]) -> Any:
    """A function of arrays, compiled when it is first called; other threads run meanwhile.

    It makes its arrays, and leaves the loops to what is `inlined`.
    """
    try:
        return numba.njit(cache=True, **_OPTIONS)(kernel)
    except RuntimeError:  # no folder can be written to: compile in every process
        return numba.njit(**_OPTIONS)(kernel)


def inlined(kernel: Callable[..., Any]) -> Any:
    """The same for what other kernels call; it makes no array, so none has to be counted while it runs."""
    return numba.njit(**_UNCOUNTED)(kernel)


def allocating(kernel: Callable[..., Any]) -> Any:
    """The same for what other kernels call to make arrays."""
    return numba.njit(**_OPTIONS)(kernel)


def tell_if_cold(kernel: Any) -> None:
    """Say on stderr that kernels have to be compiled first, where this one has not been since it was written."""
    source, kept = Path(kernel.py_func.__code__.co_filename), getattr(kernel.stats, "cache_path", None)
    made = Path(kept).glob(f"{source.stem}.{kernel.__name__}-*.nbi") if kept else iter(())
    if not any(one.stat().st_mtime >= source.stat().st_mtime for one in made):
        print("Compiling for this machine: once, for a minute or so.", file=sys.stderr, flush=True)
