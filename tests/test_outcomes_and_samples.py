"""Who is observed, what became of it, and which slice it belongs to."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from books import book, day
from tradecredit.errors import Mistake
from tradecredit.features.default import DefaultRecipe
from tradecredit.features.engine.days import day_number
from tradecredit.features.engine.loading import facts_of
from tradecredit.features.observations import ObservationRecipe, Status, observe
from tradecredit.features.outcomes import outcomes
from tradecredit.features.samples import SampleRecipe, unseen

RECIPE = ObservationRecipe("2024-01-31", "2025-12-31")
DEFAULT = DefaultRecipe()


def _status(ledger, as_of, **changes):
    at = np.array([day_number(day(as_of))])
    return Status(int(observe(facts_of(ledger), np.array([0]), at, replace(RECIPE, **changes), DEFAULT)[0]))


def _bad(ledger, as_of, **changes):
    at = np.array([day_number(day(as_of))])
    told = outcomes(facts_of(ledger), np.array([0]), at, replace(DEFAULT, **changes))
    return told.bad[0], told.by_trigger[0]


OPEN = book([("a", "01-31", 2000)])


def test_a_customer_is_unknown_until_its_first_invoice_is():
    assert _status(OPEN, "2024-12-31") is Status.UNKNOWN_YET
    assert _status(OPEN, "01-15") is Status.OBSERVED


def test_a_customer_in_default_is_not_observed_nor_in_its_cure():
    paid = book([("a", "01-31", 2000), ("b", "12-31", 900, "07-01")], [("a", "05-10", 2000)])
    assert _status(paid, "05-01") is Status.OBSERVED  # 90 days past due
    assert _status(paid, "05-02") is Status.IN_DEFAULT
    assert _status(paid, "11-04") is Status.IN_DEFAULT  # the last trigger day was 05-09
    assert _status(paid, "11-05") is Status.OBSERVED


def test_without_exposure_there_is_nothing_to_observe():
    paid = book([("a", "01-31", 2000)], [("a", "01-20", 2000)])
    assert _status(paid, "12-31") is Status.OBSERVED  # invoiced within the year
    assert _status(paid, "2026-01-02") is Status.NO_EXPOSURE
    assert _status(OPEN, "04-30", exposure_days=60, open_counts=False) is Status.NO_EXPOSURE


def test_a_small_amount_is_no_default():
    assert _bad(book([("a", "01-31", 499)]), "01-31")[0] == 0
    assert _bad(book([("a", "01-31", 500)]), "01-31")[0] == 1


def test_a_small_share_is_no_default():
    others = [(f"b{k}", "2026-01-31", 6000, "01-15") for k in range(2)]
    assert _bad(book([("a", "01-31", 1000), *others]), "01-31", horizon_days=120)[0] == 0
    assert _bad(book([("a", "01-31", 1400), *others]), "01-31", horizon_days=120)[0] == 1


def test_each_trigger_makes_a_bad_by_its_own_rule():
    small = [("a", "01-31", 100)]
    cases = {
        "write_off": book(small, events=[("write_off", "a", "04-01", 600)]),
        "collection": book(small, events=[("agency", "", "03-01", None)]),
        "insolvency": book(small, events=[("insolvency", "", "03-01", None)]),
        "prepayment": book([("a", "01-31", 800)], [("a", "04-20", 800)], [("prepayment", "", "04-15", None)]),
    }
    for name, ledger in cases.items():
        bad, by = _bad(ledger, "01-31")
        assert bad == 1, name
        assert list(np.flatnonzero(by)) == [
            ("overdue", "write_off", "collection", "insolvency", "prepayment").index(name)
        ]


def test_a_filing_of_before_that_is_learned_after_is_a_bad_and_not_lost():
    ledger = book([("a", "06-30", 100)], events=[("insolvency", "", "01-10", None, "02-20")])
    assert _status(ledger, "06-15") is Status.IN_DEFAULT
    assert _bad(ledger, "01-31")[0] == 1


def test_a_payment_that_is_only_booked_late_is_no_default():
    ledger = book([("a", "01-31", 2000)], [("a", "04-30", 2000, "05-06")])
    assert _bad(ledger, "01-31")[0] == 0


def test_an_immature_observation_is_never_good():
    ledger = replace(book([("a", "01-31", 2000)], [("a", "01-30", 2000)]), data_end=date(2025, 12, 31))
    for as_of in ("2024-12-31", "01-15", "06-30"):
        assert np.isnan(_bad(ledger, as_of)[0])


def test_the_due_window_judges_only_what_falls_due_in_it():
    short = {"window": "due", "dpd": 7, "horizon_days": 30, "floor": 0.0, "share": 0.0, "booking_lag_days": 0}
    late = book([("a", "02-10", 100)], [("a", "02-18", 100)])
    assert _bad(late, "01-31", **short)[0] == 1
    assert _bad(late, "02-10", **short)[0] == 0  # due on the day itself, not after it
    prompt = book([("a", "02-10", 100)], [("a", "02-17", 100)])
    assert _bad(prompt, "01-31", **short)[0] == 0


FAR = SampleRecipe(("2019-01-31", "2019-12-31"), ("2021-01-31", "2021-03-31"), ("2022-06-30", "2022-06-30"))


def test_slices_too_close_for_their_labels_are_refused():
    FAR.check(DEFAULT)
    with pytest.raises(Mistake, match=r"samples.tune begins 366 days after samples.train ends.*379 days"):
        replace(FAR, tune=("2020-12-31", "2021-03-31")).check(DEFAULT)
    with pytest.raises(Mistake, match=r"samples\.test begins"):
        replace(FAR, test=("2022-03-31", "2022-06-30")).check(DEFAULT)
    replace(FAR, tune=FAR.train, tune_customers=0.3).check(DEFAULT)


def _table(rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "as_of", "bad"])
    return frame.assign(as_of=pd.to_datetime(frame["as_of"]))


def test_an_observation_without_a_label_is_in_no_slice():
    table = _table([("A", "2019-06-30", 0.0), ("A", "2019-07-31", np.nan), ("A", "2020-06-30", 1.0)])
    assert list(FAR.split(table)) == ["train", "", ""]


def test_customers_held_out_for_tuning_are_never_trained_on():
    ids = [f"C{k}" for k in range(400)]
    table = _table([(name, "2019-06-30", 0.0) for name in ids])
    recipe = replace(FAR, tune=FAR.train, tune_customers=0.3)
    slices = recipe.split(table)
    assert set(slices) == {"train", "tune"}
    assert 0.2 < (slices == "tune").mean() < 0.4
    assert list(recipe.split(table.iloc[::-1])) == list(slices[::-1])


def test_a_customer_of_test_that_nothing_else_has_seen_is_new():
    table = _table([("A", "2019-06-30", 0.0), ("A", "2022-06-30", 0.0), ("B", "2022-06-30", 0.0)])
    assert list(unseen(table, FAR.split(table))) == [False, False, True]
