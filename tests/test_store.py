"""The store: all of a run or nothing, never twice, never changed, and what was known on a day stays known.

On a real SQLite, and a real PostgreSQL where one is installed.
"""

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from typer.testing import CliRunner

from servers import new_database
from tradecredit.cli import app
from tradecredit.databases import engine_of
from tradecredit.errors import Busy, Mistake, Unavailable
from tradecredit.serving import nightly
from tradecredit.serving.batch import score_ledger
from tradecredit.serving.bundle import load_bundle
from tradecredit.serving.earlier import Earlier
from tradecredit.serving.nightly import rate
from tradecredit.serving.published import Publication
from tradecredit.serving.ratings import Rating
from tradecredit.serving.seal import sign_manifest
from tradecredit.serving.signing import PublicKey, make_keys, private_key
from tradecredit.serving.store import bulk, tables
from tradecredit.serving.store import store as store_room
from tradecredit.serving.store.access import make_key
from tradecredit.serving.store.alerts import alerts_of
from tradecredit.serving.store.backup import back_up
from tradecredit.serving.store.decisions import decisions_of, override, withdraw_override
from tradecredit.serving.store.history import earlier_ratings, history, ratings_of, why
from tradecredit.serving.store.provenance import learn, publication_of, trust, trusted_keys
from tradecredit.serving.store.recording import RunKey, record, recorded
from tradecredit.serving.store.store import open_store
from tradecredit.serving.told import history_lines

NOV, DEC = date(2022, 11, 30), date(2022, 12, 31)
GRADES = {"grades": ["A1", "C1", "E2"]}
PUBLICATION = Publication("b" * 64, "run-7", "tradecredit", "3", "abc+changes", "c" * 64, "2023-01-01T02:03:04+00:00")
TODAY = datetime.now(UTC).date()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path, monkeypatch):
    """The address of a store that is not there yet."""
    if request.param == "sqlite":
        return str(tmp_path / "ratings.db")
    return new_database(request.getfixturevalue("postgres"), monkeypatch)


@pytest.fixture
def store(url):
    held = open_store(url, fresh=True)
    yield held
    held.engine.dispose()


@pytest.fixture(scope="module")
def bundle(walked):
    return load_bundle(walked / "artifacts/bundle")


@pytest.fixture(scope="module")
def files(walked, bundle, tmp_path_factory):
    """Ratings of two days, the second knowing the first."""
    folder = tmp_path_factory.mktemp("ratings")
    nov, dec = folder / "nov.parquet", folder / "dec.parquet"
    score_ledger(bundle, walked / "data/ledger", NOV, nov)
    score_ledger(bundle, walked / "data/ledger", DEC, dec, previous=nov)
    return {NOV: nov, DEC: dec}


def _record(store, files, day, ledger="one", earlier=None):
    names = dict.fromkeys(pq.read_table(files[day])["customer_id"].to_pylist(), "A company")
    key = RunKey("b" * 64, ledger, day)
    cool = {"overdue_60": 30}
    return record(store, key, files[day], about=GRADES, names=names, earlier_run=earlier, cool_downs=cool)


def _count(store, table):
    with store.reading() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table))


def _rated(files, day):
    return next(row for row in pq.read_table(files[day]).to_pylist() if row["pd"] is not None and row["reasons"])


def test_what_was_told_is_read_back_to_the_bit(store, files):
    runs = {day: _record(store, files, day) for day in files}
    for day, run_id in runs.items():
        assert ratings_of(store, run_id).equals(pq.read_table(files[day]))


def test_the_tables_say_what_was_told(store, files):
    _record(store, files, DEC)
    told = {row["customer_id"]: row for row in pq.read_table(files[DEC]).to_pylist()}
    names = ("status", "manual_review", "pd", "score", "grade", "published", "previous", "second_grade", "base_points")
    with store.reading() as connection:
        rows = connection.execute(sa.select(tables.ratings)).mappings().all()
        reasons = connection.execute(sa.select(tables.reasons).order_by("rating_id", "place")).mappings().all()
    assert len(rows) == len(told)
    for row in rows:
        assert {name: row[name] for name in names} == {name: told[row["customer_id"]][name] for name in names}
    by_rating = {row["rating_id"]: [] for row in rows}
    for row in reasons:
        by_rating[row["rating_id"]].append(row)
    for row in rows:
        own = told[row["customer_id"]]["reasons"]
        for name in ("feature", "points", "value", "usual", "missing"):
            assert [one[name] for one in by_rating[row["rating_id"]]] == [one[name] for one in own]


