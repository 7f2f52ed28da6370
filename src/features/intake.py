"""Intake: raw extracts to a ledger, row by row, exactly; a wrong row is set aside with its line and reason.

Every field is read as text; each conversion is explicit. A wrong file is refused whole and changes nothing.
"""

import json
import os
import shutil
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..errors import Mistake
from .ledger import EVENT_KINDS, NEEDS_AMOUNT, OPTIONAL, OWN_DATE, Ledger, as_declared, empty
from .mapping import COLUMNS, Mapping, required
from .money import EXPONENTS
from .quarantine import Report, SetAside
from .rawfiles import Rejected, csv_cells, parquet_cells
from .rawtable import ALL_THAT_IS_OPEN, EARLIEST, RawTable


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
        ledger = _Delivery(source, as_of, mapping, report).ledger()
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


class _Delivery:
    """One delivery being read: where it lies, what it is called, and the report it fills."""

    def __init__(self, source: Path, as_of: date, mapping: Mapping, report: Report) -> None:
        self.source, self.as_of, self.mapping, self.report = source, as_of, mapping, report
        self.form, self.currency = mapping.date_format, mapping.reporting_currency

    def ledger(self) -> Ledger:
        if not self.source.exists():
            raise Rejected("FILE_MISSING", f"{self.source}: there is no such folder or file.")
        raw = self._invoices()
        customers, fallen, limits_now = self._customers(raw)
        known = set(customers["customer_id"])
        raw.belongs("customer_id", known, fallen)
        invoices = raw.close(self.report)
        payments = self._payments(raw, invoices, known, fallen)
        tables: dict[str, Any] = {}
        since: dict[str, date] = {}
        for name in OPTIONAL:
            if self._find(name) is not None:
                tables[name] = self._optional(name, known, fallen, raw, invoices)
                said = self.mapping.since.get(name)
                since[name] = date.fromisoformat(said) if said else EARLIEST
        if "limits" not in tables and limits_now is not None:
            tables["limits"], since["limits"] = limits_now, self.as_of
        if set(invoices["currency"]) != {self.currency}:  # features need rates; they name the day that has none
            self.report.warn("MIXED_CURRENCY", raw.file)
        return Ledger(
            customers=customers,
            invoices=invoices,
            payments=payments,
            **tables,
            rates=self._rates(),
            data_end=self.as_of,
            since=since,
            reporting_currency=self.currency,
            known_on_assumed=tuple(self.report.known_on_assumed),
        )

    # ---- files

    def _find(self, table: str) -> Path | None:
        named = self.mapping.files.get(table)
        if named is not None:
            path = self.source / named if self.source.is_dir() else self.source
            if not path.exists():
                raise Rejected("FILE_MISSING", f"{path}: the mapping names it for {table}; it is not there.")
            return path
        paths = [self.source / f"{table}{suffix}" for suffix in (".csv", ".parquet")]
        return next((path for path in paths if path.exists()), None)

    def _read(self, table: str) -> RawTable:
        path = self._find(table)
        if path is None:
            raise Rejected("FILE_MISSING", f"{self.source}: has no {table}.csv (or .parquet).")
        parquet = path.suffix == ".parquet"
        header, cells, lines, wrong = parquet_cells(path) if parquet else csv_cells(path, self.mapping)
        ours = self.mapping.columns.get(table, {})
        names = [ours.get(name, name) for name in header]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise Rejected("HEADER_DUPLICATE", f"{path.name} line 1: two columns are called '{doubled[0]}'.")
        absent = sorted(set(ours) - set(header))
        if absent:
            raise Rejected(
                "HEADER_MISMATCH",
                f"{path.name} line 1: no column '{absent[0]}' (found {', '.join(header)}), which the mapping names in "
                f"columns: {{{table}: {{{absent[0]}: {ours[absent[0]]}}}}}.",
            )
        constants = self.mapping.constants.get(table, {})
        lacking = [name for name in required(table) if name not in names and name not in constants]
        if lacking:
            raise Rejected(
                "HEADER_MISMATCH",
                f"{path.name} line 1: no column '{lacking[0]}' (found {', '.join(header)}); "
                f"name yours in the mapping, columns: {{{table}: {{yours: {lacking[0]}}}}}.",
            )
        text = pd.DataFrame(dict(zip(names, cells, strict=True)), dtype="str").assign(**constants)
        if not len(text) and not wrong and table not in OPTIONAL:
            raise Rejected("TABLE_EMPTY", f"{path.name}: has a header and no rows.")
        derived = {their for said in self.mapping.derive.values() if isinstance(said, dict) for their in said.values()}
        if set(names) - set(required(table)) - set(COLUMNS[table][1].split()) - derived:
            self.report.warn("EXTRA_COLUMN", path.name)
        self.report.quarantine += [SetAside(path.name, line, "", "FIELD_COUNT") for line in wrong]
        self.report.rows[path.name] = {
            "read": len(text) + len(wrong),
            "accepted": 0,
            "quarantined": len(wrong),
        }
        return RawTable(table, path.name, text, np.asarray(lines, np.int64))

    # ---- tables

    def _invoices(self) -> RawTable:
        raw = self._read("invoices")
        issued = raw.day("issued_on", self.form, latest=self.as_of)
        due = raw.day("due_on", self.form)
        raw.typed["currency"] = raw.text["currency"]
        raw.fail(raw.text["currency"] == "", "CURRENCY_NULL")
        raw.fail(~raw.text["currency"].isin(EXPONENTS), "CURRENCY_UNKNOWN")
        raw.money("amount", raw.text["currency"], negative=True)
        raw.fail(due < issued, "DUE_BEFORE_ISSUE")
        if "payments" in self.mapping.derive:  # an invoice whose paid date cannot be read is not unpaid
            theirs = self.mapping.derive["payments"]["paid_on"]
            self._have(raw, {"paid_on": theirs}, "payments")
            raw.day(theirs, self.form, optional=True)
        raw.known("issued_on", self.form, self.as_of, self.report)
        raw.unique("invoice_id")
        return raw

    def _customers(self, invoices: RawTable) -> tuple[pd.DataFrame, set[str], pd.DataFrame | None]:
        """The customers, the ids of those that fell, and the limits of the day if the table has a column of them."""
        derive = self.mapping.derive.get("customers")
        if derive:
            first = invoices.text.drop_duplicates("customer_id")
            first = first[first["customer_id"] != ""].reset_index(drop=True)
            theirs = derive if isinstance(derive, dict) else {}
            self._have(invoices, theirs, "customers")
            more = {ours: first[their] for ours, their in theirs.items()}
            told = pd.DataFrame({"customer_id": first["customer_id"], "name": first["customer_id"], **more})
            return as_declared("customers", told), set(), None
        raw = self._read("customers")
        raw.day("onboarded_on", self.form, optional=True)
        raw.flag("is_strategic")
        segments = raw.column("segment")
        for segment in sorted(set(segments) - {*self.mapping.segments, ""}):
            self.report.warn("UNSEEN_CATEGORY", raw.file, int(raw.lines[int(np.argmax(segments == segment))]))
        raw.money("credit_limit", self.currency, negative=False, empty=ALL_THAT_IS_OPEN)
        raw.unique("customer_id")
        fallen, limit = raw.fallen("customer_id"), raw.typed["amount"]
        customers = raw.close(self.report)
        if "credit_limit" not in raw.text:
            return customers, fallen, None
        given = raw.stands & (limit >= 0).to_numpy()  # an empty limit is unknown
        today = pd.Timestamp(self.as_of)
        limits = pd.DataFrame({"customer_id": raw.text["customer_id"][given], "amount": limit[given]})
        return customers, fallen, as_declared("limits", limits.assign(valid_from=today, known_on=today))

    def _payments(self, invoices: RawTable, kept: pd.DataFrame, customers: set[str], fallen: set[str]) -> pd.DataFrame:
        if "payments" in self.mapping.derive:
            raw = self._derived_payments(invoices)
        else:
            raw = self._read("payments")
            home = kept.set_index("invoice_id")
            applied = (raw.text["invoice_id"] != "").to_numpy()
            raw.fail(~applied & (raw.column("customer_id") == "").to_numpy(), "ID_NULL")
            raw.belongs("invoice_id", set(home.index), invoices.fallen("invoice_id"), where=applied)
            named, owner = raw.column("customer_id"), raw.text["invoice_id"].map(home["customer_id"])
            raw.belongs("customer_id", customers, fallen, where=~applied)
            raw.fail(applied & (named != "").to_numpy() & (named != owner).to_numpy(), "ORPHAN")
            raw.typed["customer_id"] = owner.fillna(named)
            raw.typed["currency"] = raw.text["invoice_id"].map(home["currency"]).fillna(self.currency)
            raw.money("amount", raw.typed["currency"], negative=True)
        raw.day("paid_on", self.form, latest=self.as_of)
        raw.known("paid_on", self.form, self.as_of, self.report)
        raw.unique("payment_id")
        return raw.close(self.report)

    def _derived_payments(self, invoices: RawTable) -> RawTable:
        """One full payment for each invoice row that has the date."""
        theirs = self.mapping.derive["payments"]["paid_on"]
        owed = (invoices.typed["amount"] > 0).to_numpy()  # what clears a credit note is no payment
        paid = invoices.stands & (invoices.text[theirs] != "").to_numpy() & owed
        rows = invoices.text[paid].reset_index(drop=True)
        text = rows[["invoice_id", "customer_id"]].assign(payment_id=rows["invoice_id"], paid_on=rows[theirs])
        file = f"{invoices.file} (payments)"
        self.report.rows[file] = {"read": len(text), "accepted": 0, "quarantined": 0}
        raw = RawTable("payments", file, text, invoices.lines[paid])
        for name in ("amount", "currency"):
            raw.typed[name] = invoices.typed[name][paid].reset_index(drop=True)
        return raw

    def _have(self, raw: RawTable, wanted: dict[str, str], table: str) -> None:
        for ours, theirs in wanted.items():
            if theirs not in raw.text:
                raise Rejected(
                    "HEADER_MISMATCH",
                    f"{raw.file} line 1: no column '{theirs}', which the mapping names in "
                    f"derive: {{{table}: {{{ours}: {theirs}}}}}.",
                )

    def _optional(
        self, table: str, customers: set[str], fallen: set[str], invoices: RawTable, kept: pd.DataFrame
    ) -> pd.DataFrame:
        raw, own = self._read(table), OWN_DATE[table]
        day = raw.day(own, self.form)
        # a promise's own date is the day promised for: it alone may lie ahead
        raw.fail((day > pd.Timestamp(self.as_of)) & (raw.column("kind") != "promise"), "DATE_FUTURE")
        raw.known(own, self.form, self.as_of, self.report)
        if table == "events":
            raw.fail(~raw.text["kind"].isin(EVENT_KINDS), "ID_INVALID")
            home, on = kept.set_index("invoice_id"), raw.column("invoice_id")
            of_invoice = (on != "").to_numpy()
            raw.belongs("invoice_id", set(home.index), invoices.fallen("invoice_id"), where=of_invoice)
            raw.fail(of_invoice & (on.map(home["customer_id"]) != raw.text["customer_id"]).to_numpy(), "ORPHAN")
            raw.fail(raw.text["kind"].isin(NEEDS_AMOUNT) & (raw.column("amount") == ""), "AMOUNT_NULL")
            # an event's money is in its invoice's currency
            currency = on.map(home["currency"]).fillna(self.currency)
            raw.money("amount", currency, negative=False, empty=ALL_THAT_IS_OPEN)
        elif table == "limits":
            raw.day("valid_to", self.form, optional=True)
            raw.money("amount", self.currency, negative=False)
        else:
            raw.number("value")
        raw.belongs("customer_id", customers, fallen)
        raw.distinct()
        return raw.close(self.report)

    def _rates(self) -> pd.DataFrame:
        stated = empty("rates")
        if self.mapping.rates:
            codes, rates = list(self.mapping.rates), [float(rate) for rate in self.mapping.rates.values()]
            stated = as_declared("rates", pd.DataFrame({"currency": codes, "rate": rates}))
        if self._find("rates") is None:
            return stated
        raw = self._read("rates")
        raw.day("date", self.form)
        raw.number("rate", positive=True)
        return pd.concat([stated, raw.close(self.report)], ignore_index=True)
