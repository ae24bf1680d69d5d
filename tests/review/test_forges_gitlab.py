"""What is GitLab's own: orders in a note, system notes, projects by path or number, and why GitLab says no."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kuber.review.forges import ForgeError
from tests.review.forge_stand_in import BODY, MARKER, Fault, Reply, listening, posted
from tests.review.gitlab_stand_in import PAGE, GitLabStandIn


@pytest.fixture
def gitlab() -> Iterator[GitLabStandIn]:
    with listening(GitLabStandIn()) as stand_in:
        yield stand_in


def test_the_address_is_the_one_of_the_note(gitlab: GitLabStandIn) -> None:
    assert posted(gitlab) == f"{PAGE}#note_{gitlab.comments[0].id}"


@pytest.mark.parametrize(
    "order",
    [
        "/merge",
        "/MERGE",
        "/approve\n/merge",
        '/label ~"deploy to production"',
        "```text\n/merge\n```",
        "text\r\n\r/merge",
        "\r\r/close\r",
    ],
)
def test_a_line_that_gitlab_would_take_for_an_order_is_only_text(gitlab: GitLabStandIn, order: str) -> None:
    for body in (f"## a cluster can't be planned\n\n{order}", f"{order}\nof the next push"):
        posted(gitlab, body)
    assert gitlab.orders == []
    assert len(gitlab.comments) == 1
    for line in order.split():
        assert line in gitlab.comments[0].body


def test_a_note_with_a_line_like_an_order_is_written_once(gitlab: GitLabStandIn) -> None:
    body = f"{MARKER}\n/merge\n\na/path and / alone\n"
    posted(gitlab, body)
    posted(gitlab, body)
    assert gitlab.writes() == ["POST"]


def test_a_system_note_is_none_of_ours(gitlab: GitLabStandIn) -> None:
    told = f"changed the description\n{MARKER}"
    gitlab.has("pipeline", told, system=True)
    posted(gitlab)
    assert gitlab.bodies()[0] == told
    assert len(gitlab.comments) == 2


def test_who_we_are_is_asked_once_and_only_where_a_note_has_the_marker(gitlab: GitLabStandIn) -> None:
    posted(gitlab)
    assert [one.path for one in gitlab.seen if one.path.endswith("/user")] == []
    gitlab.comments.clear()
    gitlab.page_size = 1
    for _ in range(3):
        gitlab.has("mallory", BODY)
    posted(gitlab)
    assert len([one.path for one in gitlab.seen if one.path.endswith("/user")]) == 1


def test_the_project_of_the_merge_request_is_asked_not_the_fork_that_runs(gitlab: GitLabStandIn) -> None:
    posted(gitlab, given={"CI_PROJECT_ID": "4711", "CI_MERGE_REQUEST_PROJECT_ID": "platform/clusters"})
    assert gitlab.bodies() == [BODY.rstrip()]


@pytest.mark.parametrize(
    ("set_up", "expected"),
    [
        ({"reads_only": True}, r"403 Forbidden: insufficient_scope(?s:.*)a token with the scope `api`"),
        ({"locked": True}, r"403 Forbidden(?s:.*)merge request 12(?s:.*)its discussion is locked"),
        ({"accounts": {}}, r"401 Unauthorized(?s:.*)project access token with the scope `api`"),
    ],
)
def test_a_no_of_gitlab_tells_what_to_do(gitlab: GitLabStandIn, set_up: dict[str, object], expected: str) -> None:
    for name, value in set_up.items():
        setattr(gitlab, name, value)
    with pytest.raises(ForgeError, match=expected):
        posted(gitlab)
    assert gitlab.comments == []
    assert len(gitlab.writes()) <= 1  # nothing that was refused is tried again


def test_a_member_who_may_not_comment_is_told_what_the_token_needs(gitlab: GitLabStandIn) -> None:
    gitlab.fail("POST", "/notes$", Fault(reply=Reply(status=403, document={"message": "403 Forbidden"})))
    with pytest.raises(ForgeError, match="of an account that may comment on the merge request"):
        posted(gitlab)


def test_a_project_that_the_token_may_not_see_is_told_as_such(gitlab: GitLabStandIn) -> None:
    with pytest.raises(ForgeError, match=r"(?s)404 Project Not Found.*merge request 12 of project 4711"):
        posted(gitlab, given={"CI_PROJECT_ID": "4711"})


@pytest.mark.parametrize("number", ["", "twelve", "12/notes", "-1", "١٢"])
def test_a_run_without_a_merge_request_says_which_rule_to_give_the_job(gitlab: GitLabStandIn, number: str) -> None:
    with pytest.raises(ForgeError, match=r"(?s)belongs to no merge request.*merge_request_event"):
        posted(gitlab, given={"CI_MERGE_REQUEST_IID": number})
    assert gitlab.seen == []


@pytest.mark.parametrize("variable", ["CI_PROJECT_ID", "CI_API_V4_URL", "GITLAB_TOKEN"])
def test_what_the_environment_lacks_is_named(gitlab: GitLabStandIn, variable: str) -> None:
    with pytest.raises(ForgeError, match=f"{variable} is not set"):
        posted(gitlab, given={variable: ""})
    assert gitlab.seen == []


def test_refusals_by_field_are_told_in_words(gitlab: GitLabStandIn) -> None:
    document = {"message": {"note": ["can't be blank", "is odd"], "base": ["Maximum number of comments exceeded"]}}
    gitlab.fail("POST", "/notes$", Fault(reply=Reply(status=400, document=document)))
    with pytest.raises(ForgeError, match="note can't be blank; is odd; base Maximum number of comments exceeded"):
        posted(gitlab)
