"""Peers and group: a customer beside the others, as all of them were known on the day."""

from typing import TYPE_CHECKING

import numpy as np

from ..column import Column, Missing
from ..declaration import Measure, among_others
from .vocabulary import DAYS

if TYPE_CHECKING:
    from ..engine.past import Past


@among_others
def against_segment(past: "Past", *, of: Measure, fewest: int) -> Column:
    """The measure less its median over the others of the segment (over all others, if these are fewer than so many)."""
    own = past.column(of)
    usual = past.others.median(own.values.astype(np.float32).astype(float), fewest)
    told = Column.of(own.values - usual, (Missing.NOBASE, np.isnan(usual)), like=own.missing)
    return told.clipped(*DAYS)


@among_others
def segment_default_rate(past: "Past", *, weight: int) -> Column:
    """Of the others of the segment that were exposed and not in default a year ago: the share that fell since.

    It is drawn to the rate of all others by the weight of so many customers.
    """
    rate = past.others.default_rate(weight)
    return Column.of(rate, (Missing.NOBASE, np.isnan(rate)))


@among_others
def group_overdue_share(past: "Past") -> Column:
    """Share of the open money of the group's other members that is overdue."""
    group = past.others
    overdue, open_, alone = group.overdue - past.overdue(), group.open - past.open, group.members < 2
    with np.errstate(invalid="ignore", divide="ignore"):
        share = overdue / open_
    return Column.of(share, (Missing.NOGROUP, alone), (Missing.NOOPEN, ~alone & (open_ == 0)))
