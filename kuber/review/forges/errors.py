"""Why a comment isn't where it should be. No text here ever has a token in it."""

from __future__ import annotations

from config.errors import printable


class ForgeError(Exception):
    """The comment was not written; the text says what and where, what was found, what would be right and what to do next."""

    def __init__(self, what: str, *, where: str = "", found: str = "", expected: str = "", hint: str = "") -> None:
        details = (("at", where), ("found", found), ("expected", expected), ("hint", hint))
        lines = [what, *(f"    {label + ':':<10}{printable(value)}" for label, value in details if value)]
        super().__init__("\n".join(lines))


class UnsureError(ForgeError):
    """A request that isn't to be sent twice had no answer: what it asks for may have been done."""


class TooLongError(ForgeError):
    """The forge takes no comment of this length."""
