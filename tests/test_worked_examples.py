"""The worked examples of the conventions, by hand: values to four digits, a missing reason by its name."""

import numpy as np
import pytest

from books import book, day, told_of
from tradecredit.features.default import DefaultRecipe
from tradecredit.features.engine.days import day_number, day_of
from tradecredit.features.engine.loading import facts_of
from tradecredit.features.outcomes import outcomes

PARTIAL = book(
    [("a", "01-31", 1000)],
    [("a", "02-10", 600), ("a", "03-10", 290)],
    [("credit_note", "a", "03-05", 100)],
)
KNOWN_LATE = book(
    [("a", "01-31", 500)],
    [("a", "01-30", 500, "02-03"), ("a", "02-20", 500)],
    [("bounced", "a", "02-05", 500)],
)
CENSORED = book(
    [("a", "05-31", 100), ("b", "05-31", 100), ("c", "05-31", 100), ("d", "06-10", 100), ("e", "06-26", 100)],
    [("a", "05-29", 100), ("b", "06-03", 100), ("c", "06-10", 100), ("e", "07-01", 100)],
)
DECIDED = book(
    [("a", "03-31", 100), ("b", "04-30", 100), ("c", "05-31", 100), ("d", "06-20", 100)], [("c", "06-30", 100)]
)
STREAK = book(
    [("a", "05-01", 100), ("b", "05-10", 100), ("c", "05-10", 100), ("d", "05-20", 100), ("e", "06-01", 100)],
    [("a", "05-01", 100), ("b", "05-12", 100), ("c", "05-30", 100), ("d", "05-25", 100)],
)
STOCKS = book(
    [("a", "02-14", 900, "01-15"), ("b", "04-09", 600, "03-10")],
    [("a", "03-20", 400)],
    [("dispute_opened", "a", "03-25", 100), ("dispute_closed", "a", "04-05", None)],
    [("01-01", 1000), ("03-01", 2000, "04-10")],
)


def _trend():
    start, dues = day_number(day("2023-12-18")), []
    while start + 10 * len(dues) <= day_number(day("07-30")):
        dues.append(start + 10 * len(dues))
    name = {due: f"i{due}" for due in dues}
    last = day_number(day("06-30"))
    return book(
        [(name[due], str(day_of(due)), 100) for due in dues],
        [(name[due], str(day_of(due + 60)), 100) for due in dues if due + 60 <= last],
    )


CASES = [
    (
        PARTIAL,
        "02-28",
        dict(dbt_w_90d=17.2, open_amt=400, oldest_dpd=28, worst_dpd_90d=28, late30_share_amt_180d="NODUE"),
    ),
    (
        PARTIAL,
        "03-31",
        dict(dbt_w_90d=19.1236, open_amt=10, oldest_dpd=0, worst_dpd_90d=37, late30_share_amt_180d=0.3333),
    ),
    (KNOWN_LATE, "01-31", dict(dbt_w_90d=0, late_share_n_365d="NODUE", open_amt=500, worst_dpd_90d=0)),
    (KNOWN_LATE, "02-04", dict(dbt_w_90d=-1, late_share_n_365d=0, open_amt=0, worst_dpd_90d=0)),
    (KNOWN_LATE, "02-10", dict(dbt_w_90d=10, late_share_n_365d=1, open_amt=500, worst_dpd_90d=10)),
    (KNOWN_LATE, "02-28", dict(dbt_w_90d=20, late_share_n_365d=1, open_amt=0, worst_dpd_90d=19)),
    (CENSORED, "06-30", dict(late_median_180d=10, late_p90_365d=20, late_km_90d=9.2, dbt_w_90d=7)),
    (CENSORED, "07-10", dict(late_median_180d=5, late_p90_365d=30, late_km_90d=9.2, dbt_w_90d=9.2)),
    (
        DECIDED,
        "06-30",
        dict(late30_share_amt_180d=1, dbt_w_90d=33.6667, oldest_dpd=91, over90_share=0.3333, days_over30_365d=61),
    ),
    (
        DECIDED,
        "07-01",
        dict(late30_share_amt_180d=0.6667, dbt_w_90d=34.3333, oldest_dpd=92, over90_share=0.3333, days_over30_365d=62),
    ),
    (_trend(), "06-30", dict(dbt_w_90d=36.6667, late_km_90d=60, late_chg_3m=0, late_z_12m=0)),
    (_trend(), "07-30", dict(dbt_w_90d=40, late_km_90d=80, late_chg_3m=20, late_z_12m=10)),
    (STREAK, "06-06", dict(on_time_streak=1, late_streak=0, last3_late_mean=9, last3_minus_mean_365d=0.0833)),
    (STREAK, "06-07", dict(on_time_streak=0, late_streak=1, last3_late_mean=10.3333, last3_minus_mean_365d=0.2667)),
    (
        STOCKS,
        "03-31",
        dict(
            overdue_share=0.3636,
            dso_3m=66,
            overdue_days_sales_3m=24,
            cei_3m=0.5,
            countback_dso=76,
            roll_share_1m=0.4444,
        )
        | dict(utilisation=1.1, util_max_90d=1.5, overlimit_days_180d=22),
    ),
    (
        STOCKS,
        "04-30",
        dict(
            overdue_share=1,
            dso_3m=163.1667,
            overdue_days_sales_3m=163.1667,
            cei_3m=0.2667,
            countback_dso=106,
            roll_share_1m=1,
        )
        | dict(utilisation=0.55, util_max_90d=1.5, overlimit_days_180d=31),
    ),
]


@pytest.mark.parametrize(("ledger", "as_of", "expected"), CASES)
def test_the_worked_examples_of_the_conventions_hold(ledger, as_of, expected):
    told = told_of(ledger, as_of)
    for name, value in expected.items():
        assert (told[name] if isinstance(value, str) else round(told[name], 4)) == value, name


PAID = ("p", "2024-05-20", 100)
UNPAID = ("u", "01-31", 2000)


def _bad(as_of: str, data_end: str, *events):
    ledger = book([PAID, UNPAID], [("p", "2024-05-20", 100)], list(events), data_end=data_end)
    return outcomes(facts_of(ledger), np.array([0]), np.array([day_number(day(as_of))]), DefaultRecipe()).bad[0]


@pytest.mark.parametrize(
    ("as_of", "data_end", "bad"),
    [
        ("2024-05-01", "2025-05-15", 0),  # 90 days past due at T + H
        ("2024-05-01", "2025-05-14", np.nan),
        ("2024-05-02", "2025-05-16", 1),  # 91 days
        ("2024-05-02", "2025-05-15", np.nan),  # a bad too is immature before its day
    ],
)
def test_an_observation_is_judged_only_when_its_horizon_and_the_booking_lag_are_over(as_of, data_end, bad):
    assert np.array_equal(_bad(as_of, data_end), bad, equal_nan=True)


def test_days_wholly_in_dispute_do_not_count():
    dispute = ("dispute_opened", "u", "03-01", None), ("dispute_closed", "u", "03-31", None)
    assert _bad("2024-05-31", "2026-12-31", *dispute) == 0
    assert _bad("2024-06-01", "2026-12-31", *dispute) == 1
