"""Segments: a card of its own for each size of customer that has the bads, and the pooled card else."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import Mistake
from ..features.matrix import Matrix
from .edits import Edit
from .logistic import in_the_large
from .making import CardRecipe, Made
from .scorecard import Scorecard
from .scorecards import SegmentCard
from .weighing import bad_customers

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SegmentRecipe:
    """A segment's part of the section `segments` of params.yaml.

    Attributes
    ----------
    own_bads, offset_bads : int
        Bad customers in train from which on it has a card of its own, or at least an offset.
    binning, selection, scorecard : dict
        What its own card does otherwise than the sections of these names.
    """

    own_bads: int = 60
    offset_bads: int = 20
    binning: dict[str, Any] = field(default_factory=dict)
    selection: dict[str, Any] = field(default_factory=dict)
    scorecard: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= self.offset_bads <= self.own_bads:
            raise Mistake(
                "params.yaml: segments: offset_bads should be at least 1, and own_bads no less, "
                f"got {self.offset_bads} and {self.own_bads}."
            )

    def fit(
        self,
        segment: str,
        pooled: Scorecard,
        recipe: CardRecipe,
        matrix: Matrix,
        bad: Floats,
        *,
        tune: Matrix | None = None,
        edits: Sequence[Edit] = (),
        expert: dict[str, Any] | None = None,
    ) -> tuple[SegmentCard, Made | None]:
        """How a segment is rated, and what its own card is made of if it has one.

        Parameters
        ----------
        recipe : CardRecipe
            With what is done otherwise.
        matrix, bad, tune
            Train and tune, of all segments.
        edits, expert
            See `CardRecipe.fit`.

        Raises
        ------
        Mistake
            An edit cannot hold, or its card would have another scale of points.
        """
        if recipe.scorecard.scale() != pooled.scale:
            raise Mistake(
                f"params.yaml: segments.{segment}.scorecard has another scale of points than the pooled card."
            )
        here = (matrix.keys["segment"] == segment).to_numpy()
        mine, hit = matrix.rows(here), bad[here]
        n_bad = bad_customers(mine, hit)
        if n_bad >= self.own_bads and recipe.scorecard.weights_for(mine, hit) >= 2:
            beside = None if tune is None else tune.rows((tune.keys["segment"] == segment).to_numpy())
            made = recipe.fit(mine, hit, tune=beside, edits=edits)
            return SegmentCard(segment, "own", n_bad, card=made.card), made
        if expert is not None:
            made = recipe.take(expert, mine, hit, edits=edits)
            return SegmentCard(segment, "expert", n_bad, card=made.card), made
        if n_bad >= self.offset_bads and not hit.all():
            level = in_the_large(hit, pooled.log_odds(mine))
            return SegmentCard(segment, "offset", n_bad, offset=round(-pooled.scale.factor * level)), None
        return SegmentCard(segment, "pooled", n_bad), None
