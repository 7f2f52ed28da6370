"""Trend and shock: what has changed, each earlier value as it was known at that time."""

from ..column import Missing
from ..declaration import Family, Risk, Unit, declared
from ..engine.totals import Quantity as Q
from ..measures import ageing as g
from ..measures import lateness as t
from ..measures.vocabulary import (
    DAYS,
    change,
    change_on_quarters,
    change_since,
    decided,
    due,
    of,
    share,
    slope,
    standing_out,
)
from .lateness import LATE5_YEAR

_COUNT, _SHARE, _CHANGE = Unit.COUNT, Unit.SHARE, Unit.SHARE_CHANGE
_UP = Risk.RISES
_YOUNG, _NODUE, _NOOPEN, _FEW, _NOBASE = Missing.YOUNG, Missing.NODUE, Missing.NOOPEN, Missing.FEW, Missing.NOBASE
_KM = t.late_km_mean(due_within=90)
_LATE5, _LATE5_BEFORE = (
    share(of=of(Q.UNPAID5, window), to=of(Q.NET, window))
    for window in (decided(5, days=90), decided(5, days=275, before=90))
)
_EARLY, _EARLY_BEFORE = (
    share(of=of(Q.UNPAID_EARLY, window), to=of(Q.NET, window), complement=True)
    for window in (due(days=90), due(days=275, after=90))
)

# fmt: off
TREND = declared(
    Family.TREND,
    ("late_chg_3m", "change of expected days late against the quarters before", "预计逾期天数较前几个季度的变化",
     Unit.DAYS_CHANGE, _UP, change_on_quarters(of=_KM), (_NODUE, _NOBASE)),
    ("late_slope_6m", "monthly trend of expected days late over six months", "近六个月预计逾期天数的月度趋势",
     Unit.PER_MONTH, _UP, slope(of=_KM, months=6, cut=DAYS), (_FEW,)),
    ("late_z_12m", "expected days late against the usual spread of the year", "预计逾期天数相对全年波动的偏离",
     Unit.RATIO, _UP, standing_out(of=_KM, floor=2.0, fewest=6), (_NODUE, _FEW)),
    ("late5_share_chg_90d", "change of the share more than 5 days late", "逾期超过5天金额占比的变化",
     _CHANGE, _UP, change(of=_LATE5, less=_LATE5_BEFORE), (_NODUE, _NOBASE)),
    ("last3_minus_mean_365d", "late share of the three latest invoices against the year",
     "最近三张发票逾期占比与全年之差",
     _CHANGE, _UP, t.last_late_less(less=LATE5_YEAR), (_NODUE, _FEW)),
    ("early_share_chg_90d", "change of the share paid early", "提前付款金额占比的变化",
     _CHANGE, Risk.FALLS, change(of=_EARLY, less=_EARLY_BEFORE), (_NODUE, _NOBASE)),
    ("worst_bucket_chg_3m", "change of the ageing bucket in three months", "近三个月账龄档位变化",
     Unit.COUNT_CHANGE, _UP, t.bucket_change(months=3), (_YOUNG,)),
    ("roll_up_count_6m", "months of six in which the ageing bucket rose", "近六个月账龄档位上升的次数",
     _COUNT, _UP, t.roll_ups(months=6), (_YOUNG,)),
    ("cure_count_12m", "recoveries from more than 30 days overdue in a year", "近一年从逾期30天以上恢复正常的次数",
     _COUNT, Risk.FREE, t.cures(months=12), (_YOUNG,)),
    ("slipped_share_1m", "share of last month's unpaid invoices that slipped further",
     "上月未付发票中账龄继续恶化的占比",
     _SHARE, _UP, t.slipped_share(months=1), (_NOBASE,)),
    ("roll_share_1m", "share of last month's overdue money still unpaid", "上月逾期金额中仍未支付的占比",
     _SHARE, _UP, t.rolled_share(months=1), (_NOBASE,)),
    ("overdue_share_chg_3m", "change of the overdue share in three months", "近三个月逾期占比的变化",
     _CHANGE, _UP, change_since(of=g.overdue_share(more_than=0), months=3), (_NOOPEN, _NOBASE)),
    ("ewma_late5", "share of the amount paid more than 5 days late, the newest weighing most",
     "逾期超过5天的金额占比（近期权重更高）",
     _SHARE, _UP, t.late_ewma(half_life=60), (_NODUE,)),
)
