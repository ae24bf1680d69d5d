"""What a forge says, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Generic, TypeVar

Content = TypeVar("Content")


@dataclass(frozen=True)
class Answer(Generic[Content]):
    """What a forge answers.

    Attributes:
        content: What was asked for, in the shape that it was asked for in.
        headers: Found without regard to case.
    """

    content: Content
    headers: Mapping[str, str]


def document_of(data: bytes) -> Any:
    """The JSON document that was answered; None where it isn't one."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):  # the second for lists in lists in lists
        return None


def status_line(status: int, said: str) -> str:
    """A status for people, with what is said of it: `403 Forbidden: Resource not accessible by integration`."""
    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = str(status)
    return f"{phrase}: {said}" if said else phrase


def words(document: Any) -> str:
    """What an error's document says, in one line.

    GitHub has `message` and `errors` with a message or a code each; GitLab has `message`, which may be a text or lists of texts by
    field, or `error` and `error_description`.
    """
    if not isinstance(document, Mapping):
        return ""
    parts = (_text(document.get(key)) for key in ("message", "error", "error_description", "errors"))
    try:
        return ": ".join(part for part in parts if part)
    except RecursionError:  # lists in lists in lists
        return ""


def _text(value: Any) -> str:
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, Mapping):
        if said := value.get("message") or value.get("code"):
            return _text(said)
        return "; ".join(f"{key} {text}" for key, one in value.items() if (text := _text(one)))
    if isinstance(value, Sequence):
        return "; ".join(text for one in value if (text := _text(one)))
    return ""
