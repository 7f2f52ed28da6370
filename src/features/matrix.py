"""The matrix: features of observations, with typed missing reasons and their declarations alongside."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from .catalogue import feature
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
        """Write as Parquet; a column `<feature>:missing` tells the reasons."""
        columns = {name: pa.array(self.values[:, p], from_pandas=True) for p, name in enumerate(self.names)}
        reasons = {f"{name}{_REASON}": self.missing[:, p] for p, name in enumerate(self.names)}
        keys = pa.Table.from_pandas(self.keys, preserve_index=False)
        table = pa.table({**{n: keys.column(n) for n in keys.column_names}, **columns, **reasons})
        pq.write_table(table, path, compression="zstd")

    @classmethod
    def read(cls, path: Path) -> "Matrix":
        """Read what `write` wrote; features that the catalogue no longer declares raise KeyError."""
        table = pq.read_table(path)
        names = [n.removesuffix(_REASON) for n in table.column_names if n.endswith(_REASON)]
        held = {*names, *(name + _REASON for name in names)}
        keys = table.select([n for n in table.column_names if n not in held]).to_pandas()
        values = [table.column(n).to_numpy() for n in names]
        missing = [table.column(n + _REASON).to_numpy() for n in names]
        shape = (table.num_rows, len(names))
        return cls(
            keys,
            np.column_stack(values) if names else np.empty(shape),
            np.column_stack(missing) if names else np.empty(shape, np.uint8),
            tuple(feature(n) for n in names),
        )

    @classmethod
    def stack(cls, parts: Sequence["Matrix"]) -> "Matrix":
        """Several matrices of the same features, one under the other."""
        return cls(
            pd.concat([part.keys for part in parts], ignore_index=True),
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.missing for part in parts]),
            parts[0].features,
        )