def test_a_run_is_written_once(store, files):
    first = _record(store, files, NOV)
    assert _record(store, files, NOV) == first == 1
    assert recorded(store, RunKey("b" * 64, "one", NOV)) == 1
    assert _count(store, tables.runs) == 1
    assert _count(store, tables.ratings) == pq.read_metadata(files[NOV]).num_rows


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_run_that_fails_leaves_nothing_and_the_next_completes_it(store, files, monkeypatch, at):
    true, calls = bulk.write, []

    def failing(*words):
        calls.append(words)
        if len(calls) == at:
            raise RuntimeError("out of memory")
        true(*words)

    monkeypatch.setattr(bulk, "write", failing)
    with pytest.raises(RuntimeError, match="out of memory"):
        _record(store, files, NOV)
    for table in tables.META.sorted_tables:
        assert _count(store, table) == 0, table.name
    monkeypatch.undo()
    assert _record(store, files, NOV) == 1


def test_nothing_that_was_written_can_be_changed(store, files):
    row = _rated(files, NOV)
    _record(store, files, NOV)
    override(store, row["customer_id"], "C1", until=TODAY, by="B. Head", reason="guarantee")
    learn(store, [PUBLICATION])
    trust(store, PublicKey(bytes(32)), by="B. Head", reason="ours")
    make_key(store, "ERP", ["read"], until=TODAY, by="B. Head")
    history_of = [table for table in tables.META.sorted_tables if table.name != "customers"]
    assert len(history_of) == 10
    for table in history_of:
        before = _count(store, table)
        assert before
        some = next(iter(table.c))
        for change in (table.update().values({some.name: some}), table.delete()):
            with pytest.raises(sa.exc.DBAPIError, match="history"), store.engine.begin() as connection:
                connection.execute(change)
        assert _count(store, table) == before
    if not store.sqlite:
        with pytest.raises(sa.exc.DBAPIError, match="history"), store.engine.begin() as connection:
            connection.execute(sa.text("TRUNCATE ratings"))


def test_history_tells_from_when_to_when(store, files):
    row = _rated(files, DEC)
    for day in files:
        _record(store, files, day)
    first, second = history(store, row["customer_id"])
    assert (first.valid_from, first.valid_to) == (NOV, DEC)
    assert (second.valid_from, second.valid_to, second.superseded) == (DEC, None, False)
    assert (second.pd, second.score, second.grade) == (row["pd"], row["score"], row["grade"])
    assert datetime.now(UTC) - second.recorded_at < timedelta(minutes=10)


def test_history_stands_in_columns_in_both_languages(store, files):
    """Letters of Chinese are two wide; who is not rated is told why."""
    for day in files:
        _record(store, files, day)
    unrated = next(one for one in pq.read_table(files[DEC]).to_pylist() if one["status"] == "in_default")
    for row, language in product((_rated(files, DEC), unrated), ("en", "zh")):
        entries = history(store, row["customer_id"])
        head, *lines = history_lines(entries, language)
        days = [f"{one.recorded_at:%Y-%m-%d}" for one in entries]
        begins = [cell_len(line[: line.index(day)]) for line, day in zip(lines, days, strict=True)]
        assert {cell_len(head[: head.index("记录于" if language == "zh" else "recorded")])} == set(begins), [
            head,
            *lines,
        ]
        assert row[f"status_{language}"] in lines[-1]


def test_two_stores_that_publish_under_one_name_do_not_write_one_file(tmp_path):
    stores = [open_store(str(tmp_path / name), fresh=True) for name in ("one.db", "two.db")]
    with (
        nightly._aside(stores[0], tmp_path / "r.parquet") as one,
        nightly._aside(stores[1], tmp_path / "r.parquet") as two,
    ):
        assert one != two
        assert one.parent == two.parent == tmp_path


