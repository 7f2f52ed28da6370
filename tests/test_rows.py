"""Rows from elsewhere than a ledger: scored as they are meant, or refused, as docs/bundle.md says."""

import json
import subprocess
import sys
import time
import urllib.request
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from conftest import ROOT
from servers import free_port
from tradecredit.errors import Mistake
from tradecredit.features.column import Missing
from tradecredit.features.matrix import Matrix
from tradecredit.serving.bundle import load_bundle
from tradecredit.serving.pyfunc import Scorer, _load_pyfunc

SAME, REFUSED = object(), object()


@pytest.fixture(scope="module")
def scorer(walked):
    return Scorer(load_bundle(walked / "artifacts/bundle"))


@pytest.fixture(scope="module")
def matrix(walked, scorer):
    """Real rows; every reason why one is missing among them."""
    whole = Matrix.read(walked / "data/matrix/features.parquet").only(scorer.bundle.system.model.features)
    return whole.rows(slice(0, 400))


@pytest.fixture(scope="module")
def rows(matrix):
    """The same as a table without gaps, so that what goes wrong is what a test does."""
    full = matrix.rows(~np.isnan(matrix.values).any(axis=1))
    assert len(full) > 20
    return pd.DataFrame(full.values, columns=full.names).assign(segment=full.keys["segment"].astype(object))


def _with(value, column=None):
    """Row 3 holds this, in a feature or in a named column."""

    def change(rows, a):
        name = column or a
        told = rows.assign(**{name: rows[name].astype(object)})
        told.loc[3, name] = value
        return told

    return change


def _cast(*types):
    def change(rows, a):
        for type_ in types:
            rows = rows.assign(**{a: rows[a].round().astype(type_)})
        return rows

    return change


def _all(value, suffix=""):
    return lambda rows, a: rows.assign(**{f"{a}{suffix}": value})


def _missing(reason):
    return lambda rows, a: rows.assign(**{a: np.nan, f"{a}:missing": reason})


def _twice(rows, a):
    return pd.concat([rows, rows[[a]]], axis=1)


# by what comes: how it is made of good rows and the name of a feature; what it is meant as; what is said
OUTCOMES = {
    "a feature has no column": (lambda rows, a: rows.drop(columns=a), REFUSED, "no column '{a}'"),
    "a column that is not asked for": (lambda rows, _: rows.assign(other="x"), SAME, ""),
    "columns in another order": (lambda rows, _: rows[rows.columns[::-1]], SAME, ""),
    "a feature has two columns": (_twice, REFUSED, "'{a}' is there twice"),
    "text where a number should be": (_with("many"), REFUSED, "{a} should hold numbers, got 'many'"),
    "text that reads as a number": (_cast(str), REFUSED, "{a} should hold numbers"),
    "whole numbers": (_cast("int64"), _cast("int64", "float64"), ""),
    "whole numbers beyond 2^53": (_all(2**53 + 1), REFUSED, "beyond 2\\^53"),
    "single precision": (_cast("float32"), _cast("float32", "float64"), ""),
    "decimals": (_with(Decimal("0.1")), REFUSED, "{a} should hold numbers, got Decimal"),
    "true and false of a number": (_all(True), REFUSED, "{a} should hold numbers, got bool"),
    "days and times": (_all(pd.Timestamp("2024-01-01")), REFUSED, "{a} should hold numbers, got datetime64"),
    "complex numbers": (_all(1 + 0j), REFUSED, "{a} should hold numbers, got complex"),
    "NaN": (_with(np.nan), _with(None), ""),
    "None, or NA of pandas": (_with(None), _with(pd.NA), ""),
    "infinite": (_with(-np.inf), REFUSED, "{a} is infinite"),
    "beyond what was met in training": (_with(1e12), _with(1e13), "{a} is beyond what was met in training"),
    "a segment that was not met": (
        _with("MARS", "segment"), _with("", "segment"), "segment 'MARS' was not met in training"),
    "no segment": (lambda rows, _: rows.drop(columns="segment"), lambda rows, _: rows.assign(segment=None), ""),
    "a segment that is no text": (lambda rows, _: rows.assign(segment=7), REFUSED, "segment should be text, got 7"),
    "a reason where there is a value": (_all(5, ":missing"), REFUSED, "{a}:missing should be the number of a reason"),
    "a missing value whose reason says 0": (_missing(0), REFUSED, "{a}:missing should be the number of a reason"),
    "a missing value whose reason is empty": (_missing(None), _missing(15), ""),
    "a reason that is no whole number, or unknown": (_missing(5.5), REFUSED, "{a}:missing should be the number"),
    "a reason that is no number": (lambda rows, a: rows.assign(**{a: np.nan, f"{a}:missing": "5"}), REFUSED,
                                   "{a}:missing should hold numbers"),
    "more digits than a double": (_cast(np.longdouble), REFUSED, "{a} should hold numbers, got float128"),
    "numbers as categories": (_cast("category"), REFUSED, "{a} should hold numbers, got category"),
    "column names of several levels": (
        lambda rows, _: rows.set_axis(pd.MultiIndex.from_product([["x"], rows.columns]), axis=1), REFUSED,
        "names of several levels"),
    "no rows": (lambda rows, _: rows.iloc[:0], SAME, ""),
    "rows with labels of their own, or the same ones twice": (
        lambda rows, _: rows.set_axis(["same"] * len(rows)), SAME, ""),
    "no table at all": (lambda rows, _: rows.to_dict("records"), REFUSED, "should be a DataFrame"),
}  # fmt: skip


