"""Memory that is freed and taken again: a process that does nothing else but intake, or features, keeps it.

By default the allocators give freed memory back to the system at once and have it zeroed anew: a fifth of the time of a
large intake, or of features (benchmarks/intake.py, benchmarks/features.py).
"""

import ctypes
from contextlib import suppress

import pyarrow as pa

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # of glibc's mallopt
_MOST = 1 << 30


def keep_freed_memory() -> None:
    """Ask Arrow's and the C library's allocators to hold what is freed; where they cannot, nothing changes."""
    with suppress(NotImplementedError):  # Arrow was built without it
        pa.set_memory_pool(pa.jemalloc_memory_pool())
    with suppress(OSError, AttributeError):  # no glibc
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in ((_MMAP_THRESHOLD, _MOST), (_TRIM_THRESHOLD, 2 * _MOST - 1), (_ARENA_MAX, 1)):
            mallopt(option, value)
