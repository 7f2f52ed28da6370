"""Days as whole numbers."""

from datetime import date, timedelta

EPOCH = date(1970, 1, 1)
NEVER = 10**6  # a day that does not come (the year 4707)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def day_of(number: int) -> date:
    """The day of a day number."""
    return EPOCH + timedelta(days=int(number))
