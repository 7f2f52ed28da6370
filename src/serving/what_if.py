"""What if: a customer rated by the same bundle on a ledger that is not, but could be."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..features.building import build
from ..features.declaration import Feature
from ..features.engine.days import day_of
from ..features.engine.facts import Facts
from ..features.engine.loading import facts_of
from ..features.ledger import Ledger
from ..features.matrix import Matrix
from ..features.peers import Survey, stand
from ..features.variants import as_known
from ..models.rating import Explained
from .bundle import Bundle


@dataclass(frozen=True)
class WhatIf:
    """One customer, and what it takes to rate it anew.

    The other customers stay as they are: the totals of its own group are those of the real book.

    Attributes
    ----------
    own : Ledger
        Of the customer alone.
    day : int
        A day number.
    survey : Survey or None
        Of the book, where the model compares with other customers.
    features : tuple of Feature
        The model's.
    """

    bundle: Bundle
    own: Ledger
    day: int
    survey: Survey | None
    features: tuple[Feature, ...]

    @classmethod
    def of(cls, bundle: Bundle, ledger: Ledger, facts: Facts, customer_id: str, day: int) -> "WhatIf":
        """Of a customer of a partition."""
        survey = None if facts.peers is None else facts.peers.survey
        own = as_known(ledger.of_customers([customer_id]), pd.Timestamp(day_of(day)))
        return cls(bundle, own, day, survey, bundle.features)

    def rate(self, book: Ledger, *, later: int = 0) -> Explained:
        """What the model says of each customer of a book of variants, or of one variant; see `matrix`."""
        return self.bundle.explain(self.matrix(book, later=later))

    def matrix(self, book: Ledger, *, later: int = 0) -> Matrix:
        """The features of each customer of a book of variants.

        On the day, or so many days later; other customers are taken to stand then as they stand on the day.
        """
        day = self.day + later
        facts = facts_of(replace(book, data_end=max(book.data_end, day_of(day))))
        if self.survey is not None:
            place = int(np.searchsorted(self.survey.days, self.day))
            days, here = np.array([day]), slice(place, place + 1)
            then = replace(
                self.survey,
                days=days,
                by_segment=self.survey.by_segment[:, here],
                by_group=self.survey.by_group[:, here],
                segments=dict(self.survey.segments),
                groups=dict(self.survey.groups),
            )
            facts = then.beside(facts, stand(facts, days, self.bundle.peers).counts)
        everyone = np.arange(facts.n)
        segments = facts.segment_of(everyone, np.full(facts.n, day))
        keys = pd.DataFrame({"customer_id": facts.customers["customer_id"], "as_of": pd.Timestamp(day_of(day))})
        return build(facts, keys.assign(segment=segments), self.features, peers=self.bundle.peers)
