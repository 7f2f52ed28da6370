"""PostgreSQL that goes away: lines that are cut, answers that are lost, a server that is killed; nothing doubles."""

import socket
import threading
import time
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from servers import new_database
from tradecredit.errors import Unavailable
from tradecredit.serving.batch import score_ledger
from tradecredit.serving.bundle import load_bundle
from tradecredit.serving.store import tables
from tradecredit.serving.store.audit import audit
from tradecredit.serving.store.recording import RunKey, record
from tradecredit.serving.store.store import open_store

pytestmark = [pytest.mark.slow, pytest.mark.faults]
FIRST = date(2022, 1, 1)


@pytest.fixture(scope="module")
def ratings(walked, tmp_path_factory):
    """Of sixty customers."""
    file = tmp_path_factory.mktemp("ratings") / "all.parquet"
    bundle = load_bundle(walked / "artifacts/bundle")
    score_ledger(bundle, walked / "data/ledger", date(2022, 12, 31), file)
    return pq.read_table(file).slice(0, 60)


@pytest.fixture
def write(ratings, tmp_path):
    """Record the ratings as those of a day."""

    def work(store, turn):
        day = FIRST + timedelta(days=turn)
        told = ratings.set_column(1, "as_of", pa.array([day] * len(ratings), pa.date32()))
        told = told.set_column(told.column_names.index("bundle"), "bundle", pa.array(["b" * 64] * len(told)))
        pq.write_table(told, tmp_path / f"{turn}.parquet")
        names = dict.fromkeys(told["customer_id"].to_pylist(), "A company")
        key = RunKey("b" * 64, "ledger", day)
        about = {"grades": ["A1"]}
        return record(store, key, tmp_path / f"{turn}.parquet", about=about, names=names, earlier_run=None)

    return work


def _days(store):
    with store.reading() as connection:
        return list(connection.scalars(sa.select(tables.runs.c.as_of).order_by(tables.runs.c.run_id)))


class Cut:
    """Says when a line is to be cut: at the k-th message that we send, or at the one that holds a word."""

    def __init__(self):
        self.word, self.at, self.done = b"", 0, True

    def arm(self, *, word=b"", at=0):
        self.word, self.at, self.done = word, at, False

    def __call__(self, data):
        if self.done:
            return False
        self.at -= 1
        if (self.word and self.word in data) or (not self.word and self.at < 0):
            self.done = True
        return self.done


def _close(*ends):
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy(port, cut):
    """Between us and the server: where `cut` says so of what we sent, the server hears it and we hear no answer."""
    gate = socket.create_server(("127.0.0.1", 0))

    def forth(us, server, lost):
        with suppress(OSError):
            while data := us.recv(65536):
                if cut(data):
                    lost.set()
                    server.sendall(data)
                    time.sleep(0.05)  # it is done before the line is cut
                    break
                server.sendall(data)
        _close(us, server)

    def back(us, server, lost):
        with suppress(OSError):
            while data := server.recv(65536):
                if not lost.is_set():
                    us.sendall(data)
        _close(us, server)

    def serve():
        with suppress(OSError):
            while True:
                us, _ = gate.accept()
                words = (us, socket.create_connection(("127.0.0.1", port)), threading.Event())
                for way in (forth, back):
                    threading.Thread(target=way, args=words, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield gate.getsockname()[1]
    gate.close()


@pytest.fixture
def through(server, monkeypatch):
    """A store behind a proxy that cuts, the cutter, and the same store straight."""
    url, cut = new_database(server.url, monkeypatch), Cut()
    straight = open_store(url, fresh=True)
    with proxy(server.port, cut) as gate:
        store = open_store(url.replace(f":{server.port}", f":{gate}"))
        yield store, cut, straight
        store.engine.dispose()
    straight.engine.dispose()


def _interrupted(write, through, turn, **how):
    """Is the run there after a cut? Then it is written again."""
    store, cut, straight = through
    cut.arm(**how)
    try:
        write(store, turn)
        heard = True
    except Unavailable:
        heard = False
        store.engine.dispose()
    fired, cut.done = cut.done, True
    there = FIRST + timedelta(days=turn) in _days(straight)
    assert there == heard, "what is said is so"
    write(store, turn)
    return fired, heard


def test_lines_that_are_cut_double_nothing_and_lose_nothing(write, through):
    lost = [_interrupted(write, through, turn, word=b"COMMIT\0") for turn in range(30)]
    assert all(fired and heard for fired, heard in lost), "it was heard, and the store is asked"
    anywhere = [_interrupted(write, through, turn, at=turn - 30) for turn in range(30, 60)]
    assert sum(fired for fired, _ in anywhere) >= 20
    assert {heard for _, heard in anywhere} == {True, False}
    store = through[2]
    assert _days(store) == [FIRST + timedelta(days=turn) for turn in range(60)]
    assert list(audit(store)) == []


def test_without_the_key_of_a_run_the_test_sees_it_doubled(write, through, monkeypatch):
    monkeypatch.setattr(RunKey, "__str__", lambda _: uuid4().hex)
    with pytest.raises(AssertionError, match="what is said is so"):
        _interrupted(write, through, 0, word=b"COMMIT\0")
    write(through[0], 0)
    assert _days(through[2]) == [FIRST, FIRST]
    assert any("its key is not that of" in fault for fault in audit(through[2]))


def test_a_server_that_is_killed_loses_nothing_that_was_said_to_be_done(write, server, monkeypatch):
    store, done, heard = open_store(new_database(server.url, monkeypatch), fresh=True), [], set()
    for turn in range(6):
        killer = threading.Timer(0.02 * turn, server.kill)
        killer.start()
        for number in range(10 * turn, 10 * turn + 10):
            try:
                write(store, number)
                done.append(number)
                heard.add(True)
            except Unavailable:
                heard.add(False)
                store.engine.dispose()
                break
        killer.join()
        server.start()
        assert set(done) <= {(day - FIRST).days for day in _days(store)}
        write(store, 10 * turn + 9)
        done.append(10 * turn + 9)
        assert list(audit(store)) == []
    assert len(_days(store)) == len(set(_days(store)))
    assert heard == {True, False}
    store.engine.dispose()
