"""Rows of features that come from elsewhere than a ledger: taken as they are meant, or refused."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..errors import Mistake
from ..features.column import Missing
from ..features.declaration import Feature, Unit
from ..features.matrix import Matrix
from ..models.scorecards import Scorecards
from .bundle import Bundle

Floats = npt.NDArray[np.float64]
_WHOLE = 2**53  # beyond it a double does not hold every whole number
_REASON = ":missing"


def matrix_of(bundle: Bundle, rows: pd.DataFrame) -> tuple[Matrix, list[str]]:
    """The champion's features of n rows, and what is odd about each row, in words ("" if nothing is).

    Parameters
    ----------
    rows : DataFrame, n rows
        A column of numbers for each feature of the bundle, in any order; NaN or None is missing. Scorecards that
        differ by segment read the text column `segment`, and take the pooled card where it is not there or unknown. A
        column `<feature>:missing` may tell why a value is missing (the number of the reason, as the matrix holds it);
        without it nobody said why, which may score otherwise. Other columns are not looked at.

    Raises
    ------
    Mistake
        A column is missing, is there twice, holds no numbers or infinite ones, or contradicts its reasons.
    """
    if not isinstance(rows, pd.DataFrame):
        raise Mistake(f"rows: should be a DataFrame with a column a feature, got {type(rows).__name__}.")
    if rows.columns.nlevels > 1:
        raise Mistake("rows: the columns have names of several levels; each should have one.")
    names = list(bundle.system.model.features)
    lacking = [name for name in names if name not in rows]
    if lacking:
        raise Mistake(f"rows: no column '{lacking[0]}'; the bundle needs {', '.join(names)}.")
    read = [*names, *(f"{name}{_REASON}" for name in names), "segment"]
    for name in read:
        if name in rows and isinstance(rows[name], pd.DataFrame):
            raise Mistake(f"rows: the column '{name}' is there twice.")
    values, missing = np.empty((len(rows), len(names))), np.empty((len(rows), len(names)), np.uint8)
    for k, declared in enumerate(bundle.features):
        values[:, k] = _numbers(rows[declared.name], declared)
        gaps, told = np.isnan(values[:, k]), f"{declared.name}{_REASON}"
        missing[:, k] = _reasons(rows[told], gaps) if told in rows else np.where(gaps, Missing.UNTOLD, Missing.NONE)
    segments = _segments(rows["segment"]) if "segment" in rows else np.full(len(rows), "", object)
    matrix = Matrix(pd.DataFrame({"segment": segments}), values, missing, bundle.features)
    return matrix, _odd(bundle, matrix)


def _numbers(column: pd.Series, declared: Feature) -> Floats:
    """float64, length n."""
    if not (getattr(column.dtype, "kind", "O") == "b" and declared.unit is Unit.FLAG):
        _refuse_no_numbers(column)
    values = column.to_numpy("float64", na_value=np.nan)
    if np.isinf(values).any():
        raise Mistake(f"rows: {column.name} is infinite; it should be finite, or NaN where it is missing.")
    return values


def _refuse_no_numbers(column: pd.Series) -> None:
    """Raise `Mistake` unless a double holds each value as it is."""
    kind, size = getattr(column.dtype, "kind", "O"), getattr(column.dtype, "itemsize", 8)
    if isinstance(column.dtype, pd.CategoricalDtype) or (kind != "O" and (kind not in "fiu" or size > 8)):
        raise Mistake(f"rows: {column.name} should hold numbers, got {column.dtype}.")
    if kind == "O":
        odd = [one for one in column if not (one is None or one is pd.NA or _is_number(one))]
        if odd:
            raise Mistake(f"rows: {column.name} should hold numbers, got {odd[0]!r}.")
    elif kind in "iu" and column.notna().any() and (column.max() > _WHOLE or column.min() < -_WHOLE):
        raise Mistake(f"rows: {column.name} holds whole numbers beyond 2^53, which a double would round.")


def _is_number(one: Any) -> bool:
    if isinstance(one, int | np.integer) and not isinstance(one, bool):
        return abs(int(one)) <= _WHOLE
    return isinstance(one, float | np.float32 | np.float16)  # a longer one would be rounded


def _reasons(column: pd.Series, gaps: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """`Missing` codes, length n."""
    _refuse_no_numbers(column)
    told = column.to_numpy("float64", na_value=np.nan)
    told = np.where(np.isnan(told), np.where(gaps, float(Missing.UNTOLD), 0.0), told)
    if not np.isin(told, [float(one) for one in Missing]).all() or ((told != Missing.NONE) != gaps).any():
        name = str(column.name).removesuffix(_REASON)
        raise Mistake(f"rows: {column.name} should be the number of a reason where {name} is missing, else 0.")
    return told.astype(np.uint8)


def _segments(column: pd.Series) -> npt.NDArray[np.object_]:
    """Text, "" where there is none."""
    told = column.astype(object).where(column.notna(), "")
    odd = [one for one in told if not isinstance(one, str)]
    if odd:
        raise Mistake(f"rows: segment should be text, got {odd[0]!r}.")
    return told.to_numpy(object)


def _odd(bundle: Bundle, matrix: Matrix) -> list[str]:
    told: list[list[str]] = [[] for _ in range(len(matrix))]
    for name, seen in bundle.seen.items():
        for row in np.flatnonzero(seen.beyond(matrix.column(name))):
            told[row].append(f"{name} is beyond what was met in training")
    model = bundle.system.model
    if isinstance(model, Scorecards) and model.segments:
        met = {"", *bundle.reference.usual, *(one.segment for one in model.segments)}
        for odd, segment in zip(told, matrix.keys["segment"], strict=True):
            if segment not in met:
                odd.append(f"segment {segment!r} was not met in training")
    return ["; ".join(one) for one in told]
