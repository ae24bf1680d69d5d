"""Objects of an API server as JSON, of any kind that it serves, as they are: the official client would make classes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError

Object = dict[str, Any]
Kind = tuple[str, str]
"""An API version and a kind: ("apps/v1", "Deployment")."""

_ANSWER_SECONDS = (5.0, 60.0)
"""For a connection, and for an answer."""


class ApiError(Exception):
    """The API server refuses, or gives no answer; the text is its own.

    Attributes:
        status: HTTP status; 0 where there was no answer.
        reason: Kubernetes' word for it: "NotFound", "Conflict", "Invalid"; "" where there is none.
        details: What a Status says of the causes; empty where it says nothing.
    """

    def __init__(self, message: str, *, status: int = 0, reason: str = "", details: Object | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.details = details or {}


class Api:
    """An API server. May be used by several threads; nothing is tried again.

    Args:
        url: "https://127.0.0.1:6443".
        token: Bearer token.
        certificate_authority: PEM file; None for those that the machine trusts.
    """

    def __init__(self, url: str, token: str, certificate_authority: Path | None) -> None:
        self.url = url
        self._headers = {"Accept": "application/json", "Authorization": f"Bearer {token}"}
        trusted = str(certificate_authority) if certificate_authority else None
        self._pool = urllib3.PoolManager(ca_certs=trusted, maxsize=64, retries=False)
        self._served: dict[str, dict[str, Object]] = {}
        self._lock = Lock()

    def get(self, kind: Kind, namespace: str | None, name: str) -> Object | None:
        """An object; None where there is none, or no such kind."""
        try:
            return self.request("GET", self.path(kind, namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind: Kind, namespace: str | None = None, **query: str) -> list[Object]:
        """All objects of a kind, in one namespace or all; each with its apiVersion and kind. `query`: labelSelector="a=b"."""
        found = self.request("GET", self.path(kind, namespace), query)
        return [{"apiVersion": kind[0], "kind": kind[1], **one} for one in found["items"]]

    def create(self, one: Mapping[str, Any]) -> Object:
        """Make an object that isn't there yet."""
        return self.request("POST", self.path_of(one, to_create=True), body=one)

    def apply(
        self,
        one: Mapping[str, Any],
        *,
        field_manager: str,
        force: bool = False,
        dry_run: bool = False,
        subresource: str = "",
    ) -> Object:
        """Server-side apply (Kubernetes documentation, "Server-Side Apply"): fields that others own conflict, unless forced."""
        query = {"fieldManager": field_manager, "force": str(force).lower()} | ({"dryRun": "All"} if dry_run else {})
        path = self.path_of(one) + (f"/{subresource}" if subresource else "")
        return self.request("PATCH", path, query, body=one, content_type="application/apply-patch+yaml")

    def merge(
        self, kind: Kind, namespace: str | None, name: str, change: Mapping[str, Any], subresource: str = ""
    ) -> Object:
        """Change fields of an object by a JSON merge patch."""
        path = self.path(kind, namespace, name) + (f"/{subresource}" if subresource else "")
        return self.request("PATCH", path, body=change, content_type="application/merge-patch+json")

    def delete(self, kind: Kind, namespace: str | None, name: str, **options: Any) -> bool:
        """Ask for an object to be deleted; False where there was none. `options`: of DeleteOptions, gracePeriodSeconds=0."""
        try:
            self.request("DELETE", self.path(kind, namespace, name), body=options or None)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def watch(
        self, kind: Kind, resource_version: str = "0", *, timeout_seconds: int = 3600, **query: str
    ) -> Iterator[tuple[str, Object]]:
        """What happens to objects of a kind: ("ADDED" | "MODIFIED" | "DELETED", object), until the server or the time ends it.

        With resource version "0" it begins with all that are there. Raises ApiError where the server ends it by an error (410: the
        version is too old).
        """
        asked = {"watch": "true", "resourceVersion": resource_version, "timeoutSeconds": str(timeout_seconds), **query}
        answer = self._ask(
            "GET", self.path(kind), asked, None, "application/json", timeout=(5.0, timeout_seconds + 10.0)
        )
        try:
            for line in _lines(answer.stream(amt=None, decode_content=True)):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    status = event["object"]
                    raise ApiError(
                        status.get("message", ""), status=status.get("code", 0), reason=status.get("reason", "")
                    )
                if event["type"] != "BOOKMARK":
                    yield event["type"], event["object"]
        except HTTPError as error:
            raise ApiError(str(error)) from None
        finally:
            answer.close()

    def path_of(self, one: Mapping[str, Any], *, to_create: bool = False) -> str:
        """The path of an object; to create it, that of its collection."""
        kind, metadata = (one["apiVersion"], one["kind"]), one["metadata"]
        return self.path(kind, metadata.get("namespace"), None if to_create else metadata["name"])

    def path(self, kind: Kind, namespace: str | None = None, name: str | None = None) -> str:
        """The path of a collection or an object, as the server's discovery has it.

        A namespace of a kind that has none is left out; a kind that has namespaces and is asked for by name without one is
        looked up in "default".

        Raises:
            ApiError: the server doesn't serve the kind (status 404).
        """
        resource = self.resource(kind)
        version = kind[0]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if resource["namespaced"] and (namespace or name):
            root += f"/namespaces/{namespace or 'default'}"
        return f"{root}/{resource['name']}" + (f"/{name}" if name else "")

    def resource(self, kind: Kind) -> Object:
        """What discovery says of a kind: name (plural), namespaced, verbs.

        Raises:
            ApiError: the server doesn't serve it (status 404).
        """
        version, name = kind
        with self._lock:
            known = self._served.get(version, {})
        if name not in known:  # never asked, or a CRD has come since
            root = f"/apis/{version}" if "/" in version else f"/api/{version}"
            try:
                answer = self.request("GET", root)
            except ApiError as error:
                if error.status != 404:
                    raise
                answer = {"resources": []}
            known = {one["kind"]: one for one in answer["resources"] if "/" not in one["name"]}
            with self._lock:
                self._served[version] = known
        if name not in known:
            raise ApiError(f"{self.url} serves no {name} of {version}", status=404, reason="NotFound")
        return known[name]

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Object:
        """Ask and get JSON.

        Raises:
            ApiError: the server refuses, or gives no answer.
        """
        answer = self._ask(method, path, query or {}, body, content_type)
        try:
            data = answer.data
        except HTTPError as error:
            raise ApiError(f"{method} {path}: {self.url} broke off its answer: {error}") from None
        try:
            return json.loads(data)
        except ValueError:
            return {"text": data.decode(errors="replace")}

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Any,
        content_type: str = "application/json",
        *,
        timeout: tuple[float, float] = _ANSWER_SECONDS,
    ) -> urllib3.BaseHTTPResponse:
        try:
            answer = self._send(
                method,
                f"{self.url}{path}" + (f"?{urlencode(query)}" if query else ""),
                None if body is None else json.dumps(body).encode(),
                content_type,
                urllib3.Timeout(connect=timeout[0], read=timeout[1]),
            )
            if answer.status >= 400:
                raise _error(answer.status, answer.data)
        except HTTPError as error:
            raise ApiError(f"{method} {path}: no answer of {self.url}: {error}") from None
        return answer

    def _send(
        self, method: str, url: str, body: bytes | None, content_type: str, timeout: urllib3.Timeout
    ) -> urllib3.BaseHTTPResponse:
        """Send one request; the body of the answer is still to be read."""
        headers = self._headers | {"Content-Type": content_type}
        return self._pool.request(method, url, body=body, headers=headers, timeout=timeout, preload_content=False)


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def _error(status: int, body: bytes) -> ApiError:
    try:
        said = json.loads(body)
        return ApiError(said["message"], status=status, reason=said.get("reason", ""), details=said.get("details"))
    except (ValueError, KeyError, TypeError):
        return ApiError(body.decode(errors="replace").strip() or f"HTTP status {status}", status=status)
