"""Scoring: every customer of a ledger rated at a day, with exact reasons, or told why it cannot be."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..errors import Mistake
from ..features.building import columns
from ..features.engine.days import day_number, day_of
from ..features.engine.facts import Facts
from ..features.engine.loading import facts_of
from ..features.ledger import Columns, Ledger, read_about
from ..features.matrix import Matrix, as_matrix
from ..features.observations import STATUS_TEXT, Status, observe
from ..features.peers import Standing, stand, surveyed
from ..features.workers import THREADS, in_order
from .bundle import Bundle
from .earlier import Earlier
from .scored import Scored

Days = npt.NDArray[np.int64]
_FIRST = date(1960, 1, 1)  # ten years after the first day that a ledger takes


def score(bundle: Bundle, facts: Facts, as_of: date, *, earlier: Earlier | None = None) -> Scored:
    """Rate the customers of a ledger, or of one partition of it, as known at the close of a day.

    Parameters
    ----------
    earlier : Earlier, None where there are none
        The ratings before: their published grades may stay, and what moved since is told. How a customer stood then
        is seen again with the eyes of this bundle, from what the ledger knew on that day.

    Raises
    ------
    NotOfThatDay
        `as_of` lies after the last day for which the ledger is complete, or before any that it could tell of.
    ValueError
        If the model compares with other customers and these facts are a part of the book; see `score_parts`.
    """
    check_day(as_of, day_of(facts.data_end))
    day = day_number(as_of)
    everyone, before = np.arange(facts.n), (earlier or Earlier.none()).of(facts.customers["customer_id"])
    status = observe(facts, everyone, np.full(facts.n, day), bundle.observation, bundle.default)
    rated = np.flatnonzero(status == Status.OBSERVED)
    again = rated[before["pd"].notna().to_numpy()[rated]]
    told = _features(
        bundle, facts, np.r_[rated, again], np.r_[np.full(len(rated), day), before["day"].to_numpy()[again]]
    )
    segment = facts.segment_of(everyone, np.full(facts.n, day))
    return Scored.of(bundle, as_of, facts.customers, segment, status, before, told)


class NotOfThatDay(Mistake):
    """The ledger tells nothing of the day."""


def check_day(as_of: date, data_end: date) -> None:
    """Raise `NotOfThatDay` unless a ledger that is complete to a day can tell of another."""
    if as_of > data_end:
        raise NotOfThatDay(
            f"--as-of {as_of}: the ledger is complete only to {data_end}; choose that day or an earlier one."
        )
    if as_of < _FIRST:
        raise NotOfThatDay(f"--as-of {as_of}: should be {_FIRST} or later; no ledger tells of earlier days.")


def _features(bundle: Bundle, facts: Facts, who: Days, day: Days) -> Matrix:
    """The bundle's features of customers on days, in the order of what was asked."""
    order = np.argsort(who, kind="stable")  # a customer's days together cost little more than one
    who, day = who[order], day[order]
    keys = pd.DataFrame(
        {
            "customer_id": facts.customers["customer_id"].take(who).reset_index(drop=True),
            "as_of": day.astype("datetime64[D]").astype("datetime64[s]"),
            "segment": facts.segment_of(who, day),
        }
    )
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    values, missing = columns(facts, who, day, bundle.all_features, peers=bundle.peers)
    return Matrix(keys, as_matrix(values, len(who)), missing.T, bundle.all_features).rows(back)


def score_parts(
    bundle: Bundle, folder: Path, as_of: date, *, earlier: Earlier | None = None, ids: bool = False
) -> Iterator[tuple[int, Facts, Scored]]:
    """The number of each partition of a ledger on disk, its facts and its ratings, in order.

    Memory is bounded by a few partitions. Where the model compares a customer with others, all partitions are surveyed
    first. With `ids` the facts know the ids of documents, which only people need.
    """
    about, days = read_about(folder), np.unique(np.r_[day_number(as_of), (earlier or Earlier.none()).days])
    peers = any(one.measure.among_others for one in bundle.all_features)
    numbers = range(about["partitions"])

    def standing(partition: int) -> Standing:
        return stand(facts_of(_columns(folder, about, partition)), days, bundle.peers)

    def rated(partition: int) -> tuple[int, Facts, Scored]:
        read = Ledger.of_partition if ids else _columns
        facts = facts_of(read(folder, about, partition))
        facts = survey.beside(facts, counts[partition]) if peers else facts
        scored = score(bundle, facts, as_of, earlier=earlier)
        _ = scored.table  # told here, so that threads share the work
        return partition, facts, scored

    with ThreadPoolExecutor(THREADS) as pool:
        if peers:
            survey, counts = surveyed(in_order(pool, standing, numbers, ahead=THREADS))
        yield from in_order(pool, rated, numbers, ahead=THREADS)


def _columns(folder: Path, about: dict[str, Any], partition: int) -> Columns:
    return Columns.read(folder, partition=partition, about=about)


def status_text(status: Status) -> tuple[str, str]:
    """Why a customer is not rated, in English and Chinese; empty where it is."""
    return STATUS_TEXT.get(status, ("", ""))
