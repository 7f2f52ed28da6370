"""Every feature agrees with a slow, obvious reading of the conventions, on ledgers of every kind."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

import oracle
from tradecredit.features.catalogue import CATALOGUE
from tradecredit.features.column import Missing
from tradecredit.features.engine.days import day_number
from tradecredit.features.engine.loading import facts_of
from tradecredit.features.pasts import pasts
from tradecredit.features.peers import USUAL, among_themselves
from worlds import ledgers

BITS = 1e-11  # sums of unlike order differ in the last bits; unit-free numbers are told to these


def differences(ledger, days):
    """What the engine tells otherwise than the oracle."""
    keys = [(customer, pd.Timestamp(day)) for customer in ledger.customers["customer_id"] for day in days]
    keys = pd.DataFrame(keys, columns=["customer_id", "as_of"])
    facts = facts_of(ledger)
    facts = among_themselves(facts, np.unique([day_number(day) for day in days]), USUAL)
    number = pd.Index(facts.customers["customer_id"]).get_indexer(keys["customer_id"])
    asked = keys["as_of"].to_numpy("datetime64[D]").astype(int)
    found = []
    for rows, places, past in pasts(facts, number, asked, CATALOGUE):
        columns = {one.name: past.column(one.measure) for one in CATALOGUE}
        for row, place in zip(rows, np.arange(past.n)[places], strict=True):
            customer, day = keys["customer_id"][row], keys["as_of"][row].date()
            expected = oracle.features(ledger, customer, day)
            assert set(expected) == set(columns)
            for name, value in expected.items():
                code, got = Missing(columns[name].missing[place]).name, columns[name].values[place]
                told = code if code != "NONE" else got
                same = told == value if isinstance(value, str) or isinstance(told, str) else _close(told, value)
                if not same:
                    found.append((name, customer, str(day), told, value))
    return found


def _close(a, b):
    return math.isclose(a, b, rel_tol=BITS, abs_tol=BITS)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(ledgers)
def test_every_feature_agrees_with_a_slow_reading_of_the_conventions(drawn):
    assert differences(*drawn) == []
