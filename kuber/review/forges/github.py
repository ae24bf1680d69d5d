"""The comments of a pull request on GitHub, as GitHub Actions' environment names it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from .addresses import api_address
from .answers import words
from .comments import Comment, has_marker
from .connection import Advice, Connection, Server
from .credential import Credential, token_in
from .errors import ForgeError
from .patience import Clock

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_REF = re.compile(r"refs/pull/([0-9]+)/(?:merge|head)")
_NEXT = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')
_LOCKED = re.compile(r"\blocked\b")
_WRITTEN_BY_US = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on IssueComment { viewerDidAuthor } } }"


class _Comment(BaseModel):
    """A comment, as the REST API has it."""

    id: int
    node_id: str
    html_url: str
    body: str | None = None


class _Node(BaseModel):
    """A comment, as the GraphQL API is asked for it."""

    by_us: bool = Field(default=False, alias="viewerDidAuthor")


class _Nodes(BaseModel):
    nodes: list[_Node | None]


class _Told(BaseModel):
    """An answer of the GraphQL API, which has a failure in an answer of 200."""

    data: _Nodes | None = None
    errors: list[Any] = []


class _Numbered(BaseModel):
    """A pull request or an issue; the issue that a pull request is has a part of that name."""

    number: int = Field(strict=True, gt=0)
    pull_request: Any = None


class _Event(BaseModel):
    """What started a run of Actions: something with a pull request, something with an issue, or neither."""

    pull_request: _Numbered | None = None
    issue: _Numbered | None = None


class GitHub:
    """A pull request's comments; to GitHub a pull request is an issue, and these are the issue's.

    Whether a comment is ours is asked of the GraphQL API, field `viewerDidAuthor`: the one question that is answered alike for a
    person's token, an app's and that of Actions. (GET /user says 403 to the token of Actions, and the name of an app's account ends
    in `[bot]` in some answers only.) It is asked only where a comment has the marker, for a page at a time: it takes a hundred IDs.
    Its answers are told apart by their order, since its IDs have two forms ("Migrating GraphQL global node IDs").

    Args:
        environment: GITHUB_TOKEN, GITHUB_REPOSITORY, GITHUB_API_URL, and what names the pull request: KUBER_PULL_REQUEST, or
            GITHUB_REF, or the file GITHUB_EVENT_PATH.
        clock: The time.

    Raises:
        ForgeError: the environment lacks something.
    """

    def __init__(self, environment: Mapping[str, str], clock: Clock) -> None:
        token = token_in(environment, "GITHUB_TOKEN", hint="in Actions: `env: GITHUB_TOKEN: ${{ github.token }}`")
        self._repository = environment.get("GITHUB_REPOSITORY", "")
        if not _REPOSITORY.fullmatch(self._repository):
            raise ForgeError(
                "GITHUB_REPOSITORY names no repository", found=self._repository or "nothing", expected="owner/name"
            )
        self._number = _pull_request(environment)
        self._comments = f"/repos/{self._repository}/issues/{self._number}/comments"
        api = api_address("GITHUB_API_URL", environment, "https://api.github.com")
        self._graphql = f"{api.removesuffix('/v3')}/graphql"  # Enterprise Server: /api/v3 and /api/graphql
        server = Server(
            forge="GitHub",
            api=api,
            credential=Credential(header="Authorization", token=token, scheme="Bearer "),
            advise=self._advise,
            headers={
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
                "User-Agent": "kuber",
            },
        )
        self._connection = Connection(server, environment, clock)

    def ours(self, marker: str) -> Comment | None:
        """The oldest comment with a marker that the token's own account wrote."""
        for page in self._connection.pages(f"{self._comments}?per_page=100", list[_Comment], _next):
            marked = [one for one in page if has_marker(one.body or "", marker)]
            for one, by_us in zip(marked, self._are_by_us(marked), strict=True):
                if by_us:
                    return _comment(one)
        return None

    def kept(self, body: str) -> str:
        """The body: GitHub keeps it as it is."""
        return body

    def create(self, body: str) -> Comment:
        """Write a comment."""
        answer = self._connection.request("POST", self._comments, {"body": body}, shape=_Comment, once=True)
        return _comment(answer.content)

    def edit(self, comment: Comment, body: str) -> Comment:
        """Give one of our comments another body."""
        address = f"/repos/{self._repository}/issues/comments/{comment.key}"
        return _comment(self._connection.request("PATCH", address, {"body": body}, shape=_Comment).content)

    def _are_by_us(self, comments: Sequence[_Comment]) -> Sequence[bool]:
        """Of each comment, whether the token's own account wrote it."""
        if not comments:
            return []
        asked = {"query": _WRITTEN_BY_US, "variables": {"ids": [one.node_id for one in comments]}}
        told = self._connection.request("POST", self._graphql, asked, shape=_Told).content
        if told.errors or told.data is None or len(told.data.nodes) != len(comments):
            raise self._connection.error(
                "GitHub doesn't tell which comments are ours",
                where=f"POST {self._graphql}",
                found=words({"errors": told.errors}),
                advice=Advice(hint="nothing was written: a comment of somebody else must not be changed"),
            )
        return [node is not None and node.by_us for node in told.data.nodes]

    def _advise(self, status: int, said: str) -> Advice:
        if status == 401:
            return Advice(
                expected="a token of this GitHub that hasn't expired",
                hint="in Actions the job's own does: `env: GITHUB_TOKEN: ${{ github.token }}`",
            )
        if status == 403 and _LOCKED.search(said):
            return Advice(
                expected=f"pull request {self._number} with an open conversation",
                hint="unlock its conversation, or look at the review's page among the run's artifacts",
            )
        if status == 403:
            return Advice(
                expected="a token with the permission `pull-requests: write`",
                hint="give the job `permissions: {pull-requests: write}`; a pull request from a fork gets a token that only reads: "
                "look at the review's page among the run's artifacts",
            )
        if status in (404, 410):
            return Advice(
                expected=f"pull request {self._number} of {self._repository}, and a token that may see it",
                hint="look at GITHUB_REPOSITORY and at the token's repositories: what a token may not see, GitHub denies",
            )
        return Advice()