@pytest.mark.parametrize("what", OUTCOMES)
def test_rows_are_taken_as_they_are_meant_or_refused(scorer, rows, what):
    change, outcome, says = OUTCOMES[what]
    a = scorer.bundle.system.model.features[0]
    says, came = says.format(a=a), change(rows, a)
    if outcome is REFUSED:
        with pytest.raises(Mistake, match=says):
            scorer.predict(came)
        return
    told, meant = scorer.predict(came), scorer.predict(rows if outcome is SAME else outcome(rows, a))
    assert list(told.columns) == ["pd", "score", "grade", "odd"]
    for name in ("pd", "score", "grade"):
        assert told[name].tolist() == meant[name].tolist()[: len(told)]
    assert told["odd"].tolist() == [says if row == 3 else "" for row in range(len(told))]


def test_the_documented_outcomes_are_those_that_are_tried():
    table = (ROOT / "docs/bundle.md").read_text().split("| what comes |")[1].split("\n\n")[0]
    lines = [line.split(" | ") for line in table.splitlines()[2:]]
    told = {what.removeprefix("| "): outcome for what, outcome in lines}
    assert list(told) == list(OUTCOMES)
    assert len(told) >= 20
    for what, outcome in told.items():
        assert (OUTCOMES[what][1] is REFUSED) == outcome.startswith("refused"), what


def test_rows_of_the_matrix_score_as_the_model_scores_the_matrix(walked, scorer, matrix):
    why = pd.DataFrame(matrix.missing.astype("int64"), columns=[f"{name}:missing" for name in matrix.names])
    rows = pd.DataFrame(matrix.values, columns=matrix.names).assign(segment=matrix.keys["segment"])
    assert set(np.unique(matrix.missing)) > {int(Missing.NONE)}
    told = _load_pyfunc(str(walked / "artifacts/bundle")).predict(rows.join(why))
    system = scorer.bundle.system
    assert np.array_equal(told["pd"], system.pd(system.log_odds(matrix)))
    assert (told["odd"] == "").mean() > 0.9


# ---- through MLflow


@pytest.fixture(scope="module")
def model(walked, scorer, tmp_path_factory):
    """The folder of the bundle as an MLflow model, as the pipeline logs it."""
    import mlflow

    from tradecredit.pipeline.tracking import signature_of
    from tradecredit.serving.wrapper import LOADER

    folder = tmp_path_factory.mktemp("mlflow") / "model"
    mlflow.pyfunc.save_model(
        folder,
        loader_module=LOADER,
        data_path=str(walked / "artifacts/bundle"),
        signature=signature_of(list(scorer.bundle.system.model.features)),
        pip_requirements=["tradecredit"],
    )
    return folder


def test_mlflow_gives_the_same_numbers_with_pickles_switched_off(model, scorer, rows, monkeypatch):
    import mlflow

    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    loaded = mlflow.pyfunc.load_model(str(model))
    pd.testing.assert_frame_equal(loaded.predict(rows), scorer.predict(rows))
    first = scorer.bundle.system.model.features[0]
    for refused in (rows.drop(columns=first), _cast("int64")(rows, first), rows.assign(**{first: "x"})):
        with pytest.raises(mlflow.MlflowException):
            loaded.predict(refused)


@pytest.mark.slow
def test_spark_gives_the_same_numbers(model, scorer, rows, spark):
    import mlflow

    udf = mlflow.pyfunc.spark_udf(spark, str(model), result_type="pd double, score long, grade string, odd string")
    some = rows.head(40)
    told = spark.createDataFrame(some).select(udf(*some.columns).alias("told")).select("told.*").toPandas()
    expected = scorer.predict(some)
    for name in ("pd", "score", "grade", "odd"):
        assert told[name].tolist() == expected[name].tolist()


@pytest.mark.slow
def test_mlflows_server_gives_the_same_numbers(model, scorer, rows, tmp_path):
    port = free_port()
    words = ["models", "serve", "-m", str(model), "-p", str(port), "--env-manager", "local", "--host", "127.0.0.1"]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen([sys.executable, "-m", "mlflow", *words], stdout=log, stderr=log)
    some = rows.head(40)
    body = json.dumps({"dataframe_split": some.to_dict("split", index=False)}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"})
    try:
        for _ in range(120):
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    told = json.load(answer)["predictions"]
                break
            except OSError:
                assert server.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.5)
        else:
            pytest.fail((tmp_path / "log").read_text())
    finally:
        server.terminate()
        server.wait(30)
    expected = scorer.predict(some)
    for name in ("pd", "score", "grade", "odd"):
        assert [row[name] for row in told] == expected[name].tolist()
