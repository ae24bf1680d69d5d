"""Names that fit where a cloud allows few characters."""

from __future__ import annotations

import hashlib

_MARK_LENGTH = 6


def bounded(wanted: str, length: int) -> str:
    """The wanted name, or its beginning and a hash of it where it is longer than `length` characters."""
    if len(wanted) <= length:
        return wanted
    mark = hashlib.sha256(wanted.encode()).hexdigest()[:_MARK_LENGTH]
    return f"{wanted[: length - _MARK_LENGTH - 1].rstrip('-')}-{mark}"
