"""One comment of a review, alike on GitHub and GitLab: written once, edited in place, and never somebody else's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kuber.review.forges import ForgeError
from tests.review.forge_stand_in import BODY, MARKER, Fault, ForgeStandIn, Reply, listening, posted
from tests.review.github_stand_in import GitHubStandIn
from tests.review.gitlab_stand_in import GitLabStandIn

_NEXT_PUSH = f"{MARKER}\n## no change on any cluster\n"


@pytest.fixture(params=[GitHubStandIn, GitLabStandIn], ids=["github", "gitlab"])
def forge(request: pytest.FixtureRequest) -> Iterator[ForgeStandIn]:
    with listening(request.param()) as stand_in:
        yield stand_in


def test_the_first_push_writes_a_comment(forge: ForgeStandIn) -> None:
    forge.has("jane", "Looks good to me")
    posted(forge)
    assert [(one.author, one.body.rstrip()) for one in forge.comments[1:]] == [("pipeline", BODY.rstrip())]


def test_a_body_without_the_marker_gets_it_and_is_found_again(forge: ForgeStandIn) -> None:
    posted(forge, "## 1 of 3 clusters changes")
    posted(forge, "## no change on any cluster")
    assert forge.bodies() == [f"{MARKER}\n## no change on any cluster"]


def test_the_next_push_edits_the_comment_in_place(forge: ForgeStandIn) -> None:
    first = posted(forge)
    there = forge.comments[0].id
    assert posted(forge, _NEXT_PUSH) == first
    assert [(one.id, one.body.rstrip()) for one in forge.comments] == [(there, _NEXT_PUSH.rstrip())]


def test_a_comment_that_says_it_already_is_not_written_again(forge: ForgeStandIn) -> None:
    first = posted(forge)
    assert posted(forge) == first
    assert forge.writes() == ["POST"]


def test_other_line_ends_are_no_other_text(forge: ForgeStandIn) -> None:
    forge.has("pipeline", BODY.replace("\n", "\r\n"))
    posted(forge)
    assert forge.writes() == []


def test_a_note_of_somebody_else_is_never_touched(forge: ForgeStandIn) -> None:
    copied = f"{MARKER}\nI copied this from the pipeline's comment"
    forge.has("mallory", copied)
    posted(forge)
    posted(forge, _NEXT_PUSH)
    assert [(one.author, one.body.rstrip()) for one in forge.comments] == [
        ("mallory", copied),
        ("pipeline", _NEXT_PUSH.rstrip()),
    ]


def test_a_comment_of_ours_that_quotes_a_review_is_none(forge: ForgeStandIn) -> None:
    quoting = f"> {MARKER}\n> ## 1 of 3 clusters changes\n\nas I said, `{MARKER}` is how it is found"
    forge.has("pipeline", quoting)
    posted(forge)
    assert forge.bodies()[0] == quoting
    assert len(forge.comments) == 2


def test_of_several_of_ours_the_oldest_is_edited(forge: ForgeStandIn) -> None:
    forge.has("mallory", BODY)
    for _ in range(2):
        forge.has("pipeline", f"{MARKER}\nof an earlier push")
    posted(forge)
    assert [one.body.rstrip() for one in forge.comments[1:]] == [BODY.rstrip(), f"{MARKER}\nof an earlier push"]


def test_a_comment_on_the_third_page_is_found(forge: ForgeStandIn) -> None:
    forge.page_size = 2
    for number in range(5):
        forge.has("jane", f"remark {number}")
    forge.has("pipeline", f"{MARKER}\nof an earlier push")
    forge.has("jane", "and one more")
    posted(forge)
    assert forge.comments[5].body.rstrip() == BODY.rstrip()
    assert len(forge.comments) == 7


def test_a_forge_whose_pages_never_end_is_left(forge: ForgeStandIn) -> None:
    forge.page_size = 1
    for number in range(101):
        forge.has("jane", f"remark {number}")
    with pytest.raises(ForgeError, match="pages without end"):
        posted(forge)
    assert forge.writes() == []


def test_what_is_too_long_is_posted_shorter(forge: ForgeStandIn) -> None:
    forge.longest = 40_000
    posted(forge, f"{MARKER}\n{'x' * 50_000}", shorter=lambda longest: f"{MARKER}\n{'y' * (longest - 100)}")
    assert [body[-3:] for body in forge.bodies()] == ["yyy"]


def test_what_is_too_long_for_a_server_before_the_forge_is_posted_shorter(forge: ForgeStandIn) -> None:
    too_large = Reply(status=413, raw=b"<html><h1>413 Request Entity Too Large</h1></html>")
    forge.fail("POST", "/(comments|notes)$", Fault(reply=too_large))
    posted(forge, "x" * 50_000, shorter=lambda longest: "y" * longest)
    assert [body[-3:] for body in forge.bodies()] == ["yyy"]


def test_a_comment_that_grows_too_long_is_edited_shorter(forge: ForgeStandIn) -> None:
    posted(forge)
    forge.longest = 40_000
    posted(forge, f"{MARKER}\n{'x' * 50_000}", shorter=lambda longest: f"{MARKER}\n{'y' * (longest - 100)}")
    assert [body[-3:] for body in forge.bodies()] == ["yyy"]


def test_what_is_too_long_and_cannot_be_shorter_is_an_error(forge: ForgeStandIn) -> None:
    forge.longest = 1_000
    with pytest.raises(
        ForgeError, match=r"(?s)the comment is too long for Git.*is too long \(maximum is 1000 characters"
    ):
        posted(forge, "x" * 5_000)
    assert forge.comments == []


def test_what_is_still_too_long_when_it_is_shorter_is_an_error(forge: ForgeStandIn) -> None:
    forge.longest = 10_000
    with pytest.raises(ForgeError, match="too long"):
        posted(forge, "x" * 50_000, shorter=lambda longest: "y" * longest)
    assert forge.comments == []


def test_a_name_with_every_kind_of_letter_arrives_as_it_is(forge: ForgeStandIn) -> None:
    body = f'{MARKER}\n## 🔴 Größe → `ünïcode` “ ” \t\\ " </details>'
    posted(forge, body)
    posted(forge, body)
    assert forge.bodies() == [body]
    assert forge.writes() == ["POST"]
