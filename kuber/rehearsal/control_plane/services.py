"""What answers at the addresses of services: whether anything does, and a stand-in for webhooks and aggregated APIs.

Pods that kwok plays don't listen. So the API server dials services by way of this proxy (an egress selector of kind "cluster"), which
looks up the service in question and is connected only where the service has a ready endpoint at that port: an object behind a webhook
with `failurePolicy: Fail` is refused until the pods that would answer are ready, as in a cluster. What answers then is a stand-in: it
admits everything and changes nothing. Network policies aren't asked.
"""

from __future__ import annotations

import json
import ssl
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from threading import Thread
from typing import Any

from kuber.rehearsal.api import Object
from kuber.rehearsal.control_plane.certificates import Authority
from kuber.rehearsal.control_plane.following import Follower


class Services:
    """Which service is at an address, and whether it has a ready endpoint.

    Args:
        services: Follows v1 Service.
        slices: Follows discovery.k8s.io/v1 EndpointSlice.
    """

    def __init__(self, services: Follower, slices: Follower) -> None:
        self._services = services
        self._slices = slices

    def answer_at(self, address: str, port: int) -> bool:
        """Whether a service is at the address and has a ready endpoint for the port."""
        for service in list(self._services.objects.values()):
            if address in service["spec"].get("clusterIPs", []):
                names = [one.get("name", "") for one in service["spec"].get("ports", []) if one["port"] == port]
                return any(self._is_ready(service, name) for name in names)
        return False

    def _is_ready(self, service: Object, port_name: str) -> bool:
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        return any(
            any(port.get("name", "") == port_name for port in part.get("ports") or [])
            and any(one.get("conditions", {}).get("ready", True) for one in part.get("endpoints") or [])
            for part in list(self._slices.objects.values())
            if part["metadata"]["namespace"] == namespace
            and part["metadata"].get("labels", {}).get("kubernetes.io/service-name") == name
        )


class ServiceProxy:
    """An HTTP proxy (CONNECT) on a socket to the stand-in behind all services, from entering the context until leaving it.

    Args:
        socket: Path of the socket, which others mustn't be able to get at; systems allow about 100 bytes.
        authority: Signs the certificate of each service, made when it is asked for.

    Attributes:
        is_there: Whether something answers at an address and port of the cluster; nothing does at first.
    """

    def __init__(self, socket: Path, authority: Authority) -> None:
        self._socket = socket
        self.is_there: Callable[[str, int], bool] = lambda address, port: False
        self._tls = _server_side(authority)

    def __enter__(self) -> ServiceProxy:
        handler = type("Connection", (_Connection,), {"proxy": self})
        self._server = _Server(str(self._socket), handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.1,), name="service-proxy", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def secured(self, connection: Any) -> ssl.SSLSocket:
        """A connection with TLS on it, as the server that the client asks for."""
        return self._tls.wrap_socket(connection, server_side=True)


class _Server(ThreadingUnixStreamServer):
    """Without a word of connections that are broken off, as the API server does at its end."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Connection(BaseHTTPRequestHandler):
    """One connection of the API server: CONNECT, and after it, by TLS, requests to the stand-in."""

    proxy: ServiceProxy
    protocol_version = "HTTP/1.1"
    _dialled: tuple[str, int] | None = None

    def do_CONNECT(self) -> None:
        """Connect to a service, if anything is there."""
        address, _, port = self.path.rpartition(":")
        self._dialled = (address.strip("[]"), int(port))
        if not self._is_there():
            self.send_response(503, "no endpoint of the service is ready")
            self.send_header("Content-Length", "0")
            self.end_headers()
            self.close_connection = True
            return
        self.send_response(200)
        self.end_headers()
        try:
            self.connection = self.proxy.secured(self.connection)
        except (ssl.SSLError, OSError):  # the client doesn't trust our authority: it says so itself
            self.close_connection = True
            return
        self.setup_streams()

    def setup_streams(self) -> None:
        """Read and write by TLS from now on."""
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)

    def do_POST(self) -> None:
        """A review: what is to be admitted is, what is to be converted is."""
        review = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"{}")
        answers = {"AdmissionReview": _admitted, "ConversionReview": _converted}
        if not self._is_there():
            self.close_connection = True  # the pods that would answer have gone since
        elif answer := answers.get(review.get("kind", "")):
            kind = {"apiVersion": review["apiVersion"], "kind": review["kind"]}
            self._answer(200, kind | {"response": answer(review["request"])})
        else:
            self._answer(404, _NOT_FOUND)

    def do_GET(self) -> None:
        """Discovery of an aggregated API: it is there, and has no resources."""
        match self.path.partition("?")[0].strip("/").split("/"):
            case _ if not self._is_there():
                self.close_connection = True
            case ["apis", group, version]:
                resources = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{group}/{version}"}
                self._answer(200, resources | {"resources": []})
            case _:
                self._answer(404, _NOT_FOUND)

    do_DELETE = do_PUT = do_PATCH = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing."""

    def _is_there(self) -> bool:
        return self._dialled is not None and self.proxy.is_there(*self._dialled)

    def _answer(self, status: int, content: Object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


_NOT_FOUND = {
    "kind": "Status",
    "apiVersion": "v1",
    "status": "Failure",
    "reason": "NotFound",
    "code": 404,
    "message": "kuber's stand-in for what runs in the cluster has nothing here",
}


def _admitted(request: Object) -> Object:
    return {"uid": request["uid"], "allowed": True}


def _converted(request: Object) -> Object:
    version = request["desiredAPIVersion"]
    objects = [{**one, "apiVersion": version} for one in request["objects"]]
    return {"uid": request["uid"], "result": {"status": "Success"}, "convertedObjects": objects}


def _server_side(authority: Authority) -> ssl.SSLContext:
    """TLS of a server that has a certificate for each name it is asked for."""

    @cache
    def known_as(name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pair = authority.issue(name, names=(name,))
        with tempfile.TemporaryDirectory() as folder:  # the ssl module reads keys from files alone
            context.load_cert_chain(*pair.write(Path(folder), "service"))
        return context

    def named(connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        connection.context = known_as(name or "localhost")

    outer = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    outer.sni_callback = named
    return outer
