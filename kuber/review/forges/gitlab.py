"""The notes of a merge request on GitLab, as the environment of its pipelines names it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from pydantic import BaseModel

from .addresses import api_address
from .comments import Comment, has_marker
from .connection import Advice, Connection, Server
from .credential import Credential, token_in
from .errors import ForgeError
from .patience import Clock

_QUICK_ACTION = re.compile(r"^(?=\r*/)", re.MULTILINE)
_TOKEN_HINT = (
    "make a project access token with the scope `api` and the role Reporter, and give it as the masked variable GITLAB_TOKEN; "
    "CI_JOB_TOKEN, the job's own, can read notes but not write any"
)


class _User(BaseModel):
    id: int


class _MergeRequest(BaseModel):
    web_url: str
    discussion_locked: bool | None = None


class _Note(BaseModel):
    """A note; system notes are those that GitLab itself writes of what somebody did."""

    id: int
    body: str
    author: _User | None = None
    system: bool = False


class GitLab:
    """A merge request's notes.

    Whether a note is ours tells its author, by `GET /user`, which each token that may write notes can ask. It is asked only where a
    note has the marker.

    Args:
        environment: GITLAB_TOKEN, CI_API_V4_URL, CI_MERGE_REQUEST_IID, and CI_MERGE_REQUEST_PROJECT_ID or CI_PROJECT_ID: the first
            is another one in the pipeline of a fork. CI_SERVER_TLS_CA_FILE where the runner has it.
        clock: The time.

    Raises:
        ForgeError: the environment lacks something.
    """

    def __init__(self, environment: Mapping[str, str], clock: Clock) -> None:
        token = token_in(environment, "GITLAB_TOKEN", hint=_TOKEN_HINT)
        self._project = environment.get("CI_MERGE_REQUEST_PROJECT_ID") or environment.get("CI_PROJECT_ID") or ""
        if not self._project:
            raise ForgeError("CI_PROJECT_ID is not set", expected="the project's number, or its path")
        self._number = environment.get("CI_MERGE_REQUEST_IID", "")
        if not (self._number.isascii() and self._number.isdigit()):
            raise ForgeError(
                "this run belongs to no merge request",
                found=f"CI_MERGE_REQUEST_IID={self._number} CI_PIPELINE_SOURCE={environment.get('CI_PIPELINE_SOURCE', '')}",
                expected="a merge request pipeline",
                hint="give the job the rule `if: $CI_PIPELINE_SOURCE == 'merge_request_event'`",
            )
        self._merge_request = f"/projects/{quote(self._project, safe='')}/merge_requests/{self._number}"
        server = Server(
            forge="GitLab",
            api=api_address("CI_API_V4_URL", environment),
            credential=Credential(header="PRIVATE-TOKEN", token=token),
            advise=self._advise,
            headers={"Accept": "application/json", "User-Agent": "kuber"},
            authority=environment.get("CI_SERVER_TLS_CA_FILE", ""),
        )
        self._connection = Connection(server, environment, clock)
        self._locked = False
        self._page = ""

    def ours(self, marker: str) -> Comment | None:
        """The oldest note with a marker that the token's own account wrote."""
        merge_request = self._connection.request("GET", self._merge_request, shape=_MergeRequest).content
        self._locked, self._page = bool(merge_request.discussion_locked), merge_request.web_url
        first = f"{self._merge_request}/notes?order_by=created_at&sort=asc&per_page=100"
        us: int | None = None
        for page in self._connection.pages(first, list[_Note], lambda headers: _next(first, headers)):
            marked = [one for one in page if not one.system and has_marker(one.body, marker)]
            if marked and us is None:
                us = self._connection.request("GET", "/user", shape=_User).content.id
            for one in marked:
                if one.author is not None and one.author.id == us:
                    return self._comment(one)
        return None

    def kept(self, body: str) -> str:
        """The body with a space before each line that begins with a slash.

        GitLab takes such lines of a note for orders, as `/merge`, and carries them out with the token's rights. It knows them by a
        slash that is a line's first letter once carriage returns are gone (lib/gitlab/quick_actions/extractor.rb).
        """
        return _QUICK_ACTION.sub(" ", body)

    def create(self, body: str) -> Comment:
        """Write a note."""
        address = f"{self._merge_request}/notes"
        return self._comment(self._connection.request("POST", address, {"body": body}, shape=_Note, once=True).content)

    def edit(self, comment: Comment, body: str) -> Comment:
        """Give one of our notes another body."""
        address = f"{self._merge_request}/notes/{comment.key}"
        return self._comment(self._connection.request("PUT", address, {"body": body}, shape=_Note).content)

    def _comment(self, note: _Note) -> Comment:
        return Comment(key=str(note.id), body=note.body, url=f"{self._page}#note_{note.id}")

    def _advise(self, status: int, said: str) -> Advice:
        if status == 401:
            return Advice(expected="a token of this GitLab that hasn't expired", hint=_TOKEN_HINT)
        if status == 403 and "scope" in said:
            return Advice(expected="a token with the scope `api`", hint=_TOKEN_HINT)
        if status == 403 and self._locked:
            return Advice(
                expected=f"merge request {self._number} with an open discussion",
                hint="its discussion is locked: unlock it, or make the token's account a member of the project",
            )
        if status == 403:
            return Advice(
                expected="a token with the scope `api`, of an account that may comment on the merge request",
                hint=_TOKEN_HINT,
            )
        if status == 404:
            return Advice(
                expected=f"merge request {self._number} of project {self._project}, and a token that may see it",
                hint="look at CI_PROJECT_ID and at what the token's account is a member of: what it may not see, GitLab denies",
            )
        return Advice()


def _next(first: str, headers: Mapping[str, str]) -> str:
    page = headers.get("X-Next-Page", "")
    return f"{first}&page={quote(page)}" if page else ""
