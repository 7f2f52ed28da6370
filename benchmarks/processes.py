"""A command in a process of its own, with its wall seconds and its peak memory."""

import json
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
    """A small process stands between: a child's peak begins with what its parent holds when it is made."""
    read, write = os.pipe()
    subprocess.run([sys.executable, __file__, str(write), *words], cwd=folder, pass_fds=[write], check=True)
    os.close(write)
    with os.fdopen(read) as told:
        status, wall, peak = json.load(told)
    if status:
        sys.exit(f"{' '.join(words[:2])}: ended with {os.waitstatus_to_exitcode(status)}")
    print(f"{' '.join(words[:2])}: {wall:.1f} s, {peak:.2f} GiB", flush=True)
    return wall, peak


def _stand_between(write: int, *words: str) -> None:
    begun = time.perf_counter()
    child = subprocess.Popen([sys.executable, *words])
    _, status, used = os.wait4(child.pid, 0)
    os.write(write, json.dumps([status, time.perf_counter() - begun, used.ru_maxrss / 2**20]).encode())


if __name__ == "__main__":
    _stand_between(int(sys.argv[1]), *sys.argv[2:])
