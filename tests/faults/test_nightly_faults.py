"""The nightly job under faults: the store holds a run whole or not at all, and the next run finishes it."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
from datetime import date

import pytest
from sweeping import Runner, Scene, needs_strace

from tradecredit.features.example import ExampleRecipe, write_example
from tradecredit.features.intake.taking import take_in
from tradecredit.serving.store.audit import audit
from tradecredit.serving.store.store import open_store

pytestmark = [pytest.mark.slow, pytest.mark.faults, needs_strace]
EARLIER, DAY = date(2020, 5, 31), date(2020, 6, 30)
KEPT = {"ratings.db", "ratings.db.lock", "ratings.parquet"}


@pytest.fixture(scope="module")
def inputs(walked, tmp_path_factory):
    """A folder with a bundle and a ledger of few customers."""
    folder = tmp_path_factory.mktemp("inputs")
    shutil.copytree(walked / "artifacts/bundle", folder / "bundle")
    write_example(folder / "raw", ExampleRecipe(customers=8, months=30, seed=2))
    take_in(folder / "raw", folder / "ledger", as_of=DAY)
    return folder


def command(inputs, place, day=DAY):
    return [
        "score", "--bundle", str(inputs / "bundle"), "--ledger", str(inputs / "ledger"), "--as-of", str(day),
        "--store", str(place / "ratings.db"), "--out", str(place / "ratings.parquet"),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def runner(inputs, tmp_path_factory):
    place = tmp_path_factory.mktemp("warm")
    runner = Runner(command(inputs, place, EARLIER), command(inputs, place))
    yield runner
    runner.close()


def rows(file):
    """All that a store holds but the time at which it was written; None where there is nothing yet."""
    if not file.exists():
        return None
    with sqlite3.connect(file) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        told = {}
        for name in sorted(names):
            cursor = connection.execute(f"SELECT * FROM {name}")
            columns = [one[0] for one in cursor.description]
            told[name] = sorted(
                repr({k: v for k, v in zip(columns, row, strict=True) if k != "recorded_at"}) for row in cursor
            )
    connection.close()
    return told if any(told.values()) and set(told) != {"tradecredit_version"} else None


class Night(Scene):
    """A store before a night, and after it undisturbed."""

    def __init__(self, place, inputs, runner, first):
        self.inputs = inputs
        (place / "start").mkdir()
        if not first:
            assert runner.one(command(inputs, place / "start", EARLIER)) == 0
            (place / "start/ratings.parquet").unlink()
        super().__init__(place, runner)

    def command(self, place):
        return command(self.inputs, place)

    def content(self, place):
        told = rows(place / "ratings.db")
        return None if told is None or not told.get("runs") else told

    def kept(self, place):
        debris = {one.name for one in place.iterdir()} - KEPT
        return {
            "store": self.content(place),
            "debris": {name for name in debris if not re.fullmatch(r"ratings\.db-(wal|shm)", name)},
            "file": (place / "ratings.parquet").read_bytes() if (place / "ratings.parquet").exists() else None,
        }

    def wrong(self, place):
        told, file = [], place / "ratings.parquet"
        if self.content(place):
            store = open_store(str(place / "ratings.db"))
            told += audit(store)
            store.engine.dispose()
        if file.exists():
            if file.read_bytes() != (self.done / "ratings.parquet").read_bytes():
                told.append("the file is not whole")
            if self.content(place) != self.after:
                told.append("a file is there that the store does not know")
        return told


@pytest.fixture(scope="module", params=["the first night", "a later night"])
def scene(request, tmp_path_factory, inputs, runner):
    return Night(tmp_path_factory.mktemp("scene"), inputs, runner, request.param == "the first night")


@pytest.fixture(scope="module")
def later(tmp_path_factory, inputs, runner):
    return Night(tmp_path_factory.mktemp("later"), inputs, runner, False)


def test_killed_at_any_call_the_next_run_finishes_as_if_nothing_had_happened(scene):
    scene.survives_kills(least=40)


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_a_disk_that_fails_at_any_call_corrupts_nothing(later, error):
    later.survives_errors(error)


@pytest.mark.parametrize(
    ("fault", "how"),
    [("no transaction", "signal=SIGKILL"), ("file first", "signal=SIGKILL"), ("quiet", "error=EIO")],
)
def test_the_sweep_sees_a_planted_fault(later, fault, how):
    """A tool that never finds anything proves nothing."""
    points = [point for point in later.points(fault) if point[0] in ("pwrite64", "fsync", "rename")]
    assert any(later.disturbed(how, point, fault)[1] for point in reversed(points))


def test_what_is_published_is_on_the_disk_before_it_is_seen(later):
    calls = [re.sub(r"^\d+ +", "", line) for line in later.trace.splitlines() if " = -1 " not in line]
    (renamed,) = (at for at, call in enumerate(calls) if call.startswith("rename"))
    flushed = [at for at, call in enumerate(calls) if re.match(r"fsync\(\d+<[^>]*\.ratings\.new>", call)]
    written = [at for at, call in enumerate(calls) if re.match(r"write\(\d+<[^>]*\.ratings\.new>", call)]
    assert written[-1] < flushed[-1] < renamed
    assert re.match(rf"fsync\(\d+<{re.escape(str(later.done))}>", calls[renamed + 2]), "the folder, opened"
    wal = [at for at, call in enumerate(calls) if re.match(r"pwrite64\(\d+<[^>]*-wal>", call)]
    assert any(call.startswith("fdatasync") for call in calls[wal[-1] : renamed]), "the store is on the disk first"


def test_a_full_disk_corrupts_nothing(later, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        codes = []
        for level in range(50):
            place, ballast, said = disk / "place", disk / "ballast", tmp_path / f"said-{level}"
            shutil.copytree(later.start, place)
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            ballast.write_bytes(b"x" * (free * level // 49))
            codes.append(later.runner.one(later.command(place), out=str(said)))
            ballast.unlink()
            assert later.violations(place, codes[-1], said.read_text()) == []
            shutil.rmtree(place)
        assert set(codes) == {0, 74}
    finally:
        subprocess.run(["umount", disk], check=True)


def test_too_little_memory_corrupts_nothing(later, tmp_path):
    """From what the process holds already, in steps up to where it succeeds."""
    codes, held = [], None
    for step in range(16):
        place, said = tmp_path / f"place-{step}", tmp_path / f"said-{step}"
        shutil.copytree(later.start, place)
        held = held or later.runner.held()
        codes.append(later.runner.one(later.command(place), memory=held + (step - 4) * 2**20, out=str(said)))
        assert later.violations(place, codes[-1], "", killed=codes[-1] != 0) == []
        shutil.rmtree(place)
    assert 0 in codes
    assert len(set(codes)) > 1


def test_of_eight_at_once_one_rates_and_the_others_say_who_does(later, tmp_path):
    for turn in range(10):
        place = tmp_path / f"place-{turn}"
        shutil.copytree(later.start, place)
        jobs = [(later.command(place), {"slow": 0.5, "out": str(tmp_path / f"said-{turn}-{k}")}) for k in range(8)]
        ends = later.runner.run(*jobs)
        assert [code for code, _ in ends].count(0) >= 1
        assert {code for code, _ in ends} <= {0, 75}
        for k, (code, seconds) in enumerate(ends):
            if code == 75:
                assert seconds < 1
                assert re.search(r"process \d+ on \S+ is writing here", (tmp_path / f"said-{turn}-{k}").read_text())
        assert later.kept(place) == later.files


def test_the_result_does_not_depend_on_zone_locale_or_hash_seed(later, inputs, tmp_path):
    seen = set()
    for seed in ("0", "1", "random"):
        runner = Runner(later.command(tmp_path / "nowhere"), environ={"PYTHONHASHSEED": seed})
        zones = ("UTC", "Asia/Shanghai", "America/St_Johns", "Pacific/Kiritimati")
        for zone, language in zip(zones, ("C.UTF-8", "POSIX") * 2, strict=True):
            place = tmp_path / f"{seed}-{zone.replace('/', '-')}"
            shutil.copytree(later.start, place)
            assert runner.one(command(inputs, place), environ={"TZ": zone, "LC_ALL": language}) == 0
            assert later.kept(place) == later.files
            seen.add(json.dumps(later.content(place), sort_keys=True))
        runner.close()
    assert len(seen) == 1
