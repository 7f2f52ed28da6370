"""Publishing: what is written is seen whole or not at all, also if the machine stops; one writer at a time."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import Busy

LOCK, ASIDE = ".lock", ".new"


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Be the only one who writes in `folder`; a lock that is left behind by a killed process holds nobody up.

    Raises
    ------
    Busy
        Names who is writing.
    """
    fresh = not folder.exists()
    handle = _locked(folder)
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {os.uname().nodename}\n".encode(), 0)
        yield
    finally:
        with suppress(OSError):  # a full disk must not hide why the work failed
            os.ftruncate(handle, 0)
            if fresh and os.listdir(folder) == [LOCK]:  # nothing came of it: leave no trace
                os.unlink(folder / LOCK)
                os.rmdir(folder)
        os.close(handle)


@contextmanager
def alone(lock: Path, what: str) -> Iterator[None]:
    """Be the only one who works on something, as `what` names it, that has its lock in a file beside it.

    Raises
    ------
    Busy
        Names who is at work.
    """
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _hold(handle, fcntl.LOCK_EX, what)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {os.uname().nodename}\n".encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _locked(folder: Path) -> int:
    """A handle that holds the lock of the folder."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _hold(handle, fcntl.LOCK_EX, folder)
            if os.path.samestat(os.fstat(handle), os.stat(folder / LOCK)):
                return handle
        except FileNotFoundError:
            pass
        except Busy:
            os.close(handle)
            raise
        os.close(handle)  # its holder removed the file meanwhile


def _hold(handle: int, how: int, what: Path | str) -> None:
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        for _ in range(10):  # it writes its name just after it has the lock
            holder = os.pread(handle, 200, 0).decode("utf-8", "replace").strip()
            if holder:
                break
            time.sleep(0.01)
        holder = holder or "another process"
        raise Busy(f"{what}: {holder} is writing here; try again when it has ended.") from None


def refuse_if_busy(folder: Path) -> None:
    """Raise `Busy` at once if somebody is writing; a command looks before it loads anything heavy."""
    with suppress(OSError):
        handle = os.open(folder / LOCK, os.O_RDONLY)
        try:
            if os.pread(handle, 1, 0):  # somebody gave a name, and holds the lock unless it was killed
                _hold(handle, fcntl.LOCK_SH, folder)
        finally:
            os.close(handle)


def write_durably(path: Path, content: bytes) -> None:
    """Write aside, flush, rename, flush the folder: a reader finds the old content or the new."""
    aside = path.with_name(f".{path.name}{ASIDE}")
    write_flushed(aside, content)
    os.replace(aside, path)
    flush(path.parent)


def write_flushed(path: Path, content: bytes | memoryview) -> None:
    """Write a file and bring it to the disk; its name in the folder is not flushed."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def flush(path: Path) -> None:
    """Bring a file or a folder's entries to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def flush_folders(folder: Path) -> None:
    """Bring the entries of a folder and of those in it to the disk, the outermost last."""
    for here, _, _ in os.walk(folder, topdown=False):
        flush(Path(here))
