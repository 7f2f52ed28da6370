"""Columns: what is told of many customers, flat, as the columns of a table of ratings."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..features.declaration import Family
from .changes import Changes
from .early_warning import Fired
from .opinions import Parting
from .ratings import CHANGE, FAMILY, PART, REASON, TERM, WARNING
from .reasons import Reasons


def listed(starts: npt.NDArray[np.int64], type_: pa.StructType, *columns: Iterable[Any]) -> pa.Array:
    """Lists of structs, from where each list starts and the columns of all of them end to end."""
    of = [pa.array(column, type_.field(place).type, from_pandas=True) for place, column in enumerate(columns)]
    return pa.ListArray.from_arrays(pa.array(starts, pa.int32()), pa.StructArray.from_arrays(of, fields=list(type_)))


def terms_column(rated: npt.NDArray[np.bool_], days: tuple[int, ...], told: npt.NDArray[np.float64]) -> pa.Array:
    """PD within each term, (n, t), of rated rows."""
    return listed(_starts(rated, len(days)), TERM, np.tile(days, int(rated.sum())), told[rated].ravel())


def families_column(rated: npt.NDArray[np.bool_], told: dict[Family, npt.NDArray[np.float64]]) -> pa.Array:
    """Points of each family, of rated rows."""
    n, families = int(rated.sum()), list(told)
    return listed(
        _starts(rated, len(families)),
        FAMILY,
        [one.name.lower() for one in families] * n,
        [one.value[0] for one in families] * n,
        [one.value[1] for one in families] * n,
        np.column_stack([points[rated] for points in told.values()]).ravel() if families else [],
    )


def reasons_column(reasons: Reasons) -> pa.Array:
    """The reasons of each row."""
    return listed(
        reasons.starts,
        REASON,
        reasons.names,
        reasons.families,
        reasons.points,
        reasons.values,
        reasons.usual,
        reasons.why_missing,
        reasons.en,
        reasons.zh,
    )


def parted_column(parting: Parting) -> pa.Array:
    """On what the two models part, of each row."""
    return listed(parting.starts, PART, parting.features, parting.first, parting.second, parting.en, parting.zh)


def changes_column(changes: Changes) -> pa.Array:
    """What moved each row since."""
    return listed(changes.starts, CHANGE, changes.what, changes.points, changes.en, changes.zh)


def warnings_column(fired: Fired) -> pa.Array:
    """The rules that fire of each row."""
    return listed(fired.starts, WARNING, fired.rules, fired.severities, fired.en, fired.zh)


def _starts(rated: npt.NDArray[np.bool_], each: int) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(rated) * each])
