"""A stand-in for F5's NGINX Ingress Controller: what its ConfigMap says becomes directives, and a real NGINX runs them.

It follows `internal/configs/version1/nginx.tmpl` and `nginx.ingress.tmpl` of nginx/kubernetes-ingress v5.5.4 (with `configmaps.go`
and `annotations.go` for the names), for plain Ingresses with http services; the order of directives within a block is theirs. A key
that it doesn't know is an error, so that no entry of the ConfigMap goes untested by mistake.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.requirements import missing, nginx

_LOCATION = {
    "proxy-connect-timeout": "proxy_connect_timeout",
    "proxy-read-timeout": "proxy_read_timeout",
    "proxy-send-timeout": "proxy_send_timeout",
    "client-max-body-size": "client_max_body_size",
    "proxy-buffers": "proxy_buffers",
    "proxy-buffer-size": "proxy_buffer_size",
}
"""Keys, and annotations with `nginx.org/` before them, that each location has a directive for."""
_ELSEWHERE = {
    "http-snippets",
    "server-snippets",
    "location-snippets",
    "ssl-redirect",
    "http-redirect-code",
    "ssl-protocols",
    "server-tokens",
    "keepalive",
    "worker-shutdown-timeout",
    "log-format",
    "log-format-escaping",
    "proxy-protocol",
    "real-ip-header",
    "set-real-ip-from",
}
_NEWER = {"add-header-inherit", "http2"}
"""Directives that the controller's NGINX has, but not every one that this may run with (1.29.3 and 1.25.1)."""


@dataclass(frozen=True, kw_only=True)
class Host:
    """A host of an Ingress, all of it served by one backend.

    Attributes:
        name: Of the host.
        backend: Port of the backend on this machine.
        tls: Whether the Ingress has TLS for it.
        path: Below which the backend serves; the rest of the host is nobody's.
        annotations: Of the Ingress.
    """

    name: str
    backend: int
    tls: bool = False
    path: str = "/"
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Response:
    """What a client gets."""

    status: int
    headers: http.client.HTTPMessage
    body: str


@dataclass(frozen=True, kw_only=True)
class Nginx:
    """A running NGINX."""

    http: int
    https: int

    def get(
        self, path: str, host: str = "localhost", *, tls: bool = False, headers: Mapping[str, str] | None = None
    ) -> Response:
        """A response to a GET."""
        return self.request("GET", path, host, tls=tls, headers=headers)

    def request(
        self,
        method: str,
        path: str,
        host: str,
        *,
        tls: bool = False,
        body: bytes | None = None,
        first: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """A response to a request whose connection may begin with other bytes."""
        made = socket.create_connection(("127.0.0.1", self.https if tls else self.http), timeout=15)
        if first:
            made.sendall(first)
        if tls:
            made = ssl._create_unverified_context().wrap_socket(made, server_hostname=host)
        connection = http.client.HTTPConnection(host)
        connection.sock = made
        connection.request(method, path, body=body, headers={"Host": host, **(headers or {})})
        answer = connection.getresponse()
        response = Response(status=answer.status, headers=answer.headers, body=answer.read().decode())
        connection.close()
        return response


def configuration(entries: Mapping[str, str], hosts: Sequence[Host], folder: Path, ports: Nginx) -> str:
    """What the controller would write for a ConfigMap and Ingresses."""
    unknown = entries.keys() - _LOCATION.keys() - _ELSEWHERE - _NEWER
    assert not unknown, f"the stand-in doesn't know these keys of the ConfigMap: {sorted(unknown)}"
    upstreams = "\n".join(
        f"upstream {one.name} {{ server 127.0.0.1:{one.backend} max_fails=1; keepalive {entries['keepalive']}; }}"
        for one in hosts
    )
    servers = "\n".join(_server(entries, one, folder, ports) for one in hosts)
    return f"""daemon off;
{"user root;" if os.getuid() == 0 else ""}
worker_processes 1;
worker_shutdown_timeout {entries["worker-shutdown-timeout"]};
error_log stderr notice;
pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
{_temporary(folder)}
{entries["http-snippets"]}
log_format main escape={entries["log-format-escaping"]} '{entries["log-format"]}';
map $http_host $resource_namespace {{ default ""; }}
map $http_host $resource_name {{ default ""; }}
map $http_host $service {{ default ""; }}
access_log {folder}/access.log main;
ssl_protocols {entries["ssl-protocols"]};
{upstreams}
{servers}
}}
"""


def _server(entries: Mapping[str, str], host: Host, folder: Path, ports: Nginx) -> str:
    proxied = " proxy_protocol" if entries.get("proxy-protocol") == "true" else ""
    tls = (
        f"""listen 127.0.0.1:{ports.https} ssl{proxied};
  ssl_certificate {folder}/tls.crt;
  ssl_certificate_key {folder}/tls.key;"""
        * host.tls
    )
    real_ip = "\n".join(f"  set_real_ip_from {one};" for one in entries.get("set-real-ip-from", "").split(",") if one)
    redirects = host.tls and _of(entries, host, "ssl-redirect") == "true"
    redirect = (
        f"if ($scheme = http) {{ return {entries['http-redirect-code']} https://$host:{ports.https}$request_uri; }}"
        * redirects
    )
    headers = [one.partition(":") for one in host.annotations.get("nginx.org/add-header", "").split(",") if one]
    added = "\n".join(f'  add_header {name.strip()} "{value.strip()}" always;' for name, _, value in headers)
    location = "\n".join(f"    {directive} {_of(entries, host, key)};" for key, directive in _LOCATION.items())
    return f"""server {{
  listen 127.0.0.1:{ports.http}{proxied};
  {tls}
{real_ip}
  {f"real_ip_header {entries['real-ip-header']};" if real_ip else ""}
  server_tokens {"on" if entries["server-tokens"] == "true" else "off"};
  server_name {host.name};
{added}
  {redirect}
{entries["server-snippets"]}
  location {host.path} {{
    proxy_http_version 1.1;
    proxy_set_header Connection "";
{entries.get("location-snippets", "")}
{location}
    proxy_set_header Host $host;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_buffering on;
    proxy_pass http://{host.name};
  }}
}}"""


def _of(entries: Mapping[str, str], host: Host, key: str) -> str:
    return host.annotations.get(f"nginx.org/{key}", entries[key])


def _temporary(folder: Path) -> str:
    return "\n".join(f"{one}_temp_path {folder}/{one};" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))


