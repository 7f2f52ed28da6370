"""Reading raw text: the bulk reader and the careful one agree, and nothing is lost whatever the bytes are."""

import random
import shutil
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradecredit.errors import Mistake
from tradecredit.features.intake import csvrecords, run, taking
from tradecredit.features.intake.conversions import (
    CURRENCIES,
    NO_DAY,
    amount_of,
    amounts,
    currencies,
    day_of,
    days,
    id_of,
    identifiers,
    in_minor,
)
from tradecredit.features.intake.csvrecords import Shape, bulk, careful
from tradecredit.features.intake.sieve import again, twice
from tradecredit.features.intake.spool import Index, fingerprint
from tradecredit.features.intake.taking import take_in
from tradecredit.features.ledger import Ledger
from tradecredit.features.money import EXPONENTS
from tradecredit.features.quarantine import CODES, Report
from tradecredit.features.schemas import SCHEMAS

AS_OF = date(2025, 6, 30)
SHAPE = Shape(3, (0,), b",")

# ---- records

_piece = st.sampled_from(
    [b"a", b"42", b"", b" ", b"\t", b'"', b'""', b",", b",", b"\n", b"\n", b"\r\n", b"\r", b"\xc3\xa4", b"\xff", b"\0"]  # noqa: RUF005
    + [b"\x1b", b"\x7f", b"\xc2\x85", b'"q,x"', b'"two\nlines"', b"1,2,3\n", b'"1","2","3"\n', "客户".encode()]
)


def _told(records):
    return (
        [column.to_pylist() for column in records.columns],
        records.lines.tolist(),
        [(fault.line, fault.code, fault.key) for fault in records.faults],
        records.noticed,
    )


@given(st.lists(_piece, max_size=25).map(b"".join))
@settings(max_examples=1500, deadline=None)
def test_what_the_bulk_reader_reads_the_careful_one_reads_too(data):
    got = bulk(data, 7, SHAPE)
    if got is not None:
        slow, used, _ = careful(data, 7, SHAPE, last=True, name="x.csv")
        assert used == len(data)
        assert _told(got) == _told(slow)


@pytest.mark.parametrize(
    "data",
    [b"1,2,3\n4,5,6\n", b"1,2,3\r\n4,5,6\r\n", b'"1","2,2","3"\n4,,6\n', "客户,Müller,3\n".encode() * 3, b"1\t1,2,3\n"],
)
def test_plain_text_is_read_in_bulk(data):
    assert bulk(data, 1, SHAPE) is not None


def test_a_malformed_quote_takes_down_its_own_line_only():
    data = b'1,"a"b,3\n4,"open,6\n7,"x, y",9\n'
    records, *_ = careful(data, 1, SHAPE, last=True, name="x.csv")
    assert [(fault.line, fault.code) for fault in records.faults] == [(1, "QUOTE_MALFORMED"), (2, "QUOTE_MALFORMED")]
    assert [column.to_pylist() for column in records.columns] == [["7"], ["x, y"], ["9"]]


# ---- values

_amount = st.one_of(
    st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{1,5})?", fullmatch=True),
    st.from_regex(r"[0-9]{1,3}([.,][0-9]{3}){0,3}([.,][0-9]{1,3})?", fullmatch=True),
    st.text(alphabet="0123456789.,-+eE _ '", max_size=12),
    st.sampled_from(["", "NULL", "inf", "1_000", "１２", " 5.00 ", "-", ".", "0x1F", "-0.00", "5."]),
)


@given(st.lists(_amount, min_size=1, max_size=20), st.sampled_from([(".", ""), (",", "."), (".", ","), (",", " ")]))
@settings(max_examples=600, deadline=None)
def test_a_column_of_amounts_is_read_as_each_amount_is(texts, marks):
    value, decimals, codes, _ = amounts(pa.array(texts, pa.string()), *marks)
    for text, *got in zip(texts, value, decimals, codes, strict=True):
        said = amount_of(text, *marks)
        assert (CODES[got[2]] if got[2] else (got[0], got[1])) == said


