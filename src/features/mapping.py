"""The mapping: what a raw export calls things, against the default profile of the canonical tables."""

import codecs
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from ..errors import Mistake
from .money import EXPONENTS

SOURCES = ("events", "limits", "signals")
SEGMENTS = ("SME", "CORP", "RETAIL", "PUBLIC")
# a table's columns: those that must be there, then those that may
COLUMNS: dict[str, tuple[str, str]] = {
    "customers": (
        "customer_id",
        "name segment country industry group_id business_unit insured_share onboarded_on credit_limit "
        "is_strategic known_on",
    ),
    "invoices": ("invoice_id customer_id issued_on due_on amount currency", "known_on"),
    "payments": ("payment_id invoice_id paid_on amount", "known_on customer_id method"),
    "events": ("customer_id kind occurred_on", "invoice_id known_on amount"),
    "limits": ("customer_id valid_from amount", "valid_to known_on"),
    "signals": ("customer_id source name value observed_on", "known_on"),
    "rates": ("currency date rate", ""),
}


def required(table: str) -> list[str]:
    """The columns a raw table must have."""
    return COLUMNS[table][0].split()


@dataclass(frozen=True)
class Mapping:
    """What differs from the default profile (UTF-8, comma, ISO dates, decimal point).

    Attributes
    ----------
    files : dict of str to str
        Canonical table to file name; a table not named is looked for as `<table>.csv` or `.parquet`.
    encoding, delimiter, date_format : str
        As Python spells them; `date_format` is for strptime.
    columns : dict of str to dict
        For each table, their column name to ours.
    constants : dict of str to dict
        For each table, columns of ours that the export lacks and their one value.
    derive : dict
        For a one-file export: `customers: true` (or our column to theirs, in the invoice rows) and
        `payments: {paid_on: theirs}`: one full payment for each invoice row that has the date.
    rates : dict of str to float
        Currency to its one rate in the reporting currency, where there is no `rates` table.
    reporting_currency : str
    segments : tuple of str
        The known ones; another is loaded and warned of.
    since : dict
        For each optional source, the day from which it is complete.
    """

    files: dict[str, str] = field(default_factory=dict)
    encoding: str = "utf-8-sig"
    delimiter: str = ","
    date_format: str = "%Y-%m-%d"
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    constants: dict[str, dict[str, str]] = field(default_factory=dict)
    derive: dict[str, Any] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
    reporting_currency: str = "EUR"
    segments: tuple[str, ...] = SEGMENTS
    since: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path | None) -> "Mapping":
        """The mapping of a YAML file; None gives the default profile."""
        if path is None:
            return cls()
        try:
            said = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except FileNotFoundError:
            raise Mistake(f"{path}: there is no such mapping file.") from None
        except (IsADirectoryError, UnicodeDecodeError):
            raise Mistake(f"{path}: is no mapping file; name one such as data/mappings/canonical.yaml.") from None
        except yaml.YAMLError as fault:
            raise Mistake(f"{path}: is not valid YAML ({' '.join(str(fault).split())}).") from None
        if not isinstance(said, dict):
            raise Mistake(f"{path}: should hold keys such as 'columns:' and 'date_format:', got {said!r}.")
        known = {f.name: f for f in fields(cls)}
        for key, value in said.items():
            if key not in known:
                raise Mistake(f"{path}: unknown key '{key}'; known are {', '.join(sorted(known))}.")
            wanted = known[key].type
            kind = dict if str(wanted).startswith("dict") else list if "tuple" in str(wanted) else str
            if not isinstance(value, kind):
                raise Mistake(f"{path}: {key} should be a {_SPOKEN[kind]}, got {value!r}.")
        if "segments" in said:
            said["segments"] = tuple(said["segments"])
        for table in {*said.get("columns", {}), *said.get("files", {}), *said.get("constants", {})}:
            if table not in COLUMNS:
                raise Mistake(f"{path}: no table '{table}'; the tables are {', '.join(COLUMNS)}.")
        currency = said.get("reporting_currency", "EUR")
        for code in {currency, *said.get("rates", {})}:
            if code not in EXPONENTS:
                raise Mistake(f"{path}: '{code}' is no ISO 4217 currency code.")
        mapping = cls(**said)
        mapping._check(path)
        return mapping

    def _check(self, path: Path) -> None:
        """Raise `Mistake` for the first value that cannot work."""
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise Mistake(
                f"{path}: encoding '{self.encoding}' is not known; use one such as utf-8 or gb18030."
            ) from None
        if len(self.delimiter) != 1:
            raise Mistake(f"{path}: delimiter should be one character, got {self.delimiter!r}.")
        for key, tables in (("columns", self.columns), ("constants", self.constants)):
            for table, pairs in tables.items():
                if not isinstance(pairs, dict) or not all(isinstance(v, str) for v in pairs.values()):
                    raise Mistake(f"{path}: {key}.{table} should hold names and texts, got {pairs!r}.")
        for table, name in self.files.items():
            if not isinstance(name, str):
                raise Mistake(f"{path}: files.{table} should be a file name, got {name!r}.")
        for code, rate in self.rates.items():
            if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < float("inf"):
                raise Mistake(f"{path}: rates.{code} should be a number above 0, got {rate!r}.")
        for source, day in self.since.items():
            if source not in SOURCES:
                raise Mistake(f"{path}: since.{source} is no optional source; they are {', '.join(SOURCES)}.")
            try:
                date.fromisoformat(day)
            except (TypeError, ValueError):
                raise Mistake(f"{path}: since.{source} should be a quoted day, '2020-01-31', got {day!r}.") from None
        if strange := sorted(set(self.derive) - {"customers", "payments"}):
            raise Mistake(f"{path}: derive.{strange[0]} is not known; known are customers, payments.")
        paid = self.derive.get("payments", {"paid_on": ""})
        if not isinstance(paid, dict) or set(paid) != {"paid_on"}:
            raise Mistake(f"{path}: derive.payments should be {{paid_on: their column}}, got {paid!r}.")
        if not isinstance(self.derive.get("customers", True), bool | dict):
            raise Mistake(f"{path}: derive.customers should be true or {{ours: theirs}}.")


_SPOKEN: dict[type, str] = {dict: "mapping", list: "list", str: "text"}
