"""A stand-in for GitLab's REST API, as far as the notes of one merge request go."""

from __future__ import annotations

import re
import zlib
from typing import Any

from tests.review.forge_stand_in import TOKEN, ForgeStandIn, Reply, Seen, Stored

PROJECT, NUMBER = "platform/clusters", 12
PAGE = f"https://git.example.com/{PROJECT}/-/merge_requests/{NUMBER}"
_MERGE_REQUEST = f"/api/v4/projects/platform%2Fclusters/merge_requests/{NUMBER}"
_NOTES = f"{_MERGE_REQUEST}/notes"
_ORDER = re.compile(r"^/(merge|close|approve|label|assign)\b[^\n]*\n?", re.MULTILINE | re.IGNORECASE)


class GitLabStandIn(ForgeStandIn):
    """GitLab: the lines of a note that are orders are carried out and taken out of it (lib/gitlab/quick_actions/extractor.rb).

    Attributes:
        orders: Those that were carried out.
    """

    forge = "gitlab"
    longest = 1_000_000

    def __init__(self) -> None:
        super().__init__()
        self.orders: list[str] = []

    def environment(self) -> dict[str, str]:
        """What GitLab gives a job of a merge request's pipeline, and the token that the project adds."""
        return {
            "GITLAB_TOKEN": TOKEN,
            "CI_API_V4_URL": f"{self.url}/api/v4",
            "CI_PROJECT_ID": PROJECT,
            "CI_MERGE_REQUEST_IID": str(NUMBER),
            "CI_PIPELINE_SOURCE": "merge_request_event",
        }

    def answer(self, request: Seen) -> Reply:
        us = self.accounts.get(request.headers.get("private-token", ""))
        if us is None:
            return Reply(status=401, document={"message": "401 Unauthorized"})
        if request.path == "/api/v4/user":
            return Reply(document={"id": self._user(us), "username": us})
        if request.path == _MERGE_REQUEST:
            return Reply(document={"iid": NUMBER, "web_url": PAGE, "discussion_locked": self.locked or None})
        if not request.path.startswith(_NOTES):
            return Reply(status=404, document={"message": "404 Project Not Found"})
        return self._page(request) if request.method == "GET" else self._written(request, us)

    def _written(self, request: Seen, us: str) -> Reply:
        body = self._without_orders(request.document["body"])
        if refusal := self._refusal(body):
            return refusal
        if request.method == "POST":
            return Reply(status=201, document=self._document(self.has(us, body)))
        stored = next(one for one in self.comments if request.path == f"{_NOTES}/{one.id}")
        stored.body = body
        return Reply(document=self._document(stored))

    def _refusal(self, body: str) -> Reply | None:
        if self.reads_only:
            words = "The request requires higher privileges than provided by the access token."
            document = {"error": "insufficient_scope", "error_description": words, "scope": "api"}
            return Reply(status=403, document=document)
        if self.locked:
            return Reply(status=403, document={"message": "403 Forbidden"})
        if len(body) > self.longest:
            told = f'400 Bad request - Note {{:note=>["is too long (maximum is {self.longest} characters)"]}}'
            return Reply(status=400, document={"message": told})
        return None

    def _page(self, request: Seen) -> Reply:
        in_order = self.comments if request.query.get("sort") == "asc" else self.comments[::-1]
        comments, page, following = self.shown(request.query, in_order)
        headers = {"X-Page": str(page), "X-Next-Page": str(following or "")}
        return Reply(document=[self._document(one) for one in comments], headers=headers)

    def _without_orders(self, body: str) -> str:
        body = body.replace("\r", "")
        self.orders += [one[0].strip() for one in _ORDER.finditer(body)]
        return _ORDER.sub("", body).rstrip()

    def _document(self, stored: Stored) -> dict[str, Any]:
        author = {"id": self._user(stored.author), "username": stored.author}
        return {"id": stored.id, "body": stored.body, "author": author, "system": stored.system}

    def _user(self, name: str) -> int:
        return zlib.crc32(name.encode())
