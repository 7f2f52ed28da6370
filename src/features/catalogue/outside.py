"""Signals from outside: three features for each signal that is declared here, and the adverse ones together."""

from dataclasses import dataclass

from ..column import Missing
from ..declaration import Family, Feature, Risk, Unit, declared
from ..measures import outside as o


@dataclass(frozen=True)
class Signal:
    """A signal that a book may have: the rows of its table of signals with this source and name.

    Attributes
    ----------
    feature : str
        Its features are named `ext_<feature>`, `ext_<feature>_age_days` and `ext_<feature>_chg_180d`.
    en, zh : str
    risk : Risk
        How risk moves when the value rises.
    """

    feature: str
    source: str
    name: str
    en: str
    zh: str
    unit: Unit
    risk: Risk


# fmt: off
SIGNALS = (
    Signal("score", "bureau", "score", "credit bureau score", "征信评分", Unit.COUNT, Risk.FALLS),
    Signal("liquidity", "statement", "current_ratio", "current ratio of the latest statement", "最近报表的流动比率",
           Unit.RATIO, Risk.FALLS),
    Signal("leverage", "statement", "debt_ratio", "debt ratio of the latest statement", "最近报表的资产负债率",
           Unit.RATIO, Risk.RISES),
)
# fmt: on
ADVERSE = (("court", "case"), ("court", "judgment"), ("bank", "protest"))
_NOSRC, _NOBASE, _STALE = Missing.NOSRC, Missing.NOBASE, Missing.STALE


_CHANGE_OF = {Unit.COUNT: Unit.COUNT_CHANGE, Unit.RATIO: Unit.RATIO_CHANGE}


# fmt: off
def _of(told: Signal) -> tuple[Feature, ...]:
    source, name, en, zh = told.source, told.name, told.en, told.zh
    return declared(
        Family.OUTSIDE,
        (f"ext_{told.feature}", en, zh,
         told.unit, told.risk, o.signal(source=source, name=name), (_NOSRC, _NOBASE, _STALE)),
        (f"ext_{told.feature}_age_days", f"age of the {en}", f"{zh}距今天数",
         Unit.DAYS, Risk.FREE, o.signal_age(source=source, name=name), (_NOSRC, _NOBASE)),
        (f"ext_{told.feature}_chg_180d", f"change of the {en} in six months", f"{zh}近六个月变化",
         _CHANGE_OF[told.unit], told.risk, o.signal_change(source=source, name=name, days=180),
         (_NOSRC, _NOBASE, _STALE)),
        acts=False,
    )


OUTSIDE = (
    *(feature for signal in SIGNALS for feature in _of(signal)),
    *declared(
        Family.OUTSIDE,
        ("ext_adverse_365d", "court cases and protests in a year", "近一年诉讼与票据拒付次数",
         Unit.COUNT, Risk.RISES, o.adverse(names=ADVERSE, days=365), (_NOSRC,)),
        acts=False,
    ),
)