def _comment(found: _Comment) -> Comment:
    return Comment(key=str(found.id), body=found.body or "", url=found.html_url)


def _next(headers: Mapping[str, str]) -> str:
    found = _NEXT.search(headers.get("Link", ""))
    return found[1] if found else ""


def _pull_request(environment: Mapping[str, str]) -> int:
    """The number of the pull request that the environment is about."""
    if stated := environment.get("KUBER_PULL_REQUEST", "").strip():
        if stated.isascii() and stated.isdigit():
            return int(stated)
        raise ForgeError("KUBER_PULL_REQUEST is no pull request", found=stated, expected="its number")
    if found := _REF.fullmatch(environment.get("GITHUB_REF", "")):
        return int(found[1])
    event = _event(environment.get("GITHUB_EVENT_PATH", ""))
    if event.pull_request:
        return event.pull_request.number
    if event.issue and event.issue.pull_request:
        return event.issue.number
    raise ForgeError(
        "this run belongs to no pull request",
        found=f"GITHUB_REF={environment.get('GITHUB_REF', '')} GITHUB_EVENT_NAME={environment.get('GITHUB_EVENT_NAME', '')}",
        expected="a run for the event pull_request",
        hint="KUBER_PULL_REQUEST=<number> names one where the run is for something else",
    )


def _event(path: str) -> _Event:
    """What started the run, as Actions has it in a file; nothing where there is none."""
    if not path:
        return _Event()
    try:
        return _Event.model_validate_json(Path(path).read_bytes())
    except (OSError, ValueError):
        raise ForgeError(
            "the event of the run can't be read",
            where=path,
            expected="the JSON file that GITHUB_EVENT_PATH names in Actions",
            hint="KUBER_PULL_REQUEST=<number> says without it which pull request it is",
        ) from None
