"""Evidence: the invoices behind a reason, chosen and ordered by what its measure looks at."""

import numpy as np
import numpy.typing as npt

from ..features.declaration import Family, Feature
from ..features.history import View

Places = npt.NDArray[np.int64]
_GRACE = 5  # days a bank may take, as the measures count them
_SILENT = (Family.ACTIVITY, Family.MECHANICS, Family.OUTSIDE)  # no single invoice stands behind these
_SPELLS = ("worst_dpd", "days_over", "roll_ups", "bucket_change")
_DAYS_A_MONTH = 31


def invoices_behind(view: View, place: int, declared: Feature) -> Places:
    """Invoice numbers of a customer (its number `place`), those that weigh most in the feature first; often none."""
    if declared.family in _SILENT:
        return np.empty(0, np.int64)
    name, windows = declared.measure.name, dict(declared.measure.windows)
    mine = np.flatnonzero((view.customer == place) & view.owed)
    if name in ("last_late_mean", "streak"):
        return _latest_due(view, mine, windows)
    if declared.family is Family.LIMIT:
        return _by(_open_days(view, mine, _days(windows, 1)) * view.net[mine], mine)
    if declared.family is Family.AGEING or name in ("rolled_share", "change_since"):
        return _open_now(
            view, mine, overdue_only="overdue" in declared.name or "dpd" in declared.name or name == "rolled_share"
        )
    late = np.maximum(0.0, view.late[mine])
    if name in _SPELLS:  # those that stood late within the window
        stood = (view.due[mine] < view.T) & (view.due[mine] + late > view.T - _days(windows, 365))
        return _by(np.where(stood, late, 0.0), mine)
    inside = (view.due[mine] > view.T - _days(windows, 180) - _GRACE) & (view.due[mine] <= view.T)
    return _by(np.where(inside, view.net[mine] * late, 0.0), mine)


def _days(windows: dict, otherwise: int) -> int:
    for name in ("due_within", "decided_in", "days", "recent"):
        if name in windows:
            return int(windows[name])
    return int(windows["months"]) * _DAYS_A_MONTH if "months" in windows else otherwise


def _by(weight: npt.NDArray[np.float64], places: Places) -> Places:
    """Places with a weight above 0, the heaviest first."""
    order = np.argsort(-weight, kind="stable")
    return places[order[weight[order] > 0]]


def _latest_due(view: View, mine: Places, windows: dict) -> Places:
    decided = mine[view.due[mine] <= view.T - _GRACE - 1]
    order = decided[np.lexsort((-view.late[decided], -view.due[decided]))]
    if "latest" in windows:
        return order[: windows["latest"]]
    return order[view.late[order] > _GRACE] if windows["late"] else np.empty(0, np.int64)


def _open_now(view: View, mine: Places, *, overdue_only: bool) -> Places:
    open_ = np.zeros(len(view.due))
    open_[view.open_now[0]] = view.open_now[1]
    past = view.T - view.due[mine]
    days = np.maximum(0, past) if overdue_only else np.ones(len(mine))
    return _by(open_[mine] * days, mine)


def _open_days(view: View, mine: Places, window: int) -> npt.NDArray[np.float64]:
    """On how many of the last days each invoice stood open."""
    held = view.steps
    start = np.maximum(held.day, view.T - window + 1)
    days = np.maximum(0, np.minimum(held.until, view.T + 1) - start) * (held.open > 0)
    return np.bincount(held.invoice, days, minlength=len(view.due)).astype(float)[mine]
