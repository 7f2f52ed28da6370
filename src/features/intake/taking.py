"""Intake: a delivery of raw extracts is taken into the ledger whole, or refused and changes nothing.

The ledger's tables lie in a folder a delivery wrote; `ledger.json` names the one that holds. A delivery writes a new
folder aside, flushes it, and then renames `ledger.json` over the old one: that instant the delivery is visible.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ...errors import Mistake
from ..ledger import read_about
from ..mapping import WITH_ID, Mapping
from ..publishing import ASIDE, LOCK, flush, flush_folders, only_writer, write_durably, write_flushed
from ..quarantine import Report
from ..schemas import SCHEMAS
from ..workers import THREADS
from .delivery import write_delivery
from .rejection import Rejected
from .rows import day_number, day_of_number
from .run import Before, Run
from .sources import Database, Files, Source

_REPORT, _REPORTS = "intake_report.json", "deliveries"
_SCRATCH, _ENTRIES = ".scratch-", "quarantine.parquet"
_QUARANTINE = pa.schema(
    [
        ("table", pa.string()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("key", pa.string()),
        ("reason", pa.string()),
        ("cascade", pa.bool_()),
        ("delivery", pa.int32()),
        ("closed_in", pa.int32()),  # 0: still open
        ("closed_by_line", pa.int64()),  # the line of the sound row in that delivery
    ]
)


def take_in(
    source: Path | None,
    ledger: Path,
    *,
    as_of: date,
    mapping: Mapping | None = None,
    report: Report | None = None,
    fewer_rows: bool = False,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> Report:
    """Take one delivery into the ledger.

    Parameters
    ----------
    source : Path or None
        A folder with the canonical tables (CSV or Parquet), or one raw file that the mapping names; None where
        the mapping names a database.
    ledger : Path
        The ledger's folder; it is made if it is not there.
    as_of : date
        The last day for which the delivery is complete; a fact dated later goes into quarantine.
    report : Report
        Is filled: what was read, set aside and warned of, also when the delivery is refused.
    fewer_rows : bool
        The delivery may have far fewer rows than the one before.
    tell : callable
        Is told how many bytes were read, of how many.

    Raises
    ------
    Rejected
        The file, what is wrong with it and what would be right; nothing was changed.
    Busy
        Somebody else is taking in.
    """
    mapping = mapping or Mapping()
    report = report if report is not None else Report()
    try:
        told = _source(source, mapping, fewer_rows=fewer_rows)
        with only_writer(_ledger_folder(ledger)):
            _clear_away(ledger)
            _Taking(told, _manifest(source, as_of), ledger, as_of, mapping, report).run(tell)
    except Rejected as fault:
        report.close()
        report.verdict, report.reject_reason, report.message = "reject", fault.codes, str(fault)
        raise
    return report


def _source(source: Path | None, mapping: Mapping, *, fewer_rows: bool) -> Source:
    if source is not None:
        return Files(source, mapping, fewer_rows=fewer_rows)
    if not mapping.source:
        raise Mistake("intake: name a folder or file to read, or a database in the mapping (source: ...).")
    return Database(mapping, fewer_rows=fewer_rows)


def _ledger_folder(folder: Path) -> Path:
    if folder.exists() and not folder.is_dir():
        raise Mistake(f"{folder}: is a file; name a folder for the ledger.")
    known = not folder.is_dir() or (folder / "ledger.json").exists()
    if not known and not all(path.name in (LOCK, _REPORTS) or _left_behind(path) for path in folder.iterdir()):
        raise Mistake(f"{folder}: is there already and is no ledger; name an empty folder.")
    return folder


class _Taking:
    """One delivery being taken into a ledger that nobody else writes."""

    def __init__(
        self, source: Source, manifest: dict[str, Any], ledger: Path, as_of: date, mapping: Mapping, report: Report
    ) -> None:
        self.source, self.manifest, self.ledger = source, manifest, ledger
        self.as_of, self.mapping, self.report = as_of, mapping, report
        self.about = read_about(ledger) if (ledger / "ledger.json").exists() else {}
        self.deliveries: list[dict[str, Any]] = self.about.get("deliveries", [])
        self.snapshot = date.fromisoformat(manifest.get("as_of", as_of.isoformat()))

    def run(self, tell: Callable[[int, int], None]) -> None:
        """Take it in, unless it was the last one taken in."""
        reading = ThreadPoolExecutor(1).submit(_mark, self.source, self.mapping, self.as_of)  # beside the work
        if self.about:
            before = self._before()
            mark = reading.result()
            if mark and self.deliveries[-1]["fingerprint"] == mark:
                _told_again(self.ledger, len(self.deliveries), self.report)
                return
            self._refuse()
        else:
            before = Before()
        aside = self.ledger / f"{before.deliveries + 1:04d}"
        aside.mkdir()
        try:
            run, figures = self._write(aside, before, tell)
            self.report.close()
            _control_totals(self.manifest, self.report)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        self.report.verdict = "quarantine" if self.report.quarantine else "accept"
        self.report.delivery, self.report.as_of = run.number, self.as_of.isoformat()
        _keep_quarantine(aside, before, self.report, run)
        self._publish(aside, self._about(run, reading.result()) | figures)

    def _before(self) -> Before:
        if not self.about.get("tables"):
            raise Mistake(f"{self.ledger}: is a snapshot, not an intake's ledger; take deliveries into one of its own.")
        folder, last = self.ledger / self.about["tables"], self.deliveries[-1]
        waiting: dict[str, set[str]] = {}
        for entry in pq.read_table(folder / _ENTRIES).to_pylist():
            if not entry["closed_in"] and entry["key"]:
                waiting.setdefault(entry["table"], set()).add(entry["key"])
        return Before(
            folder=folder,
            deliveries=len(self.deliveries),
            data_end=day_number(date.fromisoformat(last["data_end"])),
            as_of=day_number(date.fromisoformat(last["as_of"])),
            rows=last["rows"],
            open=waiting,
        )

    def _refuse(self) -> None:
        """Refuse what is older than the ledger, or of another currency."""
        last = self.deliveries[-1]
        for day, before in ((self.snapshot, last["data_end"]), (self.as_of, last["as_of"])):
            if day < date.fromisoformat(before):
                raise Rejected(
                    "STALE_DELIVERY",
                    f"the delivery is of {day}, and the ledger has one of {before}; deliver the newest extract.",
                )
        if self.about["reporting_currency"] != self.mapping.reporting_currency:
            raise Mistake(
                f"mapping: reporting_currency is {self.mapping.reporting_currency}, the ledger's is "
                f"{self.about['reporting_currency']}; a ledger keeps its reporting currency."
            )

    def _write(self, aside: Path, before: Before, tell: Callable[[int, int], None]) -> tuple[Run, dict[str, Any]]:
        with (
            tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=self.ledger) as scratch,
            ThreadPoolExecutor(THREADS) as pool,
        ):
            run = Run(
                self.source,
                self.mapping,
                self.report,
                before,
                today=day_number(self.snapshot),
                known=day_number(self.as_of),
                scratch=Path(scratch),
                pool=pool,
                tell=tell,
            )
            return run, write_delivery(run, aside)

    def _about(self, run: Run, mark: str) -> dict[str, Any]:
        """What ledger.json will say, but for the figures of the tables."""
        rows, assumed = self.report.rows, self.report.known_on_assumed
        known = self.about.get("since", {})
        since = {
            source: day_of_number(day).isoformat()
            for source, day in run.since.items()
            if source in self.mapping.since or source not in known
        }
        now = {
            "fingerprint": mark,
            "as_of": self.as_of.isoformat(),
            "data_end": self.snapshot.isoformat(),
            "since": known | since,
            "rows": {table: rows[file]["read"] for table, file in run.files.items() if file in rows},
            "known_on_assumed": [table for table, file in run.files.items() if file in assumed],
            "verdict": self.report.verdict,
        }
        return {
            "tables": f"{run.number:04d}",
            "reporting_currency": self.mapping.reporting_currency,
            **{name: now[name] for name in ("data_end", "since", "known_on_assumed")},
            "deliveries": [*self.deliveries, now],
        }

    def _publish(self, aside: Path, about: dict[str, Any]) -> None:
        """Bring the tables to the disk, then make them the ledger's in one instant."""
        report = _as_json(self.report.as_dict())
        (self.ledger / _REPORTS).mkdir(exist_ok=True)
        write_durably(self.ledger / _REPORTS / f"{aside.name}.json", report)
        flush_folders(aside)
        flush(self.ledger)
        write_durably(self.ledger / "ledger.json", _as_json(about))
        write_durably(self.ledger / _REPORT, report)
        _clear_away(self.ledger)


