"""Arguments that the benchmarks take."""

from __future__ import annotations

from argparse import ArgumentTypeError


def at_least_one(text: str) -> int:
    """A number of runs or of pools.

    Raises:
        ArgumentTypeError: it is no number, or less than 1.
    """
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r}: a whole number from 1 on, please")
    return int(text)


def sizes(text: str) -> list[int]:
    """Numbers of pools, as `3,50,200`.

    Raises:
        ArgumentTypeError: one of them is no number, or less than 1.
    """
    return [at_least_one(part) for part in text.split(",")]
