"""Building: the features of observations, some customers at a time, from what was known on each of their days."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .catalogue import CATALOGUE
from .column import Codes
from .declaration import Feature
from .engine.days import NEVER, day_number, day_numbers, day_of
from .engine.facts import Facts
from .engine.moments import Calendar
from .matrix import Matrix, as_matrix
from .pasts import distinct, pasts
from .peers import USUAL, PeerRecipe, among_themselves

_FEW = 2  # days of the calendar for each that is asked for
_EARLIEST = day_number(date(1800, 1, 1))


def build(
    facts: Facts, keys: pd.DataFrame, features: Sequence[Feature] = CATALOGUE, *, peers: PeerRecipe = USUAL
) -> Matrix:
    """The features of observations of the customers that `facts` holds.

    Parameters
    ----------
    keys : DataFrame
        customer_id and as_of (datetime64); rows come back in this order.

    Raises
    ------
    KeyError
        A customer is not among those of the facts.
    """
    number = facts.numbers_of(keys["customer_id"])
    if (number < 0).any():
        raise KeyError(f"{keys['customer_id'].iloc[int(np.argmax(number < 0))]} is no customer of these facts")
    day = day_numbers(keys["as_of"])
    values, missing = columns(facts, number, day, features, peers=peers)
    return Matrix(keys.reset_index(drop=True), as_matrix(values, len(keys)), missing.T, tuple(features))


def columns(
    facts: Facts,
    customer: npt.NDArray[Any],
    day: npt.NDArray[Any],
    features: Sequence[Feature] = CATALOGUE,
    *,
    peers: PeerRecipe = USUAL,
) -> tuple[list[npt.NDArray[Any]], Codes]:
    """The features of observations as arrays: columns of whole customers in, columns out.

    Parameters
    ----------
    customer, day : numbers of customers and day numbers, length n
        Any order; fastest in order of customer.
    peers : PeerRecipe
        For what compares with other customers; facts of a whole book that were not surveyed are surveyed by it.

    Raises
    ------
    ValueError
        A day is empty or lies beyond what is counted; or some feature compares with other customers, and the facts are
        a part of the book that knows of no others, or not on these days.

    Returns
    -------
    values : list of arrays of length n
        One for each feature, float32 or (money) float64 as declared; NaN where it is missing.
    missing : uint8 (len(features), n)
        `Missing` codes.
    """
    if len(day) and not _EARLIEST <= int(day.min()) <= int(day.max()) < NEVER:
        raise ValueError(f"as_of: days should lie between {day_of(_EARLIEST)} and {day_of(NEVER - 1)}, none empty.")
    facts = _beside_others(facts, day, features, peers)
    values = [np.empty(len(customer), declared.dtype) for declared in features]
    missing = np.empty((len(features), len(customer)), np.uint8)
    for some in _together(features, day):
        order, done = [], 0
        for rows, places, past in pasts(facts, customer, day, [features[place] for place in some]):
            here = slice(done, done + len(rows))
            for place in some:
                column = past.column(features[place].measure)
                values[place][here] = column.values[places]
                missing[place, here] = column.missing[places]
            order.append(rows)
            done += len(rows)
    came = np.concatenate(order) if order else np.zeros(0, np.int64)
    if (came != np.arange(len(came))).any():
        back = np.argsort(came)
        values, missing = [column[back] for column in values], missing[:, back]
    return values, missing


def _together(features: Sequence[Feature], day: npt.NDArray[Any]) -> list[list[int]]:
    """Which features are told from one past: where the earlier months of trends would be most of it, trends apart."""
    back = [one.measure.looks_back for one in features]
    asked = distinct(day) if len(day) else np.zeros(0, np.int64)
    if not len(asked) or len(Calendar.of(asked, series=any(back)).days) <= _FEW * len(asked):
        return [list(range(len(features)))]
    apart = [[place for place, one in enumerate(back) if one is wanted] for wanted in (False, True)]
    return [some for some in apart if some]


def _beside_others(facts: Facts, day: npt.NDArray[Any], features: Sequence[Feature], peers: PeerRecipe) -> Facts:
    """The facts, knowing of other customers on these days if some feature compares with them."""
    compare = [one for one in features if one.measure.among_others]
    if not compare or not len(day):
        return facts
    monthly = next((one.name for one in compare if one.measure.looks_back), None)
    if monthly:
        raise ValueError(
            f"{monthly}: compares with others and with earlier months; others are told of on the day alone."
        )
    if facts.peers is None:
        return among_themselves(facts, day, peers)
    if not np.isin(day, facts.peers.survey.days).all():
        raise ValueError(f"{compare[0].name}: compares with others, who were not surveyed on all of these days.")
    return facts