_day = st.one_of(
    st.dates(date(1940, 1, 1), date(2110, 1, 1)).map(str),
    st.from_regex(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}", fullmatch=True),
    st.from_regex(r"[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,4}", fullmatch=True),
    st.text(max_size=12),
)


@given(st.lists(_day, min_size=1, max_size=20), st.sampled_from(["%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%m/%d/%Y"]))
@settings(max_examples=400, deadline=None)
def test_a_column_of_days_is_read_as_each_day_is(texts, form):
    number, codes, _ = days(pa.array(texts, pa.string()), form, "", {})
    for text, day, code in zip(texts, number, codes, strict=True):
        said = day_of(text, form)
        assert (CODES[code] if code else int(day)) == said
        assert code == 0 or day == NO_DAY
        if isinstance(said, int):
            told = date.fromordinal(said + date(1970, 1, 1).toordinal())
            assert told.strftime(form).replace("0", "") == text.strip().replace("0", "")


@given(st.lists(st.text(max_size=20), min_size=1, max_size=20))
@settings(max_examples=400, deadline=None)
def test_a_column_of_ids_is_read_as_each_id_is(texts):
    column = pa.array([text.encode("utf-8", "replace").decode() for text in texts], pa.string())
    value, codes, *_ = identifiers(column)
    assert [(one, CODES[code]) for one, code in zip(value.to_pylist(), codes, strict=True)] == [
        id_of(text) for text in column.to_pylist()
    ]


@given(st.integers(-(10**17), 10**17), st.sampled_from(CURRENCIES), st.integers(0, 4))
def test_minor_units_are_the_amount_or_a_fault_never_a_rounding(value, currency, decimals):
    exponent = np.array([EXPONENTS[currency]], np.int8)
    minor, codes = in_minor(np.array([value]), np.array([decimals], np.int8), exponent)
    if not codes[0]:
        assert int(minor[0]) * 10 ** (3 - EXPONENTS[currency]) == value


def test_a_column_of_currencies_knows_the_iso_codes():
    number, _ = currencies(pa.array(["EUR", "RMB", "", " JPY"]))
    assert [CURRENCIES[k] if k >= 0 else k for k in number] == ["EUR", -2, -1, "JPY"]


@pytest.mark.parametrize(
    ("text", "form", "said"),
    [
        ("2024115", "%Y%m%d", "DATE_FORMAT"),  # strptime would read 5 November
        ("1/31/2025", "%m/%d/%Y", 20119),
        ("01/31/2025", "%m/%d/%Y", 20119),
        ("31.02.2025", "%d.%m.%Y", "DATE_INVALID"),
        ("45413.5", "%Y-%m-%d", "DATE_EXCEL_SERIAL"),
        ("0000-00-00", "%Y-%m-%d", "DATE_INVALID"),
        ("9999-12-31", "%Y-%m-%d", "DATE_OUT_OF_RANGE"),
        ("2025-01-31 00:00:00", "%Y-%m-%d", "DATE_FORMAT"),
    ],
)
def test_a_day_must_be_written_as_declared(text, form, said):
    assert day_of(text, form) == said


# ---- joins

_ids = st.lists(st.text(alphabet="aé0", max_size=20), max_size=30)


@given(_ids, _ids)
@settings(max_examples=300, deadline=None)
def test_the_index_finds_what_a_dictionary_finds(held, asked):
    held = list(dict.fromkeys(held))
    said = {text: place for place, text in enumerate(held)}
    got = Index(pa.array(held, pa.string())).place_of(pa.array(asked, pa.string()))
    assert got.tolist() == [said.get(text, -1) for text in asked]


@given(_ids)
def test_equal_ids_have_equal_fingerprints(texts):
    both = fingerprint(pa.array(texts * 2, pa.string()))
    assert (both[: len(texts)] == both[len(texts) :]).all()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.sampled_from("xy")), max_size=12))
