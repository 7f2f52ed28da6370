"""Evidence: the invoices behind a reason, chosen and ordered by what its measure looks at."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..features.account import Account
from ..features.declaration import Family, Feature, Measure
from ..features.engine.dues import GRACE
from ..features.engine.totals import Total

Places = npt.NDArray[np.int64]
_SILENT = (Family.ACTIVITY, Family.TERMS, Family.MECHANICS, Family.DISPUTES, Family.OUTSIDE)  # no single invoice
_SPELLS = ("worst_dpd", "days_over", "days_since_worst", "days_since_over", "ever_over", "roll_ups", "bucket_change")
_DAYS_A_MONTH = 31


def invoices_behind(account: Account, declared: Feature) -> Places:
    """Places of a customer's invoices, those that weigh most in the feature first; often none."""
    if declared.family in _SILENT:
        return np.empty(0, np.int64)
    name, windows = declared.measure.name, dict(declared.measure.windows)
    if name in ("last_late_mean", "last_late_less", "streak"):
        return _latest_due(account, windows)
    if declared.family is Family.LIMIT:
        return _by(_open_days(account, _days(windows, 1)) * account.net)
    if declared.family is Family.AGEING or name in ("rolled_share", "slipped_share", "change_since"):
        overdue = "overdue" in declared.name or "dpd" in declared.name or name in ("rolled_share", "slipped_share")
        past = np.maximum(0, account.T - account.due) if overdue else np.ones(len(account.due))
        return _by(account.open * past)
    late = np.where(account.owed, np.maximum(0, account.late), 0)
    if name in _SPELLS:  # those that stood late within the window
        stood = (account.due < account.T) & (account.due + late > account.T - _days(windows, 365))
        return _by(np.where(stood, late, 0.0))
    inside = (account.due > account.T - _days(windows, 180) - GRACE) & (account.due <= account.T)
    return _by(np.where(inside, account.net * late, 0.0))


def _days(windows: dict[str, Any], otherwise: int) -> int:
    """How far back a measure looks, told by its windows or by those of what it is made of."""
    for name in ("due_within", "days"):
        if windows.get(name) is not None:
            return int(windows[name])
    if "months" in windows:
        return int(windows["months"]) * _DAYS_A_MONTH
    for nested in windows.values():
        if isinstance(nested, Total) and nested.window.days is not None:
            return nested.window.days + nested.window.after
        if isinstance(nested, Measure):
            return _days(dict(nested.windows), otherwise)
    return otherwise


def _by(weight: npt.NDArray[Any]) -> Places:
    """Places with a weight above 0, the heaviest first."""
    order = np.argsort(-weight, kind="stable")
    return order[weight[order] > 0]


def _latest_due(account: Account, windows: dict[str, Any]) -> Places:
    decided = np.flatnonzero(account.owed & (account.due <= account.T - GRACE - 1))
    order = decided[np.lexsort((-account.late[decided], -account.due[decided]))]
    if "late" not in windows:
        return order[:3]
    return order[account.late[order] > GRACE] if windows["late"] else np.empty(0, np.int64)


def _open_days(account: Account, window: int) -> npt.NDArray[Any]:
    """On how many of the last days each invoice was not settled yet."""
    start = np.maximum(account.issued, account.T - window + 1)
    return np.maximum(0, np.minimum(account.settle, account.T + 1) - start)
