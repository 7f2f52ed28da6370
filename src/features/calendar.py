"""Calendar months as the conventions count them: the day clamped, month ends stay month ends."""

from calendar import monthrange
from datetime import date
from functools import lru_cache

from .engine.days import day_number, day_of


@lru_cache(maxsize=10_000)
def months_before(day: int, months: int) -> int:
    """Day number of T_j: the day `months` calendar months before.

    >>> from datetime import date
    >>> [str(day_of(months_before(day_number(date(2025, 2, 28)), j))) for j in (1, 12)]
    ['2025-01-31', '2024-02-29']
    >>> str(day_of(months_before(day_number(date(2025, 3, 30)), 1)))
    '2025-02-28'
    """
    then = day_of(day)
    index = then.year * 12 + then.month - 1 - months
    year, month = divmod(index, 12)
    last = monthrange(year, month + 1)[1]
    at_end = then.day == monthrange(then.year, then.month)[1]
    return day_number(date(year, month + 1, last if at_end else min(then.day, last)))


def month_ends(start: date, end: date) -> list[date]:
    """The month ends from `start` to `end`, both included."""
    ends, year, month = [], start.year, start.month
    while (day := date(year, month, monthrange(year, month)[1])) <= end:
        ends.append(day)
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return ends
