"""Charts that aren't on this machine: a plan goes without them and says so, an engine doesn't begin."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from components.charts.errors import ChartError, NotCachedError

UNVERIFIED_ALLOWED = "KUBER_UNVERIFIED_CHARTS"
"""Environment variable; `allow` lets an engine use charts whose archives can't be told to be the published ones."""

_going_without: ContextVar[bool] = ContextVar("going_without", default=False)


@contextmanager
def going_without() -> Iterator[None]:
    """What is rendered within goes without charts that aren't here, for a plan."""
    token = _going_without.set(True)
    try:
        yield
    finally:
        _going_without.reset(token)


def judge(absent: Sequence[NotCachedError], unverified: Sequence[str]) -> None:
    """Refuse a run for charts that aren't here, or that may be others than the published ones.

    Raises:
        ChartError: with all of them.
    """
    if _going_without.get():
        return
    if absent:
        reasons = "; ".join(f"{error.chart}: {error.reason}" for error in absent)
        raise NotCachedError("the standard stack", reasons, absent[0].hint)
    if unverified and os.environ.get(UNVERIFIED_ALLOWED) != "allow":
        raise ChartError(
            "the standard stack",
            f"nothing tells whether these are the published charts: {', '.join(unverified)}",
            f"`kuber charts fetch` gets those; {UNVERIFIED_ALLOWED}=allow goes on with what was imported from folders",
        )
