"""The matrix: features of observations, with typed missing reasons and their declarations alongside."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import Mistake
from .catalogue import CATALOGUE, feature
from .declaration import Feature

_REASON = ":missing"


@dataclass(frozen=True)
class Matrix:
    """Features of n observations.

    Attributes
    ----------
    keys : DataFrame, n rows
        customer_id and as_of (datetime64), perhaps with more columns that describe the observation.
    values : float64 (n, k)
        NaN exactly where `missing` is not NONE.
    missing : uint8 (n, k)
        `Missing` codes.
    features : tuple of k Feature
        The declarations of the columns.
    """

    keys: pd.DataFrame
    values: npt.NDArray[np.float64]
    missing: npt.NDArray[np.uint8]
    features: tuple[Feature, ...]

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def names(self) -> list[str]:
        """Feature names in order of the columns."""
        return [f.name for f in self.features]

    def place(self, name: str) -> int:
        """The column of a feature."""
        return self.names.index(name)

    def column(self, name: str) -> npt.NDArray[np.float64]:
        """The values of one feature, length n."""
        return self.values[:, self.place(name)]

    def reasons(self, name: str) -> npt.NDArray[np.uint8]:
        """Why one feature is missing, length n."""
        return self.missing[:, self.place(name)]

    def rows(self, where: npt.NDArray[np.bool_] | npt.NDArray[np.int64] | slice) -> "Matrix":
        """Some of the observations."""
        return Matrix(
            self.keys.iloc[where].reset_index(drop=True), self.values[where], self.missing[where], self.features
        )

    def only(self, names: Sequence[str]) -> "Matrix":
        """Some of the features, in this order."""
        places = [self.place(name) for name in names]
        return Matrix(
            self.keys, self.values[:, places], self.missing[:, places], tuple(self.features[p] for p in places)
        )

    def write(self, path: Path) -> None:
        """Write as Parquet, categories by the names of their levels; a column `<feature>:missing` tells the reasons."""
        values = [
            _named(column, declared.levels) if declared.levels else column.astype(declared.dtype)
            for column, declared in zip(self.values.T, self.features, strict=True)
        ]
        pq.write_table(as_table(self.keys, self.features, values, self.missing.T), path, compression="zstd")

    @classmethod
    def read(cls, path: Path) -> "Matrix":
        """Read what `write` or the stage wrote, in order of day, then customer.

        Features that the catalogue no longer declares raise KeyError. The catalogue declares numbers only.
        """
        table = pq.read_table(path).sort_by([("as_of", "ascending"), ("customer_id", "ascending")])
        names = [n.removesuffix(_REASON) for n in table.column_names if n.endswith(_REASON)]
        told = {one.name for one in CATALOGUE} & set(table.column_names)
        if told ^ set(names):
            raise Mistake(f"{path}: {min(told ^ set(names))} has no value, or no reason, beside it; run 'dvc repro'.")
        held = {*names, *(name + _REASON for name in names)}
        keys = table.select([n for n in table.column_names if n not in held]).to_pandas(date_as_object=False)
        keys["as_of"] = keys["as_of"].astype("datetime64[s]")
        values = [table.column(n).to_numpy() for n in names]
        missing = [table.column(n + _REASON).to_numpy().astype(np.uint8) for n in names]
        codes = np.column_stack(missing) if names else np.empty((table.num_rows, 0), np.uint8)
        return cls(keys, as_matrix(values, table.num_rows), codes, tuple(feature(n) for n in names))


def _named(places: npt.NDArray[np.float64], levels: Sequence[str]) -> npt.NDArray[Any]:
    """The names of levels, None where missing."""
    return np.array([*levels, None], object)[np.where(np.isnan(places), -1, places).astype(np.int64)]


def as_matrix(values: Sequence[npt.NDArray[Any]], n: int) -> npt.NDArray[np.float64]:
    """Columns of length n as float64 (n, k)."""
    told = np.empty((n, len(values)))
    for place, column in enumerate(values):
        told[:, place] = column
    return told


def as_table(
    keys: pd.DataFrame, features: Sequence[Feature], values: Sequence[npt.NDArray[Any]], missing: npt.NDArray[np.uint8]
) -> pa.Table:
    """Keys of n observations and columns of features (a feature a row of `missing`) as they are written."""
    told = {one.name: pa.array(column, from_pandas=True) for one, column in zip(features, values, strict=True)}
    reasons = {f"{one.name}{_REASON}": codes for one, codes in zip(features, missing, strict=True)}
    kept = pa.Table.from_pandas(keys, preserve_index=False)
    types = [pa.string() if pa.types.is_large_string(f.type) else f.type for f in kept.schema]
    types[kept.column_names.index("as_of")] = pa.date32()
    kept = kept.cast(pa.schema(list(zip(kept.column_names, types, strict=True))))
    return pa.table({**{name: kept.column(name) for name in kept.column_names}, **told, **reasons})
