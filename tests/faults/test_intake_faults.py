"""Intake under faults: killed at any call that changes a state, a failing or full disk, several at once."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest
from sweeping import Runner, Scene, needs_strace

from tradecredit.features.intake.taking import take_in
from tradecredit.features.ledger import Ledger
from tradecredit.features.publishing import only_writer

pytestmark = [pytest.mark.slow, pytest.mark.faults, needs_strace]
D2 = date(2025, 7, 31)
_WARM = {
    "customers": "customer_id,name,segment,country,onboarded_on,credit_limit,is_strategic\n"
    "C1,x,SME,DE,2020-01-01,1,false\n",
    "invoices": "invoice_id,customer_id,issued_on,due_on,amount,currency\nI1,C1,2025-01-10,2025-02-09,1.00,EUR\n",
    "payments": "payment_id,invoice_id,paid_on,amount\nP1,I1,2025-01-10,1.00\n",
}


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    place = tmp_path_factory.mktemp("warm")
    for name, rows in _WARM.items():
        (place / f"{name}.csv").write_text(rows)
    runner = Runner(command(place, place / "ledger", date(2025, 6, 30)))
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Two deliveries; the second has new, restated and wrong rows."""
    folder = tmp_path_factory.mktemp("raw")
    for name, more, money in (("d1", 0, "100.10"), ("d2", 3, "90.00")):
        place = folder / name
        place.mkdir()
        (place / "customers.csv").write_text(
            "customer_id,name,segment,country,onboarded_on,credit_limit,is_strategic\n"
            + "".join(f"C{k},Name {k},SME,DE,2020-01-01,1000.00,false\n" for k in range(30))
        )
        (place / "invoices.csv").write_text(
            "invoice_id,customer_id,issued_on,due_on,amount,currency\n"
            + "".join(
                f"I{k},C{k % 30},2025-01-10,2025-02-09,{money if k == 3 else '50.00'},EUR\n" for k in range(60 + more)
            )
            + "BAD,C1,2025-02-30,2025-03-30,1.00,EUR\n"
        )
        (place / "payments.csv").write_text(
            "payment_id,invoice_id,paid_on,amount\n"
            + "".join(f"P{k},I{k},2025-02-11,50.00\n" for k in range(50 + more))
        )
    return folder


def command(source, ledger, day=D2):
    return ["intake", str(source), "--ledger", str(ledger), "--as-of", str(day)]


def content(ledger):
    """What a reader finds: nothing, or the tables that ledger.json names."""
    if not (ledger / "ledger.json").exists():
        return None
    return {name: table.to_csv(index=False) for name, table in Ledger.read(ledger).tables().items()}


def published(ledger):
    return {str(p.relative_to(ledger)): p.read_bytes() for p in ledger.rglob("*") if p.is_file() and p.name != ".lock"}


class Delivery(Scene):
    """A ledger before a delivery, and after it undisturbed."""

    def __init__(self, place, raw, runner, first):
        self.source = raw / ("d1" if first else "d2")
        (place / "start").mkdir()
        if not first:
            for day in range(1, 4):  # the tables of the first are removed in the end
                take_in(raw / "d1", place / "start", as_of=date(2025, 6, day))
        super().__init__(place, runner)

    def command(self, place):
        return command(self.source, place)

    def content(self, place):
        return content(place)

    def kept(self, place):
        return published(place)


@pytest.fixture(scope="module", params=["the first delivery", "a later delivery"])
def scene(request, tmp_path_factory, raw, runner):
    return Delivery(tmp_path_factory.mktemp("scene"), raw, runner, request.param == "the first delivery")


@pytest.fixture(scope="module")
def later(tmp_path_factory, raw, runner):
    return Delivery(tmp_path_factory.mktemp("later"), raw, runner, False)


def test_killed_at_any_call_the_next_run_finishes_as_if_nothing_had_happened(scene):
    scene.survives_kills(least=60)


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_a_disk_that_fails_at_any_call_corrupts_nothing(later, error):
    later.survives_errors(error)


@pytest.mark.parametrize(
    ("fault", "how"), [("in place", "signal=SIGKILL"), ("visible first", "signal=SIGKILL"), ("swallowed", "error=EIO")]
)
def test_the_sweep_sees_a_planted_fault(later, fault, how):
    """A tool that never finds anything proves nothing."""
    points = [point for point in later.points(fault) if point[0] in ("write", "rename", "fsync", "mkdir")]
    trouble = 0
    for point in [*reversed(points[-24:]), *points[:-24:3]]:
        trouble += bool(later.disturbed(how, point, fault)[1])
        if trouble:
            break
    assert trouble