@settings(max_examples=400, deadline=None)
def test_of_rows_of_one_id_the_first_stays_if_all_agree_and_none_if_they_do_not(rows):
    ids = pa.array([row[0] for row in rows], pa.string())
    number, text = np.array([row[1] for row in rows], np.int64), pa.array([row[2] for row in rows], pa.string())
    said, seen = [], set()
    for row in rows:
        contents = {other for other in rows if other[0] == row[0]}
        said.append("DUP_CONFLICT" if len(contents) > 1 else "DUP_EXACT" if row in seen else "")
        seen.add(row)
    assert [CODES[code] for code in twice(ids, [number, text])] == said
    if rows:
        assert again([ids, number, text]).tolist() == [row in rows[:k] for k, row in enumerate(rows)]


# ---- whole deliveries


def _delivery(folder: Path, rows: int = 60) -> Path:
    folder.mkdir()
    (folder / "customers.csv").write_text(
        "customer_id,name,segment,country,onboarded_on,credit_limit,is_strategic\n"
        + "".join(f'C{k},"Müller, {k} 有限公司",SME,DE,2020-01-01,1000.00,false\n' for k in range(rows // 3)),
        encoding="utf-8",
    )
    (folder / "invoices.csv").write_text(
        "invoice_id,customer_id,issued_on,due_on,amount,currency\n"
        + "".join(f"I{k},C{k % (rows // 3)},2025-01-{1 + k % 28:02},2025-02-09,{k}.10,EUR\n" for k in range(rows))
    )
    (folder / "payments.csv").write_text(
        "payment_id,invoice_id,paid_on,amount\n" + "".join(f"P{k},I{k},2025-02-11,{k}.10\n" for k in range(rows))
    )
    (folder / "events.csv").write_text(
        "customer_id,invoice_id,kind,occurred_on,amount\n"
        + "".join(f"C{k % (rows // 3)},I{k},dunning,2025-03-01,\n" for k in range(0, rows, 3))
    )
    return folder


def _spoilt(folder: Path) -> None:
    """A bad row of every table, names in quotes, a repeated row."""
    with (folder / "invoices.csv").open("a") as file:
        file.write("X1,C1,2025-02-30,2025-03-30,5.00,EUR\nI5,C5,2025-01-06,2025-02-09,5.10,EUR\nX2,NOBODY,a,b,c,d,e\n")
    with (folder / "payments.csv").open("a") as file:
        file.write("P9,I8,2025-02-11,7.00\nP9,I7,2025-02-11,8.00\nQ1,NOWHERE,2025-02-11,8.00\n")


@pytest.mark.parametrize(("chunk", "bucket", "threads"), [(64, 256, 2), (1000, 100, 1), (1 << 23, 64, 3)])
def test_the_ledger_does_not_depend_on_how_its_rows_were_cut(tmp_path, monkeypatch, chunk, bucket, threads):
    raw = _delivery(tmp_path / "raw")
    _spoilt(raw)
    monkeypatch.setattr("tradecredit.features.intake.run.MOST", 0.5)
    whole = take_in(raw, tmp_path / "whole", as_of=AS_OF)
    monkeypatch.setattr(csvrecords, "CHUNK", chunk)
    monkeypatch.setattr(run, "BUCKET", bucket)
    monkeypatch.setattr(taking, "THREADS", threads)
    monkeypatch.setattr("tradecredit.features.intake.spool.ROOM", 4000)  # most of it goes to the disk
    cut = take_in(raw, tmp_path / "cut", as_of=AS_OF)
    assert whole.as_dict() == cut.as_dict()
    assert len(whole.quarantine) >= 6
    for name, table in Ledger.read(tmp_path / "whole").tables().items():
        keys = list(table.columns)
        other = Ledger.read(tmp_path / "cut").tables()[name]
        assert table.sort_values(keys, ignore_index=True).equals(other.sort_values(keys, ignore_index=True))


_NOISE = [
    b'"',
    b",",
    b"\n",
    b"\r",
    b"\xff",
    b"\0",
    b"\x1a",
    b"NULL",
    b"1e5",
    b"2025-02-30",
    b"\xef\xbb\xbf",
    b" ",
    b"-",
]


def _mutated(data: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.randint(1, 4)):
        at, size = rng.randrange(len(data) + 1), rng.randint(1, 40)
        how = rng.randrange(6)
        if how == 0:
            data = data[:at] + rng.choice(_NOISE) + data[at:]
        elif how == 1:
            data = data[:at] + data[at + size :]
        elif how == 2:
            data = data[:at] + data[at : at + size] * 2 + data[at + size :]
        elif how == 3:
            data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        elif how == 4:
            lines = data.splitlines(keepends=True)
            rng.shuffle(lines[1:])
            data = b"".join([*lines, rng.choice(lines)]) if lines else data
        else:
            data = data[:at]
    return data


def test_a_minute_of_mutations_loses_nothing_and_crashes_nowhere(tmp_path, monkeypatch):
    """Every row read is accepted or set aside, what is accepted is in the ledger, and the money agrees."""
    monkeypatch.setattr("tradecredit.features.intake.run.MOST", 0.6)
    monkeypatch.setattr(run, "BUCKET", 400)
    good, rng, tried, loaded = _delivery(tmp_path / "good"), random.Random(20250630), 0, 0
    names = ["customers.csv", "invoices.csv", "payments.csv", "events.csv"]
    end = time.monotonic() + 60
    while time.monotonic() < end or loaded < 50:
        with tempfile.TemporaryDirectory() as place:
            raw, ledger = Path(place) / "raw", Path(place) / "ledger"
            shutil.copytree(good, raw)
            name = rng.choice(names)
            (raw / name).write_bytes(_mutated((raw / name).read_bytes(), rng))
            monkeypatch.setattr(csvrecords, "CHUNK", rng.choice([200, 1 << 23]))
            report, tried = Report(), tried + 1
            try:
                take_in(raw, ledger, as_of=AS_OF, report=report)
            except Mistake as refused:
                said = str(refused)
            if report.verdict == "reject":
                assert said == report.message
                assert "\n" not in said
                assert not ledger.exists()
                continue
            loaded += 1
            for file, rows in report.rows.items():
                assert rows["read"] == rows["accepted"] + rows["quarantined"], file
                assert rows["quarantined"] == sum(row.file == file for row in report.quarantine)
            tables = Ledger.read(ledger).tables()
            for table in ("customers", "invoices", "payments", "events"):
                assert len(tables[table]) == report.rows[f"{table}.csv"]["accepted"]
            assert _records(raw / name) == report.rows[name]["read"]
            for table in ("invoices", "payments"):
                rows = tables[table]
                money = rows.groupby("currency")["amount"].sum()
                said = {
                    code: int(float(text) * 10 ** EXPONENTS[code] + 0.5)
                    for code, text in report.sums[f"{table}.csv"].items()
                }
                assert money.to_dict() == said
    print(f"{tried} mutations, {loaded} loaded")
    assert set(tables) == set(SCHEMAS)


def _records(path: Path) -> int:
    """The records of a file, counted by the careful reader alone."""
    data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    tail = len(data) - len(data.rstrip(b"\x1a\r\n"))
    if b"\x1a" in data[len(data) - tail :]:
        data = data[: len(data) - tail] + b"\n"
    lines = data.splitlines(keepends=True)
    while lines and not lines[0].strip():
        lines.pop(0)
    raw, taken = csvrecords.fields_of(lines, b",")
    rest = b"".join(lines[taken:])
    records, *_ = careful(rest, 2, Shape(len(raw), (0,), b","), last=True, name=path.name)
    return len(records.lines) + len(records.faults)
