"""Deliveries one after the other: what was known on a day stays reproducible, and nothing is lost."""

import random
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from deliveries import D1, D2, D3, FIRST, changed, codes, features_of
from tradecredit.errors import Mistake
from tradecredit.features.account import Account
from tradecredit.features.catalogue import CATALOGUE
from tradecredit.features.column import Missing
from tradecredit.features.engine.days import day_number
from tradecredit.features.engine.loading import facts_of
from tradecredit.features.exports import write_csv
from tradecredit.features.ledger import read_about
from tradecredit.features.schemas import OWN_DATE


def test_a_restated_invoice_keeps_both_versions_with_their_time(book):
    book.deliver(FIRST, D1)
    report = book.deliver(changed("invoices", "I0", "I0,C1,2025-01-10,2025-03-31,90.00,EUR"), D2)
    assert codes(report, "RESTATED") == [("invoices.csv", 2, None)]
    rows = book.read().invoices.query("invoice_id == 'I0'").sort_values("delivery")
    assert list(rows["amount"]) == [10000, 9000]
    assert [str(day.date()) for day in rows["known_on"]] == ["2025-01-10", "2025-07-31"]
    assert [str(day)[:10] for day in rows["replaced_on"]] == ["2025-07-31", "NaT"]
    for day, amount in (("2025-07-30", 10000), ("2025-07-31", 9000)):
        account = Account(facts_of(book.read()), 0, day_number(date.fromisoformat(day)))
        place = [account.facts.document_id(d) for d in account.document].index("I0")
        assert account.amount[place] == amount
        assert account.due[place] == day_number(date(2025, 2, 9))  # it was past when the move became known
        assert account.settle[place] == day_number(date(2025, 2, 10))


def test_a_due_day_that_is_put_off_when_it_is_past_is_an_extension(book):
    """It moves no lateness; before there are two deliveries nobody can tell."""
    book.deliver(FIRST, D1)
    book.deliver(changed("invoices", "I39", "I39,C2,2025-01-10,2025-09-30,139.00,EUR"), D2)
    place = [one.name for one in CATALOGUE].index("n_extended_365d")
    oldest = [one.name for one in CATALOGUE].index("oldest_dpd")
    for day, counts, reason in (("2025-07-30", 0, Missing.NOSRC), ("2025-07-31", 1, Missing.NONE)):
        values, missing = features_of(book.read(), day)
        assert missing[1, place] == reason
        assert np.nan_to_num(values[1, place]) == counts
    assert values[1, oldest] == (date(2025, 7, 31) - date(2025, 2, 9)).days


def test_an_invoice_that_changes_its_customer_leaves_the_one_and_joins_the_other(book):
    book.deliver(FIRST, D1)
    report = book.deliver(changed("invoices", "I0", "I0,C2,2025-01-10,2025-02-09,100.00,EUR"), D2)
    assert codes(report, "INVOICE_CUSTOMER_CHANGED") == [("invoices.csv", 2, None)]
    for table, key in (("invoices", "I0"), ("payments", "P0")):
        rows = book.read().tables()[table]
        rows = rows[rows[f"{table[:-1]}_id"] == key].sort_values("delivery")
        assert list(rows["customer_id"]) == ["C1", "C2"]
        assert list(rows["replaced_in"]) == [2, 0]


def test_a_payment_that_is_booked_on_another_invoice_leaves_the_first(book):
    book.deliver(FIRST, D1)
    report = book.deliver(changed("payments", "P0", "P0,I39,2025-02-10,100.00"), D2)
    assert codes(report, "RESTATED") == [("payments.csv", 2, None)]
    assert codes(report, "VANISHED") == []
    rows = book.read().payments.query("payment_id == 'P0'").sort_values("delivery")
    assert list(rows["invoice_id"]) == ["I0", "I39"]
    assert list(rows["replaced_in"]) == [2, 0]


def test_a_late_row_is_known_from_its_delivery_on(book):
    book.deliver(FIRST, D1)
    late = FIRST | {"payments": [*FIRST["payments"], "P99,I35,2025-05-01,135.00", "P100,I36,2025-07-15,136.00"]}
    report = book.deliver(late, D2)
    assert codes(report, "LATE_ARRIVAL") == [("payments.csv", 32, None)]  # the other is of this month
    rows = book.read().payments.set_index("payment_id")["known_on"]
    assert str(rows["P99"].date()) == str(rows["P100"].date()) == "2025-07-31"
    assert str(rows["P0"].date()) == "2025-02-10"


