"""Intake: exact conversions, a line for every mistake, nothing lost."""

import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradecredit.errors import Mistake
from tradecredit.features.engine.loading import facts_of
from tradecredit.features.intake.conversions import amount_of
from tradecredit.features.intake.taking import take_in
from tradecredit.features.ledger import Ledger
from tradecredit.features.mapping import Mapping
from tradecredit.features.quarantine import Report

AS_OF = date(2025, 6, 30)
CUSTOMERS = "customer_id,name,segment,country,onboarded_on,credit_limit,is_strategic\n"
INVOICES = "invoice_id,customer_id,issued_on,due_on,amount,currency\n"
PAYMENTS = "payment_id,invoice_id,paid_on,amount\n"


def raw(folder, customers=None, invoices=None, payments=None):
    """A delivery of many good rows, with some lines added to each file."""
    good = range(60)
    tables = {
        "customers": CUSTOMERS + "".join(f"C{k},Müller {k} 有限公司,SME,DE,2020-01-01,1000.00,false\n" for k in good),
        "invoices": INVOICES + "".join(f"I{k},C{k},2025-01-10,2025-02-09,100.10,EUR\n" for k in good),
        "payments": PAYMENTS + "".join(f"P{k},I{k},2025-02-11,100.10\n" for k in good),
    }
    for name, added in (("customers", customers), ("invoices", invoices), ("payments", payments)):
        (folder / f"{name}.csv").write_text(tables[name] + (added or ""), encoding="utf-8")
    return folder


def read(folder, mapping=None):
    """The ledger of a first delivery, and the report."""
    with tempfile.TemporaryDirectory() as place:
        report = take_in(folder, Path(place) / "ledger", as_of=AS_OF, mapping=mapping)
        return Ledger.read(Path(place) / "ledger"), report


def test_a_good_delivery_is_taken_whole_and_its_sums_are_exact(tmp_path):
    ledger, report = read(raw(tmp_path))
    assert report.verdict == "accept"
    assert report.rows["invoices.csv"] == {"read": 60, "accepted": 60, "quarantined": 0}
    assert report.sums == {"invoices.csv": {"EUR": "6006.00"}, "payments.csv": {"EUR": "6006.00"}}
    assert ledger.invoices["amount"].sum() == 600600
    assert set(ledger.payments["customer_id"]) == set(ledger.customers["customer_id"])
    assert report.known_on_assumed == ["invoices.csv", "payments.csv"]


@pytest.mark.parametrize(
    ("table", "line", "reason"),
    [
        ("invoices", "X,C1,2025-02-30,2025-03-30,5.00,EUR", "DATE_INVALID"),
        ("invoices", "X,C1,30.01.2025,2025-03-30,5.00,EUR", "DATE_FORMAT"),
        ("invoices", "X,C1,45413,2025-03-30,5.00,EUR", "DATE_EXCEL_SERIAL"),
        ("invoices", "X,C1,,2025-03-30,5.00,EUR", "DATE_NULL"),
        ("invoices", "X,C1,1900-01-01,2025-03-30,5.00,EUR", "DATE_OUT_OF_RANGE"),
        ("invoices", "X,C1,2025-07-01,2025-08-30,5.00,EUR", "DATE_FUTURE"),
        ("invoices", "X,C1,2025-03-30,2025-03-01,5.00,EUR", "DUE_BEFORE_ISSUE"),
        ("invoices", 'X,C1,2025-01-30,2025-03-30,"5,00",EUR', "AMOUNT_FORMAT"),
        ("invoices", "X,C1,2025-01-30,2025-03-30,10.005,EUR", "AMOUNT_PRECISION"),
        ("invoices", "X,C1,2025-01-30,2025-03-30,Infinity,EUR", "AMOUNT_NOT_FINITE"),
        ("invoices", "X,C1,2025-01-30,2025-03-30,,EUR", "AMOUNT_NULL"),
        ("invoices", "X,C1,2025-01-30,2025-03-30,5.00,RMB", "CURRENCY_UNKNOWN"),
        ("invoices", "X,C1,2025-01-30,2025-03-30,5.00,", "CURRENCY_NULL"),
        ("invoices", "X,NOBODY,2025-01-30,2025-03-30,5.00,EUR", "ORPHAN"),
        ("invoices", ",C1,2025-01-30,2025-03-30,5.00,EUR", "ID_NULL"),
        ("invoices", "X,C1,2025-01-30,2025-03-30,5.00,EUR,9", "FIELD_COUNT"),
        ("invoices", "I1,C1,2025-01-10,2025-02-09,100.10,EUR", "DUP_EXACT"),
        ("payments", "X,NOTHING,2025-02-11,5.00", "ORPHAN"),
        ("payments", "X,I1,2025-02-11,1_000.00", "AMOUNT_FORMAT"),
        ("customers", "X,Name,SME,DE,2020-01-01,1000.00,maybe", "BOOL_INVALID"),
        ("customers", "X,Name,SME,DE,2020-01-01,-1,true", "AMOUNT_NEGATIVE"),
    ],
)
def test_a_wrong_row_is_set_aside_with_its_line_and_reason(tmp_path, table, line, reason):
    _, report = read(raw(tmp_path, **{table: line + "\n"}))
    assert report.verdict == "quarantine"
    (row,) = report.quarantine
    assert (row.file, row.line, row.reason, row.cascade) == (f"{table}.csv", 62, reason, False)
    told = report.rows[f"{table}.csv"]
    assert told["read"] == told["accepted"] + told["quarantined"] == 61


