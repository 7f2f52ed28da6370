"""Ageing and exposure: what is open, how much of it is overdue and for how long."""

from ..column import Missing
from ..declaration import Family, Feature, Risk, Unit, declared
from ..engine.totals import Quantity as Q
from ..measures import ageing as g
from ..measures.vocabulary import amount, count, due, issued, of, share_of_peak

_DAYS, _SHARE = Unit.DAYS, Unit.SHARE
_UP = Risk.RISES
_DORMANT, _NOOPEN, _NOBASE = (Missing.DORMANT,), (Missing.NOOPEN,), (Missing.NOBASE,)
_OPEN = amount(of=of(Q.OPEN, issued()))

# fmt: off
AGEING = (
    *declared(
        Family.AGEING,
        ("open_amt", "amount open", "未清余额",
         Unit.MONEY, Risk.FREE, _OPEN),
        ("overdue_share", "share of the open amount that is overdue", "未清余额中逾期占比",
         _SHARE, _UP, g.overdue_share(more_than=0), _NOOPEN),
        ("over30_share", "share of the open amount more than 30 days overdue", "未清余额中逾期超过30天的占比",
         _SHARE, _UP, g.overdue_share(more_than=30), _NOOPEN),
        ("over60_share", "share of the open amount more than 60 days overdue", "未清余额中逾期超过60天的占比",
         _SHARE, _UP, g.overdue_share(more_than=60), _NOOPEN),
    ),
    Feature("over90_share", "share of the open amount more than 90 days overdue", "未清余额中逾期超过90天的占比",
            _SHARE, _UP, g.overdue_share(more_than=90), _NOOPEN, family=Family.AGEING,
            in_scorecard=False),  # it is nearly the label
    *declared(
        Family.AGEING,
        ("wavg_dpd_overdue", "days past due of the overdue amount", "逾期金额的加权逾期天数",
         _DAYS, _UP, g.mean_dpd_overdue()),
        ("oldest_dpd", "days past due of the oldest arrear", "最早一笔欠款的逾期天数",
         _DAYS, _UP, g.oldest_dpd()),
        ("n_overdue", "overdue invoices", "逾期发票张数",
         Unit.COUNT, _UP, count(of=of(Q.ARREAR, due(after=1)))),
        ("beyond_usual_dpd", "days past due beyond what is usual for the customer", "逾期天数超出该客户惯常水平的部分",
         _DAYS, _UP, g.beyond_usual(days=365, quantile=0.9), (Missing.FEW,)),
        ("dso_3m", "days of sales that are open (DSO)", "应收账款周转天数（DSO）",
         _DAYS, _UP, g.days_of_sales(months=3, overdue_only=False), _DORMANT),
        ("overdue_days_sales_3m", "days of sales that are overdue", "逾期账款相当的销售天数",
         _DAYS, _UP, g.days_of_sales(months=3, overdue_only=True), _DORMANT),
        ("countback_dso", "days of sales, counted back, that reach the open amount", "倒推法应收账款周转天数",
         _DAYS, _UP, g.countback(most=365)),
        ("cei_3m", "collection effectiveness over three months", "近三个月回款效率",
         _SHARE, Risk.FALLS, g.collection_effectiveness(months=3), _NOBASE),
        ("open_to_peak_12m", "open amount against its peak of the year", "未清余额相对全年峰值",
         Unit.RATIO, _UP, share_of_peak(of=_OPEN, months=12), _NOBASE),
    ),
)
