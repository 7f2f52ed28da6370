"""Text to days, money, ids and flags: for each kind one exact function, and the same for a whole column.

A column is converted in bulk where its text is plain; what is not goes to the exact function, value by value, so
the two cannot differ in what they accept. A value that does not convert gives a quarantine code.
"""

import re
import unicodedata
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..money import EXPONENTS, LARGEST, PER_UNIT
from ..quarantine import CODE

Ints = npt.NDArray[np.int64]
Days = npt.NDArray[np.int32]
Codes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]

NO_DAY = -(2**31)  # an empty day where one may be empty
_EPOCH = date(1970, 1, 1).toordinal()
EARLIEST, LATEST = date(1950, 1, 1), date(2100, 1, 1)
NULLS = frozenset({"", "NULL", "null"})  # how databases write what is not there
NO_IDS = NULLS | {"None", "nan", "NaN", "\\N", "#N/A", "#REF!", "#NAME?", "#VALUE!", "#NUM!", "#DIV/0!"}
_LONGEST_ID = 256

# ---- days

_ISO_STAMP = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?", re.ASCII)
_SERIAL = re.compile(r"\d{5}(\.\d+)?", re.ASCII)
_EITHER_WAY = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-]\d{4}", re.ASCII)
_PADDING = re.compile(r"(?<!\d)0+(?=\d)")


def day_of(text: str, form: str = "%Y-%m-%d", zone: str = "") -> int | str:
    """The day number (days since 1970-01-01) of a text in the declared form, or the quarantine code.

    With a `zone`, a time stamp is the day that it is there; one that tells no offset is told in that zone.

    >>> day_of("1970-01-31"), day_of("2023-02-29"), day_of("45413"), day_of("03/04/2024"), day_of("")
    (30, 'DATE_INVALID', 'DATE_EXCEL_SERIAL', 'DATE_AMBIGUOUS', 'DATE_NULL')
    >>> day_of("1970-01-01T23:30:00Z", zone="Asia/Shanghai")
    1
    """
    text = text.strip()
    if text in NULLS:
        return "DATE_NULL"
    if not text.isascii():
        return "DATE_FORMAT"
    try:
        day = _stamp(text, zone) if zone and _ISO_STAMP.fullmatch(text) else datetime.strptime(text, form).date()
    except (ValueError, OverflowError):
        return _why_no_day(text, form)
    if not (zone and len(text) > 10) and not _spells(day, text, form):
        return "DATE_FORMAT"
    return day.toordinal() - _EPOCH if EARLIEST <= day < LATEST else "DATE_OUT_OF_RANGE"


def _stamp(text: str, zone: str) -> date:
    told = datetime.fromisoformat(text)
    return (told.replace(tzinfo=ZoneInfo(zone)) if told.tzinfo is None else told.astimezone(ZoneInfo(zone))).date()


def _spells(day: date, text: str, form: str) -> bool:
    """strptime takes '2024115' for a day of %Y%m%d: the day must be written as the form writes it, but for padding."""
    written = day.strftime(form).zfill(len(text)) if day.year < 1000 else day.strftime(form)
    if written.casefold() == text.casefold():
        return True
    loose = form not in ("%Y-%m-%d", "%Y%m%d") and not form.replace("%", "").isalpha()
    return loose and _PADDING.sub("", written).casefold() == _PADDING.sub("", text).casefold()


def _why_no_day(text: str, form: str) -> str:
    if _SERIAL.fullmatch(text):
        return "DATE_EXCEL_SERIAL"
    sample = date(2000, 11, 22).strftime(form)
    if [*map(_kind, text)] == [*map(_kind, sample)]:
        return "DATE_INVALID"
    turned = _EITHER_WAY.fullmatch(text)
    if turned and max(int(turned[1]), int(turned[2])) <= 12 and int(turned[1]) != int(turned[2]):
        return "DATE_AMBIGUOUS"
    return "DATE_FORMAT"


def _kind(letter: str) -> str:
    return "9" if letter.isdigit() else letter


# ---- money

_FORMS: dict[tuple[str, str], re.Pattern[str]] = {}


def _form(decimal: str, thousands: str) -> re.Pattern[str]:
    if (decimal, thousands) not in _FORMS:
        whole = "[0-9]+" + (f"|[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+" if thousands else "")
        _FORMS[decimal, thousands] = re.compile(f"(-?)({whole})(?:{re.escape(decimal)}([0-9]+))?")
    return _FORMS[decimal, thousands]


