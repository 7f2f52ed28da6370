"""The mapping: what a raw export calls things, against the default profile of the canonical tables."""

import codecs
import zoneinfo
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ..errors import Mistake
from ..yaml_file import read_yaml
from .money import EXPONENTS

SOURCES = ("events", "limits", "signals")
DERIVED = ("name", "segment", "country", "industry", "group_id")  # what invoice rows may tell of a customer
WITH_ID = ("customers", "invoices", "payments")
SEGMENTS = ("SME", "CORP", "RETAIL", "PUBLIC")
# a table's columns: those that must be there, then those that may
COLUMNS: dict[str, tuple[str, str]] = {
    "customers": (
        "customer_id name segment country onboarded_on credit_limit is_strategic",
        "industry group_id",
    ),
    "invoices": ("invoice_id customer_id issued_on due_on amount currency", "known_on"),
    "payments": ("payment_id invoice_id paid_on amount", "known_on customer_id"),
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
    source : str
        The URL of a SQL database (postgresql://..., sqlite:///...) instead of a folder; without credentials.
    tables : dict of str to str
        With `source`: canonical table to the name of a table or view, or to a query.
    encoding, delimiter, date_format : str
        As Python spells them; `date_format` is for strptime.
    decimal, thousands : str
        One character each in amounts; an empty `thousands` means that there are none.
    timezone : str
        The ledger's own zone (IANA). With it, a time stamp is the day that it is there; without it a
        time stamp is no date.
    skip_rows : dict of str to int
        For each table, the lines above its header.
    columns : dict of str to dict
        For each table, their column name to ours.
    constants : dict of str to dict
        For each table, columns of ours that the export lacks and their one value.
    key : dict of str to list
        For each table whose id is unique only together with other columns: these columns, its own id among
        them. The ids, and what refers to them, become their texts joined by "/".
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
    source: str = ""
    tables: dict[str, str] = field(default_factory=dict)
    encoding: str = "utf-8"
    delimiter: str = ","
    decimal: str = "."
    thousands: str = ""
    date_format: str = "%Y-%m-%d"
    timezone: str = ""
    skip_rows: dict[str, int] = field(default_factory=dict)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    constants: dict[str, dict[str, str]] = field(default_factory=dict)
    key: dict[str, list[str]] = field(default_factory=dict)
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
            said = read_yaml(path) or {}
        except FileNotFoundError:
            raise Mistake(f"{path}: there is no such mapping file.") from None
        except IsADirectoryError:
            raise Mistake(f"{path}: is no mapping file; name one such as data/mappings/canonical.yaml.") from None
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
        for key in ("columns", "files", "constants", "skip_rows", "key", "tables"):
            said[key] = {_table(path, key, name): value for name, value in said.get(key, {}).items()}
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
            if not _reads_text(self.encoding):
                raise LookupError(self.encoding)
        except LookupError:
            raise Mistake(
                f"{path}: encoding '{self.encoding}' is not known; use one such as utf-8 or gb18030."
            ) from None
        if len(self.delimiter) != 1 or not self.delimiter.isascii() or self.delimiter in '"\r\n':
            raise Mistake(f"{path}: delimiter should be one ASCII character, got {self.delimiter!r}.")
        for name in ("decimal", "thousands"):
            mark = getattr(self, name)
            if (len(mark) != 1 and (name == "decimal" or mark)) or mark.isalnum() or mark == "-":
                raise Mistake(f"{path}: {name} should be one mark such as '.' or ',', got {mark!r}.")
        if self.decimal == self.thousands:
            raise Mistake(f"{path}: decimal and thousands are both {self.decimal!r}; an amount could not be read.")
        if not _tells_a_day(self.date_format):
            raise Mistake(f"{path}: date_format should name day, month and year, such as '%d.%m.%Y', got "
                          f"{self.date_format!r}.")  # fmt: skip
        if self.timezone and self.timezone not in zoneinfo.available_timezones():
            raise Mistake(f"{path}: timezone '{self.timezone}' is not known; use one such as Asia/Shanghai.")
        for table, lines in self.skip_rows.items():
            if isinstance(lines, bool) or not isinstance(lines, int) or lines < 0:
                raise Mistake(f"{path}: skip_rows.{table} should be a number of lines, got {lines!r}.")
        for table, parts in self.key.items():
            own = f"{table[:-1]}_id"
            if table not in WITH_ID or not isinstance(parts, list) or own not in parts:
                raise Mistake(f"{path}: key.{table} should be a list of columns with {own} among them, got {parts!r}.")
        if bool(self.source) != bool(self.tables):
            raise Mistake(f"{path}: source and tables belong together: a database, and a query or table for each "
                          "canonical table.")  # fmt: skip
        if self.source and _has_credentials(path, self.source):
            raise Mistake(
                f"{path}: source holds a user or password; take them out and set TRADECREDIT_SOURCE_USER and "
                "TRADECREDIT_SOURCE_PASSWORD."
            )
        names = [Path(name).name for name in self.files.values() if isinstance(name, str)]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise Mistake(
                f"{path}: files: two tables are called '{doubled[0]}'; give them names of their own, or derive: one "
                "from the other."
            )
        for table, query in self.tables.items():
            if not isinstance(query, str) or not query.strip():
                raise Mistake(f"{path}: tables.{table} should be a table's name or a query, got {query!r}.")
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
        said = self.derive.get("customers", True)
        if not isinstance(said, bool | dict) or (isinstance(said, dict) and set(said) - set(DERIVED)):
            raise Mistake(f"{path}: derive.customers should be true or {{ours: theirs}} of {', '.join(DERIVED)}.")


def _reads_text(encoding: str) -> bool:
    """Is it an encoding of characters (not hex, base64, idna...)? Unknown ones raise LookupError."""
    name = codecs.lookup(encoding).name
    return name not in _NO_TEXT and "é".encode(encoding, "ignore").decode(encoding) in ("é", "")


_NO_TEXT = {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "utf-7"}


def _tells_a_day(form: str) -> bool:
    day = date(2001, 11, 22)
    try:
        return datetime.strptime(day.strftime(form), form).date() == day
    except ValueError:
        return False


def _has_credentials(path: Path, source: str) -> bool:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(source)
    except (ArgumentError, ValueError):  # what was written is not shown: it may hold a password
        raise Mistake(f"{path}: source is no database URL such as sqlite:///erp.db or postgresql://host/db.") from None
    secret = any("pass" in key.lower() or key.lower() in ("user", "username") for key in url.query)
    return bool(url.username or url.password or secret)


def _table(path: Path, key: str, name: str) -> str:
    """A canonical table, called by its name or by its file's (`payments.csv`)."""
    table = str(name).removesuffix(".csv").removesuffix(".parquet")
    if table not in COLUMNS:
        raise Mistake(f"{path}: {key}: no table '{name}'; the tables are {', '.join(COLUMNS)}.")
    return table


_SPOKEN: dict[type, str] = {dict: "mapping", list: "list", str: "text"}