def test_what_a_delivery_leaves_out_stays_and_is_warned_of(book):
    book.deliver(FIRST, D1)
    report = book.deliver(changed("invoices", "I39", None, changed("payments", "P0", None)), D2)
    assert codes(report, "VANISHED") == [("invoices.csv", None, 1), ("payments.csv", None, 1)]
    assert (book.read().invoices["replaced_in"] == 0).all()
    assert len(book.read().invoices) == 40
    more = changed("invoices", "I39", None, FIRST | {"payments": [*FIRST["payments"], "P39,I39,2025-07-01,5.00"]})
    assert book.deliver(more, D3).quarantine == []  # its invoice is in the ledger


def test_the_same_delivery_twice_changes_nothing(book):
    book.deliver(FIRST, D1)
    before = {
        p: (p.read_bytes(), p.stat().st_mtime_ns) for p in book.ledger.rglob("*") if p.is_file() and p.name != ".lock"
    }
    report = book.deliver(FIRST, D1)
    assert report.repeated
    assert report.rows["invoices.csv"]["accepted"] == 40
    assert before == {
        p: (p.read_bytes(), p.stat().st_mtime_ns) for p in book.ledger.rglob("*") if p.is_file() and p.name != ".lock"
    }
    assert not book.deliver(FIRST, D2).repeated  # nothing new, known up to a later day
    assert len(book.read().invoices) == 40
    assert str(book.read().data_end) == "2025-07-31"


def test_a_repaired_row_closes_its_quarantine_entry_with_a_link(book):
    bad = changed("customers", "C2", "C2,Two,CORP,DE,never,,true")
    with pytest.raises(Mistake, match="more than 5%"):
        book.deliver(bad, D1)
    many = FIRST | {"customers": FIRST["customers"] + [f"D{k},Filler,SME,DE,,5.00,false" for k in range(30)]}
    bad = changed("customers", "C2", "C2,Two,CORP,DE,never,,true", many)
    report = book.deliver(bad, D1)
    assert {row.reason for row in report.quarantine} == {"DATE_FORMAT", "PARENT_QUARANTINED"}
    report = book.deliver(many, D2)
    assert codes(report, "LATE_ARRIVAL") == []  # it came, and lay in quarantine
    assert {row["key"] for row in report.repaired} == {"C2"} | {f"I{k}" for k in range(1, 40, 2)} | {
        f"P{k}" for k in range(1, 30, 2)
    }
    entries = pq.read_table(book.ledger / read_about(book.ledger)["tables"] / "quarantine.parquet").to_pylist()
    assert {entry["closed_in"] for entry in entries} == {2}
    closed = next(entry for entry in entries if entry["key"] == "C2")
    assert (closed["line"], closed["delivery"], closed["closed_by_line"]) == (3, 1, 3)
    assert str(book.read().invoices.set_index("invoice_id").loc["I1", "known_on"].date()) == "2025-07-31"


def test_a_row_that_stays_wrong_has_one_entry(book):
    bad = changed("invoices", "I0", "I0,C1,2025-01-10,2025-02-09,oops,EUR")
    for day in (D1, D2):
        assert [row.key for row in book.deliver(bad, day).quarantine] == ["I0", "P0"]
    entries = pq.read_table(book.ledger / "0002" / "quarantine.parquet").to_pylist()
    assert [(entry["key"], entry["delivery"]) for entry in entries] == [("I0", 1), ("P0", 1)]