def test_two_rows_of_one_id_that_differ_are_both_set_aside(tmp_path):
    _, report = read(raw(tmp_path, invoices="I1,C2,2025-01-10,2025-02-09,7.00,EUR\n"))
    reasons = [(row.line, row.reason, row.cascade) for row in report.quarantine if row.file == "invoices.csv"]
    assert reasons == [(3, "DUP_CONFLICT", False), (62, "DUP_CONFLICT", False)]
    assert [(r.key, r.reason, r.cascade) for r in report.quarantine if r.file == "payments.csv"] == [
        ("P1", "PARENT_QUARANTINED", True)
    ]


def test_lines_are_those_of_the_file_also_after_a_name_with_line_breaks(tmp_path):
    added = 'N1,"two\nlines",SME,DE,2020-01-01,5.00,false\nN2,x,SME,DE,never,5.00,false\n'
    _, report = read(raw(tmp_path, customers=added))
    assert [(row.line, row.key, row.reason) for row in report.quarantine] == [(64, "N2", "DATE_FORMAT")]


@pytest.mark.parametrize(
    ("spoil", "code", "says"),
    [
        (lambda d: (d / "payments.csv").unlink(), "FILE_MISSING", "has no payments.csv"),
        (lambda d: (d / "invoices.csv").write_text(""), "FILE_EMPTY", "invoices.csv: is empty"),
        (lambda d: (d / "payments.csv").write_text(PAYMENTS), "TABLE_EMPTY", "header and no rows"),
        (
            lambda d: (d / "invoices.csv").write_text("invoice_id,amount\nI1,5\n"),
            "HEADER_MISMATCH",
            "no column 'customer_id'",
        ),
        (
            lambda d: (d / "customers.csv").write_bytes((CUSTOMERS + "C1,M\xfcller,SME,DE,,,\n").encode("latin-1")),
            "QUARANTINE_RATIO",
            "line 2 .C1: ENCODING_INVALID",
        ),
        (lambda d: (d / "invoices.csv").write_bytes(b"\x1f\x8b\x08\x00x"), "NOT_CSV", "is compressed"),
        (
            lambda d: (d / "invoices.csv").write_text((d / "invoices.csv").read_text() + 'I9,"C1'),
            "FILE_UNTERMINATED_QUOTE",
            "invoices.csv line 62",
        ),
        (
            lambda d: (d / "invoices.csv").write_text((d / "invoices.csv").read_text().replace("-01-10", "-13-10")),
            "QUARANTINE_RATIO",
            "60 of 60 rows are wrong",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_one_line_that_says_what_would_be_right(tmp_path, spoil, code, says):
    spoil(raw(tmp_path))
    report = Report()
    with pytest.raises(Mistake, match=says) as refused:
        take_in(tmp_path, tmp_path / "ledger", as_of=AS_OF, report=report)
    assert "\n" not in str(refused.value)
    assert (report.verdict, report.reject_reason[0]) == ("reject", code)


def test_a_refused_delivery_changes_nothing(tmp_path):
    (tmp_path / "raw").mkdir()
    take_in(raw(tmp_path / "raw"), tmp_path / "ledger", as_of=AS_OF)
    before = {p: p.read_bytes() for p in (tmp_path / "ledger").rglob("*") if p.is_file()}
    raw(tmp_path / "raw", invoices="oops\n" * 30)
    with pytest.raises(Mistake):
        take_in(tmp_path / "raw", tmp_path / "ledger", as_of=AS_OF)
    assert before == {p: p.read_bytes() for p in (tmp_path / "ledger").rglob("*") if p.is_file()}


def test_a_ledger_read_back_is_the_same_and_writes_the_same_bytes(tmp_path, walked):
    ledger = Ledger.read(walked / "data/ledger")
    ledger.write(tmp_path / "once")
    again = Ledger.read(tmp_path / "once")
    again.write(tmp_path / "again")
    for name, table in ledger.tables().items():
        pd.testing.assert_frame_equal(table, again.tables()[name])
        for file in sorted((tmp_path / "once" / name).iterdir()):
            assert file.read_bytes() == (tmp_path / "again" / name / file.name).read_bytes()
    parts = list(Ledger.read_partitions(walked / "data/ledger"))
    assert sum(len(part.invoices) for part in parts) == len(ledger.invoices)
    assert len(parts) == 3
    assert sum(part.customers["customer_id"].nunique() for part in parts) == len(ledger.customers)


def test_parquet_extracts_read_as_csv_ones_do(tmp_path):
    (tmp_path / "csv").mkdir()
    (tmp_path / "parquet").mkdir()
    from_csv, _ = read(raw(tmp_path / "csv"))
    for name in ("customers", "invoices", "payments"):
        pd.read_csv(tmp_path / "csv" / f"{name}.csv", dtype=str).to_parquet(tmp_path / "parquet" / f"{name}.parquet")
    from_parquet, _ = read(tmp_path / "parquet")
    for name, table in from_csv.tables().items():
        pd.testing.assert_frame_equal(table, from_parquet.tables()[name])


ONE_FILE = """ref,buyer,billed,falls due,total,cleared
0001,0042,1/31/2025,3/2/2025,100.00,3/9/2025
0002,0042,2/28/2025,3/30/2025,50.50,
"""


def test_a_one_file_export_is_read_through_its_mapping(tmp_path):
    (tmp_path / "aging.csv").write_text(ONE_FILE)
    (tmp_path / "mapping.yaml").write_text(
        """
files: {invoices: aging.csv}
date_format: "%m/%d/%Y"
columns:
  invoices: {ref: invoice_id, buyer: customer_id, billed: issued_on, falls due: due_on, total: amount}
constants: {invoices: {currency: USD}}
derive: {customers: true, payments: {paid_on: cleared}}
reporting_currency: USD
"""
    )
    ledger, report = read(tmp_path, Mapping.read(tmp_path / "mapping.yaml"))
    assert list(ledger.customers["customer_id"]) == ["0042"]
    assert list(ledger.payments["paid_on"].dt.date) == [date(2025, 3, 9)]
    assert list(ledger.payments["amount"]) == [10000]
    assert report.quarantine == []


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("colums: {}", "unknown key 'colums'"),
        ("columns: [a]", "columns should be a mapping"),
        ("files: {bills: x.csv}", "no table 'bills'"),
        ("rates: {RMB: 7}", "'RMB' is no ISO 4217"),
        ("a: [", "not valid YAML"),
        ("encoding: utf-9", "encoding 'utf-9' is not known"),
        ("delimiter: ';;'", "delimiter should be one ASCII character"),
        ("columns: {invoices: }", "columns.invoices should hold"),
        ("constants: {invoices: {amount: 5}}", "constants.invoices should hold"),
        ("rates: {USD: abc}", "rates.USD should be a number above 0"),
        ("rates: {USD: -1}", "rates.USD should be a number above 0"),
        ("since: {events: 2020-01-01}", "since.events should be a quoted day"),
        ("since: {parties: '2020-01-01'}", "since.parties is no optional source"),
        ("files: {customers: a/data.csv, invoices: b/data.csv}", "two tables are called 'data.csv'"),
        ("source: sqlite:///x.db\ntables: {customers: ''}", "tables.customers should be"),
        ("derive: {payments: true}", "derive.payments should be"),
    ],
)
def test_a_wrong_mapping_says_what_would_be_right(tmp_path, said, says):
    (tmp_path / "mapping.yaml").write_text(said)
    with pytest.raises(Mistake, match=says):
        Mapping.read(tmp_path / "mapping.yaml")


def test_amounts_of_other_currencies_convert_at_the_dated_rate_or_are_refused(tmp_path):
    folder = raw(tmp_path, invoices="Y,C1,2025-03-01,2025-04-01,1000,JPY\n")
    ledger, report = read(folder)
    assert {"code": "MIXED_CURRENCY", "file": "invoices.csv"} in report.warnings
    with pytest.raises(Mistake, match="no rate for JPY on 2025-03-01"):
        facts_of(ledger)
    (folder / "rates.csv").write_text("currency,date,rate\nJPY,2025-01-01,0.006\nJPY,2025-06-01,0.9\n")
    facts = facts_of(read(folder)[0])
    place = [facts.document_id(d) for d in range(len(facts.documents.customer))].index("Y")
    assert facts.versions.amount[facts.documents.versions[place]] == 600  # 6.00 EUR in cents


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2, allow_nan=False))
def test_money_is_exact(amount):
    assert amount_of(f"{amount:f}") == (int(amount * 1000), 2)


