"""The example book: the same for a seed, believable, and its truth is the truth."""

import hashlib

import pandas as pd
import pytest

from tradecredit.features.example import ExampleRecipe, write_example
from tradecredit.models.metrics import auc


def _digest(folder):
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(folder.iterdir())}


def test_one_seed_makes_one_book_and_another_seed_another(tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        write_example(tmp_path / name, ExampleRecipe(customers=120, months=30, seed=seed))
    assert _digest(tmp_path / "a") == _digest(tmp_path / "b")
    assert _digest(tmp_path / "a") != _digest(tmp_path / "c")


def test_parquet_holds_what_csv_holds(tmp_path):
    recipe = ExampleRecipe(customers=50, months=20)
    write_example(tmp_path / "csv", recipe)
    write_example(tmp_path / "parquet", recipe, form="parquet")
    for name in ("customers", "invoices", "payments", "events", "limits", "signals"):
        csv = pd.read_csv(tmp_path / "csv" / f"{name}.csv", dtype=str, keep_default_na=False)
        parquet = pd.read_parquet(tmp_path / "parquet" / f"{name}.parquet")
        assert list(csv) == list(parquet)
        assert len(csv) == len(parquet)


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A larger book than the demo's: frequencies need bads."""
    folder = tmp_path_factory.mktemp("book")
    write_example(folder, ExampleRecipe(customers=6000, months=60, seed=21), form="parquet")
    tables = {f.stem: pd.read_parquet(f) for f in folder.glob("*.parquet")}
    for table in tables.values():
        for column in table:
            if column.endswith("_on") or column == "as_of":
                table[column] = pd.to_datetime(table[column])
    return tables


def test_about_half_of_the_invoices_are_paid_late_as_surveys_say(book):
    """Atradius 2025: 47 % of B2B invoices in Western Europe; Altares 2024: 12 to 13 days at most, 6 in Germany."""
    pays = book["payments"].merge(book["invoices"], on="invoice_id", suffixes=("", "_invoice"))
    late = (pays["paid_on"] - pays["due_on"]).dt.days
    assert 0.42 < (late > 0).mean() < 0.60
    assert 3 < late.mean() < 13


def test_terms_are_those_a_credit_manager_would_expect(book):
    terms = (book["invoices"]["due_on"] - book["invoices"]["issued_on"]).dt.days
    assert 30 < terms.mean() < 60
    assert terms.between(7, 120).all()


def test_default_is_a_few_per_cent_and_differs_by_segment(book):
    truth = book["truth"].merge(book["customers"], on="customer_id")
    by = truth[truth["pd"] > 0].groupby("segment")["pd"].mean()
    assert 0.01 < truth.loc[truth["pd"] > 0, "pd"].mean() < 0.05
    assert by["PUBLIC"] < by["CORP"] < by["SME"]


def test_the_truth_ranks_and_is_calibrated_against_what_really_happened(book):
    """Judged by the first filing or the first 500 EUR 91 days past due, from the invoices and payments alone."""
    seen = _first_default(book)
    truth = book["truth"]
    last = truth["as_of"].max() - pd.Timedelta(days=400)
    for day in pd.date_range("2019-01-31", last, freq="12ME"):
        here = truth[truth["as_of"] == day]
        when = here["customer_id"].map(seen)
        there = ~(when <= day)
        bad = ((when > day) & (when <= day + pd.Timedelta(days=365)))[there].to_numpy(float)
        told = here.loc[there, "pd"].to_numpy()
        assert auc(bad, told).value > 0.8
        assert 0.6 < bad.sum() / told.sum() < 1.6  # one year of the economy is one draw


def test_the_naive_rule_sees_part_of_the_truth_and_far_from_all(walked):
    import json

    figures = json.loads((walked / "reports/metrics.json").read_text())
    assert 0.55 < figures["naive"]["test"]["auc"] < figures["oracle"]["test"]["auc"] - 0.05


def _first_default(book):
    paid = book["payments"].assign(amount=book["payments"]["amount"].astype(float))
    paid = paid.groupby("invoice_id")["amount"].sum()
    notes = book["events"][book["events"]["kind"].isin(["credit_note"])]
    notes = notes.assign(amount=pd.to_numeric(notes["amount"])).groupby("invoice_id")["amount"].sum()
    rows = book["invoices"].assign(amount=book["invoices"]["amount"].astype(float))
    unpaid = rows["amount"] - rows["invoice_id"].map(paid).fillna(0) - rows["invoice_id"].map(notes).fillna(0)
    end = book["payments"]["known_on"].max()
    rows = rows.assign(unpaid=unpaid, crosses=rows["due_on"] + pd.Timedelta(days=91))
    rows = rows[(rows["unpaid"] > 0.05 * rows["amount"]) & (rows["crosses"] <= end)].sort_values("crosses")
    material = rows[rows.groupby("customer_id")["unpaid"].cumsum() >= 500]
    first = material.groupby("customer_id")["crosses"].min()
    filed = book["events"][book["events"]["kind"] == "insolvency"].groupby("customer_id")["known_on"].min()
    return pd.concat([first, filed]).groupby(level=0).min()
