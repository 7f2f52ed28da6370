"""Making a scorecard: cut, edit, select, weigh, fix; or, where the bads are too few, take an expert's."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import Mistake
from ..features.matrix import Matrix
from .binning import BinningRecipe, Floats
from .edits import Change, Edit, as_rows, edit_bins, edit_points, select
from .expert import expert_card
from .scorecard import Scorecard
from .selection import SelectionRecipe
from .weighing import ScorecardRecipe, bad_customers

_HALF_A_GRADE = math.log(2) / 2  # log-odds: each grade doubles the PD


@dataclass(frozen=True)
class Made:
    """A scorecard and how it came about.

    Attributes
    ----------
    card : Scorecard
    dropped : dict of str to str
        For each feature that left the reason.
    iv : dict of str to float
        Information value of every feature that was cut, after edits.
    rounding : dict of str to float
        See `Weighed`; empty for an expert card.
    changes : list of Change
        What people edited.
    expert : str
        Why an expert card was taken; "" where one was fitted.
    """

    card: Scorecard
    dropped: dict[str, str]
    iv: dict[str, float]
    rounding: dict[str, float] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    expert: str = ""

    def as_report(self) -> dict[str, Any]:
        """For people, as plain JSON types."""
        return {
            "kept": list(self.card.features),
            "dropped": self.dropped,
            "iv": {name: round(iv, 4) for name, iv in self.iv.items()},
            "rounding": {name: round(value, 6) for name, value in self.rounding.items()},
            "edits": as_rows(self.changes),
            "expert": self.expert,
        }


@dataclass(frozen=True)
class CardRecipe:
    """The three recipes that make a card together."""

    binning: BinningRecipe = field(default_factory=BinningRecipe)
    selection: SelectionRecipe = field(default_factory=SelectionRecipe)
    scorecard: ScorecardRecipe = field(default_factory=ScorecardRecipe)

    def take(self, expert: dict[str, Any], matrix: Matrix, bad: Floats, *, edits: Sequence[Edit] = ()) -> Made:
        """The card that people made, with the points that they fixed since."""
        card = expert_card(expert, self.scorecard.scale(), matrix, bad, self.binning)
        for edit in edits:
            if edit.edit != "points":
                raise Mistake(f"{edit}: an expert card was taken, of which points alone can be edited.")
        card, changes = edit_points(card, edits, matrix)
        why = f"{bad_customers(matrix, bad)} bad customers are too few to fit honestly"
        return Made(card, {}, {}, changes=changes, expert=why)

    def fit(
        self,
        matrix: Matrix,
        bad: Floats,
        *,
        tune: Matrix | None = None,
        edits: Sequence[Edit] = (),
        expert: dict[str, Any] | None = None,
    ) -> Made:
        """A card of these rows.

        Parameters
        ----------
        matrix, bad
            Train: features that models may use, and outcomes.
        tune : Matrix or None
            Other rows, for the stability of bins; their outcomes are not looked at.
        edits : sequence of Edit
            In order.
        expert : dict or None
            A card that people made (see `expert_card`), for where the bads are too few.

        Raises
        ------
        Mistake
            An edit cannot hold, or the bads are too few and there is no expert card.
        """
        if expert is not None and self.scorecard.weights_for(matrix, bad) < 2:
            return self.take(expert, matrix, bad, edits=edits)
        bins, cut = edit_bins(self.binning.fit(matrix, bad), edits, matrix, bad, self.binning)
        selection = select(self.selection, edits, matrix.names)
        kept, dropped = selection.fit(bins, matrix, tune)
        weighed = self.scorecard.fit(kept, matrix, bad)
        if (moved := weighed.rounding["largest_move"]) > _HALF_A_GRADE:
            raise Mistake(
                f"params.yaml: scorecard.pdo: whole points are too coarse at {self.scorecard.pdo:g}; rounding moves a "
                f"PD by {moved:.2f} in log-odds, more than half a grade ({_HALF_A_GRADE:.2f}). Raise it."
            )
        dropped = dropped | weighed.dropped
        lost = [name for name in selection.keep if name not in weighed.card.features]
        if lost:
            edit = next((one for one in edits if one.edit == "force_in" and one.feature == lost[0]), lost[0])
            raise Mistake(f"{edit}: cannot be forced in: {dropped[lost[0]]}.")
        card, fixed = edit_points(weighed.card, edits, matrix)
        chosen = [Change(one) for one in edits if one.edit.startswith("force")]
        iv = {one.feature: one.iv for one in bins}
        return Made(card, dropped, iv, weighed.rounding, [*cut, *chosen, *fixed])
