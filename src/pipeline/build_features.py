"""Build the features of every observation, each from what was known that day."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from ..features.building import build
from ..features.engine.loading import read_facts
from ..features.ledger import read_about
from ..features.matrix import Matrix
from .stage import Stage, progress, run

WORKERS = 2  # kernels let go of Python's lock, so threads use both cores and share what was read


def main(stage: Stage) -> None:
    """Write the matrix, in the order of the observations."""
    observations, folder = stage.read("observations"), stage.read("ledger")
    keys = observations[["customer_id", "segment", "as_of"]]
    count = int(read_about(folder)["partitions"])
    tell, parts = progress("partitions", count), []
    for part in _parts(folder, keys, count):
        parts.append(part)
        tell(len(parts))
    whole = Matrix.stack(parts)
    order = whole.keys.sort_values(["as_of", "customer_id"]).index.to_numpy()
    whole.rows(order).write(stage.path("matrix"))


def _parts(folder: Path, keys: pd.DataFrame, count: int) -> Iterator[Matrix]:
    def one(partition: int) -> Matrix:
        facts = read_facts(folder, partition)
        return build(facts, keys[keys["customer_id"].isin(facts.customers["customer_id"])])

    with ThreadPoolExecutor(WORKERS) as pool:
        yield from pool.map(one, range(count))


if __name__ == "__main__":
    run(main)
