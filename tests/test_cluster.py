"""Spark in local mode gives the bits of one machine, from the same partition function."""

import shutil
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from deliveries import D1, D2, FIRST, changed
from tradecredit.errors import Mistake
from tradecredit.features.building import build
from tradecredit.features.cluster import build_on_spark
from tradecredit.features.engine.loading import facts_of
from tradecredit.features.ledger import Ledger
from tradecredit.features.matrix import Matrix
from tradecredit.features.peers import USUAL
from tradecredit.pipeline.build_features import FeaturesRecipe, main
from tradecredit.pipeline.stage import Stage
from tradecredit.serving.batch import score_ledger
from tradecredit.serving.bundle import load_bundle
from tradecredit.serving.cluster import score_on_spark
from tradecredit.serving.ratings import SCHEMA
from worlds import made_up

pytestmark = pytest.mark.slow
pytest.importorskip("pyspark", reason="the extra [spark] is not installed")
DAYS = [date(2024, 2, 29), date(2024, 9, 30), date(2025, 3, 31)]
BOOK = replace(made_up(5, [12, 3, 0, 30, 8, 5, 60, 15, 2, 7] * 4, ()), memberships=None)  # deliveries alone keep them


def _keys(ledger, days):
    every = [
        (customer, segment, pd.Timestamp(day))
        for day in days
        for customer, segment in ledger.customers[["customer_id", "segment"]].itertuples(index=False)
    ]
    return pd.DataFrame(every, columns=["customer_id", "segment", "as_of"])


def _same(told, other):
    order = other.keys.sort_values(["as_of", "customer_id"]).index.to_numpy()
    other = other.rows(order)
    assert told.names == other.names
    assert told.keys["customer_id"].tolist() == other.keys["customer_id"].tolist()
    assert told.keys["as_of"].tolist() == other.keys["as_of"].tolist()
    assert np.array_equal(told.missing, other.missing)
    assert np.array_equal(told.values, other.values, equal_nan=True)


@pytest.mark.parametrize("partitions", [None, 7])
def test_a_cluster_tells_the_bits_of_one_machine(spark, tmp_path, partitions):
    BOOK.write(tmp_path / "ledger")
    keys = _keys(BOOK, DAYS)
    build_on_spark(spark, str(tmp_path / "ledger"), keys, str(tmp_path / "out"), USUAL, partitions=partitions)
    _same(Matrix.read(tmp_path / "out"), build(facts_of(Ledger.read(tmp_path / "ledger")), keys))


def test_a_cluster_sees_restatements_as_one_machine_does(spark, book):
    book.deliver(FIRST, D1)
    moved = changed("invoices", "I35", "I35,C2,2025-03-10,2025-07-09,70.00,EUR")
    book.deliver(moved | {"customers": ["C1,One,CORP,DE,2020-01-01,900.00,false", FIRST["customers"][1]]}, D2)
    keys = _keys(book.read(), [D1, D2])
    out = str(book.ledger.parent / "out")
    build_on_spark(spark, str(book.ledger), keys, out, USUAL)
    told = Matrix.read(book.ledger.parent / "out")
    _same(told, build(facts_of(book.read()), keys))
    assert (told.column("open_amt")[:2] != told.column("open_amt")[2:]).any()


@pytest.mark.usefixtures("spark")
def test_the_stage_gives_the_same_matrix_on_either_engine(walked, tmp_path):
    params = yaml.safe_load((walked / "params.yaml").read_text())
    for storage in ("", f"file://{tmp_path}/there"):
        here = tmp_path / ("far" if storage else "near 信用")
        (here / "data" / "matrix").mkdir(parents=True)
        params["features"] = {"engine": "spark", "storage": storage}
        (here / "params.yaml").write_text(yaml.safe_dump(params))
        if storage:
            shutil.copytree(walked / "data/ledger", tmp_path / "there" / "ledger")
        else:
            (here / "data/ledger").symlink_to(walked / "data/ledger")
        shutil.copy(walked / "data/matrix/observations.parquet", here / "data/matrix")
        main(Stage(here))
        _same(Matrix.read(here / "data/matrix/features.parquet"), Matrix.read(walked / "data/matrix/features.parquet"))


@pytest.mark.usefixtures("spark")
def test_ratings_of_a_cluster_are_those_of_one_machine(walked, spark, tmp_path):
    bundle, ledger, nov, dec = (
        walked / "artifacts/bundle",
        walked / "data/ledger",
        date(2022, 11, 30),
        date(2022, 12, 31),
    )
    loaded = load_bundle(bundle)
    score_ledger(loaded, ledger, nov, tmp_path / "nov.parquet")
    score_ledger(loaded, ledger, dec, tmp_path / "dec.parquet", previous=tmp_path / "nov.parquet")
    here = pq.read_table(tmp_path / "dec.parquet").sort_by("customer_id").combine_chunks()
    for partitions in (None, 5):
        out = tmp_path / f"there-{partitions}"
        told = score_on_spark(
            spark, bundle, str(ledger), dec, str(out), previous=tmp_path / "nov.parquet", partitions=partitions
        )
        there = pq.read_table(out, schema=SCHEMA).sort_by("customer_id").combine_chunks()
        assert there.equals(here)
        assert sum(told.values()) == 900
    with pytest.raises(Mistake, match="complete only to"):
        score_on_spark(spark, bundle, str(ledger), date(2044, 1, 1), str(tmp_path / "x"))


@pytest.mark.usefixtures("spark")
def test_the_command_scores_on_a_cluster(walked, tmp_path):
    from typer.testing import CliRunner

    from tradecredit.cli import app

    words = ["score", "--bundle", str(walked / "artifacts/bundle"), "--ledger", str(walked / "data/ledger")]
    words += ["--as-of", "2022-12-31", "--engine"]
    told = CliRunner().invoke(app, [*words, "spark", "--out", str(tmp_path / "out")])
    assert "900 customers" in told.output
    for more, says in ((["spark", "--store", "x.db"], "leave it out"), (["flink", "--out", "x"], "local or spark")):
        assert says in str(CliRunner().invoke(app, [*words, *more]).exception)


def test_an_engine_that_is_not_known_is_refused():
    with pytest.raises(Mistake, match=r"features\.engine should be 'local' or 'spark', got 'flink'"):
        FeaturesRecipe(engine="flink")
    with pytest.raises(Mistake, match="storage is for the engine 'spark'"):
        FeaturesRecipe(storage="s3a://bucket/book")
