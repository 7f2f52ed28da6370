"""Days as whole numbers."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

EPOCH = date(1970, 1, 1)
NEVER = 10**6  # a day that does not come (the year 4707)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def day_numbers(days: pd.Series) -> npt.NDArray[Any]:
    """The same for a column of datetime64."""
    return days.to_numpy("datetime64[D]").astype(np.int64)


def day_of(number: int) -> date:
    """The day of a day number."""
    return EPOCH + timedelta(days=int(number))
