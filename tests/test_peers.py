"""Peers and groups: each customer beside the others, as they were known on the day."""

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

import oracle
from books import table
from test_oracle import differences
from tradecredit.errors import Mistake
from tradecredit.features.building import build
from tradecredit.features.catalogue import feature
from tradecredit.features.default import DefaultRecipe
from tradecredit.features.engine.days import day_number
from tradecredit.features.engine.loading import facts_of, read_facts
from tradecredit.features.intake.taking import take_in
from tradecredit.features.ledger import Ledger
from tradecredit.features.measures.lateness import dbt
from tradecredit.features.measures.vocabulary import change, change_since
from tradecredit.features.observations import Exposure
from tradecredit.features.peers import USUAL, PeerRecipe, stand, surveyed
from worlds import made_up

NAMES = ("dbt_vs_segment_365d", "segment_default_rate_365d", "group_overdue_share")
DECLARED = [feature(name) for name in NAMES]
DAYS = [date(2024, 9, 30), date(2025, 1, 31), date(2025, 3, 31)]
BOOK = made_up(11, [12, 3, 0, 30, 8, 5, 9, 15, 2, 7] * 7, ())


def _keys(ledger, days=DAYS):
    every = [(customer, pd.Timestamp(day)) for day in days for customer in ledger.customers["customer_id"]]
    return pd.DataFrame(every, columns=["customer_id", "as_of"])


def _alike(ids):
    """Customers of one segment with an invoice each."""
    invoices = [
        dict(invoice_id=f"I{c}", customer_id=c, issued_on=date(2024, 1, 1), due_on=date(2024, 2, 1), amount=10_000)
        | dict(currency="EUR", known_on=date(2024, 1, 1))
        for c in ids
    ]
    return [dict(customer_id=c, segment="SME") for c in ids], invoices


@pytest.mark.slow
def test_seventy_customers_of_two_segments_and_of_none_are_told_as_a_slow_reading_tells_them():
    assert BOOK.customers["segment"].value_counts()["CORP"] > 25
    assert differences(BOOK, DAYS[1:2]) == []


def test_the_median_of_the_others_is_that_of_the_list_without_the_customer():
    late = np.array([5.0, 5.0, 7.0, 1.0, 9.0])
    for many in range(2, 6):
        ids = [f"C{k}" for k in range(many)]
        rows, invoices = _alike(ids)
        payments = [
            dict(payment_id=f"P{c}", customer_id=c, invoice_id=f"I{c}", amount=10_000, currency="EUR")
            | dict(paid_on=date(2024, 2, 1) + pd.Timedelta(days=late[k]), known_on=date(2024, 2, 15))
            for k, c in enumerate(ids)
        ]
        tables = {"customers": rows, "invoices": invoices, "payments": payments}
        ledger = Ledger(**{name: table(name, told) for name, told in tables.items()})
        got = build(facts_of(ledger), _keys(ledger, [date(2024, 3, 31)]), DECLARED[:1]).values[:, 0]
        expected = [late[k] - np.median(np.delete(late[:many], k)) for k in range(many)]
        np.testing.assert_array_equal(got, expected)


def test_parts_of_the_book_tell_the_same_bits_as_the_whole():
    whole = build(facts_of(BOOK), _keys(BOOK), DECLARED)
    ids = sorted(BOOK.customers["customer_id"])
    parts = [facts_of(BOOK.of_customers(ids[k::3])) for k in range(3)]
    days = np.array([day_number(day) for day in DAYS])
    survey, counts = surveyed(stand(facts, days, USUAL) for facts in parts)
    for facts, own in zip(parts, counts, strict=True):
        keys = whole.keys[whole.keys["customer_id"].isin(facts.customers["customer_id"])]
        told = build(survey.beside(facts, own), keys, DECLARED)
        rows = whole.rows(keys.index.to_numpy())
        assert np.array_equal(told.values, rows.values, equal_nan=True)
        assert np.array_equal(told.missing, rows.missing)


def test_a_part_of_the_book_that_knows_of_no_others_is_refused(tmp_path):
    many = 600
    ids = [f"C{k}" for k in range(many)]
    rows, invoices = _alike(ids)
    ledger = Ledger(
        customers=table("customers", rows), invoices=table("invoices", invoices), payments=table("payments", [])
    )
    ledger.write(tmp_path)
    facts = read_facts(tmp_path, 0)
    assert 0 < facts.n < many
    with pytest.raises(ValueError, match="part of the book"):
        build(facts, _keys(Ledger.read(tmp_path, partition=0), DAYS[:1]), DECLARED)


