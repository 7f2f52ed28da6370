"""Build the features of every observation, each from what was known that day."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import Mistake
from ..features.building import columns
from ..features.catalogue import CATALOGUE
from ..features.default import DefaultRecipe
from ..features.engine.days import day_numbers
from ..features.engine.facts import Facts
from ..features.ledger import read_about
from ..features.matrix import as_table
from ..features.memory import keep_freed_memory
from ..features.observations import ObservationRecipe
from ..features.parts import each_part
from ..features.peers import PeerRecipe
from ..features.publishing import flush
from .stage import Stage, progress, run


@dataclass(frozen=True)
class FeaturesRecipe:
    """Where features are built: the section `features` of params.yaml.

    Attributes
    ----------
    engine : {"local", "spark"}
        This machine, or the Spark cluster that Spark's own settings name.
    storage : str
        With spark: an address such as s3a://bucket/book from which the cluster reads `ledger` and to which it writes
        `features`; empty: this folder, which all workers see.
    """

    engine: str = "local"
    storage: str = ""

    def __post_init__(self) -> None:
        if self.engine not in ("local", "spark"):
            raise Mistake(f"params.yaml: features.engine should be 'local' or 'spark', got {self.engine!r}.")
        if self.storage and self.engine != "spark":
            raise Mistake("params.yaml: features.storage is for the engine 'spark'; leave it empty.")


def main(stage: Stage) -> None:
    """Write the matrix partition by partition, or have a cluster write it.

    Memory is bounded by some partitions, and ten bytes for each customer and day that others are compared on.
    """
    recipe, observations = stage.recipe("features", FeaturesRecipe), stage.read("observations")
    keys, path = observations[["customer_id", "segment", "as_of"]], stage.path("matrix")
    peers = PeerRecipe(stage.recipe("observations", ObservationRecipe), stage.recipe("outcome", DefaultRecipe))
    if recipe.engine == "spark":
        _on_spark(stage, recipe.storage, keys, path, peers)
    else:
        _here(stage.read("ledger"), keys, path, peers)


def _on_spark(stage: Stage, storage: str, keys: pd.DataFrame, path: Path, peers: PeerRecipe) -> None:
    from ..features.cluster import build_on_spark, session

    ledger = f"{storage}/ledger" if storage else f"file://{stage.read('ledger').resolve()}"
    out, spark = f"{storage}/features" if storage else f"file://{path.resolve()}", session()
    build_on_spark(spark, ledger, keys, out, peers)
    if storage:
        _make_way(path)
        pq.write_table(spark.read.parquet(out).toArrow(), path, compression="zstd")
    stage.say(f"  written by Spark {spark.version} at {spark.sparkContext.master}")


def _here(folder: Path, keys: pd.DataFrame, path: Path, peers: PeerRecipe) -> None:
    def one(facts: Facts) -> pa.Table:
        customer = facts.numbers_of(keys["customer_id"])
        mine = keys[customer >= 0].reset_index(drop=True)
        values, missing = columns(facts, customer[customer >= 0], day_numbers(mine["as_of"]))
        return as_table(mine, CATALOGUE, values, missing)

    count, aside = int(read_about(folder)["partitions"]), path.with_suffix(".part")
    days, surveying = np.unique(day_numbers(keys["as_of"])), progress("partitions surveyed", count)
    parts = each_part(folder, one, days=days, features=CATALOGUE, peers=peers, surveyed_part=surveying)
    tell, writer, written = progress("partitions", count), None, 0
    for done, part in enumerate(parts, start=1):
        writer = writer or pq.ParquetWriter(aside, part.schema, compression="zstd")
        writer.write_table(part)
        written += len(part)
        tell(done)
    assert writer is not None, "a ledger has a partition"
    writer.close()
    if written < len(keys):
        aside.unlink()
        raise Mistake(
            f"{len(keys) - written} observations are of customers that {folder} does not hold; "
            "run build_observations on this ledger."
        )
    flush(aside)
    _make_way(path)
    os.replace(aside, path)


def _make_way(path: Path) -> None:
    """What a cluster wrote is a folder, and no file can take its place."""
    if path.is_dir():
        shutil.rmtree(path)


if __name__ == "__main__":
    keep_freed_memory()
    run(main)
