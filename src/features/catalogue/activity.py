"""Tenure and activity: how long, how much and how regularly a customer buys."""

from ..column import Missing
from ..declaration import Family, Risk, Unit, declared
from ..engine.totals import Quantity as Q
from ..measures import activity as a
from ..measures.vocabulary import amount, count, issued, of

_DAYS, _COUNT, _RATIO = Unit.DAYS, Unit.COUNT, Unit.RATIO
_UP, _DOWN, _FREE = Risk.RISES, Risk.FALLS, Risk.FREE
_YOUNG, _DORMANT, _NOOPEN, _FEW = Missing.YOUNG, Missing.DORMANT, Missing.NOOPEN, Missing.FEW

# fmt: off
ACTIVITY = declared(
    Family.ACTIVITY,
    ("tenure_days", "days since the customer's first business", "合作天数",
     _DAYS, _DOWN, a.tenure()),
    ("days_since_last_inv", "days since the last invoice", "距最近一次开票的天数",
     _DAYS, _FREE, a.days_since_last_invoice()),
    ("n_inv_12m", "invoices issued in the last 12 months", "近12个月开票张数",
     _COUNT, _FREE, count(of=of(Q.ANY, issued(months=12)))),
    ("amt_inv_12m", "amount invoiced in the last 12 months", "近12个月开票金额",
     Unit.MONEY, _FREE, amount(of=of(Q.NET, issued(months=12)))),
    ("active_months_12m", "months with an invoice in the last 12", "近12个月中有开票的月数",
     _COUNT, _DOWN, a.active_months(months=12)),
    ("amt_growth_yoy_3m", "growth of three months' sales on the year before", "近三个月销售额同比变化",
     _RATIO, _FREE, a.growth_on_year(months=3), (_YOUNG, _DORMANT)),
    ("amt_slope_12m", "monthly trend of sales over a year", "近12个月销售额的月度趋势",
     Unit.PER_MONTH, _FREE, a.sales_slope(months=12), (_YOUNG, _DORMANT)),
    ("amt_surge_1m", "last month's sales against the monthly mean of the year", "最近一月销售额相对全年月均",
     _RATIO, _FREE, a.surge(months=12), (_DORMANT,)),
    ("inv_gap_cv_365d", "irregularity of ordering over a year", "近一年订货间隔的不规律程度",
     _RATIO, _UP, a.gap_variation(days=365), (_FEW,)),
    ("inv_gap_ratio_365d", "days since the last order against the usual gap", "距上次订货的天数相对通常间隔",
     _RATIO, _UP, a.gap_ratio(days=365), (_NOOPEN, _FEW)),
    ("max_inv_to_median_365d", "largest invoice of three months against the usual one",
     "近三个月最大发票相对通常发票金额",
     _RATIO, _UP, a.largest_to_median(recent=90, days=365), (_DORMANT, _FEW)),
    acts=False,
)