def test_a_day_that_was_not_surveyed_is_refused():
    survey, (counts,) = surveyed([stand(facts_of(BOOK), np.array([day_number(DAYS[0])]), USUAL)])
    with pytest.raises(ValueError, match="not surveyed on all of these days"):
        build(survey.beside(facts_of(BOOK), counts), _keys(BOOK, DAYS[:2]), DECLARED)


def test_a_measure_made_of_one_that_compares_compares_too_and_cannot_be_monthly():
    above = change(of=DECLARED[0].measure, less=dbt(due_within=90))
    assert above.among_others
    told = build(facts_of(BOOK), _keys(BOOK), [replace(DECLARED[0], name="x", measure=above)])
    assert np.isfinite(told.values).any()
    monthly = replace(DECLARED[0], name="y", measure=change_since(of=DECLARED[0].measure, months=3))
    with pytest.raises(ValueError, match="y: compares with others and with earlier months"):
        build(facts_of(BOOK), _keys(BOOK), [monthly])


def test_an_invoice_of_nobody_is_refused():
    held = replace(BOOK, customers=BOOK.customers.iloc[1:].reset_index(drop=True))
    with pytest.raises(Mistake, match="invoices: C0 of row 1 is not among the customers"):
        facts_of(held)


def test_who_counts_a_year_ago_follows_the_rules_that_are_given():
    days = np.array([day_number(DAYS[-1])])
    usual = stand(facts_of(BOOK), days, USUAL).counts
    strict = PeerRecipe(Exposure(exposure_days=1, open_counts=False), DefaultRecipe(dpd=5))
    narrow = stand(facts_of(BOOK), days, strict).counts
    assert usual.counted.sum() > narrow.counted.sum()
    assert usual.fell.sum() <= usual.counted.sum()
    assert not (usual.fell & ~usual.counted).any()


def test_a_segment_or_group_that_is_told_later_changes_no_earlier_day(tmp_path):
    def deliver(folder, rows):
        folder.mkdir()
        pd.DataFrame(rows).to_csv(folder / "customers.csv", index=False)
        invoices = [(f"I{k}", f"C{k}", "2024-01-10", "2024-02-10", 100, "EUR") for k in range(3)]
        names = ["invoice_id", "customer_id", "issued_on", "due_on", "amount", "currency"]
        pd.DataFrame(invoices, columns=names).to_csv(folder / "invoices.csv", index=False)
        paid = pd.DataFrame([("P", "I0", "2024-02-01", 50)], columns=["payment_id", "invoice_id", "paid_on", "amount"])
        paid.to_csv(folder / "payments.csv", index=False)

    columns = ["customer_id", "name", "segment", "country", "onboarded_on", "credit_limit", "is_strategic", "group_id"]
    values = [(f"C{k}", "x", "SME", "DE", "", "", "false", "G" if k else "") for k in range(3)]
    first = [dict(zip(columns, one, strict=True)) for one in values]
    second = [dict(row, segment="CORP", group_id="G") for row in first]
    deliver(tmp_path / "a", first)
    deliver(tmp_path / "b", second)
    take_in(tmp_path / "a", tmp_path / "ledger", as_of=date(2024, 3, 31))
    before = Ledger.read(tmp_path / "ledger")
    take_in(tmp_path / "b", tmp_path / "ledger", as_of=date(2024, 6, 30))
    ledger = Ledger.read(tmp_path / "ledger")
    assert set(ledger.customers["group_id"]) == {"G"}
    keys = _keys(ledger, [date(2024, 3, 31)])
    told = [build(facts_of(one), keys, DECLARED) for one in (before, ledger)]
    assert np.array_equal(told[0].values, told[1].values, equal_nan=True)
    assert np.array_equal(told[0].missing, told[1].missing)
    later = build(facts_of(ledger), _keys(ledger, [date(2024, 6, 30)]), DECLARED)
    assert later.column("group_overdue_share").tolist() == [1.0, 1.0, 1.0]
    assert np.isnan(told[1].column("group_overdue_share")[0])
    assert oracle.features(ledger, "C0", date(2024, 6, 30))["group_overdue_share"] == 1.0
    report = json.loads((tmp_path / "ledger" / "deliveries" / "0002.json").read_text())
    assert "segment" not in report["taken_as_constant"]
