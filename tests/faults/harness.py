"""Runs `tradecredit` commands in forked children of one warm process, so that a thousand runs take minutes.

Takes the commands to warm up with as JSON; then reads a JSON list of jobs a line (the command's words, and options of
its own), and answers with a JSON line.
A child does all its work in one thread, so that its system calls come in one order; it starts when told to.
"""

import contextlib
import io
import json
import locale
import os
import resource
import shutil
import sys
import time
from concurrent.futures import Future

import pyarrow as pa
import sqlalchemy as sa

import tradecredit.features.intake.partitions as partitions
import tradecredit.features.intake.taking as taking
import tradecredit.features.publishing as publishing
import tradecredit.serving.nightly as nightly
import tradecredit.serving.scoring as scoring
import tradecredit.serving.store.store as opening
from tradecredit import cli
from tradecredit.features import mapping  # noqa: F401 - warm
from tradecredit.features.ledger import Ledger  # noqa: F401 - warm


class Inline:
    """An executor that works at once, in the caller's thread."""

    def __init__(self, *_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def submit(self, work, *args):
        done = Future()
        try:
            done.set_result(work(*args))
        except BaseException as fault:
            done.set_exception(fault)
        return done


def _in_place(path, content):
    """The fault that write_durably is there to avoid: the reader may find half of it."""
    with open(path, "wb") as file:
        for at in range(0, len(content), 200):
            file.write(content[at : at + 200])
            file.flush()


def _visible_first(ledger):
    """The fault of naming the new tables before they are written."""
    about = json.loads((ledger / "ledger.json").read_text())
    number = len(about["deliveries"]) + 1
    shown = about | {"tables": f"{number:04d}"}
    publishing.write_durably(ledger / "ledger.json", json.dumps(shown).encode())
    publishing.write_durably(ledger / "ledger.json", json.dumps(about).encode())


def _plant(fault):
    if fault == "in place":
        taking.write_durably = _in_place
    elif fault == "no flush":
        partitions.write_flushed = lambda path, content: path.write_bytes(content)
    elif fault == "visible first":
        run = taking._Taking.run

        def early(one, tell):
            if one.about:
                _visible_first(one.ledger)
            return run(one, tell)

        taking._Taking.run = early
    elif fault == "swallowed":
        run = taking._Taking.run

        def quiet(one, tell):
            try:
                return run(one, tell)
            except OSError:
                return None

        taking._Taking.run = quiet
    elif fault == "no transaction":
        opening._as_sqlite_should = _in_one_go
    elif fault == "file first":
        record = nightly.record

        def late(*words, **more):
            shutil.copy(words[2], words[2].with_name("ratings.parquet"))
            return record(*words, **more)

        nightly.record = late
    elif fault == "quiet":
        rate = nightly.rate

        def quiet_rate(*words, **more):
            try:
                return rate(*words, **more)
            except Exception:
                sys.exit(0)

        nightly.rate = quiet_rate
    elif fault:
        raise ValueError(fault)


def _slowed(room, name, seconds):
    work = getattr(room, name)
    setattr(room, name, lambda *rest: (time.sleep(seconds), work(*rest))[1])


def _in_one_go(engine):
    """The fault of a transaction that never began: each statement stands at once."""

    @sa.event.listens_for(engine, "connect")
    def connect(raw, _):
        raw.isolation_level = None
        raw.execute("PRAGMA journal_mode = WAL")


def _child(words, options, ready, go):
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    taking.ThreadPoolExecutor = scoring.ThreadPoolExecutor = Inline
    _plant(options.get("fault", ""))
    os.environ.update(options.get("environ", {}))
    time.tzset()
    if "LC_ALL" in options.get("environ", {}):
        locale.setlocale(locale.LC_ALL, "")
    if "slow" in options:
        for room, name in ((taking, "_control_totals"), (nightly, "write_parts")):
            _slowed(room, name, options["slow"])
    if "memory" in options:
        resource.setrlimit(resource.RLIMIT_AS, (options["memory"], options["memory"]))
    os.dup2(os.open(options.get("out", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), 1)
    os.dup2(1, 2)
    os.write(ready, b"r")
    os.read(go, 1)
    sys.argv = ["tradecredit", *words]
    try:
        cli.run()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _warm(commands):
    """Commands in this process, so that the children import nothing and start nothing anew."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    taking.ThreadPoolExecutor = scoring.ThreadPoolExecutor = Inline
    for words in commands:
        sys.argv = ["tradecredit", *words]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            cli.run()


def main():
    """Fork a child for each of the commands of a line; say their pids; start them when told; say how they ended."""
    _warm(json.loads(sys.argv[1]))
    for line in sys.stdin:
        jobs = json.loads(line)
        pids, goes = [], []
        for words, options in jobs:
            ready, told = os.pipe()
            go, start = os.pipe()
            pid = os.fork()
            if not pid:
                _child(words, options, told, go)
            os.read(ready, 1)
            for end in (ready, told, go):
                os.close(end)
            pids.append(pid)
            goes.append(start)
        print(json.dumps(pids), flush=True)
        if not sys.stdin.readline():
            break
        begun = time.monotonic()
        for start in goes:
            os.write(start, b"g")
        ends = {}
        while len(ends) < len(pids):
            pid, status = os.wait()
            code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            ends[pid] = (code, time.monotonic() - begun)
        for start in goes:
            os.close(start)
        print(json.dumps([ends[pid] for pid in pids]), flush=True)


if __name__ == "__main__":
    main()
