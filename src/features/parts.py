"""Parts: work on each partition of a ledger on disk, two at a time, when all of them were surveyed if need be."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from .declaration import Feature
from .engine.facts import Facts
from .engine.loading import read_facts
from .ledger import read_about
from .peers import Days, PeerRecipe, stand, surveyed
from .workers import THREADS, in_order

Made = TypeVar("Made")


def each_part(
    folder: Path,
    work: Callable[[Facts], Made],
    *,
    days: Days,
    features: Sequence[Feature],
    peers: PeerRecipe,
    surveyed_part: Callable[[int], None] = lambda _done: None,
) -> Iterator[Made]:
    """What `work` makes of the facts of each partition, in order; memory is bounded by some partitions.

    Parameters
    ----------
    days : int64, ascending
        The day numbers for which `work` asks; on them all customers are surveyed if some of `features` compares with
        others, by the rules of `peers`; `surveyed_part` is told how many partitions were.
    """
    about = read_about(folder)  # once: another delivery may come meanwhile
    parts = range(int(about["partitions"]))

    def facts(part: int) -> Facts:
        return read_facts(folder, part, about)

    with ThreadPoolExecutor(THREADS) as pool:
        if not any(one.measure.among_others for one in features):
            yield from in_order(pool, lambda part: work(facts(part)), parts)
            return
        standings = in_order(pool, lambda part: stand(read_facts(folder, part, about), days, peers), parts)
        survey, counts = surveyed(_telling(standings, surveyed_part))
        yield from in_order(
            pool, lambda part: work(survey.beside(read_facts(folder, part, about), counts[part])), parts
        )


def _telling(made: Iterable[Made], tell: Callable[[int], None]) -> Iterator[Made]:
    for done, one in enumerate(made, start=1):
        yield one
        tell(done)
