"""Odd deliveries that once went wrong: each is set aside, refused or read, and nothing else is touched."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deliveries import D1, D2, D3, FIRST, HEADS, changed, codes, features_of
from test_intake import INVOICES, raw
from tradecredit.errors import Mistake
from tradecredit.features.intake.taking import take_in
from tradecredit.features.ledger import Ledger
from tradecredit.features.mapping import Mapping
from tradecredit.features.quarantine import Report

AS_OF = date(2025, 6, 30)


def taken(folder, place, **mapping):
    """The report, refused or not."""
    report = Report()
    try:
        take_in(folder, place / "ledger", as_of=AS_OF, mapping=Mapping(**mapping), report=report)
    except Mistake as fault:
        said = str(fault)
        assert said.isprintable()
    return report


def rewritten(folder, name, **changes):
    path = folder / f"{name}.csv"
    text = path.read_text(encoding="utf-8")
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return folder


# ---- a code each


@pytest.mark.parametrize(
    ("table", "row", "code"),
    [
        ("invoices", "X,C1,03/04/2025,2025-05-01,5.00,EUR", "DATE_AMBIGUOUS"),
        ("invoices", "X,C1,2025-01-30,9999-12-31,5.00,EUR", "DATE_OUT_OF_RANGE"),
        ("invoices", "X,C1,2025-01-30,2025-03-30,99999999999999999.00,EUR", "AMOUNT_OUT_OF_RANGE"),
        ("invoices", "X,C1,2025-01-30,2025-03-30,1.500,EUR", "AMOUNT_PRECISION"),
        ("invoices", "X\0,C1,2025-01-30,2025-03-30,5.00,EUR", "NUL_BYTE"),
        ("invoices", "X,C1,2025-01-30,2025-03-30,5.00,EUR\nTotal,,,,6011.00,", "TRAILER_ROW"),
        ("invoices", "X,C1,2025-01-30,2025-03-30,5.00,EUR\n(61 rows affected)", "TRAILER_ROW"),
        ("invoices", "X,C1,2025-01-30,2025-03-30,5.00,EUR\n共61条", "TRAILER_ROW"),
        ("invoices", "invoice_id,customer_id,issued_on,due_on,amount,currency", "REPEATED_HEADER"),
        ("invoices", 'X,"C1"x,2025-01-30,2025-03-30,5.00,EUR', "QUOTE_MALFORMED"),
        ("invoices", "4.50001E+11,C1,2025-01-30,2025-03-30,5.00,EUR", "ID_EXCEL_MANGLED"),
        ("invoices", "#REF!,C1,2025-01-30,2025-03-30,5.00,EUR", "ID_NULL"),
        ("payments", "X,I1,2025-07-11,5.00", "DATE_FUTURE"),
        ("payments", "X,I1,2025-02-11,-500.00", "REVERSAL_EXCEEDS"),
    ],
)
def test_a_wrong_row_has_its_code_and_its_line(tmp_path, table, row, code):
    report = taken(raw(tmp_path, **{table: row + "\n"}), tmp_path)
    (fell,) = report.quarantine
    assert (fell.reason, fell.line) == (code, 61 + row.count("\n") + 1)
    assert report.rows[f"{table}.csv"]["accepted"] == 60 + row.count("\n")


@pytest.mark.parametrize(
    ("table", "row", "code"),
    [
        ("invoices", "X,C1,2025-01-30,2025-03-30,-5.00,EUR", "CREDIT_NOTE"),
        ("invoices", "X,C1,2019-01-30,2019-03-30,5.00,EUR", "ONBOARDED_AFTER_INVOICE"),
        ("invoices", "X,C1,2025-01-30,2025-03-30,5.00,USD", "MIXED_CURRENCY"),
        ("payments", "X,I1,2025-02-11,0.01", "OVERPAYMENT"),
        ("payments", "X,I1,2025-02-11,-5.00", "REVERSAL"),
        ("customers", "X,Abc\u202egnp.exe,SME,DE,2020-01-01,1.00,false", "BIDI_CONTROL"),
        ("customers", "\n", "BLANK_LINE"),
    ],
)
def test_what_is_strange_is_loaded_and_warned_of(tmp_path, table, row, code):
    report = taken(raw(tmp_path, **{table: row + "\n"}), tmp_path)
    assert report.quarantine == []
    assert code in {one["code"] for one in report.warnings}


def test_a_header_is_read_in_other_letters_and_twice_the_same_name_is_refused(tmp_path):
    report = taken(
        rewritten(raw(tmp_path), "invoices", a=("invoice_id,customer_id", "Invoice ID, CUSTOMER-ID")), tmp_path
    )
    assert [one["code"] for one in report.warnings] == ["HEADER_NORMALISED"]
    rewritten(tmp_path, "invoices", a=("due_on,amount", "amount,amount"))
    assert taken(tmp_path, tmp_path).reject_reason == ["HEADER_DUPLICATE"]


def test_most_rows_told_twice_refuse_the_delivery_by_that_name_too(tmp_path):
    twice = "".join(f"I{k},C{k},2025-01-10,2025-02-09,7.00,EUR\n" for k in range(60))
    assert taken(raw(tmp_path, invoices=twice), tmp_path).reject_reason == ["QUARANTINE_RATIO", "DUP_CONFLICT"]


# ---- what belongs to a row that cannot be read


def test_the_children_of_an_unreadable_row_fall_with_it(tmp_path):
    rewritten(raw(tmp_path), "customers", a=("C7,Müller 7 有限公司", '"C7","Acme "Best" Ltd"'))
    report = taken(tmp_path, tmp_path)
    assert [(row.key, row.reason, row.cascade) for row in report.quarantine] == [
        ("C7", "QUOTE_MALFORMED", False),
        ("I7", "PARENT_QUARANTINED", True),
        ("P7", "PARENT_QUARANTINED", True),
    ]


def test_an_id_of_several_columns_joins_the_tables(tmp_path):
    raw(tmp_path)
    for name in ("invoices", "payments"):
        lines = (tmp_path / f"{name}.csv").read_text().splitlines()
        more = [f"{line},{'company_code' if k == 0 else 1000 + k % 2}" for k, line in enumerate(lines)]
        (tmp_path / f"{name}.csv").write_text("\n".join(more) + "\n")
    with (tmp_path / "invoices.csv").open("a") as file:
        file.write("I7,C7,2025-01-10,2025-02-09,5.00,EUR,2000\nI8,C7,2025-01-10,2025-02-09,5.00,EUR,3000,surplus\n")
    report = taken(tmp_path, tmp_path, key={"invoices": ["company_code", "invoice_id"]})
    assert [(row.key, row.reason) for row in report.quarantine] == [("3000/I8", "FIELD_COUNT")]
    assert {"1000/I7", "2000/I7"} <= set(Ledger.read(tmp_path / "ledger").invoices["invoice_id"])


def test_records_between_two_stray_quotes_are_not_swallowed(tmp_path):
    rewritten(
        raw(tmp_path),
        "customers",
        a=("C5,Müller 5 有限公司", 'C5,"Pipes Ltd'),
        b=("C8,Müller 8 有限公司", 'C8,Rohr 5"'),
    )
    report = taken(tmp_path, tmp_path)
    assert report.rows["customers.csv"] == {"read": 60, "accepted": 59, "quarantined": 1}
    own = [(row.line, row.key, row.reason) for row in report.quarantine if not row.cascade]
    assert own == [(7, "C5", "QUOTE_MALFORMED")]


# ---- mappings and files


@pytest.mark.parametrize(
    ("mapping", "code"),
    [
        ({"constants": {"invoices": {"currency": "USD"}}}, "HEADER_MISMATCH"),  # the export has one
        ({"encoding": "utf-16"}, "ENCODING_INVALID"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(tmp_path, mapping, code):
    assert taken(raw(tmp_path), tmp_path, **mapping).reject_reason == [code]


@pytest.mark.parametrize("encoding", ["hex", "base64", "idna", "undefined", "punycode"])
def test_an_encoding_must_be_one_of_text(tmp_path, encoding):
    (tmp_path / "mapping.yaml").write_text(f"encoding: {encoding}")
    with pytest.raises(Mistake, match="is not known"):
        Mapping.read(tmp_path / "mapping.yaml")


@pytest.mark.parametrize(
    "source",
    [
        "postgresql://host/db?user=bob&password=SECRET1",
        "postgresql://bob:SEC/RET1@host/db",
        "postgresql://bob@host/db",
        "notadb:SECRET1",
    ],
)
def test_a_secret_in_the_mapping_is_refused_and_not_shown(tmp_path, source):
    (tmp_path / "mapping.yaml").write_text(f"source: '{source}'\ntables: {{customers: c}}")
    with pytest.raises(Mistake) as refused:
        take_in(None, tmp_path / "ledger", as_of=AS_OF, mapping=Mapping.read(tmp_path / "mapping.yaml"))
    assert "SEC" not in str(refused.value)
    assert "bob" not in str(refused.value)


def test_a_folder_that_is_no_ledger_is_left_alone(tmp_path):
    (tmp_path / "raw").mkdir()
    raw(tmp_path / "raw")
    for name in ("2023", ".git", "0001"):
        place = tmp_path / f"of-{name}" / name
        place.mkdir(parents=True)
        (place / "mine.csv").write_text("x")
        with pytest.raises(Mistake, match="is no ledger"):
            take_in(tmp_path / "raw", place.parent, as_of=AS_OF)
        assert (place / "mine.csv").read_text() == "x"


def test_typed_decimals_and_columns_of_no_use_do_no_harm_in_parquet(tmp_path):
    raw(tmp_path)
    for name in ("customers", "invoices", "payments"):
        table = pa.Table.from_pandas(pd.read_csv(tmp_path / f"{name}.csv", dtype=str), preserve_index=False)
        if name != "customers":
            place = table.schema.get_field_index("amount")
            table = table.set_column(place, "amount", table.column("amount").cast(pa.decimal128(18, 3)))
        table = table.append_column("lists", pa.array([[1]] * len(table)))
        pq.write_table(table, tmp_path / f"{name}.parquet")
        (tmp_path / f"{name}.csv").unlink()
    report = taken(tmp_path, tmp_path)
    assert report.sums["invoices.parquet"] == {"EUR": "6006.00"}
    whole = (tmp_path / "payments.parquet").read_bytes()
    (tmp_path / "payments.parquet").write_bytes(whole[:-400] + b"x" * 396 + b"PAR1")
    assert taken(tmp_path, tmp_path / "again").reject_reason == ["NOT_CSV"]


def test_what_a_terminal_would_obey_is_shown(tmp_path):
    report = taken(raw(tmp_path, invoices="P\x1b[31mRED,C1,2025-01-30,2025-03-30,5.00,EUR\n"), tmp_path)
    assert [row.reason for row in report.quarantine] == ["CONTROL_CHAR"]
    assert all(line.isprintable() for line in report.summary())


def test_two_rates_of_one_day_are_both_set_aside(tmp_path):
    rates = "".join(f"USD,2025-01-{day:02},0.9\n" for day in range(1, 31))
    rates += "JPY,2025-01-01,0.006\nJPY,2025-01-01,0.9\n"
    (raw(tmp_path) / "rates.csv").write_text("currency,date,rate\n" + rates)
    report = taken(tmp_path, tmp_path)
    assert report.reject_reason == ["QUARANTINE_RATIO", "DUP_CONFLICT"]


# ---- several deliveries


def test_a_payment_whose_new_booking_falls_stays_where_it_was(book):
    book.deliver(FIRST, D1)
    report = book.deliver(changed("payments", "P0", "P0,NOPE,2025-02-10,100.00"), D2)
    assert [(row.key, row.reason) for row in report.quarantine] == [("P0", "ORPHAN")]
    assert codes(report, "RESTATED") == codes(report, "VANISHED") == []
    rows = book.read().payments.query("payment_id == 'P0'")
    assert list(rows["replaced_in"]) == [0]


def test_the_same_delivery_after_another_of_that_day_is_a_new_one(book):
    other = changed("invoices", "I0", "I0,C1,2025-01-10,2025-02-09,1.00,EUR")
    for tables in (FIRST, other, FIRST):
        assert not book.deliver(tables, D1).repeated
    rows = book.read().invoices.query("invoice_id == 'I0'")
    assert list(rows.query("replaced_in == 0")["amount"]) == [10000]


def test_a_delivery_of_an_earlier_day_is_stale_whatever_its_manifest_says(book):
    book.deliver(FIRST, D2, {"as_of": "2025-07-10"})
    with pytest.raises(Mistake, match="is of 2025-07-20"):
        book.deliver(FIRST, date(2025, 7, 20), {"as_of": "2025-07-15"})


def test_rates_and_sources_that_come_later_change_no_feature_of_a_past_day(book):
    dollars = changed("invoices", "I0", "I0,C1,2025-01-10,2025-02-09,100.00,USD")
    heads, HEADS["rates"] = dict(HEADS), "currency,date,rate"
    try:
        book.deliver(dollars | {"rates": ["USD,2025-01-01,0.9"]}, D1)
        then = date(2025, 6, 15)
        before = features_of(book.read(), then)
        more = {"rates": ["USD,2025-01-01,0.5", "USD,2025-01-05,0.4"], "events": ["C1,I2,bounced,2025-03-01,5.00"]}
        book.deliver(dollars | more, D2)
        after = features_of(book.read(), then)
        assert np.array_equal(before[1], after[1])
        assert np.array_equal(before[0], after[0], equal_nan=True)
        assert book.read().since["events"] == date(2025, 7, 1)
    finally:
        HEADS.clear()
        HEADS.update(heads)


def test_a_reader_keeps_to_one_delivery(book):
    many = FIRST | {"customers": FIRST["customers"] + [f"D{k},Filler,SME,DE,,5.00,false" for k in range(520)]}
    book.deliver(many, D1)
    parts = Ledger.read_partitions(book.ledger)
    read = [next(parts)]
    more = many | {"customers": many["customers"] + [f"E{k},Filler,SME,DE,,5.00,false" for k in range(600)]}
    book.deliver(more, D2)
    read += parts
    assert sorted(pd.concat([part.customers for part in read])["customer_id"]) == sorted(
        row.split(",")[0] for row in many["customers"]
    )


def test_a_row_that_is_doubled_every_month_comes_not_sound(book):
    doubled = FIRST | {"invoices": [*FIRST["invoices"], FIRST["invoices"][0]]}
    for day in (D1, D2, D3):
        report = book.deliver(doubled, day)
        assert [row.reason for row in report.quarantine] == ["DUP_EXACT"]
        assert report.repaired == []


def test_an_event_that_is_not_told_wrongly_any_more_closes_its_entry(book):
    good = [f"C1,I{2 * k},dunning,2025-0{month}-01," for k in range(15) for month in (3, 4)]
    book.deliver(FIRST | {"events": [*good, "C1,I2,write_off,2025-03-01,"]}, D1)
    report = book.deliver(FIRST | {"events": [*good, "C1,I2,write_off,2025-03-01,5.00"]}, D2)
    assert [row["closes"]["reason"] for row in report.repaired] == ["AMOUNT_NULL"]


def test_a_payment_that_falls_has_not_vanished(book):
    book.deliver(FIRST, D1)
    report = book.deliver(changed("payments", "P0", "P0,I0,2025-02-30,100.00"), D2)
    assert codes(report, "VANISHED") == []


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        ({"rows": {"events.csv": 10}}, "events.csv: has 0 rows"),
        ({"rows": {"invoices": "39"}}, "invoices.csv: has 40 rows"),
        ({"sums": {"payments.csv": "1.00"}}, "should be by currency"),
        ({"rows": [1]}, "should be JSON such as"),
    ],
)
def test_a_manifest_is_held_to(book, manifest, says):
    with pytest.raises(Mistake, match=says):
        book.deliver(FIRST, D1, manifest)
    assert not book.deliver(FIRST, D1, {"rows": {"invoices": "40"}}).quarantine


def test_a_refusal_is_reported_in_the_file_whatever_its_cause(tmp_path):
    from typer.testing import CliRunner

    from tradecredit.cli import app

    (raw(tmp_path) / "manifest.json").write_text("{")
    words = ["intake", str(tmp_path), "--ledger", str(tmp_path / "ledger"), "--as-of", "2025-06-30"]
    CliRunner().invoke(app, [*words, "--report", str(tmp_path / "report.json")])
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["verdict"] == "reject"
    assert "manifest.json" in report["message"]
    assert INVOICES