def test_a_day_that_is_rated_anew_supersedes_and_stays(store, files):
    row = _rated(files, DEC)
    for day in files:
        _record(store, files, day)
    _record(store, files, DEC, ledger="corrected")
    told = history(store, row["customer_id"])
    assert [(one.valid_from, one.superseded) for one in told] == [(NOV, False), (DEC, True), (DEC, False)]
    assert [one.valid_to for one in told] == [DEC, None, None]
    assert why(store, row["customer_id"], on=DEC).entry.run_id == 3
    with store.reading() as connection:
        view = sa.text("SELECT run_id FROM current_ratings WHERE customer_id = :one")
        assert connection.scalars(view, {"one": row["customer_id"]}).all() == [3]


def test_why_tells_the_rating_that_held_that_day(store, files):
    row = _rated(files, DEC)
    for day in files:
        _record(store, files, day)
    told = why(store, row["customer_id"], on=DEC + timedelta(days=400))
    assert told.rating == Rating.of_row(row)
    assert told.ledger == "one"
    assert why(store, row["customer_id"], on=DEC - timedelta(days=1)).rating.as_of == NOV
    with pytest.raises(Mistake, match="had no rating on"):
        why(store, row["customer_id"], on=NOV - timedelta(days=1))


def test_what_was_not_known_yet_is_not_told(store, files):
    row = _rated(files, DEC)
    _record(store, files, DEC)
    yesterday = TODAY - timedelta(days=1)
    assert history(store, row["customer_id"], known_on=yesterday) == []
    with pytest.raises(Mistake, match="known on"):
        why(store, row["customer_id"], on=DEC, known_on=yesterday)
    assert why(store, row["customer_id"], on=DEC, known_on=TODAY).entry.run_id == 1


def test_a_stranger_is_told_from_one_without_a_rating(store, files):
    _record(store, files, NOV)
    with pytest.raises(Mistake, match="holds no customer 'NOBODY'"):
        history(store, "NOBODY")


def test_the_ratings_before_are_those_of_the_last_earlier_day(store, files):
    assert earlier_ratings(store, NOV) == (None, None)
    for day in files:
        _record(store, files, day)
    run_id, told = earlier_ratings(store, DEC)
    assert run_id == 1
    known = Earlier.read(files[NOV], NOV).table
    assert told.table.sort_index().equals(known.sort_index())


def test_a_rating_leads_to_the_run_that_made_its_bundle(store, files):
    row = _rated(files, NOV)
    _record(store, files, NOV)
    assert why(store, row["customer_id"], on=NOV).publication is None
    assert learn(store, [PUBLICATION, replace(PUBLICATION, bundle="d" * 64)]) == 2
    assert learn(store, [PUBLICATION, replace(PUBLICATION, version="4")]) == 1, "what is known is not learned again"
    assert why(store, row["customer_id"], on=NOV).publication == publication_of(store, "b" * 64)
    assert publication_of(store, "b" * 64).version == "4", "the last one"


# ---- the job


def test_the_job_counts_every_customer_and_writes_once(url, walked, bundle, files, tmp_path):
    store = open_store(url, fresh=True)
    first = rate(bundle, walked / "data/ledger", NOV, store)
    second = rate(bundle, walked / "data/ledger", DEC, store, out=tmp_path / "dec.parquet")
    again = rate(bundle, walked / "data/ledger", DEC, store)
    assert (first.run_id, second.run_id, again.run_id) == (1, 2, 2)
    told = alerts_of(store, run_id=2)
    assert len(told) == sum(second.alerts.values()) > 5
    assert {one.as_of for one in told} == {DEC}
    assert again == replace(second, already=True)
    assert sum(second.status.values()) == 900
    assert pq.read_table(tmp_path / "dec.parquet").equals(pq.read_table(files[DEC])), "as with --previous"
    table = pq.read_table(files[DEC]).to_pandas()
    scale = {grade: place for place, grade in enumerate((*bundle.system.scale.names, "D"))}
    moved = table["published"].map(scale) - table["previous"].map(scale)
    assert (second.upgrades, second.downgrades) == ((moved < 0).sum(), (moved > 0).sum())
    assert second.downgrades > 0
    with store.reading() as connection:
        names = connection.scalar(sa.select(sa.func.count()).select_from(tables.customers))
        earlier = connection.scalars(sa.select(tables.runs.c.earlier_run).order_by("run_id")).all()
    assert names == 900
    assert earlier == [None, 1]