@given(st.text(max_size=12))
def test_no_text_becomes_money_but_a_plain_number(text):
    got = amount_of(text)
    if not isinstance(got, str):
        assert Decimal(text.strip()) * 1000 == got[0]
        assert set(text.strip()) <= set("-.0123456789")


def _with(folder, **tables):
    raw(folder)
    heads = {
        "events": "customer_id,invoice_id,kind,occurred_on,amount\n",
        "limits": "customer_id,valid_from,amount\n",
        "signals": "customer_id,source,name,value,observed_on\n",
    }
    for name, rows in tables.items():
        (folder / f"{name}.csv").write_text(heads[name] + rows)
    return folder


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("C1,NOPE,credit_note,2025-03-01,5.00", "ORPHAN"),
        ("C2,I1,credit_note,2025-03-01,5.00", "ORPHAN"),  # not its invoice
        ("C1,I1,write_off,2025-03-01,", "AMOUNT_NULL"),
        ("C1,I1,dispute_opened,2025-03-01,-0.01", "AMOUNT_NEGATIVE"),
        ("C1,I1,party,2025-03-01,", "ID_INVALID"),
        ("C1,I1,dunning,2025-03-02,", "DUP_EXACT"),
    ],
)
def test_an_event_that_cannot_count_is_set_aside(tmp_path, row, reason):
    good = "".join(f"C1,I1,dunning,2025-03-{day:02},\n" for day in range(1, 29))
    _, report = read(_with(tmp_path, events=f"{good}{row}\n"))
    assert [(r.line, r.reason) for r in report.quarantine if r.file == "events.csv"] == [(30, reason)]