@contextlib.contextmanager
def controller(
    entries: Mapping[str, str], hosts: Sequence[Host], folder: Path, replacing: Mapping[str, str] | None = None
) -> Iterator[Nginx]:
    """The stand-in, running.

    Args:
        entries: Of the controller's ConfigMap.
        hosts: What is served.
        folder: Where it may write.
        replacing: Addresses and paths of a cluster, with those that stand for them here.
    """
    ports = Nginx(http=free_port(), https=free_port())
    _certificate(folder)
    text = configuration(entries, hosts, folder, ports)
    with running(text, folder, replacing or {}, ports.http):
        yield ports


@contextlib.contextmanager
def running(text: str, folder: Path, replacing: Mapping[str, str], port: int) -> Iterator[None]:
    """NGINX with a configuration, once it listens on a port."""
    for old, new in replacing.items():
        assert old in text, f"{old} isn't in the configuration"
        text = text.replace(old, new)
    file = folder / "nginx.conf"
    file.write_text(text)
    with open(folder / "log", "w+") as log:
        process = subprocess.Popen(
            [nginx(), "-p", folder, "-c", file, *([] if "daemon off;" in text else ["-g", "daemon off;"])], stderr=log
        )
        try:
            _wait(process, port, log)
            yield
        finally:
            process.terminate()
            process.wait(10)


def _wait(process: subprocess.Popen[bytes], port: int, log: Any) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    log.seek(0)
    raise AssertionError(f"nginx doesn't listen:\n{log.read()}")


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _certificate(folder: Path) -> None:
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    files = ["-subj", "/CN=shop.example", "-keyout", folder / "tls.key", "-out", folder / "tls.crt"]
    try:
        subprocess.run([*command, *files], check=True, capture_output=True)
    except FileNotFoundError:
        missing("openssl", "install it: it makes the certificate of the stand-in")


class _Service(BaseHTTPRequestHandler):
    """`/status/404` fails so, `/slow/3` answers after three seconds, all else tells which headers came."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Jetty", "9"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind, _, value = self.path.strip("/").partition("/")
        if kind == "slow":
            time.sleep(int(value))
        body = json.dumps({name.lower(): text for name, text in self.headers.items()}).encode()
        if kind == "status":
            body = b"the service's own words"
        self.send_response(int(value) if kind == "status" else 200)
        for name in ("X-Powered-By", "X-Internal-User", "X-Content-Type-Options", "Strict-Transport-Security"):
            self.send_header(name, "of the service")
        if kind == "framed":
            self.send_header("X-Frame-Options", "DENY")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: requests of tests are no news."""


@contextlib.contextmanager
def service() -> Iterator[int]:
    """A service, running; the port that it listens on."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
