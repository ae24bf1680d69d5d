"""A stand-in for GitHub's REST and GraphQL APIs, as far as the comments of one pull request go."""

from __future__ import annotations

import re
from typing import Any

from tests.review.forge_stand_in import TOKEN, ForgeStandIn, Reply, Seen, Stored

REPOSITORY, NUMBER = "acme/clusters", 7
_COMMENTS = f"/repos/{REPOSITORY}/issues/{NUMBER}/comments"
_COMMENT = re.compile(rf"/repos/{REPOSITORY}/issues/comments/([0-9]+)")


class GitHubStandIn(ForgeStandIn):
    """GitHub: who may write a repository may edit everybody's comments there, as a pipeline's token may.

    Args:
        api: Path of the REST API: none for github.com, `/api/v3` for an Enterprise Server.
        graphql: Path of the GraphQL API.
    """

    forge = "github"
    longest = 65_536

    def __init__(self, api: str = "", graphql: str = "/graphql") -> None:
        super().__init__()
        self._api, self._graphql = api, graphql

    def environment(self) -> dict[str, str]:
        """What Actions gives a job for the event `pull_request`."""
        return {
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_API_URL": f"{self.url}{self._api}",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_REF": f"refs/pull/{NUMBER}/merge",
            "GITHUB_EVENT_NAME": "pull_request",
        }

    def answer(self, request: Seen) -> Reply:
        us = self.accounts.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if us is None:
            return Reply(status=401, document={"message": "Bad credentials", "status": "401"})
        if (request.method, request.path) == ("POST", self._graphql):
            return self._authors(request.document, us)
        path = request.path.removeprefix(self._api)
        comment = _COMMENT.fullmatch(path)
        stored = next((one for one in self.comments if comment and str(one.id) == comment[1]), None)
        if path != _COMMENTS and stored is None:
            return Reply(status=404, document={"message": "Not Found", "status": "404"})
        return self._page(request) if request.method == "GET" else self._written(request.document["body"], us, stored)

    def _written(self, body: str, us: str, stored: Stored | None) -> Reply:
        if refusal := self._refusal(body):
            return refusal
        if stored is None:
            return Reply(status=201, document=self._document(self.has(us, body)))
        stored.body = body
        return Reply(document=self._document(stored))

    def _page(self, request: Seen) -> Reply:
        comments, page, following = self.shown(request.query, self.comments)
        address = f"{self.url}{request.path}?per_page={request.query['per_page']}&page="
        links = [f'<{address}{page - 1}>; rel="prev"'] if page > 1 else []
        if following:
            links += [f'<{address}{following}>; rel="next"', f'<{address}99>; rel="last"']
        headers = {"Link": ", ".join(links)} if links else {}
        return Reply(document=[self._document(one) for one in comments], headers=headers)

    def _refusal(self, body: str) -> Reply | None:
        if self.reads_only:
            return Reply(status=403, document={"message": "Resource not accessible by integration", "status": "403"})
        if self.locked:
            return Reply(status=403, document={"message": "Unable to create comment because issue is locked."})
        if len(body) > self.longest:
            error = {
                "resource": "IssueComment",
                "code": "unprocessable",
                "field": "data",
                "message": f"Body is too long (maximum is {self.longest} characters)",
            }
            return Reply(status=422, document={"message": "Validation Failed", "errors": [error], "status": "422"})
        return None

    def _authors(self, document: Any, us: str) -> Reply:
        """Its global IDs have another form than those of the REST API, which it takes too."""
        ids = document["variables"]["ids"]
        if len(ids) > 100:
            message = f"You may not provide more than 100 node ids; you provided {len(ids)}."
            return Reply(document={"data": None, "errors": [{"type": "ARGUMENT_LIMIT", "message": message}]})
        assert re.search(r"nodes\(ids: \$ids\)\s*{\s*\.\.\. on IssueComment", document["query"])
        authors = {self._node(one): one.author for one in self.comments}
        return Reply(document={"data": {"nodes": [{"viewerDidAuthor": authors[one] == us} for one in ids]}})

    def _document(self, stored: Stored) -> dict[str, Any]:
        return {
            "id": stored.id,
            "node_id": self._node(stored),
            "html_url": f"https://github.com/{REPOSITORY}/pull/{NUMBER}#issuecomment-{stored.id}",
            "user": {"login": stored.author},
            "body": stored.body,
        }

    def _node(self, stored: Stored) -> str:
        return f"MDEyOklzc3VlQ29tbWVudD{stored.id}"
