"""Build the features of every observation, each from what was known that day."""

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from ..features.catalogue import CATALOGUE
from ..features.facts import Facts
from ..features.history import History
from ..features.ledger import Ledger
from ..features.matrix import Matrix, build
from .stage import Stage, progress, run


def main(stage: Stage) -> None:
    """Write the matrix, in the order of the observations."""
    observations, folder = stage.read("observations"), stage.read("ledger")
    keys = observations[["customer_id", "segment", "as_of"]]
    count = Ledger.read(folder, partition=0).partitions
    tell, parts = progress("partitions", count), []
    with ProcessPoolExecutor(max_workers=min(count, os.cpu_count() or 1)) as workers:
        for part in workers.map(partial(_of_partition, folder, keys), range(count)):
            parts.append(Matrix(*part, features=CATALOGUE))
            tell(len(parts))
    whole = Matrix.stack(parts)
    order = whole.keys.sort_values(["as_of", "customer_id"]).index.to_numpy()
    whole.rows(order).write(stage.path("matrix"))


def _of_partition(folder: Path, keys: pd.DataFrame, partition: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    facts = Facts.of(Ledger.read(folder, partition=partition))
    mine = keys[keys["customer_id"].isin(facts.customers["customer_id"])]
    matrix = build(History(facts), mine, facts.customers["customer_id"])
    return matrix.keys, matrix.values, matrix.missing  # declarations hold functions and do not travel


if __name__ == "__main__":
    run(main)
