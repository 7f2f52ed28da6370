"""Scoring: every customer of a ledger rated at a day, with exact reasons, or told why it cannot be."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from ..errors import Mistake
from ..features.building import build
from ..features.column import Missing
from ..features.engine.days import day_number, day_of
from ..features.engine.facts import Facts
from ..features.engine.loading import facts_of
from ..features.ledger import Columns, Ledger, read_about
from ..features.matrix import Matrix
from ..features.observations import STATUS_TEXT, Status, observe
from ..features.peers import Standing, stand, surveyed
from ..features.workers import THREADS, in_order
from ..models.logistic import logit
from ..models.rating import DEFAULTED, Explained
from .bundle import Bundle
from .card_text import told_card
from .changes import Changes, Stand
from .columns import (
    changes_column,
    families_column,
    parted_column,
    reasons_column,
    terms_column,
    warnings_column,
)
from .earlier import Earlier
from .early_warning import Fired, held, watched
from .opinions import APART, Parting
from .ratings import SCHEMA, Rating
from .reasons import Reasons, by_family

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.int64]
_FIRST = date(1960, 1, 1)  # ten years after the first day that a ledger takes


@dataclass(frozen=True)
class Scored:
    """The ratings of one partition of customers.

    Attributes
    ----------
    customers : DataFrame, n rows
        The ledger's, in order of the customers' numbers.
    status : uint8, length n
    matrix : Matrix, n rows
        The model's features; of who is not rated nothing is told (missing as UNTOLD).
    log_odds, points, base_points : float64 (n), (n, k), (n)
        Calibrated log-odds, what each feature adds to the score, and the score before any speaks; 0 for who is not
        rated.
    second : float64, length n
        Calibrated log-odds by the model that is not the champion; NaN where the bundle holds none.
    parting : Parting
        On what the two part.
    earlier : DataFrame, n rows
        The rating before (see `Earlier.of`).
    changes : Changes
        What moved the points of those that were rated before and are now.
    watched : Matrix, n rows
        The features that the rules of early warning look at.
    stood : dict of str to bool, length n
        Where each rule held at the rating before.
    """

    bundle: Bundle
    as_of: date
    customers: pd.DataFrame
    status: npt.NDArray[np.uint8]
    matrix: Matrix
    log_odds: Floats
    points: Floats
    base_points: Floats
    second: Floats
    parting: Parting
    earlier: pd.DataFrame
    changes: Changes
    watched: Matrix
    stood: dict[str, npt.NDArray[np.bool_]]

    @property
    def rated(self) -> npt.NDArray[np.bool_]:
        """Who has a PD, length n."""
        return self.status == Status.OBSERVED

    @cached_property
    def usual(self) -> Floats:
        """(n, k): what is usual in each customer's segment."""
        return self.bundle.reference.usual_of(self.matrix.keys["segment"].to_numpy(object), self.matrix.names)

    @cached_property
    def reasons(self) -> Reasons:
        """Of the rated."""
        return Reasons.of(self.bundle.reasons, self.matrix, self.points, self.usual, self.rated)

    @cached_property
    def table(self) -> pa.Table:
        """A row for each customer; the columns of `SCHEMA`."""
        system, n, rated, z = self.bundle.system, len(self.customers), self.rated, self.log_odds
        shown = system.scale.published(z, self.earlier["published"].to_numpy(object), margin=system.hysteresis)
        names = np.array([one.name for one in Status], object)[self.status]
        texts = np.array([STATUS_TEXT.get(one, ("", "")) for one in Status], object)[self.status]
        unrated = np.array([DEFAULTED if one is Status.IN_DEFAULT else None for one in Status], object)[self.status]
        cards = {one: told_card(system.model, str(one)) for one in set(self.matrix.keys["segment"])}
        card = np.array([cards[one] for one in self.matrix.keys["segment"]], object).reshape(n, 3)
        card[~rated] = ""
        before = self.earlier["pd"].notna().to_numpy() & rated
        asked = rated & ~np.isnan(self.second)
        second = np.where(asked, self.second, 0.0)
        days = self.earlier["day"].to_numpy("datetime64[D]")

        def of_rated(told: npt.NDArray[np.generic]) -> pa.Array:
            return pa.array(told, mask=~rated)

        columns = {
            "customer_id": pa.array(self.customers["customer_id"], pa.string()),
            "as_of": pa.array([self.as_of] * n, pa.date32()),
            "status": pa.array([one.lower() for one in names], pa.string()),
            "status_en": pa.array(texts[:, 0], pa.string()),
            "status_zh": pa.array(texts[:, 1], pa.string()),
            "pd": of_rated(system.pd(z)),
            "pd_cautious": of_rated(system.cautious_pd(z)),
            "pd_term": terms_column(rated, system.term.days, system.term.pd(z)),
            "score": of_rated(system.score(z)),
            "grade": pa.array(np.where(rated, system.scale.grade(z), unrated), pa.string()),
            "published": pa.array(np.where(rated, shown, unrated), pa.string()),
            "previous": pa.array(self.earlier["published"].to_numpy(object), pa.string()),
            "model": pa.array([system.model.kind] * n, pa.string()),
            **{name: pa.array(card[:, k], pa.string()) for k, name in enumerate(("card", "card_en", "card_zh"))},
            "bundle": pa.array([self.bundle.fingerprint] * n, pa.string()),
            "manual_review": pa.array(self.customers["is_strategic"].to_numpy(bool)),
            "base_points": of_rated(self.base_points),
            "families": families_column(rated, by_family(self.bundle.features, self.points)),
            "reasons": reasons_column(self.reasons),
            "second_grade": pa.array(system.scale.grade(second), pa.string(), mask=~asked),
            "second_pd": pa.array(system.pd(second), mask=~asked),
            "parted": parted_column(self.parting),
            "since": pa.array(days, pa.date32(), mask=~before),
            "changes": changes_column(self.changes),
            "warnings": warnings_column(self._fired(np.where(rated, shown, unrated))),
        }
        return pa.table(columns, SCHEMA)

    def _fired(self, published: npt.NDArray[np.object_]) -> Fired:
        scale = (*self.bundle.system.scale.names, DEFAULTED)
        before = self.earlier["published"].to_numpy(object)
        return Fired.of(self.bundle.warnings, self.watched, self.stood, self.rated, before, published, scale)

    def rating(self, place: int) -> Rating:
        """The rating of the customer with this number, reasons included."""
        return Rating.of_row(self.table.slice(place, 1).to_pylist()[0])


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
    wide, told = _explained(
        bundle, facts, np.r_[rated, again], np.r_[np.full(len(rated), day), before["day"].to_numpy()[again]]
    )
    points, base = _points(bundle, told)
    here, then = slice(len(rated)), slice(len(rated), None)
    keys = pd.DataFrame({"segment": facts.segment_of(everyone, np.full(facts.n, day))})
    everybody = _laid_out(wide.rows(here), rated, keys)
    matrix, names = everybody.only(bundle.system.model.features), [one.name for one in watched(bundle.warnings)]
    log_odds, of_all, base_of_all = (_filled(one[here], rated, facts.n) for one in (told.log_odds, points, base))
    second, parting = _second(bundle, everybody, log_odds, of_all, status == Status.OBSERVED)
    now, before_now = Stand(matrix.rows(again), of_all[again], base_of_all[again]), wide.rows(then)
    return Scored(
        bundle,
        as_of,
        facts.customers,
        status,
        matrix,
        log_odds,
        of_all,
        base_of_all,
        second,
        parting,
        before,
        Changes.between(
            facts.n,
            again,
            now,
            _as_of_now(bundle, Stand(before_now.only(matrix.names), points[then], base[then]), now.matrix),
            bundle.system.points.score(told.log_odds[then]),
            bundle.system.points.score(logit(before["pd"].to_numpy()[again])),
            bundle.features,
        ),
        everybody.only(names),
        held(bundle.warnings, facts.n, again, before_now.only(names)),
    )


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


