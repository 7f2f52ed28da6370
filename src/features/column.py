"""A column: one number for each observation, or the reason why there is none."""

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..compiled import compiled

Flags = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float64]
Codes = npt.NDArray[np.uint8]


class Missing(IntEnum):
    """Why there is no number. The first that applies is told, in this order."""

    NONE = 0
    NOSRC = 1  # the source is not declared, or as_of lies before its declared first day
    NOLIMIT = 2  # no table of limits, or none in force
    NEW = 3  # no invoice is visible
    YOUNG = 4  # no invoice was visible at the start of the look-back
    DORMANT = 5  # nothing was invoiced in the window
    NODUE = 6  # nothing fell due or was decided in the window
    NOOPEN = 7  # nothing is open
    FEW = 8  # too few items in a set that the measure needs
    NOBASE = 9  # a denominator, comparison or record is absent
    NOGROUP = 10  # the customer belongs to no group, or is alone in it
    STALE = 11  # the latest record is too old
    NEVER = 12  # it never happened: a value, and the safest
    UNSEEN = 13  # a level that was not there when the model was fitted
    UNTOLD = 15  # missing, and nobody said why (rows that did not come from a ledger)


MISSING_TEXT: dict[Missing, tuple[str, str]] = {
    Missing.NOSRC: ("the source is not available", "无此数据来源"),
    Missing.NOLIMIT: ("no credit limit is in force", "无有效信用额度"),
    Missing.NEW: ("no invoice is known yet", "尚无任何发票"),
    Missing.YOUNG: ("the customer is too new to look back that far", "合作时间较短，历史数据不足"),
    Missing.DORMANT: ("nothing was invoiced in the period", "期间内没有开票"),
    Missing.NODUE: ("no invoice fell due in the period", "期间内没有到期发票"),
    Missing.NOOPEN: ("nothing is open", "没有未清账款"),
    Missing.FEW: ("too few invoices to tell", "发票数量过少"),
    Missing.NOBASE: ("nothing of the kind is on record", "无此类记录"),
    Missing.NOGROUP: ("the customer belongs to no group", "客户不属于任何集团"),
    Missing.STALE: ("the latest record is too old", "最近一次记录已过时"),
    Missing.UNSEEN: ("of a kind that the model has not met", "属模型未见过的类别"),
    Missing.UNTOLD: ("no reason was given", "未说明原因"),
    Missing.NEVER: ("it has never happened", "从未发生"),
}


class Column(NamedTuple):
    """One number or one typed reason for each observation.

    Attributes
    ----------
    values : float64, length n
        NaN exactly where `missing` is not NONE.
    missing : uint8, length n
        `Missing` codes.
    """

    values: Values
    missing: Codes

    @classmethod
    def of(
        cls, values: npt.NDArray[Any], *reasons: tuple[Missing, Flags | bool], like: Codes | None = None
    ) -> "Column":
        """Values with their missing reasons; of several that apply the first of the enumeration is told.

        `like` are the codes of what the values are made of: where that is missing, so are they.

        Raises
        ------
        ValueError
            Flags or codes are not as many as the values.
        """
        missing = np.zeros(len(values), np.uint8)
        for reason, where in reasons:
            if isinstance(where, np.ndarray) and where.ndim:
                if len(where) != len(values):
                    raise ValueError(f"{reason.name}: {len(where)} flags for {len(values)} values.")
                _mark(missing, where, int(reason))
            elif where:
                _mark_like(missing, np.full(len(values), reason, np.uint8))
        if like is not None:
            if len(like) != len(values):
                raise ValueError(f"like: {len(like)} codes for {len(values)} values.")
            _mark_like(missing, like)
        told = np.empty(len(values))
        _blank(np.asarray(values, np.float64), missing, told)
        return cls(told, missing)

    def clipped(self, low: float, high: float) -> "Column":
        """The same, values cut to [low, high]."""
        cut = np.maximum(self.values, low)
        return Column(np.minimum(cut, high, out=cut), self.missing)


@compiled
def _mark(missing, where, code):  # type: ignore[no-untyped-def]
    """Give a reason where it applies and comes before what is there."""
    for row in range(len(missing)):
        if where[row] and (missing[row] == 0 or code < missing[row]):
            missing[row] = code


@compiled
def _mark_like(missing, codes):  # type: ignore[no-untyped-def]
    """Give the reasons of another column where they come before what is there."""
    for row in range(len(missing)):
        if codes[row] and (missing[row] == 0 or codes[row] < missing[row]):
            missing[row] = codes[row]


@compiled
def _blank(values, missing, told):  # type: ignore[no-untyped-def]
    """Tell the values, NaN where a reason is given."""
    for row in range(len(values)):
        told[row] = np.nan if missing[row] else values[row]