def test_an_optional_table_without_rows_is_a_table_without_rows(tmp_path):
    ledger, report = read(_with(tmp_path, events="", limits="", signals=""))
    assert report.verdict == "accept"
    assert set(ledger.since) == {"events", "limits", "signals"}


def test_unapplied_cash_belongs_to_a_known_customer(tmp_path):
    folder = raw(tmp_path)
    rows = [line + "," for line in (folder / "payments.csv").read_text().splitlines()]
    rows[0] += "customer_id"
    (folder / "payments.csv").write_text("\n".join([*rows, "U1,,2025-06-01,5.00,C1", "U2,,2025-06-01,5.00,NOBODY"]))
    ledger, report = read(folder)
    assert [(row.key, row.reason) for row in report.quarantine] == [("U2", "ORPHAN")]
    assert list(ledger.payments.loc[ledger.payments["payment_id"] == "U1", "customer_id"]) == ["C1"]


def test_a_repeated_row_takes_nothing_down_with_it(tmp_path):
    line = "C1,Müller 1 有限公司,SME,DE,2020-01-01,1000.00,false\n"
    _, report = read(raw(tmp_path, customers=line))
    assert [(row.file, row.reason) for row in report.quarantine] == [("customers.csv", "DUP_EXACT")]


def test_of_two_equal_rows_and_one_that_differs_none_is_believed(tmp_path):
    same, other = "I1,C1,2025-01-10,2025-02-09,100.10,EUR\n", "I1,C1,2025-01-10,2025-02-09,7.00,EUR\n"
    _, report = read(raw(tmp_path, invoices=same + other))
    assert [(r.line, r.reason) for r in report.quarantine if not r.cascade] == [
        (3, "DUP_CONFLICT"),
        (62, "DUP_CONFLICT"),
        (63, "DUP_CONFLICT"),
    ]


