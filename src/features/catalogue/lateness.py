"""Lateness: how late invoices are paid, and what stood in arrear."""

from ..column import Missing
from ..declaration import Family, Risk, Unit, declared
from ..engine.totals import Quantity as Q
from ..measures import activity as a
from ..measures import lateness as t
from ..measures.vocabulary import decided, due, of, share

_DAYS, _COUNT, _SHARE = Unit.DAYS, Unit.COUNT, Unit.SHARE
_UP, _DOWN = Risk.RISES, Risk.FALLS
_NODUE, _FEW, _NEVER = (Missing.NODUE,), (Missing.NODUE, Missing.FEW), (Missing.NEVER,)
DBT_YEAR = t.dbt(due_within=365)
LATE5_YEAR = share(of=of(Q.LATE5, decided(5, days=365)), to=of(Q.ONE, decided(5, days=365)))

# fmt: off
LATENESS = (
    *declared(
    Family.LATENESS,
    ("dbt_w_90d", "average days beyond terms over three months, by amount", "近三个月平均逾期天数（按金额加权）",
     _DAYS, _UP, t.dbt(due_within=90), _NODUE),
    ("dbt_w_365d", "average days beyond terms over a year, by amount", "近一年平均逾期天数（按金额加权）",
     _DAYS, _UP, DBT_YEAR, _NODUE),
    ("late_km_90d", "expected days late over three months, open invoices included",
     "近三个月预计逾期天数（含未付发票）",
     _DAYS, _UP, t.late_km_mean(due_within=90), _NODUE),
    ("late_median_180d", "median days late over six months, open invoices included",
     "近六个月逾期天数中位数（含未付发票）",
     _DAYS, _UP, t.late_km_quantile(due_within=180, q=0.5), _FEW),
    ("late_p90_365d", "days late that nine of ten invoices of a year stay within", "近一年九成发票不超过的逾期天数",
     _DAYS, _UP, t.late_km_quantile(due_within=365, q=0.9), _FEW),
    ("late_std_365d", "spread of days late over a year", "近一年逾期天数的波动",
     _DAYS, _UP, t.late_std(due_within=365), _FEW),
    ("late_share_n_365d", "share of invoices paid late over a year", "近一年逾期付款的发票占比",
     _SHARE, _UP, share(of=of(Q.LATE, decided(0, days=365)), to=of(Q.ONE, decided(0, days=365))), _NODUE),
    ("late_share_amt_365d", "share of the amount paid late over a year", "近一年逾期付款的金额占比",
     _SHARE, _UP, share(of=of(Q.UNPAID, decided(0, days=365)), to=of(Q.NET, decided(0, days=365))), _NODUE),
    ("late5_share_n_90d", "share of invoices more than 5 days late over three months", "近三个月逾期超过5天的发票占比",
     _SHARE, _UP, share(of=of(Q.LATE5, decided(5, days=90)), to=of(Q.ONE, decided(5, days=90))), _NODUE),
    ("late5_share_n_365d", "share of invoices more than 5 days late over a year", "近一年逾期超过5天的发票占比",
     _SHARE, _UP, LATE5_YEAR, _NODUE),
    ("late30_share_amt_180d", "share of the amount more than 30 days late over six months",
     "近六个月逾期超过30天的金额占比",
     _SHARE, _UP, share(of=of(Q.UNPAID30, decided(30, days=180)), to=of(Q.NET, decided(30, days=180))), _NODUE),
    ("late60_share_amt_365d", "share of the amount more than 60 days late over a year", "近一年逾期超过60天的金额占比",
     _SHARE, _UP, share(of=of(Q.UNPAID60, decided(60, days=365)), to=of(Q.NET, decided(60, days=365))), _NODUE),
    ("early_share_amt_365d", "share of the amount paid three days early or more over a year",
     "近一年提前三天以上付款的金额占比",
     _SHARE, _DOWN, share(of=of(Q.UNPAID_EARLY, due(days=365)), to=of(Q.NET, due(days=365)), complement=True), _NODUE),
    ("paydex_like_365d", "promptness points over a year (100 early, 20 four months late)",
     "近一年付款及时性得分（100为提前，20为逾期四个月）",
     _COUNT, _DOWN, t.paydex_like(due_within=365), _NODUE),
    ("on_time_streak", "due days in a row that were paid on time, up to now", "最近连续按时付款的到期日数",
     _COUNT, _DOWN, t.streak(late=False), _NODUE),
    ("late_streak", "due days in a row that were paid late, up to now", "最近连续逾期的到期日数",
     _COUNT, _UP, t.streak(late=True), _NODUE),
    ("last3_late_mean", "mean days late of the three latest invoices due", "最近三张到期发票的平均逾期天数",
     _DAYS, _UP, t.last_late_mean(), _FEW),
    ("dbt_to_terms_365d", "average days beyond terms against the terms granted", "平均逾期天数相对账期",
     Unit.RATIO, _UP, a.to_terms(of=DBT_YEAR, days=365), (Missing.NODUE, Missing.NOBASE)),
    ("days_since_60dpd", "days since something was last more than 60 days overdue", "距最近一次逾期超过60天的天数",
     _DAYS, _DOWN, t.days_since_over(dpd=60), _NEVER),
    ("worst_dpd_90d", "worst days past due in three months", "近三个月最长逾期天数",
     _DAYS, _UP, t.worst_dpd(days=90)),
    ("worst_dpd_180d", "worst days past due in six months", "近六个月最长逾期天数",
     _DAYS, _UP, t.worst_dpd(days=180)),
    ("worst_dpd_365d", "worst days past due in a year", "近一年最长逾期天数",
     _DAYS, _UP, t.worst_dpd(days=365)),
    ("days_since_worst_365d", "days since the worst of the year", "距近一年最长逾期之日的天数",
     _DAYS, _DOWN, t.days_since_worst(days=365), _NEVER),
    ("days_over30_365d", "days of the year with something more than 30 days overdue",
     "近一年存在逾期超过30天账款的天数",
     _COUNT, _UP, t.days_over(dpd=30, days=365)),
    ),
    *declared(
    Family.LATENESS,
    ("first_inv_late", "days late of the very first invoice due", "首张到期发票的逾期天数",
     _DAYS, _UP, t.first_late(), (Missing.NOSRC, Missing.NODUE)),
    ("late90_ever", "was ever more than 90 days overdue", "历史上曾逾期超过90天",
     Unit.FLAG, _UP, t.ever_over(dpd=90)),
    acts=False,  # the past stays
    ),
)
