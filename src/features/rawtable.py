"""A raw table being checked: text in, typed columns out, and for each row that falls its line and reason."""

from datetime import date, datetime
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pandas as pd

from .ledger import as_declared
from .mapping import required
from .money import EXPONENTS, minor_units
from .quarantine import MOST, Report, SetAside
from .rawfiles import Rejected

ALL_THAT_IS_OPEN = -1  # a dispute or promise without an amount
EARLIEST, LATEST = date(1950, 1, 1), date(2100, 1, 1)
_FLAGS = {"true": True, "1": True, "false": False, "0": False, "": False}
_COLUMNS = {
    "DATE": "_on",
    "AMOUNT": "amount",
    "CURRENCY": "currency",
    "BOOL": "is_strategic",
}  # what a reason speaks of

Flags = npt.NDArray[np.bool_]


class RawTable:
    """The rows of one raw table.

    Attributes
    ----------
    name, file : str
        The canonical table, and the file it came from.
    text : DataFrame of str, n rows
        As delivered, under our column names.
    lines : int array, length n
        The physical line on which each row starts.
    typed : dict of str to Series
        Converted columns; what stands in them for a fallen row is never used.
    """

    def __init__(self, name: str, file: str, text: pd.DataFrame, lines: npt.NDArray[np.int64]) -> None:
        self.name, self.file, self.text, self.lines = name, file, text, lines
        self.typed: dict[str, pd.Series] = {}
        self._reason = np.full(len(text), "", object)
        self._cascade = np.zeros(len(text), bool)
        for key in required(name):
            if key.endswith("_id") and (name, key) != ("payments", "invoice_id"):  # unapplied cash has no invoice
                self.fail(self.column(key) == "", "ID_NULL")

    def column(self, name: str) -> pd.Series:
        """A column as text; empty where the table does not have it."""
        return self.text[name] if name in self.text else pd.Series("", index=self.text.index, dtype="str")

    @property
    def stands(self) -> Flags:
        """Rows that have no fault so far."""
        return np.asarray(self._reason == "", bool)

    def fallen(self, key: str) -> set[str]:
        """The ids of the rows that fell."""
        return set(self.text[key][~self.stands]) - {""}

    def fail(self, where: pd.Series | Flags, code: str, *, cascade: bool = False) -> None:
        """Set rows aside; of several reasons the first stays. `cascade`: only because its parent fell."""
        new = np.asarray(where, bool) & self.stands
        self._reason[new], self._cascade[new] = code, cascade

    # ---- conversions, each explicit; a value that does not convert sets its row aside

    def day(self, name: str, form: str, *, latest: date | None = None, optional: bool = False) -> pd.Series:
        """Days in the declared form, none after `latest`; an empty one is a fault unless optional."""
        said = self.column(name)
        got = {value: _day(value, form) for value in said.unique()}
        if optional:
            got[""] = None
        self._faults(said.map({value: one if isinstance(one, str) else "" for value, one in got.items()}))
        days = said.map({value: one if isinstance(one, date) else None for value, one in got.items()})
        self.typed[name] = pd.to_datetime(days).astype("datetime64[s]")
        if latest is not None:
            self.fail(self.typed[name] > pd.Timestamp(latest), "DATE_FUTURE")
        return self.typed[name]

    def known(self, own: str, form: str, latest: date, report: Report) -> None:
        """`known_on`, and where it is not delivered the fact's own date, which the report says."""
        if "known_on" not in self.text:
            report.known_on_assumed.append(self.name)
            self.typed["known_on"] = self.typed[own]
            return
        told = self.day("known_on", form, latest=latest, optional=True)
        if (self.text["known_on"] == "").any():
            report.known_on_assumed.append(self.name)
        self.typed["known_on"] = told.fillna(self.typed[own])

    def money(self, name: str, currency: pd.Series | str, *, negative: bool, empty: int | None = None) -> None:
        """Minor units of each row's currency. `empty` is what an empty amount means; None makes it a fault."""
        codes = currency if isinstance(currency, pd.Series) else [currency] * len(self.text)
        got = [
            empty if empty is not None and not said else minor_units(said, EXPONENTS.get(code, 2))
            for said, code in zip(self.column(name), codes, strict=True)
        ]
        self._faults(pd.Series([one if isinstance(one, str) else "" for one in got], dtype="str"))
        minor = pd.Series([one if isinstance(one, int) else 0 for one in got], dtype="int64")
        if not negative:
            self.fail((minor < 0) & ((self.column(name) != "").to_numpy() | (empty is None)), "AMOUNT_NEGATIVE")
        self.typed["amount"] = minor

    def number(self, name: str, *, positive: bool = False) -> None:
        """A finite number."""
        value = pd.to_numeric(self.column(name), errors="coerce")
        self.fail(~np.isfinite(value.to_numpy("float64")) | (positive & ~(value > 0).to_numpy()), "AMOUNT_FORMAT")
        self.typed[name] = value

    def flag(self, name: str) -> None:
        """true or false; empty is false."""
        said = self.column(name).str.lower()
        self.fail(~said.isin(_FLAGS), "BOOL_INVALID")
        self.typed[name] = said.map(_FLAGS).fillna(False).astype(bool)

    def unique(self, key: str) -> None:
        """One row an id: a repeated row is a duplicate; rows of one id that differ all fall, repeated ones too."""
        live = self.text[self.stands]
        repeated = live.duplicated(keep="first")
        differ = live[~repeated][key].duplicated(keep=False)
        self.fail(self.text[key].isin(set(live.loc[differ[differ].index, key])), "DUP_CONFLICT")
        self._fail_at(repeated[repeated].index, "DUP_EXACT")

    def distinct(self) -> None:
        """No row twice, in a table whose rows have no id."""
        repeated = self.text[self.stands].duplicated(keep="first")
        self._fail_at(repeated[repeated].index, "DUP_EXACT")

    def _fail_at(self, index: pd.Index, code: str) -> None:
        where = np.zeros(len(self.text), bool)
        where[index.to_numpy()] = True
        self.fail(where, code)

    def belongs(self, key: str, parents: set[str], fallen: set[str], *, where: Flags | bool = True) -> None:
        """Every id is one of the parents'; a child of a fallen parent falls with it."""
        ids = self.column(key)
        self.fail(ids.isin(fallen - parents).to_numpy() & where, "PARENT_QUARANTINED", cascade=True)
        self.fail(~ids.isin(parents).to_numpy() & where, "ORPHAN")

    def _faults(self, codes: pd.Series) -> None:
        for code in set(codes) - {""}:
            self.fail(codes == code, code)

    # ---- the end of it

    def close(self, report: Report) -> pd.DataFrame:
        """The rows that stand, as the ledger declares the table; the others go into the report.

        Raises
        ------
        Rejected
            If more than 5 % of the rows fell by faults of their own.
        """
        stands, tally = self.stands, report.rows[self.file]
        keys = self.text[required(self.name)[0]]
        fell = [
            SetAside(self.file, int(self.lines[k]), str(keys.iloc[k]), str(self._reason[k]), bool(self._cascade[k]))
            for k in np.flatnonzero(~stands)
        ]
        own = sum(not row.cascade for row in fell) + tally["quarantined"]
        report.quarantine += fell
        tally["accepted"] = int(stands.sum())
        tally["quarantined"] += len(fell)
        if own > MOST * tally["read"]:
            first = next(row for row in report.quarantine if row.file == self.file and not row.cascade)
            raise Rejected(
                "QUARANTINE_RATIO",
                f"{self.file}: {own} of {tally['read']} rows are wrong, more than {MOST:.0%}; the first is line "
                f"{first.line} ({self._explained(first)}). Mend the export or the mapping.",
            )
        if "currency" in self.typed:
            totals = self.typed["amount"][stands].groupby(self.typed["currency"][stands]).sum()
            report.sums[self.file] = {
                str(code): str(Decimal(int(total)).scaleb(-EXPONENTS[str(code)])) for code, total in totals.items()
            }
        columns = self.text.assign(**self.typed)[stands].reset_index(drop=True)
        return as_declared(self.name, columns)

    def _explained(self, first: SetAside) -> str:
        if first.line not in self.lines:
            return first.reason
        place = int(np.argmax(self.lines == first.line))
        ending = _COLUMNS.get(first.reason.split("_")[0], "_id")
        shown = [f"{name} '{self.text[name].iloc[place]}'" for name in map(str, self.text) if name.endswith(ending)]
        return f"{first.reason}: {', '.join(shown[:2])}"


def _day(text: str, form: str) -> date | str | None:
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
    return day if EARLIEST <= day < LATEST else "DATE_OUT_OF_RANGE"
