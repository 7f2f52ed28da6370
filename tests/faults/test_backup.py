"""A backup that is made while others write holds all that was acknowledged before, and a restored store is sound."""

import os
import shutil
import subprocess
import threading
import time
from contextlib import suppress
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from servers import PASSWORD, USER, new_database
from tradecredit.errors import Mistake
from tradecredit.serving.batch import score_ledger
from tradecredit.serving.bundle import load_bundle
from tradecredit.serving.store import tables
from tradecredit.serving.store.audit import audit
from tradecredit.serving.store.backup import back_up
from tradecredit.serving.store.recording import RunKey, record
from tradecredit.serving.store.store import open_store

pytestmark = [pytest.mark.slow, pytest.mark.faults]
FIRST = date(2022, 1, 1)


class Writer:
    """Records one night after the other until told to stop."""

    def __init__(self, store, ratings, folder):
        self.store, self.ratings, self.folder = store, ratings, folder
        self.done, self._stop = 0, threading.Event()
        self._fault, self._thread = None, threading.Thread(target=self._work)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        if self._fault:
            raise self._fault

    def wait_for(self, nights):
        """Until so many are done."""
        while self.done < nights and self._thread.is_alive():
            time.sleep(0.005)
        assert self.done >= nights, self._fault

    def night(self):
        day = FIRST + timedelta(days=self.done)
        told = self.ratings.set_column(1, "as_of", pa.array([day] * len(self.ratings), pa.date32()))
        file = self.folder / "night.parquet"
        pq.write_table(told, file)
        key = RunKey(told["bundle"][0].as_py(), "ledger", day)
        names = dict.fromkeys(told["customer_id"].to_pylist(), "A company")
        record(self.store, key, file, about={}, names=names, earlier_run=None)
        self.done += 1

    def _work(self):
        try:
            while not self._stop.is_set():
                self.night()
        except Exception as fault:
            self._fault = fault


@pytest.fixture(scope="module")
def ratings(walked, tmp_path_factory):
    file = tmp_path_factory.mktemp("ratings") / "all.parquet"
    score_ledger(load_bundle(walked / "artifacts/bundle"), walked / "data/ledger", date(2022, 12, 31), file)
    return pq.read_table(file).slice(0, 40)


def _nights(store):
    with store.reading() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(tables.runs)))


def test_thirty_backups_under_writes_are_whole(ratings, tmp_path):
    store = open_store(str(tmp_path / "ratings.db"), fresh=True)
    acknowledged = []
    with Writer(store, ratings, tmp_path) as writer:
        for turn in range(30):
            writer.wait_for(turn + 1)
            acknowledged.append(writer.done)
            back_up(store, tmp_path / f"{turn}.db")
    assert writer.done > 30, "it went on meanwhile"
    for turn, nights in enumerate(acknowledged):
        restored = open_store(str(tmp_path / f"{turn}.db"))
        assert _nights(restored) >= nights
        assert list(audit(restored)) == []
        restored.engine.dispose()
    with pytest.raises(Mistake, match="overwrites nothing"):
        back_up(store, tmp_path / "0.db")
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]


def test_a_copy_of_the_file_alone_would_lose_what_was_acknowledged(ratings, tmp_path):
    """What the backup is there for: the check above must see such a copy."""
    store = open_store(str(tmp_path / "ratings.db"), fresh=True)
    writer = Writer(store, ratings, tmp_path)
    writer.night()
    writer.night()
    shutil.copy(tmp_path / "ratings.db", tmp_path / "copy.db")
    with suppress(Mistake):  # not even a store
        assert _nights(open_store(str(tmp_path / "copy.db"))) < 2


def test_a_restored_store_goes_on_where_the_backup_was(ratings, tmp_path):
    """The drill: lost, restored, looked at, and the next night."""
    store = open_store(str(tmp_path / "ratings.db"), fresh=True)
    writer = Writer(store, ratings, tmp_path)
    for _ in range(3):
        writer.night()
    back_up(store, tmp_path / "backup.db")
    store.engine.dispose()
    for file in tmp_path.glob("ratings.db*"):
        file.write_bytes(b"lost")
        file.unlink()
    begun = time.monotonic()
    shutil.copy(tmp_path / "backup.db", tmp_path / "ratings.db")
    writer.store = open_store(str(tmp_path / "ratings.db"))
    assert list(audit(writer.store)) == []
    assert _nights(writer.store) == 3
    writer.night()
    assert _nights(writer.store) == 4
    assert time.monotonic() - begun < 60


def test_postgresqls_own_dump_restores_too(server, ratings, tmp_path, monkeypatch):
    url = new_database(server.url, monkeypatch)
    env = os.environ | {"PGPASSWORD": PASSWORD}
    store = open_store(url, fresh=True)
    with pytest.raises(Mistake, match="pg_dump"):
        back_up(store, tmp_path / "x.db")

    def run(program, database, *words):
        where = ["-h", "127.0.0.1", "-p", str(server.port), "-U", USER, "-d", database.rsplit("/", 1)[1]]
        subprocess.run([server.program(program), *where, *words], env=env, check=True, capture_output=True)

    with Writer(store, ratings, tmp_path) as writer:
        writer.wait_for(2)
        acknowledged = writer.done
        run("pg_dump", url, "-Fc", "-f", str(tmp_path / "dump"))
    other = new_database(server.url, monkeypatch)
    run("pg_restore", other, "--no-owner", str(tmp_path / "dump"))
    restored = open_store(other)
    assert _nights(restored) >= acknowledged
    assert list(audit(restored)) == []
    store.engine.dispose()
    restored.engine.dispose()
