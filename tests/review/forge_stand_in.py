"""Stand-ins for the API of a forge: real HTTP servers on this machine that keep comments, and fail when they are told to."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import struct
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from kuber.review.forges import Forge, post
from kuber.review.forges.patience import Clock

MARKER = "<!-- kuber review -->"
TOKEN = "glpat-Kk3.TheTokenOfThePipeline"
BODY = f"{MARKER}\n## 1 of 3 clusters changes\n"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A request as a stand-in got it; header names are in small letters."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    document: Any


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a stand-in answers: a JSON document, or `raw` in its place."""

    status: int = 200
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with one request.

    Attributes:
        reply: What is answered; None for a connection that is reset.
        done: Whether what was asked for is done all the same.
    """

    reply: Reply | None = None
    done: bool = False


@dataclass
class Stored:
    """A comment that a forge keeps."""

    id: int
    author: str
    body: str
    system: bool = False


class ForgeStandIn(ABC):
    """What both forges have: comments, accounts by their tokens, and faults.

    Attributes:
        forge: What the command line calls it.
        comments: In the order in which they were written.
        accounts: Names by token.
        page_size: Comments in a page at most, whatever is asked for.
        longest: Characters of a comment at most.
        locked: Whether the conversation is.
        reads_only: Whether the token may do no more than read.
        seen: Every request, in order.
        url: Of the server, without a path.
    """

    forge: Forge
    longest: int

    def __init__(self) -> None:
        self.comments: list[Stored] = []
        self.accounts = {TOKEN: "pipeline"}
        self.page_size = 100
        self.locked = False
        self.reads_only = False
        self.seen: list[Seen] = []
        self.url = ""
        self._faults: list[tuple[str, re.Pattern[str], Fault]] = []

    def fail(self, method: str, path: str, *faults: Fault) -> None:
        """Have the next requests of a method to paths that match a pattern go wrong, one fault a request."""
        self._faults += [(method, re.compile(path), one) for one in faults]

    def has(self, author: str, body: str, *, system: bool = False) -> Stored:
        """Somebody writes a comment."""
        stored = Stored(id=3_000_000_001 + len(self.comments), author=author, body=body, system=system)
        self.comments.append(stored)
        return stored

    def writes(self) -> list[str]:
        """Methods of the requests that change a comment."""
        return [one.method for one in self.seen if one.method != "GET" and not one.path.endswith("/graphql")]

    def bodies(self) -> list[str]:
        """Of all comments."""
        return [one.body for one in self.comments]

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """What the pipeline's job has."""

    @abstractmethod
    def answer(self, request: Seen) -> Reply:
        """What the forge answers when nothing goes wrong."""

    def reply(self, request: Seen) -> Reply | None:
        """What is answered; None for a reset connection."""
        self.seen.append(request)
        for one in self._faults:
            method, path, fault = one
            if method == request.method and path.search(request.path):
                self._faults.remove(one)
                if fault.done:
                    self.answer(request)
                return fault.reply
        return self.answer(request)

    def shown(self, query: Mapping[str, str], comments: list[Stored]) -> tuple[list[Stored], int, int | None]:
        """The comments of the page that is asked for, its number, and the next one's if there is one."""
        size = min(self.page_size, int(query.get("per_page", "20")))
        page = int(query.get("page", "1"))
        left = comments[(page - 1) * size :]
        return left[:size], page, page + 1 if len(left) > size else None


StandIn = TypeVar("StandIn", bound=ForgeStandIn)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell what is wrong with a stand-in; that who asks may go, or not trust the certificate, isn't."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


@contextmanager
def listening(stand_in: StandIn, certificate: tuple[Path, Path] | None = None) -> Iterator[StandIn]:
    """A stand-in at work, over TLS where it has a certificate and its key."""
    server = _Server(("127.0.0.1", 0), _handler(stand_in))
    scheme = "http"
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        scheme = "https"
    stand_in.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()


def _handler(stand_in: ForgeStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30
        disable_nagle_algorithm = True  # head and body go in two pieces, and the second would wait

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            reply = stand_in.reply(
                Seen(
                    method=self.command,
                    path=parts.path,
                    query=dict(parse_qsl(parts.query)),
                    headers={name.lower(): value for name, value in self.headers.items()},
                    document=json.loads(body) if body else None,
                )
            )
            if reply is None:
                self._reset()
                return
            data = json.dumps(reply.document).encode() if reply.raw is None else reply.raw
            self.send_response_only(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self) -> None:
            self.do_GET()

        def do_PATCH(self) -> None:
            self.do_GET()

        def do_PUT(self) -> None:
            self.do_GET()

        def _reset(self) -> None:
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: pytest's output is for tests."""

    return Handler


class Time:
    """A clock on which sleeping takes no time.

    Attributes:
        slept: Seconds of each sleep.
    """

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.slept: list[float] = []
        self.clock = Clock(now=lambda: self.now, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def posted(
    stand_in: ForgeStandIn,
    body: str = BODY,
    *,
    given: Mapping[str, str] | None = None,
    time: Time | None = None,
    shorter: Callable[[int], str] | None = None,
) -> str:
    """The URL of a review's comment, posted by a job that is given some variables beside or in place of the usual ones."""
    return post(
        stand_in.forge,
        body,
        environment={**stand_in.environment(), **(given or {})},
        marker=MARKER,
        shorter=shorter,
        clock=(time or Time()).clock,
    )
