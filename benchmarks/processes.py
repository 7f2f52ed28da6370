"""A command in a process of its own, with its wall seconds and its peak memory."""

import os
import subprocess
import sys
import time
from pathlib import Path


def run(folder: Path, *words: str) -> tuple[float, float]:
    """Run `python -m` with these words in a folder; wall seconds and peak GiB. Ends the benchmark if it fails."""
    return _run(folder, "-m", *words)


def run_file(folder: Path, file: Path, *words: str) -> tuple[float, float]:
    """The same of a file."""
    return _run(folder, str(file), *words)


def _run(folder: Path, *words: str) -> tuple[float, float]:
    begun = time.perf_counter()
    child = subprocess.Popen([sys.executable, *words], cwd=folder)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"{' '.join(words[:2])}: ended with {os.waitstatus_to_exitcode(status)}")
    wall, peak = time.perf_counter() - begun, used.ru_maxrss / 2**20
    print(f"{' '.join(words[:2])}: {wall:.1f} s, {peak:.2f} GiB", flush=True)
    return wall, peak
