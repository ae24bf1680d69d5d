"""How often a forge is asked again, and how long it is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0)
"""Before the second try, the third and so on: five in all."""

LONGEST_WAIT_SECONDS = 120.0
"""How long a forge may make a run wait in all because of its rate limits; a pipeline has better things to do."""

_UNSTATED_WAIT_SECONDS = 60.0
"""Where a rate limit comes without a time (GitHub, best practices for the REST API: wait for at least one minute)."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The time, and how to let it pass.

    Attributes:
        now: Seconds since 1970 in UTC.
        sleep: Waits for so many seconds.
    """

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


def seconds_asked_for(status: int, headers: Mapping[str, str], said: str, now: float) -> float | None:
    """How long a forge wants to be left alone, None where it doesn't say that we ask too often.

    GitHub answers 403 or 429 with Retry-After, or with `x-ratelimit-remaining: 0` and a time of reset, or with words alone
    ("Rate limits for the REST API"); its GraphQL API has the words in an answer of 200 ("Rate limits and node limits for the GraphQL
    API"). GitLab answers 429 with Retry-After and RateLimit-Reset ("User and IP rate limits").

    Args:
        status: Of the answer.
        headers: Of the answer, found without regard to case.
        said: What it says of a failure, in words.
        now: Seconds since 1970.
    """
    used_up = headers.get("x-ratelimit-remaining") == "0"
    in_words = status in (200, 403) and "rate limit" in said.lower()
    if status != 429 and not in_words and not (status == 403 and ("Retry-After" in headers or used_up)):
        return None
    if (seconds := retry_after(headers, now)) is not None:
        return seconds
    reset = (headers.get("x-ratelimit-reset") if used_up else None) or headers.get("RateLimit-Reset", "")
    return max(1.0, float(reset) - now) if reset.isdecimal() else _UNSTATED_WAIT_SECONDS


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds by a Retry-After header, which gives seconds or a date (RFC 9110, 10.2.3); at least one."""
    stated = headers.get("Retry-After", "").strip()
    if stated.isdecimal():
        return max(1.0, float(stated))
    try:
        date = parsedate_to_datetime(stated)
    except (ValueError, OverflowError):  # the second for a year of twenty digits
        return None
    return max(1.0, date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now)