def amount_of(text: str, decimal: str = ".", thousands: str = "") -> tuple[int, int] | str:
    """An amount as a whole number of thousandths and its written decimals, or the quarantine code.

    Thousandths hold every ISO 4217 currency exactly; `in_minor` makes minor units of them.

    >>> amount_of("13760.55"), amount_of("-5"), amount_of("1.234,50", ",", "."), amount_of("1_000"), amount_of("inf")
    ((13760550, 2), (-5000, 0), (1234500, 2), 'AMOUNT_FORMAT', 'AMOUNT_NOT_FINITE')
    """
    text = text.strip()
    if text in NULLS:
        return "AMOUNT_NULL"
    told = _form(decimal, thousands).fullmatch(text)
    if not told:
        bare = text.lower().lstrip("+-")
        return "AMOUNT_NOT_FINITE" if bare in {"inf", "infinity", "nan"} else "AMOUNT_FORMAT"
    sign, whole, fraction = told[1], told[2], told[3] or ""
    kept = fraction.rstrip("0")
    if len(kept) > 3:
        return "AMOUNT_PRECISION"
    digits = (whole.replace(thousands, "") if thousands else whole) + kept.ljust(3, "0")
    value = int(digits) if len(digits.lstrip("0")) <= 18 else LARGEST * PER_UNIT
    if value >= LARGEST * PER_UNIT:
        return "AMOUNT_OUT_OF_RANGE"
    return (-value if sign else value), min(len(fraction), 4)


def in_minor(thousandths: Ints, decimals: npt.NDArray[np.int8], exponent: npt.NDArray[np.int8]) -> tuple[Ints, Codes]:
    """Minor units of currencies with these exponents, and quarantine codes.

    Three written decimals where the currency has fewer are refused even if the last is 0: '1.500' may have been
    meant as a thousand and a half.
    """
    alike = len(exponent) and exponent.min() == exponent.max()
    step = _POWERS[3 - exponent[0]] if alike else _POWERS[3 - exponent]  # to divide by one number is far faster
    minor = thousandths // step
    codes = np.zeros(len(minor), np.uint8)
    codes[np.abs(minor) >= LARGEST] = CODE["AMOUNT_OUT_OF_RANGE"]
    codes[(minor * step != thousandths) | ((decimals == 3) & (exponent < 3))] = CODE["AMOUNT_PRECISION"]
    return minor, codes


def number_of(text: str, decimal: str = ".", thousands: str = "") -> float:
    """A number written with the declared marks, perhaps with an exponent; NaN where it is none.

    >>> number_of("0.5"), number_of("1.234,5", ",", "."), number_of("2e-05"), number_of("1.5", ",", "")
    (0.5, 1234.5, 2e-05, nan)
    """
    mantissa, _, exponent = text.strip().replace("E", "e").partition("e")
    told = _form(decimal, thousands).fullmatch(mantissa)
    if not told or not re.fullmatch(r"([+-]?[0-9]{1,3})?", exponent) or text.strip().endswith(("e", "E")):
        return float("nan")
    whole = told[2].replace(thousands, "") if thousands else told[2]
    return float(f"{told[1]}{whole}.{told[3] or '0'}e{exponent or '0'}")


_POWERS = 10 ** np.arange(4, dtype=np.int64)
NO_CURRENCY, UNKNOWN_CURRENCY = -1, -2
CURRENCIES = tuple(sorted(EXPONENTS))  # a currency's number is its place here
EXPONENT_OF = np.array([EXPONENTS[code] for code in CURRENCIES], np.int8)
_NUMBER_OF = {code: number for number, code in enumerate(CURRENCIES)} | dict.fromkeys(NULLS, NO_CURRENCY)

# ---- ids

_MANGLED = re.compile(r"\d+([.,]\d+)?[eE]\+\d+|\d+\.0+", re.ASCII)
_LOOK_LATIN = frozenset("АВЕЅЗІЈКМНОРСТУХЬаесіјорѕухԁԛԝ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧνορ")


def id_of(text: str) -> tuple[str, str]:
    """An id, trimmed and in Unicode's composed form, and its quarantine code ("" where it is sound).

    Letters that only look Latin, full-width forms and invisible characters make an id unsound, for it would
    match nothing that was typed plainly.

    >>> id_of(" C0001 "), id_of("NULL"), id_of("4.50001E+11"), id_of("\\u04210001"), id_of("\\u5ba2\\u6237 7")
    (('C0001', ''), ('NULL', 'ID_NULL'), ('4.50001E+11', 'ID_EXCEL_MANGLED'), ('С0001', 'ID_INVALID'), ('客户 7', ''))
    """
    value = unicodedata.normalize("NFC", text.strip())
    if value in NO_IDS:
        return value, "ID_NULL"
    if _MANGLED.fullmatch(value):
        return value, "ID_EXCEL_MANGLED"
    if value.isascii():
        sound = value.isprintable()
    else:
        strange = [letter for letter in value if not letter.isascii()]
        sound = (
            value.isprintable()
            and unicodedata.normalize("NFKC", value) == value
            and not all(letter in _LOOK_LATIN for letter in strange)
        )
    return value, "" if sound and len(value) <= _LONGEST_ID else "ID_INVALID"