def test_a_store_that_asks_for_a_signature_takes_nothing_without(url, walked, bundle, tmp_path):
    signed = shutil.copytree(walked / "artifacts/bundle", tmp_path / "bundle")
    make_keys(tmp_path / "ours"), make_keys(tmp_path / "theirs")
    ours, theirs = (PublicKey.read(tmp_path / f"{name}.pub") for name in ("ours", "theirs"))
    store = open_store(url, fresh=True)
    assert trusted_keys(store) is None
    trust(store, ours, by="B. Head", reason="the pipeline's")
    for refused in (bundle, replace(bundle, signed_by=theirs.id)):
        with pytest.raises(Mistake, match="takes ratings of signed bundles only"):
            rate(refused, walked / "data/ledger", NOV, store)
    assert _count(store, tables.runs) == 0
    with pytest.raises(Mistake, match="is not signed"):
        load_bundle(signed, trusted_keys(store))
    sign_manifest(signed, private_key(tmp_path / "theirs"))
    with pytest.raises(Mistake, match="is not trusted here"):
        load_bundle(signed, trusted_keys(store))
    sign_manifest(signed, private_key(tmp_path / "ours"))
    rate(load_bundle(signed, trusted_keys(store)), walked / "data/ledger", NOV, store)
    with store.reading() as connection:
        assert connection.scalars(sa.select(tables.runs.c.signed_by)).all() == [ours.id]
    with pytest.raises(Mistake, match="nothing to take back"):
        trust(store, theirs, by="B. Head", reason="it leaked", trusted=False)
    trust(store, ours, by="B. Head", reason="it leaked", trusted=False)
    assert trusted_keys(store) == [], "the last key is gone: nothing is taken, not even what is unsigned"
    with pytest.raises(Mistake, match="takes ratings of signed bundles only"):
        rate(load_bundle(signed), walked / "data/ledger", DEC, store)


def _score(walked, place, *more):
    words = ["score", "--bundle", str(walked / "artifacts/bundle"), "--ledger", str(walked / "data/ledger")]
    return CliRunner().invoke(app, [*words, "--as-of", str(NOV), "--store", str(place), *map(str, more)])


def test_the_store_is_not_overwritten_by_the_file_of_ratings(walked, tmp_path):
    place = tmp_path / "s.parquet"
    assert "is the store itself" in str(_score(walked, place, "--out", place).exception)


@pytest.mark.parametrize("name", ["pct%41.db", "q?a.db", "h#.db", "o'd d 客户.db"])
def test_a_store_has_the_name_that_it_was_given(walked, tmp_path, name):
    assert _score(walked, tmp_path / name).exit_code == 0
    assert (tmp_path / name).is_file()
    back_up(open_store(str(tmp_path / name)), tmp_path / f"b-{name}")
    assert _count(open_store(str(tmp_path / f"b-{name}")), tables.runs) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [(b'{"a": 1}\n', "line 1: should tell"), (b"\xff\n", "no text in UTF-8"), (None, "is no file")],
)
def test_a_publish_log_that_is_none_is_refused_before_anything_is_written(walked, tmp_path, content, says):
    log = tmp_path / "log.jsonl"
    if content is not None:
        log.write_bytes(content)
    assert says in str(_score(walked, tmp_path / "r.db", "--published", log).exception)
    assert not (tmp_path / "r.db").exists()


def test_the_publish_log_is_learned(walked, tmp_path):
    log = tmp_path / "log.jsonl"
    fingerprint = load_bundle(walked / "artifacts/bundle").fingerprint
    replace(PUBLICATION, bundle=fingerprint, model="Müller\u2028& Söhne").append(log)
    assert _score(walked, tmp_path / "r.db", "--published", log).exit_code == 0
    assert publication_of(open_store(str(tmp_path / "r.db")), fingerprint).model == "Müller\u2028& Söhne"


