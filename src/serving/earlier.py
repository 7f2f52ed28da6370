"""Earlier ratings: what was published the last time."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import Mistake
from ..features.engine.days import day_numbers

_COLUMNS = ["customer_id", "as_of", "published", "pd"]


@dataclass(frozen=True)
class Earlier:
    """The last rating of each customer.

    Attributes
    ----------
    table : DataFrame
        By customer_id; `day` (a day number), `published` (the grade, "" for none), `pd` (NaN where it was not rated).
    """

    table: pd.DataFrame

    @classmethod
    def read(cls, path: Path, as_of: date) -> "Earlier":
        """From a file of ratings that was written for an earlier day, or for the same.

        Raises
        ------
        Mistake
            It is no such file, names a customer twice, or is of a later day.
        """
        try:
            read = pq.read_table(path, columns=_COLUMNS)
        except (OSError, pa.ArrowException):
            raise Mistake(
                f"--previous {path}: is no file of ratings with {', '.join(_COLUMNS[:-1])} and {_COLUMNS[-1]}."
            ) from None
        table = read.to_pandas(date_as_object=False)
        dated = pd.api.types.is_datetime64_any_dtype(table["as_of"])
        texts = pd.api.types.is_string_dtype(table["customer_id"])
        if not (dated and texts) or table[["customer_id", "as_of"]].isna().any(axis=None):
            raise Mistake(f"--previous {path}: customer_id should be text and as_of a day, on every row.")
        pds = table["pd"]
        if not pd.api.types.is_numeric_dtype(pds) or not (pds.isna() | ((pds > 0) & (pds < 1))).all():
            raise Mistake(
                f"--previous {path}: pd should be a number between 0 and 1, or empty where there was no rating."
            )
        if len(table) and (day := table["as_of"].max().date()) > as_of:
            raise Mistake(f"--previous {path}: is of {day}, later than {as_of}; name the ratings that came before.")
        if (twice := table["customer_id"].duplicated()).any():
            name = table["customer_id"][twice].iloc[0]
            raise Mistake(f"--previous {path}: tells of {name} twice; each customer has one rating.")
        return cls.of_ratings(read)

    @classmethod
    def of_ratings(cls, ratings: pa.Table) -> "Earlier":
        """From ratings as they were told, one of each customer."""
        table = ratings.select(_COLUMNS).to_pandas(date_as_object=False)
        told = table.assign(day=day_numbers(table["as_of"]), published=table["published"].fillna(""))
        return cls(told.set_index("customer_id")[["day", "published", "pd"]])

    @classmethod
    def none(cls) -> "Earlier":
        """Nobody was rated before."""
        return cls(pd.DataFrame({"day": np.empty(0, np.int64), "published": np.empty(0, object), "pd": np.empty(0)}))

    @property
    def days(self) -> npt.NDArray[np.int64]:
        """On which anybody was rated, ascending."""
        return np.unique(self.table["day"][self.table["pd"].notna()].to_numpy(np.int64))

    def of(self, customers: pd.Series) -> pd.DataFrame:
        """Of some customers, in their order; published is "" and pd NaN where there is none."""
        told = self.table.reindex(pa.array(customers, pa.string()).to_numpy(zero_copy_only=False))
        return told.assign(published=told["published"].fillna("").astype(object), day=told["day"].fillna(-1)).astype(
            {"day": np.int64}
        )