def test_a_row_without_its_booking_day_is_told_as_assumed(tmp_path):
    folder = raw(tmp_path)
    rows = (folder / "invoices.csv").read_text().splitlines()
    text = [rows[0] + ",known_on", *(line + ",2025-01-11" for line in rows[1:-1]), rows[-1] + ","]
    (folder / "invoices.csv").write_text("\n".join(text))
    _, report = read(folder)
    assert report.known_on_assumed == ["invoices.csv", "payments.csv"]


def test_a_mapped_column_that_is_not_there_is_refused(tmp_path):
    raw(tmp_path)
    with pytest.raises(Mistake, match="no column 'Posted'"):
        read(tmp_path, Mapping(columns={"invoices": {"Posted": "known_on"}}))


def test_an_invoice_whose_paid_date_cannot_be_read_is_not_taken_as_unpaid(tmp_path):
    rows = "".join(f"{k},A,2025-01-31,2025-03-02,100.00,2025-03-09\n" for k in range(2, 60))
    (tmp_path / "aging.csv").write_text(
        f"invoice_id,customer_id,issued_on,due_on,amount,paid\n0,A,2025-01-31,2025-03-02,100.00,\n"
        f"1,A,2025-01-31,2025-03-02,100.00,soon\n{rows}99,A,2025-01-31,2025-03-02,-40.00,2025-03-09\n"
    )
    mapping = Mapping(
        files={"invoices": "aging.csv"},
        constants={"invoices": {"currency": "EUR"}},
        derive={"customers": True, "payments": {"paid_on": "paid"}},
    )
    ledger, report = read(tmp_path, mapping)
    assert [(row.line, row.key, row.reason) for row in report.quarantine] == [(3, "1", "DATE_FORMAT")]
    assert len(ledger.payments) == 58  # what cleared the credit note is no payment
    assert (ledger.payments["amount"] == 10000).all()


def test_an_invoice_that_was_paid_after_the_day_is_still_open_on_it(tmp_path):
    rows = "".join(f"{k},A,2025-01-31,2025-03-02,100.00,2025-03-09\n" for k in range(2, 60))
    head = "invoice_id,customer_id,issued_on,due_on,amount,paid\n"
    (tmp_path / "aging.csv").write_text(f"{head}1,A,2025-01-31,2025-03-02,100.00,2025-07-01\n{rows}")
    mapping = Mapping(
        files={"invoices": "aging.csv"},
        constants={"invoices": {"currency": "EUR"}},
        derive={"customers": True, "payments": {"paid_on": "paid"}},
    )
    ledger, report = read(tmp_path, mapping)
    assert [(row.line, row.reason) for row in report.quarantine] == [(2, "DATE_FUTURE")]
    assert (len(ledger.invoices), len(ledger.payments)) == (59, 58)
