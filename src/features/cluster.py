"""Cluster: the features of a book on Spark, by the function that one machine uses for each of its partitions.

Spark reads the tables of the ledger wherever they lie, brings the rows of whole customers together and writes the
matrix; between the two a worker makes facts of its rows and asks `columns` of them. No feature is told a second time.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ..errors import Mistake
from .building import columns
from .catalogue import CATALOGUE
from .declaration import Feature
from .engine.days import day_numbers
from .engine.facts import Facts
from .engine.loading import facts_of
from .ledger import Columns
from .matrix import as_table
from .peers import Counts, PeerRecipe, Standing, Survey, stand
from .schemas import SCHEMAS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_OF_CUSTOMERS = tuple(name for name in SCHEMAS if name != "rates")
_KEYS, _TABLE, _PART = "keys", "of_table", "of_part"
_STANDING = pa.schema(
    [
        (_PART, pa.int32()),
        ("place", pa.int32()),
        ("segment", pa.string()),
        ("group", pa.string()),
        ("late", pa.float32()),
        ("open", pa.int64()),
        ("overdue", pa.int64()),
        ("counted", pa.bool_()),
        ("fell", pa.bool_()),
    ]
)


def session() -> "SparkSession":
    """The cluster that Spark's own settings name (spark-defaults.conf, spark-submit); this machine where none is named.

    Raises
    ------
    Mistake
        Spark is not installed.
    """
    try:
        from pyspark import SparkConf
        from pyspark.sql import SparkSession
    except ImportError:
        raise Mistake("the engine is spark, which is not installed: pip install 'tradecredit[spark]'") from None
    here = SparkConf().get("spark.master", "local[*]").startswith("local")
    if here:  # workers on this machine have this environment
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    return SparkSession.builder.appName("tradecredit").getOrCreate()


def build_on_spark(
    spark: "SparkSession",
    ledger: str,
    keys: pd.DataFrame,
    out: str,
    peers: PeerRecipe,
    *,
    features: tuple[Feature, ...] = CATALOGUE,
    partitions: int | None = None,
) -> None:
    """Write the features of observations as Parquet: a folder of parts, the rows in no order.

    Parameters
    ----------
    ledger, out : str
        Where the cluster reads the ledger and writes the matrix: a path or an address that Spark knows.
    keys : DataFrame
        customer_id, as_of (datetime64) and further columns of text.
    peers : PeerRecipe
        For what compares with other customers.
    partitions : int
        Into how many parts the customers are cut; as many as the ledger has where it is not given.
    """
    asked = keys.assign(as_of=keys["as_of"].dt.date)
    book = OnSpark.read(spark, ledger, partitions, keys=asked)
    days, facts = np.unique(day_numbers(keys["as_of"])), book.facts
    survey = book.survey(days, peers) if len(keys) and any(one.measure.among_others for one in features) else None

    def one(_: Any, part: pa.Table) -> pa.Table:
        mine, wanted = facts(part), _rows_of(part, _KEYS)
        if survey is not None:
            mine = survey.beside(mine, stand(mine, days, peers).counts)
        told = wanted.select(list(keys.columns)).to_pandas(date_as_object=False)
        customer = mine.numbers_of(told["customer_id"])
        values, missing = columns(mine, customer, day_numbers(told["as_of"]), features)
        return as_table(told, features, values, missing.view(np.int8))  # Spark has no unsigned bytes

    nothing = [np.zeros(0, declared.dtype) for declared in features]
    blank = as_table(keys.iloc[:0], features, nothing, np.zeros((len(features), 0), np.int8))
    book.each_part(one, blank.schema).write.mode("overwrite").parquet(out)


@dataclass(frozen=True)
class OnSpark:
    """A ledger on a cluster, cut into parts of whole customers.

    Attributes
    ----------
    about : dict
        What its `ledger.json` says.
    rows : DataFrame of Spark
        Those of all tables one under the other, and of which part each is.
    facts : callable
        The facts of a part, from its rows; what a worker is given to run.
    """

    about: dict[str, Any]
    rows: "DataFrame"
    facts: Callable[[pa.Table], Facts]

    @classmethod
    def read(
        cls, spark: "SparkSession", ledger: str, partitions: int | None = None, *, keys: pd.DataFrame | None = None
    ) -> "OnSpark":
        """From where the cluster finds it, perhaps with observations that are asked of it.

        Raises
        ------
        Mistake
            There is no ledger, or an observation is of a customer that it does not have.
        """
        about = _about(spark, ledger)
        rates = _of(SCHEMAS["rates"], _read(spark, ledger, about, "rates").toArrow())

        def facts(part: pa.Table) -> Facts:
            tables = {name: _of(SCHEMAS[name], _rows_of(part, name)) for name in _OF_CUSTOMERS} | {"rates": rates}
            return facts_of(Columns.told(tables, about, whole=False))

        rows = _together(spark, ledger, about, keys, partitions or int(about["partitions"]))
        return cls(about, rows, facts)

    def survey(self, days: np.ndarray, peers: PeerRecipe) -> Survey:
        """What all customers come to on some days (ascending)."""
        return _surveyed(self.rows, self.facts, days, peers)

    def each_part(self, work: Callable[[Any, pa.Table], pa.Table], schema: pa.Schema) -> "DataFrame":
        """What a function makes of the rows of each part."""
        return self.rows.groupBy(_PART).applyInArrow(work, _spark_schema(schema))


# ---- reading


def _about(spark: "SparkSession", ledger: str) -> dict[str, Any]:
    from pyspark.errors import AnalysisException

    try:
        (said,) = spark.read.text(f"{ledger}/ledger.json", wholetext=True).collect()
    except AnalysisException:
        raise Mistake(f"{ledger}: the cluster finds no ledger there (it has no ledger.json).") from None
    return dict(json.loads(said[0]))


def _read(spark: "SparkSession", ledger: str, about: dict[str, Any], name: str) -> "DataFrame":
    """A table of the ledger, the columns that are declared."""
    place = "/".join(part for part in (ledger, about.get("tables", ""), name) if part)
    return spark.read.parquet(place).select(SCHEMAS[name].names)


def _together(
    spark: "SparkSession", ledger: str, about: dict[str, Any], keys: pd.DataFrame | None, count: int
) -> "DataFrame":
    """The rows of all tables one under the other, with the part of the book that their customer belongs to."""
    from pyspark.sql.functions import crc32, encode, lit

    frames = {name: _read(spark, ledger, about, name) for name in _OF_CUSTOMERS}
    if keys is not None:
        frames[_KEYS] = spark.createDataFrame(pa.Table.from_pandas(keys, preserve_index=False))
        unknown = frames[_KEYS].join(frames["customers"], "customer_id", "left_anti").select("customer_id").first()
        if unknown is not None:
            raise Mistake(
                f"observations: {unknown[0]} is not among the customers of {ledger}; make them from this ledger."
            )
    marked = [frame.withColumn(_TABLE, lit(name)) for name, frame in frames.items()]
    whole = reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), marked)
    home = (crc32(encode("customer_id", "utf-8")) % count).cast("int")
    return whole.withColumn(_PART, home)


def _rows_of(part: pa.Table, name: str) -> pa.Table:
    """The rows of one table."""
    return part.filter(pa.compute.equal(part.column(_TABLE), name))


def _of(schema: pa.Schema, rows: pa.Table) -> pa.Table:
    return rows.select(schema.names).cast(schema)


def _spark_schema(schema: pa.Schema) -> Any:
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema)


# ---- the survey


def _surveyed(rows: "DataFrame", facts: Callable[[pa.Table], Facts], days: np.ndarray, peers: PeerRecipe) -> Survey:
    """What all customers come to: each part tells how it stood, and the driver sums up."""

    def one(key: tuple[Any, ...], part: pa.Table) -> pa.Table:
        stood = stand(facts(part), days, peers)
        segments, groups = (np.array([*names, None], object) for names in (stood.segments, stood.groups))
        told = {
            _PART: np.full(stood.late.size, key[0].as_py(), np.int32),
            "place": np.arange(stood.late.size, dtype=np.int32),
            "segment": segments[stood.segment].ravel(),
            "group": groups[stood.group].ravel(),
            "late": stood.late.ravel(),
            "open": stood.open.ravel(),
            "overdue": stood.overdue.ravel(),
            "counted": stood.counts.counted.ravel(),
            "fell": stood.counts.fell.ravel(),
        }
        return pa.table({name: pa.array(column, _STANDING.field(name).type) for name, column in told.items()})

    told = rows.groupBy(_PART).applyInArrow(one, _spark_schema(_STANDING)).toArrow()
    return Survey.of(_standings(told.sort_by([(_PART, "ascending"), ("place", "ascending")]), days))


def _standings(told: pa.Table, days: np.ndarray) -> Iterator[Standing]:
    """How each part stood, from its rows."""
    parts = told.column(_PART).to_numpy()
    for part in np.unique(parts):
        mine = told.slice(*_range(parts, part))
        plain = ("late", "open", "overdue", "counted", "fell")
        shaped = {name: mine.column(name).to_numpy().reshape(-1, len(days)) for name in plain}
        counts = Counts(shaped.pop("counted"), shaped.pop("fell"))
        codes = {}
        for name in ("segment", "group"):
            coded = mine.column(name).combine_chunks().dictionary_encode()
            number = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
            codes[name] = tuple(coded.dictionary.to_pylist()), number.reshape(-1, len(days))
        (segments, segment), (groups, group) = codes["segment"], codes["group"]
        yield Standing(days, segments, groups, segment, group, **shaped, counts=counts)


def _range(parts: np.ndarray, part: int) -> tuple[int, int]:
    lo, hi = np.searchsorted(parts, (part, part + 1))
    return int(lo), int(hi - lo)