def _laid_out(matrix: Matrix, rows: Days, keys: pd.DataFrame) -> Matrix:
    """Features of some rows among all; of the others nothing is told."""
    shape = (len(keys), len(matrix.names))
    values, missing = np.full(shape, np.nan), np.full(shape, Missing.UNTOLD, np.uint8)
    values[rows], missing[rows] = matrix.values, matrix.missing
    return Matrix(keys, values, missing, matrix.features)


def _filled(told: Floats, rows: Days, n: int) -> Floats:
    """Numbers of some rows among n; 0 for the others."""
    filled = np.zeros((n, *told.shape[1:]))
    filled[rows] = told
    return filled


def _points(bundle: Bundle, told: Explained) -> tuple[Floats, Floats]:
    """(n, k): what each feature adds to the score; length n: the score before any speaks."""
    return -bundle.system.points.factor * told.contributions, bundle.system.points.score(told.baselines)


def _as_of_now(bundle: Bundle, then: Stand, now: Matrix) -> Stand:
    """How customers stood `then`, seen among the customers of the segment that they are of `now`."""
    moved = np.flatnonzero(then.matrix.keys["segment"].to_numpy(object) != now.keys["segment"].to_numpy(object))
    if not len(moved):
        return then
    some = then.matrix.rows(moved)
    there = replace(some, keys=some.keys.assign(segment=now.keys["segment"].to_numpy(object)[moved]))
    points, base = then.points.copy(), then.base_points.copy()
    points[moved], base[moved] = _points(bundle, bundle.explain(there))
    return Stand(then.matrix, points, base)


def _explained(bundle: Bundle, facts: Facts, who: Days, day: Days) -> tuple[Matrix, Explained]:
    """Features of customers on days, and what the model says of them, in the order of what was asked."""
    order = np.argsort(who, kind="stable")  # a customer's days together cost little more than one
    who, day = who[order], day[order]
    keys = pd.DataFrame(
        {
            "customer_id": facts.customers["customer_id"].to_numpy(object)[who],
            "as_of": day.astype("datetime64[D]").astype("datetime64[s]"),
            "segment": facts.segment_of(who, day),
        }
    )
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    wide = build(facts, keys, bundle.all_features, peers=bundle.peers).rows(back)
    return wide, bundle.explain(wide.only(bundle.system.model.features))


def _second(
    bundle: Bundle, wide: Matrix, log_odds: Floats, points: Floats, rated: npt.NDArray[np.bool_]
) -> tuple[Floats, Parting]:
    """What the other model says of rows of both models' features, and on what they part."""
    n, scale = len(wide), bundle.system.scale
    if bundle.second is None:
        return np.full(n, np.nan), Parting.none(n)
    told = bundle.second.explain(wide, bundle.reasons.baseline)
    away = scale.place(told.log_odds) - scale.place(log_odds[:n])
    other = bundle.second.system
    return told.log_odds, Parting.between(
        wide,
        (bundle.system.model.features, points[:n]),
        (other.model.features, -other.points.factor * told.contributions),
        (np.abs(away) >= APART) & rated,
        away > 0,
    )


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
