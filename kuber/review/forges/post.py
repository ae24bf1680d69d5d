"""One comment of a review on a pull or merge request: written on the first push, edited in place on each further one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from config.errors import printable

from .comments import Comment, Conversation, has_marker, same_text
from .errors import TooLongError, UnsureError
from .github import GitHub
from .gitlab import GitLab
from .patience import PAUSES_SECONDS, Clock

Forge = Literal["github", "gitlab"]

SHORTER = 30_000
"""Characters that a comment is cut to where a forge says that it is too long."""

_CONVERSATIONS: Mapping[Forge, Callable[[Mapping[str, str], Clock], Conversation]] = {
    "github": GitHub,
    "gitlab": GitLab,
}


def post(
    forge: Forge,
    body: str,
    *,
    environment: Mapping[str, str],
    marker: str,
    shorter: Callable[[int], str] | None = None,
    clock: Clock | None = None,
) -> str:
    """Have a review as a comment of the pull or merge request that the environment is about.

    The comment is found again by its marker and by its author: what somebody else wrote is never touched. If it says already what it
    is to say, nothing is written. Of several of ours with the marker, which runs side by side can leave, the oldest is edited.

    Args:
        forge: Where.
        body: Markdown.
        environment: Of the pipeline's job: what it names is in the classes GitHub and GitLab.
        marker: A line that no reader sees, which tells this review from others in the same place: `<!-- kuber review -->`. Put before
            the body unless a line of it is the marker.
        shorter: The same in at most so many characters, for a forge that says that the body is too long.
        clock: The time.

    Returns:
        The comment's URL.

    Raises:
        ForgeError: there is no comment, or it isn't as it should be; the text says why.
    """
    clock = clock or Clock()
    conversation = _CONVERSATIONS[forge](environment, clock)
    try:
        comment = _written(conversation, body, marker, clock)
    except TooLongError:
        if shorter is None:
            raise
        comment = _written(conversation, shorter(SHORTER), marker, clock)
    return printable(comment.url)


def _written(conversation: Conversation, body: str, marker: str, clock: Clock) -> Comment:
    body = conversation.kept(body if has_marker(body, marker) else f"{marker}\n{body}")
    failure: UnsureError | None = None
    for pause in (*PAUSES_SECONDS, None):
        there = conversation.ours(marker)
        if there is not None:
            return there if same_text(there.body, body) else conversation.edit(there, body)
        if failure is not None and pause is None:
            break
        try:
            return conversation.create(body)
        except UnsureError as error:  # it may have been written all the same: look before writing another
            failure = error
        clock.sleep(pause or 0.0)
    raise failure or AssertionError("the last try returns or raises")