def _order(trace):
    """Violations of: written, flushed, renamed, the folder flushed; and nothing written after the flush."""
    wrong, written, flushed, renamed = [], set(), set(), []
    for line in trace.splitlines():
        if " = -1 " in line:
            continue
        if found := re.match(r"(?:\d+ +)?p?write(?:v|64)?\(\d+<([^>]*)>", line):
            written.add(found[1])
            flushed.discard(found[1])
        elif found := re.match(r"(?:\d+ +)?fd?a?t?a?sync\(\d+<([^>]*)>", line):
            flushed.add(found[1])
            renamed = [(place, target) for place, target in renamed if place != found[1]]
        elif found := re.match(r'(?:\d+ +)?rename\w*\((?:[^"]*)"([^"]*)"[^"]*"([^"]*)"', line):
            source, target = found[1], found[2]
            if source not in flushed:
                wrong.append(f"{source} is renamed before it is flushed")
            if target.endswith("ledger.json"):
                lost = {w for w in written - flushed if re.search(r"/\d{4}/", w)}
                wrong += [f"{path} becomes visible before it is flushed" for path in sorted(lost)]
            renamed.append((str(Path(target).parent), target))
    return wrong + [f"the folder of {target} is not flushed after the rename" for _, target in renamed]


def test_what_is_published_is_on_the_disk_before_it_is_seen(later, tmp_path):
    assert _order(later.trace) == []
    assert later.trace.count("ledger.json") >= 2
    shutil.copytree(later.start, tmp_path / "ledger")
    assert _order(later.traced(tmp_path / "ledger", "no flush")), "the check must see a flush that is missing"


def test_a_full_disk_corrupts_nothing(later, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        codes = []
        for level in range(50):
            ledger, ballast, said = disk / "ledger", disk / "ballast", tmp_path / f"said-{level}"
            shutil.copytree(later.start, ledger)
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            ballast.write_bytes(b"x" * (free * level // 49))
            codes.append(later.runner.one(command(later.source, ledger), out=str(said)))
            seen = content(ledger)
            assert seen in (later.before, later.after)
            assert codes[-1] in (0, 74), said.read_text()
            assert (codes[-1] == 0) == (seen == later.after)
            ballast.unlink()
            assert later.runner.one(command(later.source, ledger)) == 0
            assert published(ledger) == later.files
            shutil.rmtree(ledger)
        assert set(codes) == {0, 74}
    finally:
        subprocess.run(["umount", disk], check=True)


def test_of_eight_at_once_one_takes_in_and_the_others_say_who_does(later, tmp_path):
    for turn in range(10):
        ledger = tmp_path / f"ledger-{turn}"
        shutil.copytree(later.start, ledger)
        jobs = [
            (command(later.source, ledger), {"slow": 0.3, "out": str(tmp_path / f"said-{turn}-{k}")}) for k in range(8)
        ]
        ends = later.runner.run(*jobs)
        assert sorted(code for code, _ in ends).count(0) >= 1
        assert {code for code, _ in ends} <= {0, 75}
        for k, (code, seconds) in enumerate(ends):
            if code == 75:
                assert seconds < 1
                assert re.search(r"process \d+ on \S+ is writing here", (tmp_path / f"said-{turn}-{k}").read_text())
        assert published(ledger) == later.files


def test_the_result_does_not_depend_on_zone_locale_or_hash_seed(later, tmp_path):
    seen = set()
    for seed in ("0", "1", "random"):
        runner = Runner(environ={"PYTHONHASHSEED": seed})
        for zone in ("UTC", "Asia/Shanghai", "America/St_Johns", "Pacific/Kiritimati"):
            for language in ("C.UTF-8", "POSIX"):
                ledger = tmp_path / f"{seed}-{zone.replace('/', '-')}-{language}"
                shutil.copytree(later.start, ledger)
                assert runner.one(command(later.source, ledger), environ={"TZ": zone, "LC_ALL": language}) == 0
                seen.add(json.dumps({k: v.hex() for k, v in published(ledger).items()}, sort_keys=True))
        runner.close()
    assert len(seen) == 1
    assert published(ledger) == later.files


def test_a_lock_left_by_a_killed_run_holds_nobody_up(later, tmp_path):
    shutil.copytree(later.start, tmp_path / "ledger")
    (tmp_path / "ledger" / ".lock").write_text("process 1 on nowhere\n")
    begun = time.monotonic()
    assert later.runner.one(command(later.source, tmp_path / "ledger")) == 0
    assert time.monotonic() - begun < 20


def test_a_real_process_that_finds_the_ledger_held_says_so_before_it_loads_anything(tmp_path):
    with only_writer(tmp_path / "ledger"):
        words = ["intake", tmp_path, "--ledger", tmp_path / "ledger", "--as-of", "2025-06-30"]
        code = "import sys; from tradecredit.cli import run\ntry: run()\nfinally: print('pyarrow' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 75
    assert f"process {os.getpid()} on" in done.stderr
    assert done.stdout.strip() == "False"
