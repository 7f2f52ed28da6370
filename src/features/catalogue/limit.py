"""Credit limit and terms: how the credit that was granted is used, and how it changed."""

from ..column import Missing
from ..declaration import Family, Feature, Risk, Unit, declared
from ..engine.totals import Quantity as Q
from ..measures import activity as a
from ..measures import limits as m
from ..measures.vocabulary import RATIO, change, count, extended, mean_over, of, slope

_UP = Risk.RISES
_NOLIMIT = (Missing.NOLIMIT,)
_USE = m.utilisation()

# fmt: off
LIMIT = (
    *declared(
        Family.LIMIT,
        ("utilisation", "use of the credit limit", "信用额度使用率",
         Unit.SHARE, _UP, _USE, _NOLIMIT),
        ("util_max_90d", "highest use of the limit in three months", "近三个月额度使用率峰值",
         Unit.SHARE, _UP, m.peak_utilisation(days=90), _NOLIMIT),
        ("util_mean_6m", "mean use of the limit over six months", "近六个月额度平均使用率",
         Unit.SHARE, _UP, mean_over(of=_USE, months=6), _NOLIMIT),
        ("util_slope_6m", "monthly trend of the use of the limit", "额度使用率的月度趋势",
         Unit.PER_MONTH, _UP, slope(of=_USE, months=6, cut=RATIO), (Missing.NOLIMIT, Missing.FEW)),
        ("overlimit_days_180d", "days over the limit in six months", "近六个月超额度天数",
         Unit.COUNT, _UP, m.overlimit_days(days=180), _NOLIMIT),
    ),
    Feature("limit_chg_180d", "change of the credit limit in six months", "近六个月信用额度的变化",
            Unit.RATIO, Risk.FREE, m.limit_change(days=180), _NOLIMIT, family=Family.LIMIT, acts=False,
            in_scorecard=False),  # the credit team's own decision
)
TERMS = (
    Feature("terms_w_365d", "days of terms granted over a year, by amount", "近一年账期天数（按金额加权）",
            Unit.DAYS, Risk.FREE, a.terms(days=365), (Missing.DORMANT,), family=Family.TERMS, acts=False),
    Feature("terms_chg_90d", "change of the days of terms granted", "账期天数的变化",
            Unit.DAYS_CHANGE, _UP, change(of=a.terms(days=90), less=a.terms(days=275, after=90)),
            (Missing.DORMANT, Missing.NOBASE), family=Family.TERMS, acts=False),
    Feature("n_extended_365d", "invoices whose due date was put off in a year", "近一年获准延期的发票张数",
            Unit.COUNT, _UP, count(of=of(Q.ANY, extended(days=365)), source="extensions"), (Missing.NOSRC,),
            family=Family.TERMS, in_scorecard=False),  # the credit team's own decision
)
