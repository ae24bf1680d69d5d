"""The real NGINX with the bucket gateway's configuration, and stand-ins for buckets, signing proxy and Google's metadata server."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import reduce
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from components.standard_stack.bucket_gateway.nginx import (
    AUTHORITIES,
    CONFIG_FOLDER,
    HTTP_PORT,
    SCRATCH_FOLDER,
    SIGNER_PORT,
    STATUS_PORT,
    TOKEN_PORT,
)

ERROR = b'<?xml version="1.0"?><Error><Code>%d</Code><BucketName>secret-name</BucketName></Error>'


@dataclass(frozen=True)
class Seen:
    """A request as a stand-in got it."""

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What a client got."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class StandIn:
    """A server that answers as a bucket does: objects by `host/path`, as they are asked for, not decoded."""

    objects: dict[str, bytes]
    token: str = ""
    seen: list[Seen] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    port: int = 0

    def handler(self) -> type[BaseHTTPRequestHandler]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                stand_in.answer(self)

            def do_HEAD(self) -> None:
                stand_in.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: pytest's output is for tests."""

        return Handler

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        headers = {key.lower(): value for key, value in request.headers.items()}
        self.seen.append(Seen(request.command, request.path, headers))
        at = f"{headers['host']}{request.path}"
        status = self.statuses.get(at, 200 if at in self.objects else 403)
        if self.token and headers.get("authorization") != f"Bearer {self.token}":
            status = 401
        body = self.objects.get(at, b"") if status == 200 else ERROR % status
        etag = f'"{len(body)}"'
        out = {
            "Content-Type": "text/html" if at.endswith(".html") else "application/javascript",
            "ETag": etag,
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, max-age=3600",
            "Server": "AmazonS3",
            "X-Amz-Request-Id": "4711",
            "x-amz-meta-author": "jane",
            "X-Goog-Generation": "1",
            "X-GUploader-UploadID": "abc",
            "Alt-Svc": 'h3=":443"',
        }
        if status == 200 and headers.get("if-none-match") == etag:
            status, body = 304, b""
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("range", ""))
        if status == 200 and wanted:
            first, last = int(wanted[1]), int(wanted[2])
            if first >= len(body):
                status, body = 416, ERROR % 416
            else:
                out["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
                status, body = 206, body[first : last + 1]
        request.send_response_only(status)
        for key, value in out.items():
            request.send_header(key, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body)


@dataclass
class MetadataServer(StandIn):
    """Gives a token, as Google's metadata server does."""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        headers = {key.lower(): value for key, value in request.headers.items()}
        self.seen.append(Seen(request.command, request.path, headers))
        allowed = headers.get("metadata-flavor") == "Google" and self.token
        body = json.dumps({"access_token": self.token, "expires_in": 3000, "token_type": "Bearer"}).encode()
        request.send_response_only(200 if allowed else 403)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


@contextmanager
def listening(stand_in: StandIn, certificate: Path | None = None) -> Iterator[StandIn]:
    """A stand-in at work, over TLS where it has a certificate (with its key in the same file)."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), stand_in.handler())
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    stand_in.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()


def certificate(folder: Path, *names: str) -> Path:
    """A certificate for host names that is its own authority, with its key."""
    file = folder / "bucket.pem"
    alternatives = ",".join(f"DNS:{name}" for name in names)
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=stand-in", "-addext", f"subjectAltName={alternatives}"]
    subprocess.run([*command, "-keyout", str(file), "-out", str(folder / "only.pem")], check=True, capture_output=True)
    file.write_text(file.read_text() + (folder / "only.pem").read_text())
    return file


@dataclass(frozen=True)
class Gateway:
    """The real NGINX, running the gateway's configuration."""

    port: int
    status_port: int
    log: Path

    def ask(
        self,
        host: str,
        path: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        status_server: bool = False,
    ) -> Answer:
        """Send one request, its path exactly as given."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.status_port if status_server else self.port, timeout=10
        )
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for key, value in {"Host": host, **(headers or {})}.items():
            connection.putheader(key, value)
        connection.endheaders()
        response = connection.getresponse()
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        connection.close()
        return answer


@contextmanager
def gateway(program: Path, files: Mapping[str, str], folder: Path, authority: Path, **ports: int) -> Iterator[Gateway]:
    """Run the configuration as the pod has it, but for addresses, which are those of stand-ins, and folders.

    Args:
        program: NGINX.
        files: Content of the pod's ConfigMap.
        folder: For all that NGINX writes.
        authority: Certificates that it trusts.
        ports: Where stand-ins are: bucket, and signer and metadata where the configuration knows them.
    """
    own = {port: _free_port() for port in (HTTP_PORT, STATUS_PORT, TOKEN_PORT)} | {SIGNER_PORT: ports.get("signer", 0)}
    replaced: list[tuple[str, Any]] = [
        (r"server [a-z0-9.-]+:443 resolve;", f"server 127.0.0.1:{ports['bucket']};"),  # `resolve` needs NGINX 1.27.3
        (r"\n    resolver [^;]+;", ""),
        (re.escape(AUTHORITIES), str(authority)),
        (re.escape(CONFIG_FOLDER), str(folder)),
        (re.escape(SCRATCH_FOLDER), str(folder)),
        (re.escape("http://169.254.169.254/"), f"http://127.0.0.1:{ports.get('metadata', 0)}/"),
        (r"\b(808[0-3])\b", lambda found: str(own[int(found[1])])),
    ]
    for name, text in files.items():
        here = reduce(lambda done, one: re.sub(one[0], one[1], done), replaced, text)
        (folder / name).write_text(here)
    log = folder / "log"
    with ExitStack() as stack, log.open("w") as out:
        same_user = "user root; " if os.geteuid() == 0 else ""  # otherwise its workers are nobody
        command = [str(program), "-c", str(folder / "nginx.conf"), "-g", f"{same_user}daemon off;"]
        process = stack.enter_context(subprocess.Popen(command, stdout=out, stderr=out))
        stack.callback(process.terminate)
        _wait(process, own[HTTP_PORT], log)
        yield Gateway(own[HTTP_PORT], own[STATUS_PORT], log)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _wait(process: subprocess.Popen[Any], port: int, log: Path) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"NGINX doesn't start:\n{log.read_text()}")
