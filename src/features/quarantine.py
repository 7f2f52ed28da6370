"""Quarantine: rows set aside with their file, line, key and reason, so that nothing is lost silently."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal
from typing import Any

from .money import EXPONENTS

CODES = """
 AMOUNT_FORMAT AMOUNT_NEGATIVE AMOUNT_NOT_FINITE AMOUNT_NULL AMOUNT_OUT_OF_RANGE AMOUNT_PRECISION BOOL_INVALID
 CONTROL_CHAR CURRENCY_NULL CURRENCY_UNKNOWN DATE_AMBIGUOUS DATE_EXCEL_SERIAL DATE_FORMAT DATE_FUTURE DATE_INVALID
 DATE_NULL DATE_OUT_OF_RANGE DUE_BEFORE_ISSUE DUP_CONFLICT DUP_EXACT ENCODING_INVALID FIELD_COUNT FIELD_TOO_LONG
 ID_EXCEL_MANGLED ID_INVALID ID_NULL NUL_BYTE ORPHAN PARENT_QUARANTINED QUOTE_MALFORMED REPEATED_HEADER
 REVERSAL_EXCEEDS TRAILER_ROW""".replace("\n", "").split(" ")  # the first is no fault
CODE = {name: number for number, name in enumerate(CODES)}
MOST = 0.05  # of a file's rows, by causes of its own; above it the delivery is refused


def printable(text: str) -> str:
    """A text for a terminal or a log: control characters are shown, not obeyed.

    >>> printable("P\\x1b[31mRED\\n")
    'P\\\\x1b[31mRED\\\\n'
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )


@dataclass(frozen=True)
class SetAside:
    """One row that was not loaded. `cascade`: it only fell with the row it belongs to."""

    file: str
    line: int
    key: str
    reason: str
    cascade: bool = False


_LINES_OF_A_WARNING = 100
ATTRIBUTES = ("name", "segment", "country", "industry", "group_id", "onboarded_on")  # of customers, with versions
CONSTANT = ["name", "country", "industry"]  # of these the newest holds for all days
_WORST = 5  # reasons that the summary tells


