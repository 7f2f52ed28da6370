"""Scoring: every customer of a ledger rated at a day, with exact reasons, or told why it cannot be."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..errors import Mistake
from ..features.building import build
from ..features.engine.days import day_number, day_of
from ..features.engine.facts import Facts
from ..features.engine.loading import facts_of
from ..features.ledger import Ledger, read_about
from ..features.matrix import Matrix
from ..features.observations import STATUS_TEXT, Status, observe
from ..features.peers import stand, surveyed
from ..models.rating import DEFAULTED
from .bundle import Bundle
from .card_text import told_card
from .reasons import Reason, reasons_of

Floats = npt.NDArray[np.float64]
ADDITIVE = 1e-9  # contributions and baseline equal the log-odds to this, asserted on every batch


@dataclass(frozen=True)
class Rating:
    """The rating of one customer at one day.

    Attributes
    ----------
    status : Status
        OBSERVED is rated; the others tell why not (a defaulted customer has the grade D and no PD).
    pd : float in (0, 1); score : int, more is less risk; grade : str
    pd_cautious : float in (0, 1)
        The PD with the margin of conservatism: beside it, never part of grade or points.
    pd_term : tuple of (days, pd)
        The PD within each term, the last the horizon: what the receivables of the next weeks are at risk of.
    card, card_en, card_zh : str
        Which scorecard rated, and why that one; "" for trees, and where there is one card for all.
    manual_review : bool
        A strategic customer: the rating is advice, people decide.
    reasons : tuple of Reason
    """

    customer_id: str
    as_of: date
    status: Status
    pd: float | None
    pd_cautious: float | None
    pd_term: tuple[tuple[int, float], ...]
    score: int | None
    grade: str | None
    model: str
    card: str
    card_en: str
    card_zh: str
    bundle: str
    manual_review: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Scored:
    """The ratings of one partition of customers.

    Attributes
    ----------
    customers : DataFrame, n rows
        The ledger's, in order of the customers' numbers.
    status : uint8, length n
    matrix : Matrix, n rows
        The model's features (also of customers that are not rated).
    log_odds, points, base_points : float64 (n), (n, k), (n)
        Calibrated log-odds, what each feature adds to the score, and the score before any speaks.
    """

    bundle: Bundle
    as_of: date
    customers: pd.DataFrame
    status: npt.NDArray[np.uint8]
    matrix: Matrix
    log_odds: Floats
    points: Floats
    base_points: Floats

    def rating(self, place: int) -> Rating:
        """The rating of the customer with this number, reasons included."""
        system, status = self.bundle.system, Status(int(self.status[place]))
        customer = self.customers.iloc[place]
        model = self.bundle.system.model
        card = told_card(model, self.matrix.rows(slice(place, place + 1)))
        common = (model.kind, *card, self.bundle.fingerprint, bool(customer["is_strategic"]))
        if status is not Status.OBSERVED:
            grade = DEFAULTED if status is Status.IN_DEFAULT else None
            return Rating(customer["customer_id"], self.as_of, status, None, None, (), None, grade, *common, ())
        z = self.log_odds[place : place + 1]
        reasons = reasons_of(
            self.bundle, self.points[place], self.matrix.values[place], self.matrix.missing[place], customer["segment"]
        )
        return Rating(
            customer["customer_id"],
            self.as_of,
            status,
            float(system.pd(z)[0]),
            float(system.cautious_pd(z)[0]),
            tuple(zip(system.term.days, map(float, system.term.pd(z)[0]), strict=True)),
            int(system.score(z)[0]),
            str(system.scale.grade(z)[0]),
            *common,
            tuple(reasons),
        )

    def ratings(self) -> list[Rating]:
        """All of them, in order of customer_id."""
        return [self.rating(place) for place in range(len(self.customers))]


def score(bundle: Bundle, facts: Facts, as_of: date) -> Scored:
    """Rate the customers of a ledger, or of one partition of it, as known at the close of a day.

    Raises
    ------
    Mistake
        If `as_of` lies after the last day for which the ledger is complete.
    ValueError
        If the model compares with other customers and these facts are a part of the book; see `score_parts`.
    """
    day = day_number(as_of)
    if day > facts.data_end:
        raise Mistake(
            f"--as-of {as_of}: the ledger is complete only to {day_of(facts.data_end)}; "
            "choose that day or an earlier one."
        )
    keys = pd.DataFrame({"customer_id": facts.customers["customer_id"], "as_of": pd.Timestamp(as_of)})
    keys["segment"] = facts.segment_of(np.arange(facts.n), np.full(facts.n, day))
    matrix = build(facts, keys, bundle.features, peers=bundle.peers)
    who = np.arange(facts.n)
    system = bundle.system
    log_odds, contributions, baselines = (
        told(matrix) for told in (system.log_odds, system.contributions, system.baselines)
    )
    gap = np.abs(contributions.sum(axis=1) + baselines - log_odds).max(initial=0.0)
    assert gap <= ADDITIVE, f"contributions miss the log-odds by {gap}"
    return Scored(
        bundle,
        as_of,
        facts.customers,
        observe(facts, who, np.full(facts.n, day), bundle.observation, bundle.default),
        matrix,
        log_odds,
        -system.points.factor * contributions,
        system.points.score(baselines),
    )


def score_parts(bundle: Bundle, folder: Path, as_of: date) -> Iterator[tuple[Ledger, Facts, Scored]]:
    """Each partition of a ledger on disk, its facts and its ratings; memory is bounded by one of them.

    Where the model compares a customer with others, all partitions are surveyed first.
    """
    about, day = read_about(folder), np.array([day_number(as_of)])
    peers = any(one.measure.among_others for one in bundle.features)
    if peers:
        parts = Ledger.read_partitions(folder, about)
        survey, counts = surveyed(stand(facts_of(ledger), day, bundle.peers) for ledger in parts)
    for partition, ledger in enumerate(Ledger.read_partitions(folder, about)):
        facts = facts_of(ledger)
        facts = survey.beside(facts, counts[partition]) if peers else facts
        yield ledger, facts, score(bundle, facts, as_of)


def status_text(status: Status) -> tuple[str, str]:
    """Why a customer is not rated, in English and Chinese; empty where it is."""
    return STATUS_TEXT.get(status, ("", ""))
