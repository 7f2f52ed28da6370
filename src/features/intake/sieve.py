"""The checks that a batch of raw rows passes one row at a time; of several faults of a row the first stays."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..mapping import Mapping, required
from ..quarantine import CODE, CODES
from .conversions import (
    EXPONENT_OF,
    FLAGS,
    NO_CURRENCY,
    UNKNOWN_CURRENCY,
    Codes,
    Days,
    Flags,
    Ints,
    amounts,
    bytes_of,
    currencies,
    days,
    id_of,
    identifiers,
    in_minor,
    number_of,
)
from .csvrecords import Fault
from .header import Header
from .rawtable import Batch, renamed
from .spool import fingerprint

UNTOLD, FALLEN, UNKNOWN = -3, -2, -1  # instead of a customer's number
ALL_THAT_IS_OPEN = -1  # a dispute or promise without an amount
_FORMULA = np.zeros(256, bool)
_FORMULA[[*b"=+-@\t\r"]] = True


class Sieve:
    """The rows of a batch while they are checked.

    Attributes
    ----------
    code : array of quarantine codes, length n
        0 where the row stands.
    noticed : list of (warning code, lines)
    assumed : bool
        `known_on` is not told in every row.
    """

    def __init__(self, table: str, batch: Batch, mapping: Mapping, memo: dict[str, int | str]) -> None:
        self.table, self.batch, self.mapping, self._memo = table, batch, mapping, memo
        self.many = len(batch.lines)
        self.code: Codes = np.zeros(self.many, np.uint8)
        self.noticed: list[tuple[str, npt.NDArray[np.int32]]] = [
            (code, np.array([line], np.int32)) for code, line in batch.noticed
        ]
        self.assumed = False
        self._padded = np.zeros(self.many, bool)

    def text(self, name: str) -> pa.StringArray:
        """A column as delivered; empty where the table does not have it."""
        if name in self.batch.text:
            return self.batch.text[name]
        return pa.repeat(pa.scalar("", pa.string()), self.many)

    def has(self, name: str) -> bool:
        """Was the column delivered?"""
        return name in self.batch.text

    def blank(self, name: str) -> Flags:
        """Where a column is empty but for spaces."""
        text = self.text(name)
        empty = np.diff(bytes_of(text)[0]) == 0
        return empty if empty.all() else np.asarray(pc.equal(pc.utf8_trim_whitespace(text), "").to_numpy(False), bool)

    def fail(self, where: Flags, code: str) -> None:
        """Set rows aside that stand until now."""
        self.code[where & (self.code == 0)] = CODE[code]

    def _fail_each(self, codes: Codes, where: Flags | None = None) -> None:
        new = (codes != 0) & (self.code == 0)
        if where is not None:
            new &= where
        self.code[new] = codes[new]

    def notice(self, code: str, where: Flags) -> None:
        """Warn of rows that are loaded all the same."""
        where = where & (self.code == 0)
        if where.any():
            self.noticed.append((code, self.batch.lines[where]))

    # ---- conversions

    def ident(self, name: str, *, where: Flags | None = None) -> pa.StringArray:
        """Ids; an unsound one is a fault (of the rows in `where`)."""
        value, codes, trimmed, normalised = identifiers(self.text(name))
        self._fail_each(codes, where)
        self._padded |= trimmed
        self.notice("NORMALISED", normalised)
        return value

    def day(self, name: str, *, latest: int | None = None, optional: bool = False) -> Days:
        """Day numbers, none after `latest`; NO_DAY where an optional one is empty."""
        number, codes, padded = days(self.text(name), self.mapping.date_format, self.mapping.timezone, self._memo)
        if optional:
            codes = np.where(codes == CODE["DATE_NULL"], 0, codes).astype(np.uint8)
        self._fail_each(codes)
        self._padded |= padded
        if latest is not None:
            self.fail(number > latest, "DATE_FUTURE")
        return number

    def currency(self, name: str) -> npt.NDArray[np.int16]:
        """Numbers of currencies."""
        number, padded = currencies(self.text(name))
        self._padded |= padded
        self.fail(number == NO_CURRENCY, "CURRENCY_NULL")
        self.fail(number == UNKNOWN_CURRENCY, "CURRENCY_UNKNOWN")
        return number

    def amount(self, name: str, *, empty: bool = False) -> tuple[Ints, npt.NDArray[np.int8]]:
        """Thousandths and written decimals; `empty`: an empty one is 0 and no fault."""
        value, decimals, codes, padded = amounts(self.text(name), self.mapping.decimal, self.mapping.thousands)
        if empty:
            codes = np.where(codes == CODE["AMOUNT_NULL"], 0, codes).astype(np.uint8)
        self._fail_each(codes)
        self._padded |= padded
        return value, decimals

    def minor(self, value: Ints, decimals: npt.NDArray[np.int8], currency: npt.NDArray[np.int16]) -> Ints:
        """Minor units of each row's currency."""
        got, codes = in_minor(value, decimals, EXPONENT_OF[np.maximum(currency, 0)])
        self._fail_each(codes)
        return got

    def number(self, name: str, *, positive: bool = False) -> npt.NDArray[np.float64]:
        """Finite numbers, written with the declared decimal mark."""
        marks = self.mapping.decimal, self.mapping.thousands
        value = np.array([number_of(text, *marks) for text in self.text(name).to_pylist()], np.float64)
        self.fail(~np.isfinite(value), "AMOUNT_FORMAT")
        if positive:
            self.fail(value <= 0, "AMOUNT_NEGATIVE")
        return value

    def flag(self, name: str) -> Flags:
        """true or false (1 or 0); empty is false."""
        told = self.text(name).dictionary_encode()
        texts = [text.strip().lower() for text in told.dictionary.to_pylist()]
        where = told.indices.to_numpy()
        wrong = np.array([text not in FLAGS and text != "" for text in texts], bool)
        self.fail(wrong[where], "BOOL_INVALID")
        return np.array([FLAGS.get(text, False) for text in texts], bool)[where]

    def words(self, name: str) -> None:
        """Look at free text, which stays as it is: what a spreadsheet would run, what was decoded wrongly."""
        text = self.text(name)
        offsets, letters = bytes_of(text)
        starts = offsets[:-1][np.diff(offsets) > 0]
        if len(starts) and _FORMULA[letters[starts]].any():
            first = np.zeros(self.many, bool)
            first[np.diff(offsets) > 0] = _FORMULA[letters[starts]]
            self.notice("FORMULA_PREFIX", first)
        if len(letters) and letters.max() > 127:
            for code, pattern, judge in _SUSPICIOUS:
                rows = np.flatnonzero(pc.match_substring_regex(text, pattern).to_numpy(False))
                said = text.take(pa.array(rows)).to_pylist()
                where = np.zeros(self.many, bool)
                where[rows[[judge(one) for one in said]]] = True
                self.notice(code, where)

    # ---- the end of it

    def stands(self) -> Flags:
        """Rows without a fault; says what was trimmed."""
        self.notice("TRIMMED", self._padded)
        return self.code == 0

    def fallen(self, header: Header) -> list[Fault]:
        """The records and rows that fell, a repeated header or trailer called so."""
        faults = list(self.batch.faults)
        where = np.flatnonzero(self.code)
        if len(where):
            keys = self.text(required(self.table)[0]).take(pa.array(where)).to_pylist()
            faults += [
                Fault(int(self.batch.lines[place]), CODES[self.code[place]], id_of(key)[0], key.strip())
                for place, key in zip(where, keys, strict=True)
            ]
        return [renamed(fault, header.own, self.batch.end) for fault in faults]


