"""Build the features of every observation, each from what was known that day."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..features.building import columns
from ..features.catalogue import CATALOGUE
from ..features.default import DefaultRecipe
from ..features.engine.days import day_numbers
from ..features.engine.loading import read_facts
from ..features.ledger import read_about
from ..features.matrix import as_table
from ..features.memory import keep_freed_memory
from ..features.observations import ObservationRecipe
from ..features.peers import PeerRecipe, stand, surveyed
from ..features.workers import THREADS, in_order
from .stage import Stage, progress, run


def main(stage: Stage) -> None:
    """Write the matrix partition by partition, so that memory is bounded by two of them."""
    observations, folder, path = stage.read("observations"), stage.read("ledger"), stage.path("matrix")
    keys = observations[["customer_id", "segment", "as_of"]]
    peers = PeerRecipe(stage.recipe("observations", ObservationRecipe), stage.recipe("outcome", DefaultRecipe))
    count, aside = int(read_about(folder)["partitions"]), path.with_suffix(".part")
    tell, writer = progress("partitions", count), None
    for done, part in enumerate(_parts(folder, keys, count, peers), start=1):
        writer = writer or pq.ParquetWriter(aside, part.schema, compression="zstd")
        writer.write_table(part)
        tell(done)
    assert writer is not None, "a ledger has a partition"
    writer.close()
    os.replace(aside, path)


def _parts(folder: Path, keys: pd.DataFrame, count: int, peers: PeerRecipe) -> Iterator[pa.Table]:
    """The features of the observations of each partition, when all of them were surveyed."""
    days = np.unique(day_numbers(keys["as_of"]))
    with ThreadPoolExecutor(THREADS) as pool:
        standings = in_order(pool, lambda partition: stand(read_facts(folder, partition), days, peers), range(count))
        survey, counts = surveyed(standings)

        def one(partition: int) -> pa.Table:
            facts = survey.beside(read_facts(folder, partition), counts[partition])
            customer = facts.numbers.get_indexer(pd.Index(keys["customer_id"]))
            mine = keys[customer >= 0].reset_index(drop=True)
            values, missing = columns(facts, customer[customer >= 0], day_numbers(mine["as_of"]))
            return as_table(mine, CATALOGUE, values, missing)

        yield from in_order(pool, one, range(count))


if __name__ == "__main__":
    keep_freed_memory()
    run(main)