@pytest.mark.parametrize(
    ("tables", "as_of", "manifest", "code"),
    [
        (FIRST | {"payments": FIRST["payments"][:21]}, D2, None, "VOLUME_DROP"),  # 30 % fewer
        (FIRST, date(2025, 6, 29), None, "STALE_DELIVERY"),
        (FIRST, D2, {"as_of": "2025-06-01"}, "STALE_DELIVERY"),
        (FIRST, D2, {"as_of": "2025-08-01"}, "FUTURE_SNAPSHOT"),
        (FIRST, D2, {"rows": {"payments.csv": 31}}, "CONTROL_TOTAL_MISMATCH"),
        (FIRST, D2, {"files": {"payments.csv": {"sums": {"EUR": "3435.01"}}}}, "CONTROL_TOTAL_MISMATCH"),
    ],
)
def test_a_delivery_that_cannot_be_whole_is_refused_and_the_ledger_stays(book, tables, as_of, manifest, code):
    book.deliver(FIRST, D1)
    before = {p: p.read_bytes() for p in book.ledger.rglob("*") if p.is_file()}
    with pytest.raises(Mistake) as refused:
        book.deliver(tables, as_of, manifest)
    assert refused.value.code == code
    assert before == {p: p.read_bytes() for p in book.ledger.rglob("*") if p.is_file()}


def test_control_totals_that_agree_are_no_hindrance(book):
    told = {"as_of": "2025-06-30", "rows": {"payments.csv": 30}, "sums": {"payments.csv": {"EUR": "3435.00"}}}
    assert book.deliver(FIRST, D1, told).verdict == "accept"


def test_fewer_rows_are_taken_if_the_user_says_that_they_are_right(book):
    book.deliver(FIRST, D1)
    report = book.deliver(FIRST | {"payments": FIRST["payments"][:5]}, D2, fewer_rows=True)
    assert codes(report, "VANISHED") == [("payments.csv", None, 25)]


def test_limits_and_strategic_marks_are_facts_of_their_day(book):
    book.deliver(FIRST, D1)
    book.deliver(changed("customers", "C1", "C1,One,SME,DE,2020-01-01,2000.00,true"), D2)
    book.deliver(changed("customers", "C1", "C1,One,SME,DE,2020-01-01,2000.00,true"), D3)
    limits = book.read().limits
    assert [(str(row.known_on.date()), row.amount) for row in limits.itertuples()] == [
        ("2025-06-30", 100000),
        ("2025-07-31", 200000),
    ]
    assert book.read().since["limits"] == D1
    assert list(book.read().customers["is_strategic"]) == [True, True]
    assert list(book.read(upto=1).customers["is_strategic"]) == [False, True]


def test_events_and_signals_are_added_once(book):
    told = FIRST | {
        "events": ["C1,I0,dunning,2025-03-01,", "C1,I2,credit_note,2025-03-02,5.00"],
        "signals": ["C1,bureau,score,0.5,2025-03-01"],
    }
    book.deliver(told, D1)
    more = told | {"events": [*told["events"], "C1,,promise,2025-09-30,7.00"], "signals": told["signals"] * 1}
    report = book.deliver(more, D2)
    ledger = book.read()
    assert list(ledger.events["delivery"]) == [1, 1, 2]
    assert len(ledger.signals) == 1
    assert codes(report, "LATE_ARRIVAL") == []


def _next(tables, rng, day):
    """What an ERP delivers a month later: new rows, corrections, late and vanished ones."""
    tables = {name: list(rows) for name, rows in tables.items()}
    for name, place in (("invoices", 4), ("payments", 3)):
        for row in rng.sample(range(len(tables[name])), 3):
            cells = tables[name][row].split(",")
            cells[place] = f"{rng.randint(1, 300)}.00"
            if name == "payments" and rng.random() < 0.4:
                cells[1] = f"I{rng.randrange(40)}"
            if name == "invoices" and rng.random() < 0.4:
                cells[1] = f"C{rng.randint(1, 2)}"
            tables[name][row] = ",".join(cells)
        tables[name].pop(rng.randrange(len(tables[name])))
    new = rng.randint(1000, 9999)
    issued = day - timedelta(days=rng.randint(0, 80))
    tables["invoices"].append(f"I{new},C1,{issued},{issued + timedelta(days=30)},50.00,EUR")
    tables["payments"].append(f"P{new},I{rng.randrange(40)},{issued},5.00")
    return tables


