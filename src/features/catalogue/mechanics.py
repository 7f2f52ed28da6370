"""Payment mechanics, disputes, promises and dunning: how a customer pays, and what it takes."""

from ..column import Missing
from ..declaration import Family, Feature, Risk, Unit, declared
from ..engine.totals import Quantity as Q
from ..measures import ageing as g
from ..measures import mechanics as p
from ..measures.vocabulary import change, issued, of, settled, share

_SHARE, _COUNT = Unit.SHARE, Unit.COUNT
_UP = Risk.RISES
_FEW, _NOSRC, _DORMANT = (Missing.FEW,), Missing.NOSRC, (Missing.DORMANT,)
_PARTS, _PARTS_NOW, _PARTS_BEFORE = (
    share(of=of(Q.IN_PARTS, window), to=of(Q.ONE, window), fewest=3)
    for window in (settled(days=365), settled(days=90), settled(days=275, after=90))
)

# fmt: off
MECHANICS = (
    *declared(
        Family.MECHANICS,
        ("silence_in_arrears_days", "days without payment while in arrears", "拖欠期间未付款的天数",
         Unit.DAYS, _UP, p.silence_in_arrears(days=365, recent=90)),
        ("pay_gap_ratio_365d", "days since the last payment, while in arrears, against the usual gap",
         "拖欠期间距上次付款的天数相对通常间隔",
         Unit.RATIO, _UP, p.pay_gap_ratio(days=365, recent=90), _FEW),
        ("collected_to_billed_3m", "money collected against money billed in three months", "近三个月回款与开票之比",
         Unit.RATIO, Risk.FALLS, g.collected_to_billed(months=3), _DORMANT),
        ("part_pay_share_365d", "share of invoices paid in parts over a year", "近一年分次付清的发票占比",
         _SHARE, _UP, _PARTS, _FEW),
        ("part_pay_chg_90d", "change of the share paid in parts", "分次付清发票占比的变化",
         Unit.SHARE_CHANGE, _UP, change(of=_PARTS_NOW, less=_PARTS_BEFORE), _FEW),
        ("short_paid_share_365d", "share of invoices paid short over a year", "近一年未足额付清的发票占比",
         _SHARE, _UP, share(of=of(Q.SHORT, settled(days=365)), to=of(Q.ONE, settled(days=365)), fewest=3), _FEW),
        ("off_run_share_90d", "share of payments off the usual weekday", "偏离惯常付款日（星期）的付款占比",
         _SHARE, _UP, p.off_run_share(days=365, recent=90), _FEW),
        ("n_bounced_365d", "payments that bounced in a year", "近一年退票或付款冲销次数",
         _COUNT, _UP, p.reversals(days=365), (_NOSRC,)),
    ),
    Feature("pay_after_dunning_share_365d", "share of late invoices paid only after two reminders",
            "催收两次以上才付款的逾期发票占比",
            _SHARE, _UP, p.paid_after_dunning(days=365), (_NOSRC, Missing.FEW), family=Family.MECHANICS,
            in_scorecard=False),  # whom the credit team reminds is its own decision
)
DISPUTES = (
    *declared(
        Family.DISPUTES,
        ("dispute_open_share", "share of the open amount in dispute", "未清余额中争议金额占比",
         _SHARE, _UP, g.disputed_share(), (_NOSRC, Missing.NOOPEN)),
        ("dispute_rate_365d", "share of the year's invoices that were disputed", "近一年被提出争议的发票占比",
         _SHARE, _UP, share(of=of(Q.DISPUTED, issued(days=365)), to=of(Q.ANY, issued(days=365)), fewest=3,
                            source="events"), (_NOSRC, Missing.FEW)),
        ("dispute_unfounded_share_365d", "share of disputes closed without a credit note", "结案时未开贷项的争议占比",
         _SHARE, _UP, p.disputes_unfounded(days=365), (_NOSRC, Missing.NOBASE)),
        ("credit_note_rate_365d", "credit notes against the year's invoices", "近一年贷项金额占开票金额之比",
         Unit.RATIO, Risk.FREE, share(of=of(Q.CREDITS, issued(days=365)), to=of(Q.AMOUNT, issued(days=365)),
                                  none=Missing.DORMANT), _DORMANT),
        ("promise_broken_rate_365d", "share of payment promises broken in a year", "近一年未兑现的付款承诺占比",
         _SHARE, _UP, p.promises_broken(days=365), (_NOSRC, Missing.NOBASE)),
        ("promise_broken_last", "was the latest payment promise broken", "最近一次付款承诺未兑现",
         Unit.FLAG, _UP, p.last_promise_broken(days=365), (_NOSRC, Missing.NOBASE)),
    ),
    Feature("dunning_rate_365d", "reminders sent against the invoices due in a year", "近一年催收次数相对到期发票张数",
            Unit.RATIO, _UP, p.dunning_rate(days=365), (_NOSRC, Missing.NODUE), family=Family.DISPUTES,
            in_scorecard=False),  # whom the credit team reminds is its own decision
)
