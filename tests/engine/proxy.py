"""A proxy in front of an API server that lets things go wrong on request."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import urllib3

from kuber.rehearsal.control_plane.certificates import Authority

Effect = Literal["429", "500", "slow", "reset", "reset after"]
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What goes wrong with requests that change something.

    Attributes:
        effect: "429" and "500" are answers of an API server that is overloaded or broken; "reset" breaks the connection before the
            request is passed on, "reset after" when it has had its effect; "slow" waits first.
        after: How many pass before.
        times: How many it strikes; None for all.
        seconds: How slow.
    """

    effect: Effect
    after: int = 0
    times: int | None = None
    seconds: float = 0.0


class Proxy:
    """Passes requests on, from entering the context until leaving it.

    Args:
        url: Of the API server.
        certificate_authority: That it is known by, PEM.
        folder: For the proxy's own certificate.

    Attributes:
        url: Of the proxy; the same also after it was away.
        certificate_authority: That the proxy is known by, PEM.
        struck: How many requests went wrong since the last `trouble`.
    """

    def __init__(self, url: str, certificate_authority: Path, folder: Path) -> None:
        authority = Authority("the proxy's authority")
        self.certificate_authority = folder / "proxy-ca.crt"
        self.certificate_authority.write_bytes(authority.certificate)
        self._certificate, self._key = authority.issue("proxy", names=("127.0.0.1",)).write(folder, "proxy")
        self._target = url
        self._pool = urllib3.PoolManager(ca_certs=str(certificate_authority), maxsize=32, retries=False)
        self._lock = threading.Lock()
        self._trouble: Trouble | None = None
        self._passed = 0
        self.struck = 0
        self._port = 0
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Proxy:
        self.come_back()
        self.url = f"https://127.0.0.1:{self._port}"
        return self

    def __exit__(self, *_: object) -> None:
        self.go_away()

    def trouble(self, trouble: Trouble | None) -> None:
        """Have something go wrong from now on, or nothing any more."""
        with self._lock:
            self._trouble, self._passed, self.struck = trouble, 0, 0

    def go_away(self) -> None:
        """Answer no connection any more."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def come_back(self) -> None:
        """Answer again, on the same port."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_GET(self) -> None:
                proxy.pass_on(self)

            def do_POST(self) -> None:
                proxy.pass_on(self)

            def do_PUT(self) -> None:
                proxy.pass_on(self)

            def do_PATCH(self) -> None:
                proxy.pass_on(self)

            def do_DELETE(self) -> None:
                proxy.pass_on(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate, self._key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        self._port = server.server_address[1]
        self._server = server
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def pass_on(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a request: as the API server does, or as the trouble is."""
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        if self._server is None:  # a connection of the time before
            _reset(request)
            return
        trouble = self._striking() if request.command in CHANGING and "dryRun" not in request.path else None
        match trouble and trouble.effect:
            case "429":
                _answer(request, 429, _status(429, "TooManyRequests", "too many requests"), {"Retry-After": "1"})
                return
            case "500":
                _answer(request, 500, _status(500, "InternalError", "etcdserver: request timed out"), {})
                return
            case "reset":
                _reset(request)
                return
            case "slow":
                assert trouble
                time.sleep(trouble.seconds)
            case _:
                pass
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        answer = self._pool.request(request.command, self._target + request.path, body=body or None, headers=headers)
        if trouble and trouble.effect == "reset after":
            _reset(request)
            return
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
        _answer(request, answer.status, answer.data, kept)

    def _striking(self) -> Trouble | None:
        """Count a request that changes something; the trouble that it is in."""
        with self._lock:
            trouble = self._trouble
            if trouble is None:
                return None
            self._passed += 1
            if self._passed <= trouble.after or (trouble.times is not None and self.struck >= trouble.times):
                return None
            self.struck += 1
            return trouble


def _answer(request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def _reset(request: BaseHTTPRequestHandler) -> None:
    """Break the connection as a machine that is gone does: by a reset, in the middle of things."""
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.close_connection = True
    request.connection.close()


def _status(code: int, reason: str, message: str) -> bytes:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
    return json.dumps({**status, "reason": reason, "message": message}).encode()
