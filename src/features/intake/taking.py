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
from ..ledger import SCHEMAS, read_about
from ..mapping import Mapping
from ..publishing import LOCK, flush, flush_folders, only_writer, write_durably, write_flushed
from ..quarantine import Report
from .delivery import write_delivery
from .rejection import Rejected
from .rows import day_number, day_of_number
from .run import Before, Run
from .sources import Database, Files, Source

_REPORT, _REPORTS = "intake_report.json", "deliveries"
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
        with only_writer(_ledger_folder(ledger)):
            _clear_away(ledger)
            _take_in(source, ledger, as_of, mapping, report, fewer_rows, tell)
    except Rejected as fault:
        report.close()
        report.verdict, report.reject_reason, report.message = "reject", [fault.code], str(fault)
        raise
    return report


def _ledger_folder(folder: Path) -> Path:
    if folder.exists() and not folder.is_dir():
        raise Mistake(f"{folder}: is a file; name a folder for the ledger.")
    if folder.is_dir() and not (folder / "ledger.json").exists():
        ours = (path.name.startswith(".") or path.name.isdigit() or path.name == _REPORTS for path in folder.iterdir())
        if not all(ours):  # what a killed first run left is ours
            raise Mistake(f"{folder}: is there already and is no ledger; name an empty folder.")
    return folder


def _take_in(
    source: Path | None,
    ledger: Path,
    as_of: date,
    mapping: Mapping,
    report: Report,
    fewer_rows: bool,
    tell: Callable[[int, int], None],
) -> None:
    if source is None and not mapping.source:
        raise Mistake("intake: name a folder or file to read, or a database in the mapping (source: ...).")
    told: Source = (
        Files(source, mapping, fewer_rows=fewer_rows)
        if source is not None
        else Database(mapping, fewer_rows=fewer_rows)
    )
    about = read_about(ledger) if (ledger / "ledger.json").exists() else None
    deliveries: list[dict[str, Any]] = about["deliveries"] if about else []
    manifest = _manifest(source, as_of)
    snapshot = date.fromisoformat(manifest.get("as_of", as_of.isoformat()))
    reading = ThreadPoolExecutor(1).submit(_mark, told, mapping, as_of)  # beside the work
    mark = reading.result() if deliveries else ""
    done = next((one for one in deliveries if mark and one["fingerprint"] == mark), None)
    if done:
        _told_again(ledger, about or {}, done, report)
        return
    if deliveries and snapshot < date.fromisoformat(deliveries[-1]["data_end"]):
        raise Rejected(
            "STALE_DELIVERY",
            f"{source or mapping.source}: is of {snapshot}, and the ledger has a delivery of "
            f"{deliveries[-1]['data_end']} already; deliver the newest extract.",
        )
    if about and about["reporting_currency"] != mapping.reporting_currency:
        raise Mistake(
            f"mapping: reporting_currency is {mapping.reporting_currency}, the ledger's is "
            f"{about['reporting_currency']}; a ledger keeps its reporting currency."
        )
    before = _before(ledger, about)
    number = before.deliveries + 1
    aside = ledger / f"{number:04d}"
    aside.mkdir()
    with tempfile.TemporaryDirectory(prefix=".scratch-", dir=ledger) as scratch:
        try:
            run, figures = write_delivery(
                aside,
                told,
                mapping,
                report,
                before,
                today=day_number(snapshot),
                known=day_number(as_of),
                scratch=Path(scratch),
                tell=tell,
            )
            report.close()
            _control_totals(manifest, report)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
    report.verdict = "quarantine" if report.quarantine else "accept"
    report.delivery, report.as_of = number, as_of.isoformat()
    _keep_quarantine(aside, before, report, run)
    content = _as_json(report.as_dict())
    (ledger / _REPORTS).mkdir(exist_ok=True)
    write_durably(ledger / _REPORTS / f"{aside.name}.json", content)
    since = {**(about or {}).get("since", {}), **_since(run, about)}
    now = {
        "fingerprint": reading.result(),
        "as_of": as_of.isoformat(),
        "data_end": snapshot.isoformat(),
        "since": since,
        "rows": {table: report.rows[file]["read"] for table, file in run.files.items() if file in report.rows},
        "known_on_assumed": [table for table, file in run.files.items() if file in report.known_on_assumed],
        "verdict": report.verdict,
    }
    text = _as_json(
        {
            "tables": aside.name,
            "data_end": snapshot.isoformat(),
            "since": since,
            "reporting_currency": mapping.reporting_currency,
            "known_on_assumed": now["known_on_assumed"],
            **figures,
            "deliveries": [*deliveries, now],
        }
    )
    flush_folders(aside)
    flush(ledger)
    write_durably(ledger / "ledger.json", text)
    write_durably(ledger / _REPORT, content)
    _clear_away(ledger)


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
        old = path.name.isdigit() and not holds - 1 <= int(path.name) <= holds
        if old or (path.name.startswith(".") and path.name != LOCK):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _told_again(ledger: Path, about: dict[str, Any], done: dict[str, Any], report: Report) -> None:
    """The same delivery twice changes nothing; its report is told again."""
    number = about["deliveries"].index(done) + 1
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
        told = dict(told) if isinstance(told, dict) else {}
        day = date.fromisoformat(told.get("as_of", as_of.isoformat()))
    except (ValueError, TypeError):
        raise Mistake(f'{path}: should be JSON such as {{"as_of": "{as_of}"}}.') from None
    if day > as_of:
        raise Rejected("FUTURE_SNAPSHOT", f"{path}: as_of is {day}, after --as-of {as_of}; which day is it of?")
    return told


