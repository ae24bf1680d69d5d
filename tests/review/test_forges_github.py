"""What is GitHub's own: who wrote a comment, which pull request a run belongs to, and why GitHub says no."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kuber.review.forges import ForgeError, post
from tests.review.forge_stand_in import BODY, MARKER, TOKEN, Fault, Reply, Time, listening, posted
from tests.review.github_stand_in import NUMBER, REPOSITORY, GitHubStandIn


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    with listening(GitHubStandIn()) as stand_in:
        yield stand_in


def test_the_address_is_the_one_of_the_comment(github: GitHubStandIn) -> None:
    assert posted(github) == f"https://github.com/{REPOSITORY}/pull/{NUMBER}#issuecomment-{github.comments[0].id}"


def test_each_request_tells_its_version_and_its_sender(github: GitHubStandIn) -> None:
    posted(github)
    for request in github.seen:
        assert request.headers["x-github-api-version"] == "2022-11-28"
        assert request.headers["accept"] == "application/vnd.github+json"
        assert request.headers["user-agent"] == "kuber"  # without one, GitHub answers 403


def test_who_wrote_it_is_not_asked_where_nothing_has_the_marker(github: GitHubStandIn) -> None:
    github.has("jane", "Looks good to me")
    posted(github)
    assert [one.path for one in github.seen if one.path == "/graphql"] == []


def test_more_copies_than_github_tells_the_authors_of_at_once_hide_nothing(github: GitHubStandIn) -> None:
    for _ in range(150):
        github.has("mallory", BODY)
    ours = github.has("pipeline", f"{MARKER}\nof an earlier push")
    posted(github)
    assert ours.body == BODY
    assert len(github.comments) == 151


def test_an_enterprise_server_has_its_graphql_beside_its_rest() -> None:
    with listening(GitHubStandIn(api="/api/v3", graphql="/api/graphql")) as enterprise:
        there = enterprise.has("pipeline", f"{MARKER}\nof an earlier push")
        posted(enterprise)
    assert there.body == BODY


@pytest.mark.parametrize(
    "answer",
    [
        {"data": {"nodes": [None]}, "errors": [{"type": "FORBIDDEN", "message": "Resource not accessible"}]},
        {"data": None, "errors": [{"message": "Something went wrong"}]},
        {"data": {"nodes": []}},
        {"errors": []},
    ],
)
def test_nothing_is_written_where_github_does_not_tell_who_wrote_a_comment(
    github: GitHubStandIn, answer: object
) -> None:
    github.has("pipeline", BODY)
    github.fail("POST", "/graphql", Fault(reply=Reply(document=answer)))
    with pytest.raises(ForgeError, match="GitHub doesn't tell which comments are ours"):
        posted(github, "something new")
    assert github.writes() == []


def test_a_comment_that_graphql_knows_no_more_is_none_of_ours(github: GitHubStandIn) -> None:
    github.has("pipeline", BODY)
    github.fail("POST", "/graphql", Fault(reply=Reply(document={"data": {"nodes": [{}]}})))
    posted(github, "something new")
    assert len(github.comments) == 2


def test_a_rate_limit_of_graphql_is_waited_for(github: GitHubStandIn) -> None:
    there, time = github.has("pipeline", f"{MARKER}\nof an earlier push"), Time()
    limited = {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded for installation ID 1."}]}
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.now) + 20)}
    github.fail("POST", "/graphql", Fault(reply=Reply(document=limited, headers=headers)))
    posted(github, time=time)
    assert (time.slept, there.body) == ([20.0], BODY)


def test_a_next_page_on_another_server_is_refused_and_the_token_is_not_sent_there(github: GitHubStandIn) -> None:
    with listening(GitHubStandIn()) as elsewhere:
        for link in (
            f"{elsewhere.url}/repos/{REPOSITORY}/issues/{NUMBER}/comments?page=2",
            f"{elsewhere.url}\\@{github.url.removeprefix('http://')}/comments?page=2",
            f"http://{github.url.removeprefix('http://')}@{elsewhere.url.removeprefix('http://')}/comments",
            f"{github.url.replace('http', 'https')}/repos/{REPOSITORY}/issues/{NUMBER}/comments?page=2",
            "http://[/comments",
        ):
            github.fail("GET", "", Fault(reply=Reply(document=[], headers={"Link": f'<{link}>; rel="next"'})))
            with pytest.raises(ForgeError, match="a further page is on another server; the token was not sent there"):
                posted(github)
        assert elsewhere.seen == []
    assert github.writes() == []


def test_a_repository_that_was_renamed_is_followed(github: GitHubStandIn) -> None:
    new = f"{github.url}/repos/{REPOSITORY}/issues/{NUMBER}/comments"
    for method, status in (("GET", 301), ("POST", 307)):
        moved = Reply(
            status=status, document={"message": "Moved Permanently"}, headers={"Location": f"{new}?per_page=100"}
        )
        github.fail(method, "^/repos/acme/old/", Fault(reply=moved))
    posted(github, given={"GITHUB_REPOSITORY": "acme/old"})
    assert github.bodies() == [BODY]


@pytest.mark.parametrize(
    ("set_up", "expected"),
    [
        (
            {"reads_only": True},
            r"403 Forbidden: Resource not accessible by integration(?s:.*`pull-requests: write`.*fork)",
        ),
        (
            {"locked": True},
            r"403 Forbidden: Unable to create comment because issue is locked(?s:.*)unlock its conversation",
        ),
        ({"accounts": {}}, r"401 Unauthorized: Bad credentials(?s:.*)hasn't expired"),
    ],
)
def test_a_no_of_github_tells_what_to_do(github: GitHubStandIn, set_up: dict[str, object], expected: str) -> None:
    for name, value in set_up.items():
        setattr(github, name, value)
    with pytest.raises(ForgeError, match=expected):
        posted(github)
    assert github.comments == []
    assert len(github.writes()) <= 1  # nothing that was refused is tried again


def test_an_account_that_is_blocked_is_not_taken_for_a_locked_conversation(github: GitHubStandIn) -> None:
    github.fail("POST", "", Fault(reply=Reply(status=403, document={"message": "User is blocked"})))
    with pytest.raises(ForgeError) as raised:
        posted(github)
    assert "unlock" not in str(raised.value)


def test_a_repository_that_the_token_may_not_see_is_told_as_such(github: GitHubStandIn) -> None:
    with pytest.raises(ForgeError, match=r"(?s)404 Not Found.*pull request 7 of acme/private.*GITHUB_REPOSITORY"):
        posted(github, given={"GITHUB_REPOSITORY": "acme/private"})


@pytest.mark.parametrize("repository", ["", "clusters", "acme/clusters/issues", "acme/clusters?x=1", "acme/ clusters"])
def test_what_is_no_repository_is_told(github: GitHubStandIn, repository: str) -> None:
    with pytest.raises(ForgeError, match="GITHUB_REPOSITORY names no repository"):
        posted(github, given={"GITHUB_REPOSITORY": repository})
    assert github.seen == []


@pytest.mark.parametrize(
    ("event", "environment"),
    [
        ({}, {"GITHUB_REF": "refs/pull/7/merge"}),
        ({}, {"GITHUB_REF": "refs/pull/7/head"}),
        ({"pull_request": {"number": 7}}, {"GITHUB_REF": "refs/heads/main"}),
        ({"issue": {"number": 7, "pull_request": {"url": "https://api.github.com/pulls/7"}}}, {}),
        ({"pull_request": {"number": 1}}, {"KUBER_PULL_REQUEST": "7", "GITHUB_REF": "refs/pull/2/merge"}),
        (None, {"KUBER_PULL_REQUEST": " 7\n"}),
    ],
)
def test_the_pull_request_is_found(
    github: GitHubStandIn, tmp_path: Path, event: object, environment: dict[str, str]
) -> None:
    file = tmp_path / "event.json"
    if event is not None:
        file.write_text(json.dumps(event))
    posted(github, given={"GITHUB_REF": "", "GITHUB_EVENT_PATH": str(file)} | environment)
    assert github.bodies() == [BODY]


@pytest.mark.parametrize(
    ("event", "environment"),
    [
        ({}, {"GITHUB_REF": "refs/heads/main"}),
        ({"issue": {"number": 7}}, {}),
        ({}, {"GITHUB_REF": "refs/pull/7/merge/../../8/merge"}),
    ],
)
def test_a_run_without_a_pull_request_says_how_to_name_one(
    github: GitHubStandIn, tmp_path: Path, event: object, environment: dict[str, str]
) -> None:
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event))
    with pytest.raises(ForgeError, match=r"(?s)belongs to no pull request.*KUBER_PULL_REQUEST=<number>"):
        posted(github, given={"GITHUB_REF": "", "GITHUB_EVENT_PATH": str(file)} | environment)
    assert github.seen == []


def test_a_run_without_an_event_file_says_how_to_name_a_pull_request(github: GitHubStandIn) -> None:
    with pytest.raises(ForgeError, match=r"KUBER_PULL_REQUEST=<number>"):
        posted(github, given={"GITHUB_REF": ""})


@pytest.mark.parametrize(
    "content",
    [
        None,
        "{",
        "[]",
        '{"pull_request": 7}',
        '{"pull_request": {"number": true}}',
        '{"pull_request": {"number": "7/merge"}}',
        '{"pull_request": {"number": -7}}',
        '{"issue": ["pull_request"]}',
    ],
)
def test_an_event_that_cannot_be_read_is_told(github: GitHubStandIn, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "event.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ForgeError, match=r"(?s)the event of the run can't be read.*event\.json"):
        posted(github, given={"GITHUB_REF": "", "GITHUB_EVENT_PATH": str(file)})


@pytest.mark.parametrize("stated", ["seven", "7/merge", "-7", "٧"])
def test_what_is_no_number_is_no_pull_request(github: GitHubStandIn, stated: str) -> None:
    with pytest.raises(ForgeError, match="KUBER_PULL_REQUEST is no pull request"):
        posted(github, given={"KUBER_PULL_REQUEST": stated})


def test_github_is_where_comments_go_unless_another_address_is_given() -> None:
    environment = {"GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": REPOSITORY, "KUBER_PULL_REQUEST": "7"}
    # A proxy that isn't there keeps the test on this machine, and its error tells where it was to go.
    with pytest.raises(ForgeError, match=r"GET https://api\.github\.com/repos/acme/clusters/issues/7/comments"):
        post(
            "github",
            BODY,
            environment=environment | {"https_proxy": "http://127.0.0.1:1"},
            marker=MARKER,
            clock=Time().clock,
        )