def mojibake(text: str) -> bool:
    """Does the text look like UTF-8 that was decoded as something else, or hold what a decoder lost?

    >>> mojibake("M\\u00c3\\u00bcller"), mojibake("Müller"), mojibake("H\\ufffdndler"), mojibake("上海示例贸易")
    (True, False, True, False)
    """
    if "\ufffd" in text or "锟斤拷" in text:
        return True
    for codec in ("cp1252", "latin-1"):
        try:
            return text.encode(codec).decode("utf-8") != text
        except UnicodeError:
            continue
    return False


def _any(_text: str) -> bool:
    return True


# what the judges look closer at: a byte of UTF-8 that was taken for a letter, an invisible turn of direction
_SUSPICIOUS: tuple[tuple[str, str, Callable[[str], bool]], ...] = (
    (
        "MOJIBAKE_SUSPECT",
        "[\u00c2-\u00f4][\u0080-\u00bf\u0152-\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]|\ufffd|锟斤拷",
        mojibake,
    ),
    ("BIDI_CONTROL", "[\u200e\u200f\u202a-\u202e\u2066-\u2069]", _any),
)


# ---- rows that are told twice


def same(columns: Sequence[npt.NDArray | pa.StringArray]) -> npt.NDArray[np.int64] | None:
    """A group number for each row, equal where all columns are equal; None where no two rows are.

    Distinct fingerprints prove distinct rows; only where two agree are the columns themselves compared.
    """
    mixed = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        one = fingerprint(column) if isinstance(column, pa.Array) else column.astype(np.int64).view(np.uint64)
        mixed = (mixed ^ one) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(32)
    ordered = np.sort(mixed)
    if not (ordered[1:] == ordered[:-1]).any():
        return None
    numbers = [
        column.dictionary_encode().indices.to_numpy() if isinstance(column, pa.Array) else column for column in columns
    ]
    order = np.lexsort(numbers)
    new = np.zeros(len(order), bool)
    for column in numbers:
        new[1:] |= column[order][1:] != column[order][:-1]
    group = np.empty(len(order), np.int64)
    group[order] = np.cumsum(new)
    return group


def twice(ids: pa.StringArray, columns: Sequence[npt.NDArray | pa.StringArray]) -> Codes:
    """DUP_EXACT for a row told before; DUP_CONFLICT for all rows of an id of which two differ."""
    codes = np.zeros(len(ids), np.uint8)
    group = same([ids])
    if group is None:
        return codes
    many = np.bincount(group)
    rows = np.flatnonzero(many[group] > 1)
    if not len(rows):
        return codes
    whole = [column.take(pa.array(rows)) if isinstance(column, pa.Array) else column[rows] for column in columns]
    of_id = np.unique(group[rows], return_inverse=True)[1]
    content = same([of_id, *whole])
    content = np.arange(len(rows)) if content is None else content
    _, first = np.unique(content, return_index=True)  # the earliest row of each content
    contents = np.bincount(of_id[first])
    codes[rows] = np.where(contents[of_id] > 1, CODE["DUP_CONFLICT"], CODE["DUP_EXACT"])
    keep = first[contents[of_id[first]] == 1]
    codes[rows[keep]] = 0
    return codes


def again(columns: Sequence[npt.NDArray | pa.StringArray]) -> Flags:
    """Rows that an earlier row tells word for word."""
    group = same(columns)
    repeated = np.zeros(len(columns[0]), bool)
    if group is not None:
        repeated[:] = True
        repeated[np.unique(group, return_index=True)[1]] = False
    return repeated