def _control_totals(manifest: dict[str, Any], report: Report) -> None:
    """Compare rows and sums with what the sender counted."""
    said_of = manifest.get("files")
    files: dict[str, Any] = said_of if isinstance(said_of, dict) else {}
    for file, tally in report.rows.items():
        own = files.get(file, {}) if isinstance(files.get(file, {}), dict) else {}
        rows = own.get("rows", _of(manifest.get("rows"), file))
        if rows is not None and rows != tally["read"]:
            raise Rejected(
                "CONTROL_TOTAL_MISMATCH",
                f"{file}: has {tally['read']} rows, and manifest.json says {rows}; was the "
                "transfer cut? Deliver it anew.",
            )
        sums = own.get("sums", _of(manifest.get("sums"), file))
        if isinstance(sums, dict) and not tally["quarantined"]:
            for currency in {*sums, *report.sums.get(file, {})}:
                said, got = sums.get(currency, "0"), report.sums.get(file, {}).get(currency, "0")
                if not _equal(said, got):
                    raise Rejected(
                        "CONTROL_TOTAL_MISMATCH",
                        f"{file}: the {currency} amounts sum to {got}, and manifest.json says {said}; deliver it anew.",
                    )


def _of(told: Any, file: str) -> Any:
    return told.get(file) if isinstance(told, dict) else None


def _equal(said: Any, got: str) -> bool:
    try:
        return Decimal(str(said)) == Decimal(got)
    except InvalidOperation:
        return False


def _before(ledger: Path, about: dict[str, Any] | None) -> Before:
    if about is None:
        return Before()
    if not about.get("tables"):
        raise Mistake(f"{ledger}: is a snapshot that the pipeline wrote; take deliveries into a ledger of its own.")
    folder = ledger / about["tables"]
    entries = pq.read_table(folder / "quarantine.parquet").to_pylist()
    waiting: dict[str, set[str]] = {}
    for entry in entries:
        if not entry["closed_in"] and entry["key"]:
            waiting.setdefault(entry["table"], set()).add(entry["key"])
    last = about["deliveries"][-1]
    return Before(
        folder=folder,
        deliveries=len(about["deliveries"]),
        data_end=day_number(date.fromisoformat(last["data_end"])),
        rows=last["rows"],
        open=waiting,
    )


def _keep_quarantine(aside: Path, before: Before, report: Report, run: Run) -> None:
    """All entries there ever were; those whose row came sound are closed with a link to it, and none is deleted."""
    entries = pq.read_table(before.folder / "quarantine.parquet").to_pylist() if before.folder else []
    number, table_of = report.delivery, {file: table for table, file in run.files.items()}
    for entry in entries:
        line = run.repaired.get((entry["table"], entry["key"]))
        if line is not None and not entry["closed_in"]:
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
    write_flushed(aside / "quarantine.parquet", memoryview(sink.getvalue()))


def entries_of(ledger: Path) -> pd.DataFrame:
    """Every row that was ever set aside: table, file, line, key, reason, cascade, delivery, closed_in, closed_by_line.

    `closed_in` is the delivery in which the row came sound, 0 while it has not.
    """
    about = read_about(ledger)
    if not about.get("tables"):
        raise Mistake(f"{ledger}: is a snapshot that the pipeline wrote; name the ledger of 'tradecredit intake'.")
    frame: pd.DataFrame = pq.read_table(ledger / about["tables"] / "quarantine.parquet").to_pandas()
    return frame


def _since(run: Run, about: dict[str, Any] | None) -> dict[str, str]:
    """From which day each optional source is complete; a source keeps the day it had."""
    known: dict[str, str] = about["since"] if about else {}
    said = {source: day_of_number(day).isoformat() for source, day in run.since.items()}
    return {source: day if source in run.mapping.since else known.get(source, day) for source, day in said.items()}


def _as_json(told: dict[str, Any]) -> bytes:
    return (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode()
