"""Cluster: a ledger scored on Spark, by the function that one machine uses for each of its partitions."""

from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..features.cluster import OnSpark
from ..features.engine.days import day_number
from ..features.peers import stand
from .batch import read_previous
from .bundle import Bundle, bundle_of
from .earlier import Earlier
from .ratings import SCHEMA
from .scoring import check_day, score
from .seal import Sealed, unseal

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def score_on_spark(
    spark: "SparkSession",
    folder: Path,
    ledger: str,
    as_of: date,
    out: str,
    *,
    previous: Path | None = None,
    partitions: int | None = None,
) -> dict[str, int]:
    """Write the rating of every customer as Parquet, a folder of parts, and return how many have which status.

    The files of the bundle are verified here and go to the workers as they are; each reads them once.

    Parameters
    ----------
    ledger, out : str
        Where the cluster reads the ledger and writes the ratings: a path or an address that Spark knows.
    previous : Path
        As in `score_ledger`.
    partitions : int
        Into how many parts the customers are cut; as many as the ledger has where it is not given.
    """
    sealed, where = unseal(folder), str(folder)
    bundle = _read(_Files(sealed), where)
    earlier, book = read_previous(previous, as_of, bundle), OnSpark.read(spark, ledger, partitions)
    check_day(as_of, date.fromisoformat(book.about["data_end"]))
    days = np.unique(np.r_[day_number(as_of), (earlier or Earlier.none()).days])
    peers = any(one.measure.among_others for one in bundle.all_features)
    survey, facts = book.survey(days, bundle.peers) if peers else None, book.facts

    def one(_: Any, part: pa.Table) -> pa.Table:
        mine, own = facts(part), _read(_Files(sealed), where)
        if survey is not None:
            mine = survey.beside(mine, stand(mine, days, own.peers).counts)
        return score(own, mine, as_of, earlier=earlier).table

    book.each_part(one, SCHEMA).write.mode("overwrite").parquet(out)
    told = spark.read.parquet(out).groupBy("status").count().collect()
    return {row["status"]: row["count"] for row in told}


class _Files:
    """The files of a bundle, known by its fingerprint."""

    def __init__(self, sealed: Sealed) -> None:
        self.sealed = sealed

    def __hash__(self) -> int:
        return hash(self.sealed.fingerprint)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Files) and other.sealed.fingerprint == self.sealed.fingerprint


@lru_cache(maxsize=1)
def _read(files: _Files, where: str) -> Bundle:
    """The bundle; a worker keeps it."""
    return bundle_of(files.sealed, where)
