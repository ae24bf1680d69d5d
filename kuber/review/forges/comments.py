"""What the comments of one pull or merge request can be asked for, on whichever forge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Comment:
    """One comment.

    Attributes:
        key: What the forge finds it by.
        body: Markdown.
        url: Where a browser shows it.
    """

    key: str
    body: str
    url: str


class Conversation(Protocol):
    """The comments of one pull or merge request. Each method may raise a ForgeError."""

    def ours(self, marker: str) -> Comment | None:
        """The oldest comment with a marker that the token's own account wrote."""
        ...

    def kept(self, body: str) -> str:
        """A body as the forge is given it."""
        ...

    def create(self, body: str) -> Comment:
        """Write a comment.

        Raises:
            UnsureError: nobody knows whether it was written.
            TooLongError: it is too long.
        """
        ...

    def edit(self, comment: Comment, body: str) -> Comment:
        """Give one of our comments another body.

        Raises:
            TooLongError: it is too long.
        """
        ...


def has_marker(body: str, marker: str) -> bool:
    """Whether a marker is in a body, on a line of its own: a line that quotes it begins with `>`."""
    return marker in body.splitlines()


def same_text(one: str, other: str) -> bool:
    """Whether two bodies are alike. Forges keep other line ends, and none at the end."""
    first, second = ("\n".join(each.splitlines()).rstrip() for each in (one, other))
    return first == second
