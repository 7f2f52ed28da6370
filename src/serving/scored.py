"""Scored: what a bundle says of some customers by their features, and the table that tells it."""

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from ..features.column import Missing
from ..features.matrix import Matrix
from ..features.observations import STATUS_TEXT, Status
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
from .early_warning import Fired, held, watched
from .opinions import APART, Parting
from .ratings import SCHEMA, Rating
from .reasons import Reasons, by_family

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.int64]


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

    @classmethod
    def of(
        cls,
        bundle: Bundle,
        as_of: date,
        customers: pd.DataFrame,
        segment: npt.NDArray[np.object_],
        status: npt.NDArray[np.uint8],
        before: pd.DataFrame,
        told: Matrix,
    ) -> "Scored":
        """What a bundle says of n customers by their features.

        Parameters
        ----------
        segment : str, length n
        before : DataFrame, n rows
            The rating before (see `Earlier.of`).
        told : Matrix
            The bundle's features of those that are rated, in order; then, of those of them that were rated before,
            as the ledger told them on that day.
        """
        n, rated = len(customers), np.flatnonzero(status == Status.OBSERVED)
        again = rated[before["pd"].notna().to_numpy()[rated]]
        here, then = slice(len(rated)), slice(len(rated), None)
        explained = bundle.explain(told.only(bundle.system.model.features))
        points, base = _points(bundle, explained)
        everybody = _laid_out(told.rows(here), rated, pd.DataFrame({"segment": segment}))
        matrix, names = everybody.only(bundle.system.model.features), [one.name for one in watched(bundle.warnings)]
        log_odds, of_all, base_of_all = (_filled(one[here], rated, n) for one in (explained.log_odds, points, base))
        second, parting = _second(bundle, everybody, log_odds, of_all, status == Status.OBSERVED)
        now, before_now = Stand(matrix.rows(again), of_all[again], base_of_all[again]), told.rows(then)
        return cls(
            bundle,
            as_of,
            customers,
            status,
            matrix,
            log_odds,
            of_all,
            base_of_all,
            second,
            parting,
            before,
            Changes.between(
                n,
                again,
                now,
                _as_of_now(bundle, Stand(before_now.only(matrix.names), points[then], base[then]), now.matrix),
                bundle.system.points.score(explained.log_odds[then]),
                bundle.system.points.score(logit(before["pd"].to_numpy()[again])),
                bundle.features,
            ),
            everybody.only(names),
            held(bundle.warnings, n, again, before_now.only(names)),
        )

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
