"""Secrets of a stack file within objects: leaves that never turn into text by accident."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from config.model import SecretText

from .manifests import with_leaves


def secret_texts(value: object) -> Iterator[SecretText]:
    """The secrets within a value, in a fixed order."""
    if isinstance(value, SecretText):
        yield value
    elif isinstance(value, dict):
        for key in sorted(value):
            yield from secret_texts(value[key])
    elif isinstance(value, list):
        for item in value:
            yield from secret_texts(item)


def without_secret_texts(value: Any, instead: Callable[[SecretText], Any] = str) -> Any:
    """A copy with something else in place of each secret: `[secret]`, unless told otherwise."""
    return with_leaves(value, lambda leaf: instead(leaf) if isinstance(leaf, SecretText) else leaf)
