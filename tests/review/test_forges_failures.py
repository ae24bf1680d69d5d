"""A forge that fails, is slow, hangs up or has had enough: what is tried again, for how long, and that nothing is written twice."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from email.utils import formatdate

import pytest
from pydantic import SecretStr

from kuber.review.forges import ForgeError
from kuber.review.forges.connection import Advice, Connection, Server
from kuber.review.forges.credential import Credential
from kuber.review.forges.errors import UnsureError
from tests.review.forge_stand_in import BODY, MARKER, TOKEN, Fault, ForgeStandIn, Reply, Seen, Time, listening, posted
from tests.review.github_stand_in import GitHubStandIn
from tests.review.gitlab_stand_in import GitLabStandIn

_BROKEN = Reply(status=502, raw=b"<html>Bad Gateway</html>")
_LIST, _EDIT = "/(comments|notes)$", "/(comments|notes)/[0-9]+$"


@pytest.fixture(params=[GitHubStandIn, GitLabStandIn], ids=["github", "gitlab"])
def forge(request: pytest.FixtureRequest) -> Iterator[ForgeStandIn]:
    with listening(request.param()) as stand_in:
        yield stand_in


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    with listening(GitHubStandIn()) as stand_in:
        yield stand_in


@pytest.mark.parametrize("fault", [Fault(reply=_BROKEN), Fault()], ids=["502", "reset"])
def test_reading_is_tried_again(forge: ForgeStandIn, fault: Fault) -> None:
    time = Time()
    forge.fail("GET", _LIST, fault, fault, fault)
    posted(forge, time=time)
    assert len(forge.comments) == 1
    assert time.slept == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("fault", [Fault(reply=_BROKEN), Fault()], ids=["502", "reset"])
@pytest.mark.parametrize("done", [True, False], ids=["done all the same", "not done"])
def test_editing_is_tried_again(forge: ForgeStandIn, fault: Fault, done: bool) -> None:
    there = forge.has("pipeline", f"{MARKER}\nof an earlier push")
    method = "PATCH" if forge.forge == "github" else "PUT"
    forge.fail(method, _EDIT, Fault(reply=fault.reply, done=done))
    posted(forge)
    assert there.body.rstrip() == BODY.rstrip()
    assert forge.writes() == [method, method]


@pytest.mark.parametrize("fault", [Fault(reply=_BROKEN), Fault()], ids=["502", "reset"])
def test_a_comment_that_was_written_although_the_forge_failed_is_not_written_twice(
    forge: ForgeStandIn, fault: Fault
) -> None:
    forge.fail("POST", _LIST, Fault(reply=fault.reply, done=True))
    posted(forge)
    assert forge.bodies() == [BODY.rstrip() if forge.forge == "gitlab" else BODY]
    assert forge.writes() == ["POST"]


@pytest.mark.parametrize("fault", [Fault(reply=_BROKEN), Fault()], ids=["502", "reset"])
def test_a_comment_that_was_not_written_is_written_at_the_next_try(forge: ForgeStandIn, fault: Fault) -> None:
    time = Time()
    forge.fail("POST", _LIST, fault, fault)
    posted(forge, time=time)
    assert len(forge.comments) == 1
    assert forge.writes() == ["POST"] * 3
    assert time.slept == [1.0, 2.0]


def test_a_forge_that_stays_broken_is_left_after_five_tries(forge: ForgeStandIn) -> None:
    time = Time()
    forge.fail("GET", "", *[Fault(reply=_BROKEN)] * 9)
    with pytest.raises(ForgeError, match=r"(?s)fails.*502 Bad Gateway.*run the review again later"):
        posted(forge, time=time)
    assert len(forge.seen) == 5
    assert time.slept == [1.0, 2.0, 4.0, 8.0]


def test_a_forge_that_fails_at_every_writing_is_left_and_says_so(forge: ForgeStandIn) -> None:
    forge.fail("POST", _LIST, *[Fault(reply=_BROKEN)] * 9)
    with pytest.raises(ForgeError, match=r"(?s)fails.*POST .*502 Bad Gateway"):
        posted(forge)
    assert forge.comments == []
    assert len(forge.writes()) == 4


def test_a_forge_that_is_not_there_is_told_with_the_reason() -> None:
    with listening(GitHubStandIn()) as gone:
        pass
    time = Time()
    with pytest.raises(ForgeError, match=r"(?s)GitHub doesn't answer.*Connection refused"):
        posted(gone, time=time)
    assert time.slept == [1.0, 2.0, 4.0, 8.0]


def test_a_forge_that_comes_back_within_the_time_it_asks_for_gets_the_comment(forge: ForgeStandIn) -> None:
    time = Time()
    away = Reply(status=503, headers={"Retry-After": "30"}, document={"message": "GitLab is in maintenance mode"})
    forge.fail("GET", "", Fault(reply=away))
    posted(forge, time=time)
    assert time.slept == [30.0]
    assert len(forge.comments) == 1


_SOON = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000045"}  # Time begins at 1,800,000,000
_OTHER = {"x-ratelimit-remaining": "4000", "x-ratelimit-reset": "1800000045"}  # of the limit that wasn't reached
_SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [
        (Reply(status=429, headers={"Retry-After": "17"}), 17.0),
        (Reply(status=403, headers={"Retry-After": "17"}, document={"message": _SECONDARY}), 17.0),
        (Reply(status=403, headers=_SOON, document={"message": "API rate limit exceeded for 1.2.3.4."}), 45.0),
        (Reply(status=429, headers=_SOON), 45.0),
        (Reply(status=403, document={"message": _SECONDARY}), 60.0),
        (Reply(status=403, headers=_OTHER, document={"message": _SECONDARY}), 60.0),
        (Reply(status=429, raw=b"Retry later\n"), 60.0),
        (Reply(status=429, headers={"RateLimit-Remaining": "0", "RateLimit-Reset": "1800000033"}), 33.0),
        (Reply(status=429, headers={"Retry-After": formatdate(1_800_000_021, usegmt=True)}), 21.0),
        (Reply(status=429, headers={"Retry-After": "soon"}), 60.0),
        (Reply(status=429, headers={"Retry-After": "-1"}), 60.0),
        (Reply(status=429, headers={"Retry-After": "1 Jan 99999999999999999999 00:00:00 GMT"}), 60.0),
        (Reply(status=429, headers={"Retry-After": "0"}), 1.0),
        (Reply(status=429, headers={"RateLimit-Reset": "1700000000"}), 1.0),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_rate_limit_is_waited_for(forge: ForgeStandIn, limit: Reply, seconds: float, method: str) -> None:
    time = Time()
    forge.fail(method, _LIST, Fault(reply=limit))
    posted(forge, time=time)
    assert time.slept == [seconds]
    assert len(forge.comments) == 1


def test_a_rate_limit_that_ends_too_late_is_not_waited_for(forge: ForgeStandIn) -> None:
    time = Time()
    forge.fail("GET", "", Fault(reply=Reply(status=429, headers={"Retry-After": "3000"})))
    with pytest.raises(ForgeError, match=r"(?s)is asked too often.*429.*at most 120 s.*in 3000 s"):
        posted(forge, time=time)
    assert time.slept == []


def test_rate_limits_one_after_the_other_are_waited_for_two_minutes_in_all(forge: ForgeStandIn) -> None:
    time = Time()
    forge.fail("GET", "", *[Fault(reply=Reply(status=429, headers={"Retry-After": "50"}))] * 4)
    with pytest.raises(ForgeError, match="is asked too often"):
        posted(forge, time=time)
    assert time.slept == [50.0, 50.0]


def test_a_refusal_is_no_rate_limit(github: GitHubStandIn) -> None:
    time = Time()
    github.reads_only = True
    with pytest.raises(ForgeError, match="says no"):
        posted(github, time=time)
    assert time.slept == []


@pytest.mark.parametrize(
    "reply",
    [
        Reply(raw=b"<html><title>Sign in</title></html>", headers={"Content-Type": "text/html"}),
        Reply(raw=b""),
        Reply(raw=b'[{"id": 1, "body": "cut off'),
        Reply(raw=b"[" * 100_000),
        Reply(raw=b"\xff\xfe"),
        Reply(document={"status": "ok"}),
        Reply(document=[{"id": "../../user", "body": "", "node_id": "", "html_url": "", "author": {"id": 1}}]),
        Reply(document="hello"),
        Reply(document=None),
    ],
)
def test_an_answer_that_is_not_the_forges_is_told(forge: ForgeStandIn, reply: Reply) -> None:
    forge.fail("GET", _LIST, Fault(reply=reply))
    with pytest.raises(ForgeError, match=r"(?s)answers what isn't of its API.*200 OK.*proxy or a login page"):
        posted(forge)
    assert forge.writes() == []


def test_a_refusal_in_lists_without_end_is_told(forge: ForgeStandIn) -> None:
    depth = 700
    raw = b'{"message": ' + b"[" * depth + b'"no"' + b"]" * depth + b"}"
    forge.fail("GET", _LIST, Fault(reply=Reply(status=403, raw=raw)))
    with pytest.raises(ForgeError, match="says no"):
        posted(forge)


def test_of_what_is_no_answer_of_http_only_the_beginning_is_shown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for _ in range(5):
                asked, _ = server.accept()
                with asked:
                    asked.recv(65_536)
                    asked.sendall(f"220 mail.example.com {TOKEN} {'x' * 9_000}\r\n".encode())

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(ForgeError, match=r"(?s)doesn't answer.*220 mail\.example\.com \[secret\] xxx") as raised:
            _connection(f"http://127.0.0.1:{server.getsockname()[1]}", Time()).request("GET", "/", shape=dict)
        thread.join(20)
    assert len(str(raised.value)) < 600


def test_a_body_that_is_not_of_http_is_told(forge: ForgeStandIn) -> None:
    forge.fail("GET", "", *[Fault(reply=Reply(headers={"Transfer-Encoding": "chunked"}, raw=b"no chunk\r\n"))] * 5)
    with pytest.raises(ForgeError, match="doesn't answer"):
        posted(forge)


def test_a_redirect_without_end_is_left(github: GitHubStandIn) -> None:
    github.fail("GET", "", *[Fault(reply=Reply(status=302, headers={"Location": "/again"}))] * 9)
    with pytest.raises(ForgeError, match="redirects without end"):
        posted(github)
    assert len(github.seen) == 4


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirect_to_another_server_is_refused(forge: ForgeStandIn, status: int, method: str) -> None:
    with listening(type(forge)()) as elsewhere:
        for location in (
            f"{elsewhere.url}/take",
            f"//{elsewhere.url.removeprefix('http://')}/take",
            "http://[",
            "ftp:x",
        ):
            forge.fail(method, _LIST, Fault(reply=Reply(status=status, headers={"Location": location})))
            with pytest.raises(ForgeError, match="redirects to another server; the token was not sent there"):
                posted(forge)
        assert elsewhere.seen == []
    assert forge.comments == []


@pytest.mark.parametrize("reply", [Reply(status=303, headers={"Location": "/"}), Reply(status=301), Reply(status=418)])
def test_other_answers_are_a_no(forge: ForgeStandIn, reply: Reply) -> None:
    forge.fail("POST", _LIST, Fault(reply=reply))
    with pytest.raises(ForgeError, match=f"(?s)says no.*{reply.status}"):
        posted(forge)
    assert forge.writes() == ["POST"]


class _Slow(GitHubStandIn):
    """Answers nothing before it is over."""

    def __init__(self) -> None:
        super().__init__()
        self.over = threading.Event()

    def answer(self, request: Seen) -> Reply:
        self.over.wait(20)
        return super().answer(request)


def _connection(url: str, time: Time, answer_seconds: float = 20.0) -> Connection:
    """One that waits so many seconds for an answer."""
    server = Server(
        forge="GitHub",
        api=url,
        credential=Credential(header="Authorization", token=SecretStr(TOKEN), scheme="Bearer "),
        advise=lambda status, said: Advice(),
        headers={},
    )
    return Connection(server, {}, time.clock, answer_seconds=answer_seconds)


def test_an_answer_that_does_not_come_is_not_waited_for_without_end() -> None:
    time = Time()
    with listening(_Slow()) as slow:
        connection = _connection(slow.url, time, answer_seconds=0.1)
        try:
            with pytest.raises(UnsureError, match=r"(?s)no answer within 0\.1 s.*if the comment was written after all"):
                connection.request("POST", "/", {"body": BODY}, shape=dict, once=True)
            assert time.slept == []
            with pytest.raises(ForgeError, match=r"no answer within 0\.1 s"):
                connection.request("GET", "/", shape=dict)
        finally:
            slow.over.set()
    assert time.slept == [1.0, 2.0, 4.0, 8.0]


def test_what_never_reached_a_forge_is_sent_again_and_nobody_is_told_that_it_may_be_there() -> None:
    with listening(GitHubStandIn()) as gone:
        pass
    time = Time()
    with pytest.raises(ForgeError, match="Connection refused") as raised:
        _connection(gone.url, time).request("POST", "/", {"body": BODY}, shape=dict, once=True)
    assert not isinstance(raised.value, UnsureError)
    assert time.slept == [1.0, 2.0, 4.0, 8.0]
