"""Charts that aren't on this machine: a plan goes without them and says so, an engine doesn't begin."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from components.charts.errors import ChartError, NotCachedError

UNVERIFIED_ALLOWED = "KUBER_UNVERIFIED_CHARTS"
"""Environment variable; `allow` lets an engine use charts whose archives can't be told to be the published ones."""

_going_without: ContextVar[list[str] | None] = ContextVar("going_without", default=None)


@contextmanager
def going_without() -> Iterator[list[str]]:
    """What is rendered within goes without charts that aren't here, for a plan.

    Yields:
        The names of the parts that thereby lack objects; filled while the stack is rendered.
    """
    incomplete: list[str] = []
    token = _going_without.set(incomplete)
    try:
        yield incomplete
    finally:
        _going_without.reset(token)


def judge(absent: Sequence[NotCachedError], incomplete: Sequence[str], unverified: Sequence[str]) -> None:
    """Refuse a run for charts that aren't here, or that may be others than the published ones.

    Args:
        absent: Charts and files of CRDs that aren't here, each with the reason.
        incomplete: Names of the parts that lack objects by that.
        unverified: Charts that may be others than the published ones.

    Raises:
        ChartError: with all of them.
    """
    if (without := _going_without.get()) is not None:
        without += incomplete
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
