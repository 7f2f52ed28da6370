"""Intake: raw extracts to a ledger, row by row, exactly; a wrong row is set aside with its line and reason.

Every field is read as text; each conversion is explicit. A wrong file is refused whole and changes nothing.
"""

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from ..errors import Mistake
from .ledger import EVENT_KINDS, OPTIONAL, SCHEMAS, Ledger, as_frame
from .mapping import COLUMNS, Mapping, required
from .money import EXPONENTS, minor_units
from .quarantine import MOST, Report, SetAside
from .rawfiles import Rejected, csv_cells, parquet_cells

ALL_THAT_IS_OPEN = -1  # a dispute or promise without an amount
_EARLIEST = date(1950, 1, 1)
_LATEST = date(2100, 1, 1)


def take_in(source: Path, *, as_of: date, mapping: Mapping | None = None, report: Report | None = None) -> Ledger:
    """Read one delivery.

    Parameters
    ----------
    source : Path
        A folder with the canonical tables (CSV or Parquet) or the files that the mapping names.
    as_of : date
        The last day for which the delivery is complete; a fact dated later goes into quarantine.
    report : Report
        Is filled: what was read, set aside and warned of, also when the delivery is refused.

    Raises
    ------
    Rejected
        The file, what is wrong with it and what would be right.
    """
    mapping = mapping or Mapping()
    report = report if report is not None else Report()
    try:
        ledger = _Reader(source, as_of, mapping, report).ledger()
    except Rejected as fault:
        report.verdict, report.reject_reason, report.message = "reject", [fault.code], str(fault)
        raise
    report.verdict = "quarantine" if report.quarantine else "accept"
    return ledger