# ---- flags

FLAGS = {"true": True, "1": True, "false": False, "0": False}


# ---- whole columns


def bytes_of(column: pa.StringArray) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Offsets (n + 1, from 0) and bytes of a text column without nulls."""
    _, places, data = column.buffers()
    if not len(column):
        return np.zeros(1, np.int32), np.zeros(0, np.uint8)
    offsets = np.frombuffer(places, np.int32)[column.offset : column.offset + len(column) + 1]
    text = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    return offsets - offsets[0], text[offsets[0] : offsets[-1]]


def days(column: pa.StringArray, form: str, zone: str, memo: dict[str, int | str]) -> tuple[Days, Codes, Flags]:
    """Day numbers, quarantine codes, and which values had spaces around; each distinct text is read once.

    Parameters
    ----------
    memo : dict
        What was read before in this form; is filled.
    """
    told = column.dictionary_encode()
    texts = told.dictionary.to_pylist()
    for text in texts:
        if text not in memo:
            memo[text] = day_of(text, form, zone)
    got = [memo[text] for text in texts]
    numbers = np.array([one if isinstance(one, int) else NO_DAY for one in got], np.int32)
    codes = np.array([CODE[one] if isinstance(one, str) else 0 for one in got], np.uint8)
    padded = np.array([text != text.strip() for text in texts], bool)
    where = told.indices.to_numpy()
    none = np.zeros(len(where), np.uint8)
    return numbers[where], codes[where] if codes.any() else none, padded[where] if padded.any() else none.view(bool)


def currencies(column: pa.StringArray) -> tuple[npt.NDArray[np.int16], Flags]:
    """Numbers of `CURRENCIES` (NO_CURRENCY, UNKNOWN_CURRENCY), and which values had spaces around."""
    told = column.dictionary_encode()
    texts = told.dictionary.to_pylist()
    numbers = np.array([_NUMBER_OF.get(text.strip(), UNKNOWN_CURRENCY) for text in texts], np.int16)
    padded = np.array([text != text.strip() for text in texts], bool)
    where = told.indices.to_numpy()
    return numbers[where], padded[where]


def amounts(column: pa.StringArray, decimal: str, thousands: str) -> tuple[Ints, npt.NDArray[np.int8], Codes, Flags]:
    """Thousandths, written decimals, quarantine codes, and which values had spaces around."""
    many = len(column)
    pointed = _all_pointed(column, decimal)
    if pointed is not None:
        return *pointed, np.zeros(many, np.uint8), np.zeros(many, bool)
    value: Ints = np.zeros(many, np.int64)
    decimals: npt.NDArray[np.int8] = np.zeros(many, np.int8)
    codes, padded = np.zeros(many, np.uint8), np.zeros(many, bool)
    plain = _plain_amounts(column, decimal)
    if plain.all():
        value, decimals = _plain_values(column, decimal)
    elif plain.any():
        value[plain], decimals[plain] = _plain_values(column.filter(pa.array(plain)), decimal)
    odd = np.flatnonzero(~plain)
    for place, text in zip(odd, column.take(pa.array(odd)).to_pylist(), strict=True):
        got = amount_of(text, decimal, thousands)
        padded[place] = text != text.strip()
        if isinstance(got, str):
            codes[place] = CODE[got]
        else:
            value[place], decimals[place] = got
    return value, decimals, codes, padded


_DIGITS = np.zeros(256, bool)
_DIGITS[48:58] = True


def _all_pointed(column: pa.StringArray, decimal: str) -> tuple[Ints, npt.NDArray[np.int8]] | None:
    """Thousandths and decimals where all values are digits about a mark; None where one is not."""
    offsets, text = bytes_of(column)
    many = len(column)
    if not many or not decimal.isascii():
        return None
    digit = (text - np.uint8(48)) < 10
    if len(text) - np.count_nonzero(digit) != many:  # other than one mark in each
        return None
    places = np.flatnonzero(text == ord(decimal))
    if len(places) != many:
        return None
    behind = offsets[1:] - 1 - places
    before = places - offsets[:-1]
    if before.min() < 1 or behind.min() < 1 or behind.max() > 3 or (before + behind).max() > 15:
        return None
    starts = offsets - np.arange(many + 1, dtype=np.int32)
    buffers = [None, pa.py_buffer(starts), pa.py_buffer(text[digit])]
    whole = pa.Array.from_buffers(pa.string(), many, buffers).cast(pa.int64()).to_numpy()
    if behind.min() == behind.max():
        return whole * _POWERS[3 - behind[0]], behind.astype(np.int8)
    return whole * _POWERS[3 - behind], behind.astype(np.int8)


def _plain_amounts(column: pa.StringArray, decimal: str) -> Flags:
    """Values of up to 15 digits, perhaps a minus before and a mark with one to three decimals."""
    offsets, text = bytes_of(column)
    start, end = offsets[:-1], offsets[1:]
    length = end - start
    plain = (length > 0) & (length <= 15)
    marks = np.flatnonzero(~_DIGITS[text])
    if not len(marks):
        return plain
    row = np.searchsorted(end, marks, side="right") if len(marks) < len(column) // 4 else _rows_of(offsets)[marks]
    mark = text[marks]
    minus = (mark == ord("-")) & (marks == start[row]) & (length[row] > 1)
    point = np.zeros(len(marks), bool)
    if decimal.isascii():
        behind = end[row] - 1 - marks
        first = start[row] + (text[start[row]] == ord("-"))
        point = (mark == ord(decimal)) & (behind >= 1) & (behind <= 3) & (marks > first)
    plain[row[~(minus | point)]] = False
    points = row[point]
    plain[points[1:][points[1:] == points[:-1]]] = False
    return plain


def _rows_of(offsets: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def _plain_values(column: pa.StringArray, decimal: str) -> tuple[Ints, npt.NDArray[np.int8]]:
    offsets, text = bytes_of(column)
    point = text == ord(decimal) if decimal.isascii() else np.zeros(len(text), bool)
    places = np.flatnonzero(point)
    decimals: npt.NDArray[np.int8] = np.zeros(len(column), np.int8)
    row = np.searchsorted(offsets[1:], places, side="right")
    decimals[row] = (offsets[1:][row] - 1 - places).astype(np.int8)
    starts = (offsets - np.searchsorted(places, offsets)).astype(np.int32)
    digits = text[~point] if len(places) else text
    buffers = [None, pa.py_buffer(starts), pa.py_buffer(np.ascontiguousarray(digits))]
    whole = pa.Array.from_buffers(pa.string(), len(column), buffers).cast(pa.int64()).to_numpy()
    return whole * _POWERS[3 - decimals], decimals


_PLAIN = bytes([*range(48, 58), *range(65, 91), *range(97, 123), *b"-_/:#"])
_PLAIN_ID = np.zeros(256, bool)
_PLAIN_ID[[*_PLAIN]] = True
_SHORT = max(map(len, NO_IDS))


def identifiers(column: pa.StringArray) -> tuple[pa.StringArray, Codes, Flags, Flags]:
    """Ids, quarantine codes, which were trimmed, and which were otherwise normalised."""
    offsets, text = bytes_of(column)
    length = np.diff(offsets)
    odd = (length <= _SHORT) | (length > _LONGEST_ID)
    if text.tobytes().translate(None, _PLAIN):
        strange = np.flatnonzero(~_PLAIN_ID[text])
        odd[np.searchsorted(offsets[1:], strange, side="right")] = True
    codes = np.zeros(len(column), np.uint8)
    trimmed, normalised = np.zeros(len(column), bool), np.zeros(len(column), bool)
    if not odd.any():
        return column, codes, trimmed, normalised
    where = np.flatnonzero(odd)
    told = column.take(pa.array(where)).dictionary_encode()
    texts = told.dictionary.to_pylist()
    got = [id_of(one) for one in texts]
    of = told.indices.to_numpy()
    codes[where] = np.array([CODE[code] for _, code in got], np.uint8)[of]
    trimmed[where] = np.array([one != one.strip() for one in texts], bool)[of]
    normalised[where] = np.array([one.strip() != value for one, (value, _) in zip(texts, got, strict=True)], bool)[of]
    if (trimmed | normalised).any():
        mended = pa.array([value for value, _ in got], pa.string()).take(told.indices)
        column = pc.replace_with_mask(column, pa.array(odd), mended)
    return column, codes, trimmed, normalised
