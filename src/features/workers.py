"""Workers: the same work on many things, several at a time, in order and without piling up."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, TypeVar

THREADS = 2  # heavy work lets go of Python's lock, so threads use both cores and share what was read
Given = TypeVar("Given")
Made = TypeVar("Made")


def in_order(
    pool: Executor, work: Callable[[Given], Made], given: Iterable[Given], *, ahead: int = 4
) -> Iterator[Made]:
    """`work` on each, several at a time, the results in the order of what was given."""
    waiting: deque[Future[Made]] = deque()
    for one in given:
        waiting.append(pool.submit(work, one))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def made_ahead(given: Iterable[Made]) -> Iterator[Made]:
    """What is given, in its order; the next one is made while one is used."""
    ones, end = iter(given), object()
    with ThreadPoolExecutor(1) as pool:
        coming: Future[Any] = pool.submit(next, ones, end)
        while (one := coming.result()) is not end:
            coming = pool.submit(next, ones, end)
            yield one
