"""Sweeps: a command killed, or failed by the disk, at every call that changes a state, and what it left looked at."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CALLS = (
    "openat,write,pwrite64,writev,ftruncate,fallocate,mkdir,rename,renameat,renameat2,unlink,unlinkat,rmdir,fsync,"
    "fdatasync"
)
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed (apt-get install strace)")


class Runner:
    """Runs commands in children of the warm harness, under strace where asked."""

    def __init__(self, *warm_up, environ=None):
        """`warm_up` are commands that the harness runs first, so that its children load nothing anew."""
        self._harness = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("harness.py"), json.dumps(warm_up)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", **(environ or {})},  # OpenMP does not survive a fork
        )

    def close(self):
        self._harness.stdin.close()
        self._harness.wait()

    def run(self, *jobs, strace=()):
        """(exit code or -signal, seconds) of each (words, options)."""
        self._say(json.dumps(jobs))
        pids = json.loads(self._harness.stdout.readline())
        tracer = None
        if strace:
            tracer = subprocess.Popen(["strace", "-f", "-p", str(pids[0]), *strace], stderr=subprocess.PIPE, text=True)
            said = tracer.stderr.readline()
            if "attached" not in said:
                self._say("go")
                self._harness.stdout.readline()
                pytest.skip(f"strace may not attach here: {said.strip()}")
        self._say("go")
        ends = json.loads(self._harness.stdout.readline())
        if tracer:
            tracer.wait()
            tracer.stderr.close()
        return ends

    def one(self, words, strace=(), **options):
        return self.run((words, options), strace=strace)[0][0]

    def held(self):
        """Bytes of address space of the harness."""
        pages = Path(f"/proc/{self._harness.pid}/statm").read_text().split()[0]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def _say(self, line):
        self._harness.stdin.write(line + "\n")
        self._harness.stdin.flush()


class Scene:
    """A place before a command, and after it undisturbed.

    Who inherits says what the command is, what a reader finds in a place, and what is wrong there besides.
    """

    def __init__(self, place, runner):
        """`place/start` is there."""
        self.place, self.runner, self.count = place, runner, 0
        self.start, self.done = place / "start", place / "done"
        shutil.copytree(self.start, self.done)
        self.trace = self.traced(self.done)
        self.before, self.after, self.files = self.content(self.start), self.content(self.done), self.kept(self.done)
        assert self.before != self.after

    def command(self, place):
        """Its words."""
        raise NotImplementedError

    def content(self, place):
        """What a reader finds."""
        raise NotImplementedError

    def kept(self, place):
        """What has to be the same after the next run as after an undisturbed one: files by name."""
        raise NotImplementedError

    def wrong(self, place):  # noqa: ARG002
        """What else is wrong in a place."""
        return []

    def traced(self, place, fault=""):
        """The calls of an undisturbed run."""
        trace = place.with_name(f"trace-{place.name}")
        how = ["-y", "-e", f"trace={CALLS}", "-o", str(trace)]
        said = place.with_name(f"said-{place.name}")
        assert self.runner.one(self.command(place), how, fault=fault, out=str(said)) == 0, said.read_text()
        return trace.read_text()

    def points(self, fault=""):
        """(call, which of its kind) of every call that changes a state."""
        told, counts, trace = [], {}, self.trace
        if fault:
            shutil.copytree(self.start, self.place / "planted")
            trace = self.traced(self.place / "planted", fault)
            shutil.rmtree(self.place / "planted")
        for line in trace.splitlines():
            found = re.match(r"(?:\d+ +)?(\w+)\((.*)", line)
            if not found or found[1] not in CALLS.split(","):
                continue
            name, rest = found[1], found[2]
            counts[name] = counts.get(name, 0) + 1
            if (name == "openat" and "O_CREAT" not in rest) or re.match(r"[12]<", rest):
                continue
            told.append((name, counts[name]))
        return told

    def disturbed(self, how, point, fault=""):
        """Run once with a fault at a point, then again: (exit code, violations of the promises).

        A fault that did not fire is one too: some versions of strace drop injections without a word.
        """
        self.count += 1
        place, said = self.place / f"run-{self.count}", self.place / f"said-{self.count}"
        shutil.copytree(self.start, place)
        call, nth = point
        trace = ["-e", f"trace={call}", "-e", f"inject={call}:{how}:when={nth}", "-o", str(self.place / "fault")]
        code = self.runner.one(self.command(place), trace, fault=fault, out=str(said))
        told = said.read_text() if said.exists() else ""
        fired = code == -9 if "SIGKILL" in how else "(INJECTED)" in (self.place / "fault").read_text()
        wrong = [] if fired else ["the fault did not fire"]
        wrong += self.violations(place, code, told, killed="SIGKILL" in how)
        shutil.rmtree(place)
        return code, wrong

    def swept(self, how):
        """(code, violations) by point: a fault at each call that changes a state."""
        return {point: self.disturbed(how, point) for point in self.points()}

    def survives_kills(self, *, least):
        """Killed at any of so many calls, the next run finishes as if nothing had happened."""
        ends = self.swept("signal=SIGKILL")
        assert len(ends) >= least
        assert {point: wrong for point, (_, wrong) in ends.items() if wrong} == {}

    def survives_errors(self, error):
        """Where the disk fails so at any call, nothing is corrupted, and most failures are told."""
        ends = self.swept(f"error={error}")
        assert {point: wrong for point, (_, wrong) in ends.items() if wrong} == {}
        assert sum(code == 74 for code, _ in ends.values()) > len(ends) / 2

    def violations(self, place, code, said, *, killed=False):
        """Of what was promised, after a run that ended so; and after the next, and a third."""
        try:
            seen = self.content(place)
        except Exception as fault:
            return [f"it cannot be read: {fault!r}"]
        wrong = self.wrong(place)
        if seen not in (self.before, self.after):
            wrong.append("a reader finds neither what was nor what comes")
        if code == 0 and seen != self.after:
            wrong.append("exit 0 with work undone")
        if not killed:
            if code not in (0, 74):
                wrong.append(f"exit {code}: {said[-500:]}")
            if code == 74 and len(said.strip().splitlines()) != 1:
                wrong.append(f"not one line is said: {said}")
        for turn in ("the next run", "a third run"):
            if self.runner.one(self.command(place)) != 0:
                wrong.append(f"{turn} fails")
            elif (kept := self.kept(place)) != self.files:
                differ = {name for name in kept.keys() | self.files.keys() if kept.get(name) != self.files.get(name)}
                wrong.append(f"after {turn} the files differ: {sorted(differ)}")
        return wrong
