"""The day for which versions, their support, and exceptions are judged."""

from __future__ import annotations

import os
from datetime import date

VARIABLE = "KUBER_TODAY"


class TodayError(ValueError):
    """KUBER_TODAY holds no date."""


def today() -> date:
    """Today, or the day in KUBER_TODAY (2027-03-28): to see now what will be wrong then.

    Raises:
        TodayError: KUBER_TODAY holds no date.
    """
    named = os.environ.get(VARIABLE)
    try:
        return date.fromisoformat(named) if named else date.today()
    except ValueError:
        raise TodayError(f"{VARIABLE} is {named!r}; expected a date such as 2027-03-28") from None
