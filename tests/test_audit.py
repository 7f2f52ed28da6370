"""The audit finds what contradicts the store's promises, and past ratings are told again to the bit."""

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from tradecredit.errors import Mistake
from tradecredit.features.ledger import Ledger
from tradecredit.serving.bundle import load_bundle
from tradecredit.serving.nightly import rate
from tradecredit.serving.rederiving import rederive
from tradecredit.serving.store.audit import audit
from tradecredit.serving.store.decisions import override
from tradecredit.serving.store.store import open_store

NOV, DEC = date(2022, 11, 30), date(2022, 12, 31)


@pytest.fixture(scope="module")
def bundle(walked):
    return load_bundle(walked / "artifacts/bundle")


@pytest.fixture(scope="module")
def two_nights(walked, bundle, tmp_path_factory):
    """The file of a store that holds two nights and a decision."""
    file = tmp_path_factory.mktemp("store") / "ratings.db"
    store = open_store(str(file), fresh=True)
    for day in (NOV, DEC):
        rate(bundle, walked / "data/ledger", day, store)
    one = Ledger.read(walked / "data/ledger").customers["customer_id"].iloc[0]
    override(store, one, "C1", until=date.max.replace(year=date.today().year), by="B. Head", reason="a guarantee")
    store.engine.dispose()
    return file


@pytest.fixture
def store(two_nights, tmp_path):
    """A copy that a test may spoil."""
    for file in two_nights.parent.iterdir():
        shutil.copy(file, tmp_path / file.name)
    return open_store(str(tmp_path / "ratings.db"))


def test_a_sound_store_has_no_faults(store):
    assert list(audit(store)) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("DELETE FROM ratings WHERE rating_id = 7", "run 1: holds 899 ratings of 900 customers"),
        ("UPDATE ratings SET pd = pd + 1e-16 WHERE rating_id = (SELECT MIN(rating_id) FROM ratings WHERE pd < .01)",
         "run 1: pd is not what was told"),
        ("UPDATE ratings SET grade = 'A1' WHERE rating_id > 900 AND grade = 'C3'", "run 2: grade is not what was told"),
        ("UPDATE ratings SET customer_id = 'X' WHERE rating_id = 3", "run 1: customer_id is not what was told"),
        ("DELETE FROM reasons WHERE rating_id < 100", "run 1: its reasons are not what was told"),
        ("UPDATE reasons SET points = -points WHERE rating_id > 1700", "run 2: its reasons are not what was told"),
        ("DELETE FROM pages WHERE first_id = 257", "run 1: its pages are not those that were written"),
        ("UPDATE pages SET ratings = x'00' WHERE first_id = 901", "run 2: its pages are not those that were written"),
        ("UPDATE warnings SET severity = 'low'", "run 1: warnings such as that of"),
        ("UPDATE warnings SET en = 'nothing' WHERE run_id = 2", "run 2: warnings such as that of"),
        ("UPDATE runs SET ledger = 'other' WHERE run_id = 1", "run 1: its key is not that of its bundle"),
        ("UPDATE runs SET rated = 0 WHERE run_id = 2", "are rated, and it says 0"),
        ("UPDATE runs SET earlier_run = 2 WHERE run_id = 1", "the run before it, 2, is not of an earlier day"),
        ("DELETE FROM runs WHERE run_id = 2", "900 ratings of no run"),
        ("UPDATE decisions SET rating_id = 9999", "1 decisions on no rating"),
    ],
)  # fmt: skip
def test_whatever_was_changed_behind_the_triggers_back_is_found(store, change, told):
    with store.engine.connect() as connection, connection.begin():
        for (name,) in connection.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            connection.execute(sa.text(f"DROP TRIGGER {name}"))
        assert connection.execute(sa.text(change)).rowcount
    faults = list(audit(store))
    assert any(told in fault for fault in faults), faults
    assert any("that keep the history as it is are gone" in fault for fault in faults)


def _without_triggers(store):
    connection = store.engine.raw_connection().driver_connection
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    return connection


def test_any_changed_byte_of_a_page_is_found_or_said_to_be_unreadable(store):
    """With the checksum of its run, and without, as runs of old are: then at least nothing breaks."""
    connection, rng = _without_triggers(store), np.random.default_rng(0)
    (whole,) = connection.execute("SELECT ratings FROM pages WHERE first_id = 1").fetchone()
    for turn in range(60):
        if turn == 30:
            connection.execute("UPDATE runs SET pages_sha256 = NULL")
        place = int(rng.integers(len(whole)))
        changed = whole[:place] + bytes([whole[place] ^ (1 << int(rng.integers(8)))]) + whole[place + 1 :]
        connection.execute("UPDATE pages SET ratings = ? WHERE first_id = 1", (changed,))
        faults = [fault for fault in audit(store) if "triggers" not in fault]
        if turn < 30:
            assert faults == ["run 1: its pages are not those that were written"]
    connection.execute("UPDATE pages SET ratings = ? WHERE first_id = 1", (whole[: len(whole) // 2],))
    assert "run 1: a page cannot be read" in list(audit(store))


def test_a_damaged_file_is_named_as_that(store):
    file = Path(store.name)
    store.engine.dispose()
    whole = bytearray(file.read_bytes())
    for at in range(3 * 4096, len(whole) - 4096, 40 * 4096):
        whole[at : at + 4096] = b"\xff" * 4096
    file.write_bytes(bytes(whole))
    for extra in ("-wal", "-shm"):
        Path(f"{file}{extra}").unlink(missing_ok=True)
    (fault,) = audit(store)
    assert fault.startswith(f"{store.name} is damaged: ")


def test_a_trigger_that_is_gone_is_named_though_there_is_another_instead(store):
    with store.engine.begin() as connection:
        connection.execute(sa.text("DROP TRIGGER decisions_no_update"))
        connection.execute(sa.text("CREATE TRIGGER mine AFTER INSERT ON customers BEGIN SELECT 1; END"))
    (fault,) = audit(store)
    assert fault.endswith("are gone, such as decisions_no_update")


def test_the_name_of_a_customer_can_be_erased(store):
    with store.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM customers WHERE customer_id LIKE '%7'"))
    assert list(audit(store)) == []


def test_past_ratings_are_told_again_to_the_bit(store, walked, bundle):
    for run in (1, 2):
        assert rederive(store, run, bundle, walked / "data/ledger") == (900, [])


def test_what_would_not_be_the_same_is_refused_or_named(store, walked, bundle, tmp_path):
    with pytest.raises(Mistake, match="holds no run 3"):
        rederive(store, 3, bundle, walked / "data/ledger")
    with pytest.raises(Mistake, match="was made with bundle"):
        rederive(store, 1, replace(bundle, fingerprint="0" * 64), walked / "data/ledger")
    other = shutil.copytree(walked / "data/ledger", tmp_path / "ledger")
    said = (other / "ledger.json").read_text()
    (other / "ledger.json").write_text(said.replace('"verdict": "accept"', '"verdict": "warn"'))
    with pytest.raises(Mistake, match="was made from other deliveries"):
        rederive(store, 1, bundle, other)
    points = replace(bundle.system.points, anchor=bundle.system.points.anchor + 1)
    many, differ = rederive(
        store, 2, replace(bundle, system=replace(bundle.system, points=points)), walked / "data/ledger"
    )
    assert many == 900
    with store.reading() as connection:
        rated = connection.scalars(sa.text("SELECT customer_id FROM ratings WHERE run_id = 2 AND pd IS NOT NULL")).all()
    assert differ == rated, "one more point for each"