_HOLD = """
import sys, time
from tradecredit.serving.store.store import open_store
with open_store(sys.argv[1], fresh=True).only_writer():
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_writer_is_told_who_is_the_first(url, store):
    child = subprocess.Popen([sys.executable, "-c", _HOLD, url], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "held\n"
        begun = time.monotonic()
        with pytest.raises(Busy, match=f"process {child.pid} on"), store.only_writer():
            pass
        assert time.monotonic() - begun < 1
    finally:
        child.kill()
        child.wait()
    for _ in range(50):  # a server takes a moment to notice that it is gone
        with suppress(Busy), store.only_writer():
            return
        time.sleep(0.1)
    pytest.fail("a lock that a killed process left holds everybody up")


# ---- decisions


def test_a_persons_grade_holds_until_it_expires(store, files):
    row = _rated(files, NOV)
    one = row["customer_id"]
    _record(store, files, NOV)
    assert (
        override(store, one, "C1", until=TODAY + timedelta(days=30), by="B. Head", reason="guarantee")
        == row["published"]
    )
    assert why(store, one, on=TODAY).decision.grade == "C1"
    assert why(store, one, on=TODAY).rating.grade == row["grade"], "the model's stands beside it"
    assert why(store, one, on=TODAY + timedelta(days=30)).decision.grade == "C1"
    assert why(store, one, on=TODAY + timedelta(days=31)).decision is None
    assert why(store, one, on=TODAY - timedelta(days=1)).decision is None
    with store.reading() as connection:
        view = sa.text("SELECT grade, decided, in_force FROM current_ratings WHERE customer_id = :one")
        assert tuple(connection.execute(view, {"one": one}).one()) == (row["grade"], "C1", "C1")


def test_an_override_is_replaced_or_withdrawn_and_both_stay_on_record(store, files):
    one = _rated(files, NOV)["customer_id"]
    _record(store, files, NOV)
    override(store, one, "C1", until=TODAY + timedelta(days=30), by="B. Head", reason="guarantee")
    override(store, one, "E2", until=TODAY + timedelta(days=10), by="C. Chief", reason="guarantor failed")
    assert why(store, one, on=TODAY).decision.grade == "E2"
    withdraw_override(store, one, by="B. Head", reason="paid")
    assert why(store, one, on=TODAY).decision is None
    assert [(d.kind, d.grade) for d in decisions_of(store, one)] == [
        ("override", "C1"),
        ("override", "E2"),
        ("withdrawal", None),
    ]
    with pytest.raises(Mistake, match="nothing to withdraw"):
        withdraw_override(store, one, by="B. Head", reason="paid")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"grade": "Z9"}, "one of A1, C1, E2"),
        ({"until": TODAY - timedelta(days=1)}, "is over"),
        ({"until": TODAY + timedelta(days=400)}, "more than a year"),
        ({"by": " "}, "--by"),
        ({"reason": ""}, "--reason"),
        ({"customer": "NOBODY"}, "holds no customer"),
    ],
)
def test_a_decision_that_nobody_could_answer_for_is_refused(store, files, change, told):
    _record(store, files, NOV)
    said = {
        "customer": _rated(files, NOV)["customer_id"],
        "grade": "C1",
        "until": TODAY,
        "by": "B",
        "reason": "R",
    } | change
    with pytest.raises(Mistake, match=told):
        override(store, said.pop("customer"), said.pop("grade"), **said)
    assert _count(store, tables.decisions) == 0


# ---- the database


def test_migrations_lead_to_the_tables_that_the_code_knows(store):
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "tradecredit_version"})
        assert compare_metadata(context, tables.META) == []


def test_a_store_of_an_earlier_version_is_brought_up_to_date_with_all_it_holds(url, files):
    """As the first version left it: nothing of what came later, and a night."""
    engine = engine_of("--store", url if "://" in url else sa.URL.create("sqlite", database=url), "TRADECREDIT_STORE")
    config = Config()
    config.set_main_option("script_location", str(Path(store_room.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        known = {one["name"] for one in sa.inspect(connection).get_columns("runs")}
        assert "signed_by" not in known
        connection.execute(tables.bundles.insert().values(bundle="b" * 64, about="{}", recorded_at=datetime.now(UTC)))
        told = {"run_id": 1, "run_key": str(RunKey("b" * 64, "one", NOV)), "bundle": "b" * 64, "as_of": NOV}
        told |= {"ledger": "one", "recorded_at": datetime.now(UTC), "customers": 1, "rated": 0, "version": "0"}
        connection.execute(tables.runs.insert().values(**told))
        rating = {"rating_id": 1, "run_id": 1, "customer_id": "C", "status": "no_exposure", "manual_review": False}
        connection.execute(tables.ratings.insert().values(**rating, previous="", model="scorecard", card=""))
    engine.dispose()
    with pytest.raises(Mistake, match="is of an earlier version"):
        open_store(url)
    store = open_store(url, fresh=True)
    assert [one.run_id for one in history(store, "C")] == [1]
    assert _record(store, files, DEC) == 2
    assert _count(store, tables.ratings) == 1 + pq.read_metadata(files[DEC]).num_rows
    assert trusted_keys(store) is None


def test_a_store_that_is_not_there_is_told(url, tmp_path):
    with pytest.raises(Mistake, match=r"is no store|holds no ratings"):
        open_store(url)
    (tmp_path / "x.db").write_text("no database at all, but long enough to look like one" * 40)
    with pytest.raises(Mistake, match="is no database"):
        open_store(str(tmp_path / "x.db"))
    with pytest.raises(Mistake, match="not known"):
        open_store("oracel://host/x")
    with pytest.raises(Unavailable):
        open_store("postgresql://127.0.0.1:1/none", fresh=True)


def test_a_store_of_a_newer_version_is_left_alone(store, url):
    with store.engine.begin() as connection:
        connection.execute(sa.text("UPDATE tradecredit_version SET version_num = '9999'"))
    with pytest.raises(Mistake, match="newer version"):
        open_store(url, fresh=True)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
            st.one_of(
                st.none(), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
            ),
            st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
        ),
        max_size=8,
        unique_by=lambda row: row[0],
    )
)
def test_bulk_writes_any_text_and_any_number_as_it_is(store, rows):
    """Quotes, commas, line ends, backslashes, the empty text and nothing at all are five different things."""
    ids, grades, pds = ([row[k] for row in rows] for k in range(3))
    n = len(rows)
    told = pa.table(
        {
            "rating_id": pa.array(range(1, n + 1), pa.int64()),
            "run_id": pa.array([1] * n, pa.int64()),
            "customer_id": pa.array(ids, pa.string()),
            "status": pa.array(["observed"] * n, pa.string()),
            "manual_review": pa.array([k % 2 == 0 for k in range(n)], pa.bool_()),
            "pd": pa.array(pds, pa.float64()),
            "grade": pa.array(grades, pa.string()),
            "previous": pa.array([""] * n, pa.string()),
            "model": pa.array(["scorecard"] * n, pa.string()),
            "card": pa.array([""] * n, pa.string()),
        }
    )
    with store.engine.connect().execution_options(writes=True) as connection, connection.begin() as transaction:
        bulk.write(connection, tables.ratings, told)
        r = tables.ratings.c
        query = sa.select(r.customer_id, r.grade, r.pd, r.manual_review).order_by(r.rating_id)
        held = [tuple(row) for row in connection.execute(query)]
        transaction.rollback()
    assert held == [(*row, k % 2 == 0) for k, row in enumerate(rows)]


def test_the_command_ends_with_75_where_another_writes(url, store, walked):
    with store.only_writer():
        done = subprocess.run(
            [sys.executable, "-m", "tradecredit.cli", "score", "--bundle", str(walked / "artifacts/bundle"), "--ledger",
             str(walked / "data/ledger"), "--as-of", str(NOV), "--store", url],
            capture_output=True, text=True, check=False, env=os.environ,
        )  # fmt: skip
    assert done.returncode == 75
    assert f"process {os.getpid()}" in done.stderr
