"""A customer on a ledger that is not: evidence gives its value again, and help is what a rating then says."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from tradecredit.features.account import Account
from tradecredit.features.catalogue import CATALOGUE
from tradecredit.features.engine.days import day_number, day_of
from tradecredit.features.engine.loading import facts_of
from tradecredit.features.ledger import Ledger
from tradecredit.features.variants import Changed, documents_of
from tradecredit.serving.bundle import load_bundle
from tradecredit.serving.evidence import evidence_of, items_of, only
from tradecredit.serving.helping import QUARTER, kept_to_terms, paid, what_would_help
from tradecredit.serving.scoring import score, score_parts
from tradecredit.serving.what_if import WhatIf

AS_OF = date(2021, 12, 31)
DAY = day_number(AS_OF)
NAMES = [one.name for one in CATALOGUE]


@pytest.fixture(scope="module")
def scored(walked):
    folder = walked / "data/ledger"
    number, facts, told = next(score_parts(load_bundle(walked / "artifacts/bundle"), folder, AS_OF, ids=True))
    return Ledger.read(folder, partition=number), facts, told


@pytest.fixture(scope="module")
def ifs(scored):
    """Customers of many kinds: the riskiest, the most active, a quiet one, one in default."""
    ledger, facts, told = scored
    rated = np.flatnonzero(told.rated)
    by_risk, by_size = rated[np.argsort(-told.log_odds[rated])], np.argsort(-np.diff(facts.begins))
    some = [*by_risk[:3], *by_size[:1], by_risk[-1], int(np.flatnonzero(~told.rated)[0])]
    ids = told.customers["customer_id"]
    return [(int(p), WhatIf.of(told.bundle, ledger, facts, ids.iloc[p], DAY)) for p in some]


def test_a_customer_as_it_is_is_rated_as_in_the_book(scored, ifs):
    _, _, told = scored
    rated = [(place, one) for place, one in ifs if told.rated[place]]
    assert len(rated) >= 4
    for place, one in rated:
        assert np.array_equal(one.matrix(one.own).values[0], told.matrix.values[place], equal_nan=True)
        assert one.rate(one.own).log_odds[0] == told.log_odds[place]


def test_the_evidence_of_every_feature_gives_its_value_again_and_nothing_else_is_needed(ifs):
    """Held to a rating of the ledger that the evidence alone makes, for the whole catalogue."""
    few = tried = 0
    for _, one in ifs:
        one = replace(one, features=CATALOGUE)
        found, items = evidence_of(one, NAMES), items_of(one.own, DAY)
        as_it_is = one.matrix(one.own)
        for name in NAMES:
            alone = one.matrix(only(one.own, items, found[name].items).book(one.own))
            assert alone.reasons(name)[0] == as_it_is.reasons(name)[0], name
            value = as_it_is.column(name)[0]
            assert alone.column(name)[0] == pytest.approx(value, rel=1e-5, abs=1e-6, nan_ok=True), name
            few += len(found[name].items) < len(items)
            pieces = found[name].items
            if 0 < len(pieces) <= 6:
                tried += 1
                rest = [[other for other in pieces if other is not piece] for piece in pieces]
                for kept in rest:
                    less = one.matrix(only(one.own, items, kept).book(one.own))
                    other, code = less.column(name)[0], less.reasons(name)[0]
                    same = code == as_it_is.reasons(name)[0] and other == pytest.approx(value, rel=1e-6, nan_ok=True)
                    assert not same, f"{name} has the same value without one of {len(pieces)} pieces of its evidence"
    assert few > 0.8 * len(ifs) * len(NAMES), "evidence of most features is less than everything"
    assert tried > len(NAMES)


def test_the_mean_of_the_latest_three_has_three_invoices_behind_it(scored):
    ledger, facts, told = scored
    exact, ids_of = 0, told.customers["customer_id"]
    for place in np.flatnonzero(told.rated)[:25].tolist():
        one = WhatIf.of(told.bundle, ledger, facts, ids_of.iloc[place], DAY)
        account = Account(facts, place, DAY)
        ids = {facts.document_id(int(k)): late for k, late in zip(account.document, account.late, strict=True)}
        behind = evidence_of(replace(one, features=CATALOGUE), ["last3_late_mean"])["last3_late_mean"]
        names = documents_of(one.own)
        lates = [ids[names[number]] for item in behind.items for number in item.documents]
        value = replace(one, features=CATALOGUE).matrix(one.own).column("last3_late_mean")[0]
        if not np.isnan(value) and not any(item.kind == "older" for item in behind.items):
            assert len(lates) == 3
            exact += np.mean(lates) == pytest.approx(value, rel=1e-6)
    assert exact > 10


def test_what_comes_later_is_no_evidence_and_no_help(walked, scored, ifs):
    """A day in the past is told from what was known then, whatever the ledger holds now."""
    ledger, _, told = scored
    place, _ = ifs[0]
    name = told.customers["customer_id"].iloc[place]
    early = date(2021, 3, 31)
    facts = facts_of(ledger.of_customers([name]))
    bundle = replace(load_bundle(walked / "artifacts/bundle"), second=None)
    then = score(bundle, facts, early)
    one = WhatIf.of(bundle, ledger, replace(facts, peers=None), name, day_number(early))
    assert one.own.invoices["known_on"].max() <= pd.Timestamp(early)
    assert one.rate(one.own).log_odds[0] == then.log_odds[0]


def test_help_is_what_a_rating_of_the_changed_ledger_says(scored, ifs):
    _, facts, told = scored
    helped = 0
    for place, one in ifs[:4]:
        account = Account(facts, place, DAY)
        late = np.flatnonzero((account.open > 0) & (account.due < DAY))
        overdue = [(facts.document_id(int(account.document[k])), float(account.open[k] / 100)) for k in late]
        helps = what_would_help(one, overdue, float(told.log_odds[place]))
        assert all(help_.points >= 1 for help_ in helps)
        for help_ in helps:
            helped += 1
            ids = {name for name, _ in (overdue[:3] if "heaviest" in help_.en else overdue)}
            ledger = kept_to_terms(one.own, DAY) if help_.days else paid(one.own, ids, DAY)
            day = day_of(DAY + help_.days)
            again = score(told.bundle, facts_of(replace(ledger, data_end=max(day, AS_OF), whole=True)), day)
            assert (help_.score, help_.grade) == (again.rating(0).score, again.rating(0).grade)
    assert helped


def test_what_is_paid_is_no_longer_open_and_terms_are_kept(ifs):
    for _, one in ifs[:4]:
        after = facts_of(paid(one.own, None, DAY))
        assert Account(after, 0, DAY).open.sum() == 0
        kept = facts_of(replace(kept_to_terms(one.own, DAY), data_end=day_of(DAY + QUARTER)))
        account = Account(kept, 0, DAY + QUARTER)
        assert not ((account.open > 0) & (account.due < DAY + QUARTER)).any()
        assert not ((account.due > DAY) & (account.late > 0)).any()


def test_variants_change_what_they_say_and_nothing_else(ifs):
    _, one = ifs[0]
    d = len(documents_of(one.own))
    without, later = np.zeros((3, d), bool), np.zeros((3, d), np.int64)
    without[1, 0], later[2, 1] = True, 30
    book = Changed(without, {}, later).book(one.own)
    by = [book.invoices[book.invoices["customer_id"] == name] for name in ("000000", "000001", "000002")]
    assert [len(rows) for rows in by] == [len(one.own.invoices)] * 1 + [
        len(one.own.invoices) - (one.own.invoices["invoice_id"] == documents_of(one.own)[0]).sum(),
        len(one.own.invoices),
    ]
    moved = by[2]["due_on"].to_numpy() - by[0]["due_on"].to_numpy()
    assert (moved != np.timedelta64(0)).sum() == (one.own.invoices["invoice_id"] == documents_of(one.own)[1]).sum()
