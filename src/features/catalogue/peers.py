"""Peers and group: a customer beside the others of its segment, and the other members of its group."""

from ..column import Missing
from ..declaration import Family, Feature, Risk, Unit
from ..measures import peers as p
from .lateness import DBT_YEAR

_UP, _OUTSIDE = Risk.RISES, Family.OUTSIDE

# fmt: off
PEERS = (
    Feature("dbt_vs_segment_365d", "days beyond terms of a year against what is usual in the segment",
            "近一年逾期天数相对同类客户中位数",
            Unit.DAYS, _UP, p.against_segment(of=DBT_YEAR, fewest=20), (Missing.NODUE, Missing.NOBASE),
            family=_OUTSIDE),
    Feature("segment_default_rate_365d", "default rate of the segment's other customers over a year, smoothed",
            "同类其他客户近一年违约率（平滑）",
            Unit.SHARE, _UP, p.segment_default_rate(weight=20), (Missing.NOBASE,), acts=False, family=_OUTSIDE),
    Feature("group_overdue_share", "share of the open amount of the group's other members that is overdue",
            "集团其他成员未清余额中逾期占比",
            Unit.SHARE, _UP, p.group_overdue_share(), (Missing.NOGROUP, Missing.NOOPEN), acts=False, family=_OUTSIDE),
)