def _clear_away(ledger: Path) -> None:
    """Finish what a killed run left: remove what it wrote aside, and show the report of the last delivery.

    The tables before the last delivery's stay, for whoever is reading them. Only the one writer does this.
    """
    holds = 0
    if (ledger / "ledger.json").exists():
        holds = len(read_about(ledger).get("deliveries", ()))
        report = ledger / _REPORTS / f"{holds:04d}.json"
        if report.exists():
            shown = ledger / _REPORT
            if not shown.exists() or shown.read_bytes() != report.read_bytes():
                write_durably(shown, report.read_bytes())
    for path in sorted(ledger.iterdir()):
        if _left_behind(path) and not (path.name.isdigit() and holds - 1 <= int(path.name) <= holds):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _left_behind(path: Path) -> bool:
    """Is this what an intake writes: a scratch folder, a file written aside, the tables of a delivery?"""
    if path.name.startswith(_SCRATCH) or path.name in (f".ledger.json{ASIDE}", f".{_REPORT}{ASIDE}"):
        return True
    tables = path.name.isdigit() and len(path.name) >= 4 and path.is_dir()
    return tables and all(one.name in (*SCHEMAS, _ENTRIES) for one in path.iterdir())


def _told_again(ledger: Path, number: int, report: Report) -> None:
    """The same delivery twice changes nothing; its report is told again."""
    report.fill(json.loads((ledger / _REPORTS / f"{number:04d}.json").read_text(encoding="utf-8")))
    report.repeated = True