@pytest.mark.parametrize("seed", range(6))
def test_what_was_known_on_a_day_stays_reproducible_after_later_deliveries(book, seed):
    """The ledger as of an earlier delivery is what it was then, and so is every feature of the days before it."""
    rng, tables, days = random.Random(seed), FIRST, [D1, D2, D3]
    states = []
    for day in days:
        book.deliver(tables, day)
        states.append(book.read())
        tables = _next(tables, rng, day + timedelta(days=31))
    for number, (state, day) in enumerate(zip(states, days, strict=True), start=1):
        again = book.read(upto=number)
        assert again.data_end == day
        for name, table in state.tables().items():
            keys = list(table.columns)
            pd.testing.assert_frame_equal(
                table.sort_values(keys, ignore_index=True), again.tables()[name].sort_values(keys, ignore_index=True)
            )
        if number < len(days):  # the last day itself, before the next delivery had come
            for back in (0, 20, 90):
                then = day - timedelta(days=back)
                now, were = features_of(book.read(), then), features_of(state, then)
                assert np.array_equal(now[1], were[1])
                assert np.array_equal(now[0], were[0], equal_nan=True)


def test_the_versions_of_invoices_lie_on_disk_in_the_order_in_which_features_read_them(book):
    rng, tables = random.Random(5), FIRST
    for day in (D1, D2, D3):
        book.deliver(tables, day)
        tables = _next(tables, rng, day + timedelta(days=31))
    parts = sorted((book.ledger / read_about(book.ledger)["tables"] / "invoices").glob("*.parquet"))
    for part in parts:
        rows = pq.read_table(part).to_pandas()
        assert len(rows) > rows["document"].nunique()  # some were restated
        told = rows[["document", "known_on", "delivery"]].astype({"known_on": "datetime64[s]"})
        assert told.equals(told.sort_values(["document", "known_on", "delivery"], kind="stable"))


@pytest.mark.parametrize("seed", range(4))
def test_of_each_fact_one_version_holds_on_any_day(book, seed):
    rng, tables = random.Random(100 + seed), FIRST
    for day in (D1, D2, D3):
        book.deliver(tables, day)
        tables = _next(tables, rng, day + timedelta(days=31))
    for name, key in (("invoices", "invoice_id"), ("payments", "payment_id")):
        rows = book.read().tables()[name]
        assert (rows["replaced_on"].isna() == (rows["replaced_in"] == 0)).all()
        for day in pd.date_range("2025-06-01", "2025-09-05", freq="3D"):
            holds = rows[(rows["known_on"] <= day) & ~(rows["replaced_on"] <= day)]
            assert holds[key].is_unique
        assert rows.groupby(key)["replaced_in"].apply(lambda of: (of == 0).sum() == 1).all()
        assert (rows["known_on"] >= rows[OWN_DATE[name]]).mean() > 0.9


def test_the_rows_set_aside_are_exported_without_running_anything(book, tmp_path, capsys):
    from tradecredit.cli import app

    bad = changed("invoices", "I0", "=1+1,C1,2025-01-10,2025-02-09,oops,EUR")
    book.deliver(bad, D1)
    app(["quarantine", "--ledger", str(book.ledger), "--out", str(tmp_path / "rows.csv")], standalone_mode=False)
    lines = (tmp_path / "rows.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[1].startswith("invoices,invoices.csv,2,'=1+1,AMOUNT_FORMAT,False,1,0")
    app(["quarantine", "--ledger", str(book.ledger)], standalone_mode=False)
    assert "1 x AMOUNT_FORMAT, such as invoices.csv line 2 (=1+1)" in capsys.readouterr().out
    book.deliver(FIRST, D2)
    app(["quarantine", "--ledger", str(book.ledger)], standalone_mode=False)
    assert "1 rows are set aside" in capsys.readouterr().out  # that id never came; the payment's closed


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_name_is_stored_as_it_is_and_made_harmless_in_an_export(book, tmp_path, start):
    name = f"{start}SUM(A1)"
    cell = f'"{name}"' if start == "\r" else name
    told = changed("customers", "C1", f"C1,{cell},SME,DE,2020-01-01,1000.00,false")
    report = book.deliver(told, D1)
    assert codes(report, "FORMULA_PREFIX") == [("customers.csv", 2, None)]
    customers = book.read().customers
    assert customers.set_index("customer_id").loc["C1", "name"] == name
    write_csv(customers, tmp_path / "customers.csv")
    assert pd.read_csv(tmp_path / "customers.csv").loc[0, "name"] == f"'{name}"
