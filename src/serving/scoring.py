"""Scoring: every customer of a ledger rated at a day, with exact reasons, or told why it cannot be."""

from collections.abc import Iterator, Mapping
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
    pd : float in (0, 1); score : int, more is less risk; grade : str, the model's
    published, previous : str
        The grade that is shown, which moves only when the PD has left its band by the margin of the rating philosophy,
        and the one shown before ("" where none was given).
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
    published: str | None
    previous: str
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
    terms : float64 (n, t)
        PD within each of the system's terms.
    published, previous : arrays of str, length n
        Grades (see `Rating`).
    """

    bundle: Bundle
    as_of: date
    customers: pd.DataFrame
    status: npt.NDArray[np.uint8]
    matrix: Matrix
    log_odds: Floats
    points: Floats
    base_points: Floats
    terms: Floats
    published: npt.NDArray[np.object_]
    previous: npt.NDArray[np.object_]

    def rating(self, place: int) -> Rating:
        """The rating of the customer with this number, reasons included."""
        system, status = self.bundle.system, Status(int(self.status[place]))
        customer, rated = self.customers.iloc[place], status is Status.OBSERVED
        z, values, missing = self.log_odds[place : place + 1], self.matrix.values[place], self.matrix.missing[place]
        unrated = DEFAULTED if status is Status.IN_DEFAULT else None
        card, card_en, card_zh = told_card(system.model, str(self.matrix.keys["segment"].iloc[place]))
        return Rating(
            customer_id=customer["customer_id"],
            as_of=self.as_of,
            status=status,
            pd=float(system.pd(z)[0]) if rated else None,
            pd_cautious=float(system.cautious_pd(z)[0]) if rated else None,
            pd_term=tuple(zip(system.term.days, map(float, self.terms[place]), strict=True)) if rated else (),
            score=int(system.score(z)[0]) if rated else None,
            grade=str(system.scale.grade(z)[0]) if rated else unrated,
            published=str(self.published[place]) if rated else unrated,
            previous=str(self.previous[place]),
            model=system.model.kind,
            card=card if rated else "",
            card_en=card_en if rated else "",
            card_zh=card_zh if rated else "",
            bundle=self.bundle.fingerprint,
            manual_review=bool(customer["is_strategic"]),
            reasons=tuple(reasons_of(self.bundle, self.points[place], values, missing, customer["segment"]))
            if rated
            else (),
        )

    def ratings(self) -> list[Rating]:
        """All of them, in order of customer_id."""
        return [self.rating(place) for place in range(len(self.customers))]


def score(bundle: Bundle, facts: Facts, as_of: date, *, previous: Mapping[str, str] | None = None) -> Scored:
    """Rate the customers of a ledger, or of one partition of it, as known at the close of a day.

    Parameters
    ----------
    previous : mapping of customer_id to grade
        Grades as they were published before; None where none were.

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
    before = np.array([(previous or {}).get(name, "") for name in facts.customers["customer_id"]], object)
    return Scored(
        bundle,
        as_of,
        facts.customers,
        observe(facts, who, np.full(facts.n, day), bundle.observation, bundle.default),
        matrix,
        log_odds,
        -system.points.factor * contributions,
        system.points.score(baselines),
        system.term.pd(log_odds),
        system.scale.published(log_odds, before, margin=system.hysteresis),
        before,
    )


def score_parts(
    bundle: Bundle, folder: Path, as_of: date, *, previous: Mapping[str, str] | None = None
) -> Iterator[tuple[Ledger, Facts, Scored]]:
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
        yield ledger, facts, score(bundle, facts, as_of, previous=previous)


def status_text(status: Status) -> tuple[str, str]:
    """Why a customer is not rated, in English and Chinese; empty where it is."""
    return STATUS_TEXT.get(status, ("", ""))