def copy_ledger(source: Path, target: Path) -> None:
    """A snapshot of a ledger as it is now, for the pipeline to read."""
    about = read_about(source)
    tables = about.get("tables", "")
    for table in SCHEMAS:
        shutil.copytree(source / tables / table, target / table)
    (target / "ledger.json").write_bytes(_as_json({**about, "tables": ""}))


def _mark(source: Source, mapping: Mapping, as_of: date) -> str:
    """What identifies a delivery: its files, the mapping and the day. Empty where that is not known beforehand."""
    files = source.fingerprint()
    if not files:
        return ""
    told = json.dumps([files, asdict(mapping), as_of.isoformat()], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def _manifest(source: Path | None, as_of: date) -> dict[str, Any]:
    """The control file that may lie beside the tables."""
    path = source / "manifest.json" if source is not None and source.is_dir() else None
    if path is None or not path.exists():
        return {}
    try:
        told = json.loads(path.read_text(encoding="utf-8-sig"))
        told = dict(told)
        if not all(isinstance(told.get(key, {}), dict) for key in ("rows", "sums", "files")):
            raise TypeError(told)
        day = date.fromisoformat(told.get("as_of", as_of.isoformat()))
    except (ValueError, TypeError):
        raise Mistake(f'{path}: should be JSON such as {{"as_of": "{as_of}"}}.') from None
    if day > as_of:
        raise Rejected("FUTURE_SNAPSHOT", f"{path}: as_of is {day}, after --as-of {as_of}; which day is it of?")
    return told


def _control_totals(manifest: dict[str, Any], report: Report) -> None:
    """Compare rows and sums with what the sender counted; sums only where no row is set aside."""
    totals: dict[str, dict[str, Any]] = {}
    for kind in ("rows", "sums"):
        for file, said in (manifest.get(kind) or {}).items():
            totals.setdefault(file, {})[kind] = said
    for file, said in (manifest.get("files") or {}).items():
        totals.setdefault(file, {}).update(said)
    told = {file.rsplit(".", 1)[0]: file for file in report.rows} | {file: file for file in report.rows}
    for name, said in totals.items():
        file = told.get(name, name)
        tally = report.rows.get(file, {"read": 0, "quarantined": 0})
        rows, sums = said.get("rows", tally["read"]), said.get("sums", {})
        if not _equal(rows, str(tally["read"])):
            raise Rejected(
                "CONTROL_TOTAL_MISMATCH",
                f"{file}: has {tally['read']} rows, and manifest.json says {rows}; was the transfer cut? Deliver it "
                "anew.",
            )
        if not isinstance(sums, dict):
            raise Mistake(
                f"manifest.json: sums of {name} should be by currency, such as {{'EUR': '12.50'}}, got {sums!r}."
            )
        for currency in {*sums, *report.sums.get(file, {})} if sums and not tally["quarantined"] else ():
            claimed, got = sums.get(currency, "0"), report.sums.get(file, {}).get(currency, "0")
            if not _equal(claimed, got):
                raise Rejected(
                    "CONTROL_TOTAL_MISMATCH",
                    f"{file}: the {currency} amounts sum to {got}, and manifest.json says {claimed}; deliver it anew.",
                )


def _equal(said: Any, got: str) -> bool:
    try:
        return Decimal(str(said)) == Decimal(got)
    except InvalidOperation:
        return False


def _keep_quarantine(aside: Path, before: Before, report: Report, run: Run) -> None:
    """All entries there ever were; those whose row came sound are closed with a link to it, and none is deleted."""
    entries = pq.read_table(before.folder / _ENTRIES).to_pylist() if before.folder else []
    number, table_of = report.delivery, {file: table for table, file in run.files.items()}
    again = {(table_of[row.file], row.key) for row in report.quarantine}
    for entry in entries:
        line = run.repaired.get((entry["table"], entry["key"]))
        if entry["table"] not in WITH_ID and entry["table"] in run.raw:
            line = 0  # a row without an id is mended when it is not told wrongly any more
        if line is not None and not entry["closed_in"] and (entry["table"], entry["key"]) not in again:
            entry["closed_in"], entry["closed_by_line"] = number, line
            closes = {name: entry[name] for name in ("file", "line", "reason", "delivery")}
            report.repaired.append({"table": entry["table"], "key": entry["key"], "line": line, "closes": closes})
    waiting = {(e["table"], e["key"], e["reason"]) for e in entries if not e["closed_in"] and e["key"]}
    entries += [
        {"table": table_of[row.file], **asdict(row), "delivery": number, "closed_in": 0, "closed_by_line": 0}
        for row in report.quarantine
        if (table_of[row.file], row.key, row.reason) not in waiting
    ]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(entries, _QUARANTINE), sink, compression="zstd")
    write_flushed(aside / _ENTRIES, memoryview(sink.getvalue()))


def entries_of(ledger: Path) -> pd.DataFrame:
    """Every row that was ever set aside: table, file, line, key, reason, cascade, delivery, closed_in, closed_by_line.

    `closed_in` is the delivery in which the row came sound, 0 while it has not.
    """
    about = read_about(ledger)
    if not about.get("tables"):
        raise Mistake(f"{ledger}: is a snapshot that the pipeline wrote; name the ledger of 'tradecredit intake'.")
    frame: pd.DataFrame = pq.read_table(ledger / about["tables"] / _ENTRIES).to_pandas()
    return frame


def _as_json(told: dict[str, Any]) -> bytes:
    return (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode()
