"""An API server as the Kubernetes provider reaches it: tokens of a kubeconfig, and trying again where the server asks for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, ProtocolError

from kuber.rehearsal.api import Api, ApiError

from . import kubeconfig
from .kubeconfig import Credentials, Document, KubeconfigError

_TRIES = 10
"""How often a request is sent at most (client-go: rest/request.go, maxRetries)."""

_POOLED_CONNECTIONS = 64


class Connection(Api):
    """An API server by a kubeconfig.

    A server that is busy says so by 429, or by an error with Retry-After: then the request is sent again after that time, and a GET
    whose connection broke off too (client-go: rest/with_retry.go). A token that isn't taken any more is asked for anew, once.

    Args:
        document: The kubeconfig.
        environment: What exec plugins are run with.
        context: A context other than the current one.
        cluster: A cluster other than that of the context.
        on_warning: Gets what the server says in a Warning header: fields that it doesn't know, deprecated versions.

    Raises:
        KubeconfigError: it names no cluster, or no address of it.
    """

    def __init__(
        self,
        document: Document,
        environment: Mapping[str, str],
        *,
        context: str = "",
        cluster: str = "",
        on_warning: Callable[[str, str], None] | None = None,
    ) -> None:
        found = kubeconfig.active_cluster(document, context=context, cluster=cluster)
        if not found or not found.get("server"):
            raise KubeconfigError("the kubeconfig has no current context with a cluster and its address")
        self._files = kubeconfig.Authority()
        authority = self._files.certificate_authority(found)
        super().__init__(found["server"].rstrip("/"), "", authority)
        self._credentials = Credentials(document, environment, context=context)
        self._on_warning = on_warning
        checks = {"cert_reqs": "CERT_NONE"} if found.get("insecure-skip-tls-verify") else {"cert_reqs": "CERT_REQUIRED"}
        options: dict[str, Any] = {
            "ca_certs": str(authority) if authority else None,
            "server_hostname": found.get("tls-server-name"),
            "maxsize": _POOLED_CONNECTIONS,
            "retries": False,
            **checks,
        }
        proxy = found.get("proxy-url")
        self._pool = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)

    def close(self) -> None:
        """Close what is open; the connection can't be used afterwards."""
        self._pool.clear()
        self._files.close()

    def _send(
        self, method: str, url: str, body: bytes | None, content_type: str, timeout: urllib3.Timeout
    ) -> urllib3.BaseHTTPResponse:
        refused = False
        for left in reversed(range(_TRIES)):
            try:
                token = self._credentials.token()
            except KubeconfigError as error:
                raise ApiError(f"{method} {url}: getting credentials: {error}") from None
            headers = {"Accept": "application/json", "Content-Type": content_type}
            if token:
                headers["Authorization"] = f"Bearer {token}"
            try:
                answer = self._pool.request(
                    method, url, body=body, headers=headers, timeout=timeout, preload_content=False
                )
            except ProtocolError as error:
                if method == "GET" and left and not isinstance(error, NewConnectionError):
                    continue
                raise
            if answer.status == 401 and self._credentials.renewable and not refused:
                refused = True
                self._credentials.refused(token)
            elif left and (wait := _asked_to_wait(answer)) is not None:
                time.sleep(wait)
            else:
                self._tell_warnings(method, url, answer)
                return answer
            answer.drain_conn()
        raise HTTPError(f"{method} {url}: no answer after {_TRIES} tries")  # the last try returns or raises

    def _tell_warnings(self, method: str, url: str, answer: urllib3.BaseHTTPResponse) -> None:
        if self._on_warning is None or method == "GET":
            return
        for warning in answer.headers.getlist("Warning"):
            self._on_warning(url, warning.partition(' - "')[2].removesuffix('"').replace('\\"', '"') or warning)


def _asked_to_wait(answer: urllib3.BaseHTTPResponse) -> float | None:
    """Seconds after which a busy server wants the request again; None where it doesn't."""
    if answer.status != 429 and answer.status < 500:
        return None
    asked = answer.headers.get("Retry-After", "")
    return float(asked) if asked.isdigit() else None