def publish(ledger: Ledger, folder: Path, report: Report) -> None:
    """Put a ledger and its report where `folder` says: whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    os.chmod(aside, 0o755)
    ledger.write(aside)
    (aside / "intake_report.json").write_text(json.dumps(report.as_dict(), indent=1, ensure_ascii=False))
    if folder.exists():
        if not (folder / "ledger.json").exists() and any(folder.iterdir()):
            shutil.rmtree(aside)
            raise Mistake(f"{folder}: is there already and is no ledger; name an empty folder.")
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
        os.replace(folder, old / "was")
        os.replace(aside, folder)
        shutil.rmtree(old)
    else:
        os.replace(aside, folder)


@dataclass
class _Rows:
    """The rows of one raw table that still stand: text columns, their lines, and why others fell."""

    table: str
    file: str
    text: pd.DataFrame
    lines: npt.NDArray[np.int64]
    reason: npt.NDArray[np.object_]
    cascade: npt.NDArray[np.bool_]

    def fail(self, where: npt.NDArray[np.bool_], code: str, *, cascade: bool = False) -> None:
        """Set rows aside; the first reason stays."""
        new = where & (self.reason == "")
        self.reason[new] = code
        self.cascade[new] = cascade

    def standing(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.reason == "", bool)


class _Reader:
    def __init__(self, source: Path, as_of: date, mapping: Mapping, report: Report) -> None:
        self.source, self.as_of, self.mapping, self.report = source, as_of, mapping, report

    def ledger(self) -> Ledger:
        if not self.source.exists():
            raise Rejected("FILE_MISSING", f"{self.source}: there is no such folder or file.")
        invoices = self._invoices()
        customers, limits_now = self._customers(invoices)
        self._orphans(invoices, set(customers["customer_id"]), parent="customers")
        kept = self._close(invoices)
        payments = self._payments(kept, set(invoices.text["invoice_id"]))
        known = set(customers["customer_id"])
        self.currency_of = dict(zip(kept["invoice_id"], kept["currency"], strict=True))
        tables: dict[str, Any] = {name: self._optional(name, known) for name in OPTIONAL}
        if "limits" not in self.present and limits_now is not None:
            tables["limits"] = limits_now
            self.present["limits"] = self.as_of
        return Ledger(
            customers=customers,
            invoices=_typed("invoices", kept),
            payments=_typed("payments", payments),
            **{name: table for name, table in tables.items() if table is not None},
            rates=self._rates(),
            data_end=self.as_of,
            since=dict(self.present),
            reporting_currency=self.mapping.reporting_currency,
            known_on_assumed=tuple(self.report.known_on_assumed),
        )

    # ---- files

    def _find(self, table: str) -> Path | None:
        if table in self.mapping.files:
            path = self.source / self.mapping.files[table] if self.source.is_dir() else self.source
            if not path.exists():
                raise Rejected("FILE_MISSING", f"{path}: the mapping names it for {table}; it is not there.")
            return path
        if not self.source.is_dir():
            return None
        for suffix in (".csv", ".parquet"):
            if (self.source / f"{table}{suffix}").exists():
                return self.source / f"{table}{suffix}"
        return None

    def _read(self, table: str) -> _Rows:
        path = self._find(table)
        if path is None:
            raise Rejected("FILE_MISSING", f"{self.source}: has no {table}.csv (or .parquet).")
        header, cells, lines, wrong = (
            parquet_cells(path) if path.suffix == ".parquet" else csv_cells(path, self.mapping)
        )
        ours = self.mapping.columns.get(table, {})
        names = [ours.get(name, name) for name in header]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise Rejected("HEADER_DUPLICATE", f"{path.name} line 1: two columns are called '{doubled[0]}'.")
        constants = self.mapping.constants.get(table, {})
        lacking = [name for name in required(table) if name not in names and name not in constants]
        if lacking:
            raise Rejected(
                "HEADER_MISMATCH",
                f"{path.name} line 1: no column '{lacking[0]}' (found {', '.join(header)}); "
                f"name yours in the mapping, columns: {{{table}: {{yours: {lacking[0]}}}}}.",
            )
        text = pd.DataFrame(dict(zip(names, cells, strict=True)), dtype="str")
        for name, value in constants.items():
            text[name] = value
        if not len(text) and not wrong:
            raise Rejected("TABLE_EMPTY", f"{path.name}: has a header and no rows.")
        extra = set(names) - set(required(table)) - set(COLUMNS[table][1].split())
        derived = {their for said in self.mapping.derive.values() if isinstance(said, dict) for their in said.values()}
        if extra - derived:
            self.report.warn("EXTRA_COLUMN", path.name)
        for line in wrong:
            self.report.quarantine.append(SetAside(path.name, line, "", "FIELD_COUNT"))
        self.report.rows[path.name] = {"read": len(text) + len(wrong), "accepted": 0, "quarantined": len(wrong)}
        rows = _Rows(
            table,
            path.name,
            text,
            np.asarray(lines, np.int64),
            np.full(len(text), "", object),
            np.zeros(len(text), bool),
        )
        for name in required(table):
            if name.endswith("_id"):
                blank = (text[name] == "").to_numpy() & ((table != "payments") | (name != "invoice_id"))
                rows.fail(blank, "ID_NULL")
        return rows

    def _close(self, rows: _Rows) -> pd.DataFrame:
        """The rows that stand; the others go into the report."""
        stands = rows.standing()
        key = required(rows.table)[0]
        for place in np.flatnonzero(~stands):
            self.report.quarantine.append(
                SetAside(
                    rows.file,
                    int(rows.lines[place]),
                    str(rows.text[key].iloc[place]),
                    str(rows.reason[place]),
                    bool(rows.cascade[place]),
                )
            )
        tally = self.report.rows[rows.file]
        own = int((~stands & ~rows.cascade).sum()) + tally["quarantined"]
        tally["accepted"] = int(stands.sum())
        tally["quarantined"] += int((~stands).sum())
        if own > MOST * tally["read"]:
            first = next(row for row in self.report.quarantine if row.file == rows.file)
            raise Rejected(
                "QUARANTINE_RATIO",
                f"{rows.file}: {own} of {tally['read']} rows are wrong, more than {MOST:.0%}; the first is line "
                f"{first.line} ({self._explained(rows, first)}). Mend the export or the mapping.",
            )
        kept = rows.text[stands].reset_index(drop=True)
        if {"minor", "currency"} <= set(kept):
            self.report.sums[rows.file] = {
                str(code): str(Decimal(int(minor.sum())).scaleb(-EXPONENTS[str(code)]))
                for code, minor in kept["minor"].groupby(kept["currency"])
            }
        return kept

    @staticmethod
    def _explained(rows: _Rows, first: SetAside) -> str:
        place = int(np.argmax(rows.lines == first.line))
        column = {"DATE": "_on", "AMOUNT": "amount", "CURRENCY": "currency"}.get(first.reason.split("_")[0], "_id")
        names = [str(name) for name in rows.text if str(name).endswith(column)]
        shown = ", ".join(f"{name} '{rows.text[name].iloc[place]}'" for name in names[:2])
        return f"{first.reason}: {shown}" if shown else first.reason

    # ---- conversions, each explicit

    def _dates(self, rows: _Rows, name: str, *, future: bool = False, empty: bool = False) -> None:
        said = rows.text[name]
        unique = {value: _day(value, self.mapping.date_format) for value in said.unique()}
        day = said.map({value: got if isinstance(got, date) else None for value, got in unique.items()})
        code = said.map({value: got if isinstance(got, str) else "" for value, got in unique.items()}).to_numpy()
        for wrong in set(code) - {""}:
            if not (empty and wrong == "DATE_NULL"):
                rows.fail(code == wrong, wrong)
        rows.text[f"{name}:day"] = pd.to_datetime(day).astype("datetime64[s]")
        if not future:
            late = (rows.text[f"{name}:day"] > pd.Timestamp(self.as_of)).to_numpy()
            rows.fail(late, "DATE_FUTURE")

    def _money(self, rows: _Rows, currency: pd.Series | str, *, negative: bool, empty: int | None = None) -> None:
        codes = currency if isinstance(currency, pd.Series) else [currency] * len(rows.text)
        got = [
            empty if empty is not None and not said else minor_units(said, EXPONENTS.get(code, 2))
            for said, code in zip(rows.text["amount"], codes, strict=True)
        ]
        wrong = np.array([value if isinstance(value, str) else "" for value in got], object)
        for code in set(wrong) - {""}:
            rows.fail(wrong == code, code)
        minor = np.array([value if isinstance(value, int) else 0 for value in got], np.int64)
        if not negative:
            rows.fail((minor < 0) & (minor != ALL_THAT_IS_OPEN if empty is not None else True), "AMOUNT_NEGATIVE")
        rows.text["minor"] = minor

    def _known(self, rows: _Rows, own: str) -> None:
        if "known_on" in rows.text:
            blank = (rows.text["known_on"] == "").to_numpy()
            rows.text.loc[blank, "known_on"] = rows.text.loc[blank, own]
            self._dates(rows, "known_on")
        else:
            rows.text["known_on:day"] = rows.text[f"{own}:day"]
            self.report.known_on_assumed.append(rows.table)

    def _duplicates(self, rows: _Rows, key: str) -> None:
        live = rows.text[rows.standing()]
        again = live[key].duplicated(keep=False)
        if not again.any():
            return
        twins = live[again]
        same = twins.duplicated(keep=False)
        extra = twins.duplicated(keep="first")
        rows.fail(_at(rows, extra[extra].index), "DUP_EXACT")
        rows.fail(_at(rows, same[~same].index), "DUP_CONFLICT")

    def _orphans(self, rows: _Rows, known: set[str], *, parent: str) -> None:
        fallen = getattr(self, "fallen", {}).get(parent, set())
        ids = rows.text["customer_id" if parent == "customers" else "invoice_id"]
        rows.fail(ids.isin(fallen).to_numpy(), "PARENT_QUARANTINED", cascade=True)
        rows.fail(~ids.isin(known).to_numpy(), "ORPHAN")

    # ---- tables

    def _invoices(self) -> _Rows:
        rows = self._read("invoices")
        self.present: dict[str, date] = {}
        self.fallen: dict[str, set[str]] = {}
        self._dates(rows, "issued_on")
        self._dates(rows, "due_on", future=True)
        rows.fail((rows.text["currency"] == "").to_numpy(), "CURRENCY_NULL")
        rows.fail(~rows.text["currency"].isin(EXPONENTS).to_numpy(), "CURRENCY_UNKNOWN")
        self._money(rows, rows.text["currency"], negative=True)
        rows.fail((rows.text["due_on:day"] < rows.text["issued_on:day"]).to_numpy(), "DUE_BEFORE_ISSUE")
        self._known(rows, "issued_on")
        self._duplicates(rows, "invoice_id")
        return rows

    def _customers(self, invoices: _Rows) -> tuple[pd.DataFrame, pd.DataFrame | None]:
        derive = self.mapping.derive.get("customers")
        if derive:
            first = invoices.text.drop_duplicates("customer_id")
            first = first[first["customer_id"] != ""]
            known = {ours: first[theirs] for ours, theirs in derive.items()} if isinstance(derive, dict) else {}
            frame = pd.DataFrame({"customer_id": first["customer_id"], "name": first["customer_id"], **known})
            return _typed("customers", frame.reset_index(drop=True)), None
        rows = self._read("customers")
        if "onboarded_on" in rows.text:
            self._dates(rows, "onboarded_on", empty=True)
        strategic = rows.text.get("is_strategic", pd.Series("", index=rows.text.index))
        flags = {"true": True, "false": False, "1": True, "0": False, "": False}
        rows.fail(~strategic.str.lower().isin(flags).to_numpy(), "BOOL_INVALID")
        rows.text["flag"] = strategic.str.lower().map(flags).fillna(False).astype(bool)
        for segment in sorted(set(rows.text.get("segment", [])) - {*self.mapping.segments, ""}):
            place = int(np.argmax((rows.text["segment"] == segment).to_numpy()))
            self.report.warn("UNSEEN_CATEGORY", rows.file, int(rows.lines[place]))
        limits = None
        if "credit_limit" in rows.text:
            exponent = EXPONENTS[self.mapping.reporting_currency]
            got = [minor_units(said, exponent) if said else ALL_THAT_IS_OPEN for said in rows.text["credit_limit"]]
            wrong = np.array([value if isinstance(value, str) else "" for value in got], object)
            rows.fail(wrong != "", "AMOUNT_FORMAT")
            minor = np.array([value if isinstance(value, int) else 0 for value in got], np.int64)
            rows.fail((minor < 0) & (rows.text["credit_limit"] != "").to_numpy(), "AMOUNT_NEGATIVE")
            rows.text["minor"] = minor
        self._duplicates(rows, "customer_id")
        self.fallen["customers"] = set(rows.text["customer_id"][~rows.standing()]) - {""}
        kept = self._close(rows)
        if "credit_limit" in kept:
            given = kept[kept["minor"] >= 0]
            today = pd.Timestamp(self.as_of)
            limits = _typed(
                "limits",
                pd.DataFrame({"customer_id": given["customer_id"], "minor": given["minor"]}).assign(
                    **{"valid_from:day": today, "known_on:day": today}
                ),
            )
        return _typed("customers", kept.rename(columns={"is_strategic": "said", "flag": "is_strategic"})), limits

    def _payments(self, invoices: pd.DataFrame, all_invoices: set[str]) -> pd.DataFrame:
        derive = self.mapping.derive.get("payments")
        if derive:
            theirs = derive["paid_on"]
            if theirs not in invoices:
                raise Rejected(
                    "HEADER_MISMATCH",
                    f"{self.mapping.files.get('invoices', 'invoices.csv')} line 1: no column '{theirs}', "
                    "which the mapping names in derive: {payments: {paid_on: ...}}.",
                )
            paid = invoices[invoices[theirs] != ""].reset_index(drop=True)
            text = pd.DataFrame({"payment_id": paid["invoice_id"], "invoice_id": paid["invoice_id"]})
            text["customer_id"], text["paid_on"], text["minor"] = paid["customer_id"], paid[theirs], paid["minor"]
            file = f"{self.mapping.files.get('invoices', 'invoices.csv')} (payments)"
            rows = _Rows(
                "payments",
                file,
                text,
                np.arange(len(text)) + 2,
                np.full(len(text), "", object),
                np.zeros(len(text), bool),
            )
            self.report.rows[file] = {"read": len(text), "accepted": 0, "quarantined": 0}
            self._dates(rows, "paid_on")
            self._known(rows, "paid_on")
            return self._close(rows)
        rows = self._read("payments")
        home = invoices.set_index("invoice_id")[["customer_id", "currency"]]
        found = rows.text["invoice_id"].map(home["customer_id"])
        currency = rows.text["invoice_id"].map(home["currency"]).fillna(self.mapping.reporting_currency)
        unapplied = (rows.text["invoice_id"] == "").to_numpy()
        named = rows.text.get("customer_id", pd.Series("", index=rows.text.index))
        rows.fail(unapplied & (named == "").to_numpy(), "ID_NULL")
        self.fallen["invoices"] = (all_invoices - set(home.index)) - {""}
        rows.fail(rows.text["invoice_id"].isin(self.fallen["invoices"]).to_numpy(), "PARENT_QUARANTINED", cascade=True)
        rows.fail(found.isna().to_numpy() & ~unapplied, "ORPHAN")
        rows.text["customer_id"], rows.text["currency"] = found.fillna(named), currency
        self._dates(rows, "paid_on")
        self._money(rows, currency, negative=True)
        self._known(rows, "paid_on")
        self._duplicates(rows, "payment_id")
        return self._close(rows)

    def _optional(self, table: str, customers: set[str]) -> pd.DataFrame | None:
        if self._find(table) is None:
            return None
        rows = self._read(table)
        own = {"events": "occurred_on", "limits": "valid_from", "signals": "observed_on"}[table]
        promise = (rows.text["kind"] == "promise").to_numpy() if table == "events" else np.zeros(len(rows.text), bool)
        self._dates(rows, own, future=True)
        # a promise's own date is the day promised for: it alone may lie ahead
        rows.fail((rows.text[f"{own}:day"] > pd.Timestamp(self.as_of)).to_numpy() & ~promise, "DATE_FUTURE")
        self._known(rows, own)
        if table == "events":
            rows.fail(~rows.text["kind"].isin(EVENT_KINDS).to_numpy(), "ID_INVALID")
        if table == "limits":
            if "valid_to" not in rows.text:
                rows.text["valid_to"] = ""
            self._dates(rows, "valid_to", future=True, empty=True)
        if table == "signals":
            value = pd.to_numeric(rows.text["value"], errors="coerce")
            rows.fail(~np.isfinite(value.to_numpy("float64")), "AMOUNT_FORMAT")
            rows.text["real"] = value
        else:
            if "amount" not in rows.text:
                rows.text["amount"] = ""
            empty = ALL_THAT_IS_OPEN if table == "events" else None
            currency: pd.Series | str = self.mapping.reporting_currency
            if table == "events" and "invoice_id" in rows.text:  # an event's money is in its invoice's currency
                currency = rows.text["invoice_id"].map(self.currency_of).fillna(self.mapping.reporting_currency)
            self._money(rows, currency, negative=False, empty=empty)
        self._orphans(rows, customers, parent="customers")
        said = self.mapping.since.get(table)
        self.present[table] = date.fromisoformat(said) if said else _EARLIEST
        return _typed(table, self._close(rows))

    def _rates(self) -> pd.DataFrame:
        stated = pd.DataFrame(
            {
                "currency": list(self.mapping.rates),
                "date:day": pd.Series(pd.NaT, index=range(len(self.mapping.rates)), dtype="datetime64[s]"),
                "real": list(self.mapping.rates.values()),
            }
        )
        if self._find("rates") is None:
            return _typed("rates", stated)
        rows = self._read("rates")
        self._dates(rows, "date", future=True)
        value = pd.to_numeric(rows.text["rate"], errors="coerce")
        rows.fail(~(value > 0).to_numpy(), "AMOUNT_FORMAT")
        rows.text["real"] = value
        return _typed("rates", pd.concat([stated, self._close(rows)], ignore_index=True))


def _at(rows: _Rows, index: pd.Index) -> npt.NDArray[np.bool_]:
    where = np.zeros(len(rows.text), bool)
    where[index.to_numpy()] = True
    return where


def _typed(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The declared columns with their dtypes, taken from the converted ones beside the text."""
    columns = {}
    for column in SCHEMAS[table]:
        name = column.name
        if pa.types.is_date32(column.type):
            got = frame.get(f"{name}:day")
            columns[name] = pd.Series(pd.NaT, index=frame.index) if got is None else got
        elif pa.types.is_int64(column.type):
            columns[name] = frame["minor"]
        elif pa.types.is_float64(column.type):
            columns[name] = frame["real"]
        elif pa.types.is_boolean(column.type):
            columns[name] = frame[name] if name in frame else pd.Series(False, index=frame.index)
        else:
            columns[name] = frame[name] if name in frame else pd.Series("", index=frame.index)
    table_ = pa.Table.from_pandas(pd.DataFrame(columns), schema=SCHEMAS[table], preserve_index=False)
    return as_frame(table_)


def _day(text: str, form: str) -> date | str:
    """The day, or the quarantine code."""
    if not text:
        return "DATE_NULL"
    if not text.isascii():
        return "DATE_FORMAT"
    if form == "%Y-%m-%d" and (len(text) != 10 or text[4] != "-" or text[7] != "-"):
        return "DATE_EXCEL_SERIAL" if text.isdigit() and len(text) == 5 else "DATE_FORMAT"
    try:
        day = datetime.strptime(text, form).date()
    except ValueError:
        shaped = text.replace("-", "").isdigit() and len(text) == 10
        return "DATE_INVALID" if shaped else "DATE_FORMAT"
    return day if _EARLIEST <= day < _LATEST else "DATE_OUT_OF_RANGE"
