"""Why no stack file can be written."""

from __future__ import annotations


class RequestError(Exception):
    """The command was asked for what it can't do; the text says what it can."""


class InputError(Exception):
    """A file that it is made from can't be used, or what would be written isn't right; the text says why."""