@dataclass
class Report:
    """What an intake did: filled while it reads, then written as `intake_report.json`.

    Attributes
    ----------
    warnings : list of {code, file, line?, rows?}
        What was loaded all the same; of one code the first hundred lines of a file, then how many more rows.
    rows : dict of file to {read, accepted, quarantined}
        read = accepted + quarantined, to the row.
    sums : dict of file to {currency: exact decimal text}
        Accepted money by currency; never added across currencies.
    repaired : list of {table, key, line, closes}
        Rows that lay in quarantine and came sound now, with the entries that they close.
    delivery : int
        Its number in the ledger; 0 when it was refused.
    repeated : bool
        The ledger had it already; nothing was changed.
    """

    verdict: str = "accept"
    reject_reason: list[str] = field(default_factory=list)
    message: str = ""
    delivery: int = 0
    as_of: str = ""
    quarantine: list[SetAside] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    known_on_assumed: list[str] = field(default_factory=list)
    rows: dict[str, dict[str, int]] = field(default_factory=dict)
    sums: dict[str, dict[str, str]] = field(default_factory=dict)
    repaired: list[dict[str, Any]] = field(default_factory=list)
    taken_as_constant: list[str] = field(default_factory=lambda: list(CONSTANT))
    repeated: bool = False
    own_faults: dict[str, int] = field(default_factory=dict, repr=False)
    minor_sums: dict[str, dict[str, int]] = field(default_factory=dict, repr=False)
    _lines: dict[tuple[str, str], list[int]] = field(default_factory=dict, repr=False)

    def warn(self, code: str, file: str, line: int | None = None, *, rows: int | None = None) -> None:
        """Note what was loaded all the same."""
        more = ({"line": line} if line else {}) | ({"rows": rows} if rows else {})
        if {"code": code, "file": file} | more not in self.warnings:
            self.warnings.append({"code": code, "file": file} | more)

    def warn_lines(self, code: str, file: str, lines: Iterable[int]) -> None:
        """Note rows that were loaded all the same."""
        told = [int(line) for line in lines]
        if told:
            self._lines.setdefault((code, file), []).extend(told)

    def close(self) -> None:
        """Bring everything into its order, whatever was read first."""
        files = {file: place for place, file in enumerate(self.rows)}
        self.quarantine.sort(key=lambda row: (files.get(row.file, len(files)), row.line))
        fell = {(row.file, row.line) for row in self.quarantine}
        for (code, file), lines in sorted(self._lines.items(), key=lambda item: (files.get(item[0][1], 0), item[0][0])):
            lines = [line for line in lines if (file, line) not in fell]  # what is not loaded is not warned of
            if not lines:
                continue
            told = sorted({line for line in lines if line})[:_LINES_OF_A_WARNING]
            for line in told:
                self.warn(code, file, line)
            if not told:
                self.warn(code, file)
            elif len(lines) > len(told):
                self.warn(code, file, rows=len(lines) - len(told))
        self._lines.clear()
        for file, sums in self.minor_sums.items():
            self.sums[file] = {
                code: str(Decimal(total).scaleb(-EXPONENTS[code])) for code, total in sorted(sums.items())
            }

    def reasons(self) -> list[tuple[str, int, SetAside]]:
        """Each reason, how often, and its first row; the commonest first."""
        counts = Counter(row.reason for row in self.quarantine)
        first = {row.reason: row for row in reversed(self.quarantine)}
        return [(reason, n, first[reason]) for reason, n in counts.most_common()]

    def summary(self) -> list[str]:
        """What a person reads after an intake: counts, reasons, sums, warnings."""
        many = f"delivery {self.delivery} of {self.as_of}"
        lines = [
            f"{many} is in the ledger already; nothing was changed." if self.repeated else f"{many} is in the ledger."
        ]
        wide = max(map(len, self.rows), default=0)
        for file, rows in self.rows.items():
            lines.append(
                f"  {file:{wide}}  {rows['read']:>12,} rows = {rows['accepted']:,} accepted "
                f"+ {rows['quarantined']:,} set aside"
            )
        for file, sums in self.sums.items():
            lines.append(f"  {file:{wide}}  " + ", ".join(f"{code} {Decimal(told):,}" for code, told in sums.items()))
        if self.quarantine:
            lines.append("Set aside (all rows are in intake_report.json):")
        for reason, many_, first in self.reasons()[:_WORST]:
            shown = printable(first.key) or "no id"
            lines.append(f"  {many_:>8,} x {reason}, such as {first.file} line {first.line} ({shown})")
        if self.repaired:
            first_ = self.repaired[0]
            lines.append(
                f"Came sound after they had been set aside: {len(self.repaired):,}, such as {printable(first_['key'])}."
            )
        warned: dict[tuple[str, str], int] = {}
        for one in self.warnings:
            key = (one["code"], one["file"])
            warned[key] = warned.get(key, 0) + one.get("rows", 1)
        if warned:
            lines.append("Loaded, and worth a look:")
        lines += [f"  {n:>8,} x {code} in {file}" for (code, file), n in sorted(warned.items(), key=lambda w: -w[1])]
        if self.known_on_assumed:
            lines.append(f"known_on was not delivered in {', '.join(self.known_on_assumed)}; it is assumed.")
        return lines

    def fill(self, told: dict[str, Any]) -> None:
        """Take over what an earlier run told."""
        for name, value in told.items():
            setattr(self, name, [SetAside(**row) for row in value] if name == "quarantine" else value)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON types."""
        hidden = ("repeated", "own_faults", "minor_sums", "_lines")
        told = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in hidden}
        return told | {"quarantine": [asdict(row) for row in self.quarantine]}
