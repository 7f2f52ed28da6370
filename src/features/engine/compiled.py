"""How kernels are compiled: once for each machine (the result is kept on disk), without loosening any arithmetic."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

_OPTIONS: dict[str, Any] = dict(nogil=True, error_model="numpy")  # never `fastmath`: it drops tests for NaN


def compiled(kernel: Callable[..., Any]) -> Any:
    """A function of arrays, compiled when it is first called; other threads run meanwhile."""
    try:
        return numba.njit(cache=True, **_OPTIONS)(kernel)
    except RuntimeError:  # no folder can be written to: compile in every process
        return numba.njit(**_OPTIONS)(kernel)


def inlined(kernel: Callable[..., Any]) -> Any:
    """The same for what other kernels call."""
    return numba.njit(**_OPTIONS)(kernel)


def tell_if_cold(kernel: Any) -> None:
    """Say on stderr that kernels have to be compiled first, where this one has not been since it was written."""
    source, kept = Path(kernel.py_func.__code__.co_filename), getattr(kernel.stats, "cache_path", None)
    made = Path(kept).glob(f"{source.stem}.{kernel.__name__}-*.nbi") if kept else iter(())
    if not any(one.stat().st_mtime >= source.stat().st_mtime for one in made):
        print("Compiling the feature engine for this machine: once, for a minute or so.", file=sys.stderr, flush=True)
