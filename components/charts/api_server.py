"""A cluster's API server, as far as CRDs need it: the official client, a token by command, and patience."""

from __future__ import annotations

import base64
import json
import logging
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import kubernetes.client
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException
from kubernetes.config.exec_provider import ExecProvider
from kubernetes.config.kube_config import ConfigNode
from urllib3.exceptions import HTTPError

FIELD_MANAGER = "kuber"
"""Who owns, for the API server, the fields that are applied."""
PATIENCE_SECONDS = 120.0
"""How long a call is repeated while the API server is busy or can't be reached; a new one takes a minute to be found by its name."""

_ANSWER_SECONDS = (5.0, 60.0)
"""For a connection, and for an answer."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 8.0
_EXPIRES_SOON = timedelta(seconds=60)
_ENOUGH_OBJECTS = 3


class ApiServerError(Exception):
    """The API server can't be asked, or refuses; the text says what was asked, and why not."""


class ApiServer:
    """An API server, by kubeconfig; nothing is asked before a method is called. May be used by several threads.

    Args:
        kubeconfig: JSON; its user gets credentials by a command (Kubernetes documentation, "Authenticating", client-go credential
            plugins). Nothing of it is written to a file.

    Attributes:
        given_up: Why somebody no longer asks it, for others who needn't wait for it again; None where it may be asked.
    """

    def __init__(self, kubeconfig: str) -> None:
        self.given_up: ApiServerError | None = None
        config = json.loads(kubeconfig)
        context = _named(config["contexts"], config["current-context"])["context"]
        self._cluster: Mapping[str, Any] = _named(config["clusters"], context["cluster"])["cluster"]
        self._plugin: Mapping[str, Any] = _named(config["users"], context["user"])["user"]["exec"]
        self._client: kubernetes.client.ApiClient | None = None
        self._expires: datetime | None = None
        self._lock = Lock()

    @property
    def address(self) -> str:
        """Of the server, https://…."""
        return self._cluster["server"]

    def crd(self, name: str, patience_seconds: float | None = None) -> dict[str, Any] | None:
        """A CRD as it is in the cluster; None where there is none.

        Args:
            name: Its name.
            patience_seconds: How long is asked again; PATIENCE_SECONDS unless given.

        Raises:
            ApiServerError: it can't be asked for.
        """
        return self._asked(
            f"get CustomResourceDefinition {name}",
            lambda client: kubernetes.client.ApiextensionsV1Api(client).read_custom_resource_definition(
                name, _preload_content=False, _headers={"Accept-Encoding": "gzip"}, _request_timeout=_ANSWER_SECONDS
            ),
            patience_seconds,
        )

    def apply_crd(self, definition: Mapping[str, Any]) -> dict[str, Any]:
        """Apply a CRD, by the server; what others own and the definition doesn't have stays.

        Fields that somebody else owns (kubectl, helm) are taken over: a CRD has one owner, and half of an old schema is none.

        Raises:
            ApiServerError: it refuses.
        """
        name = definition["metadata"]["name"]
        applied = self._asked(
            f"apply CustomResourceDefinition {name}",
            lambda client: kubernetes.client.ApiextensionsV1Api(client).patch_custom_resource_definition(
                name,
                dict(definition),
                field_manager=FIELD_MANAGER,
                force=True,
                _content_type="application/apply-patch+yaml",
                _preload_content=False,
                _headers={"Accept-Encoding": "gzip"},
                _request_timeout=_ANSWER_SECONDS,
            ),
        )
        if applied is None:
            raise ApiServerError(
                f"{self.address} knows no CustomResourceDefinitions: is it an API server of Kubernetes?"
            )
        return applied

    def delete_crd(self, live: Mapping[str, Any]) -> None:
        """Delete a CRD, if it is still as it was read.

        Raises:
            ApiServerError: it refuses, or somebody has changed it since.
        """
        name, seen = live["metadata"]["name"], live["metadata"]
        unchanged = kubernetes.client.V1DeleteOptions(
            preconditions=kubernetes.client.V1Preconditions(uid=seen["uid"], resource_version=seen["resourceVersion"])
        )
        self._asked(
            f"delete CustomResourceDefinition {name}",
            lambda client: kubernetes.client.ApiextensionsV1Api(client).delete_custom_resource_definition(
                name, body=unchanged, _preload_content=False, _request_timeout=_ANSWER_SECONDS
            ),
        )

    def some_objects(self, live: Mapping[str, Any]) -> list[str]:
        """The first few objects of a CRD's kind, `namespace/name`; none at all where it has none.

        Raises:
            ApiServerError: they can't be asked for.
        """
        spec = live["spec"]
        served = [one["name"] for one in spec["versions"] if one["served"]]
        if not served:
            raise ApiServerError(
                f"{live['metadata']['name']} serves no version, so nobody can tell whether it has objects"
            )
        found = self._asked(
            f"list {spec['names']['plural']}.{spec['group']}",
            lambda client: kubernetes.client.CustomObjectsApi(client).list_cluster_custom_object(
                spec["group"],
                served[0],
                spec["names"]["plural"],
                limit=_ENOUGH_OBJECTS,
                _preload_content=False,
                _request_timeout=_ANSWER_SECONDS,
            ),
        )
        places = [one["metadata"] for one in (found or {}).get("items", ())]
        return [f"{at['namespace']}/{at['name']}" if "namespace" in at else at["name"] for at in places]

    def _asked(
        self,
        what: str,
        call: Callable[[kubernetes.client.ApiClient], Any],
        patience_seconds: float | None = None,
    ) -> dict[str, Any] | None:
        """What the server answers, once it does; None where there is no such thing."""
        patience = PATIENCE_SECONDS if patience_seconds is None else patience_seconds
        deadline = time.monotonic() + patience
        pause = _FIRST_PAUSE_SECONDS
        renewed = False
        while True:
            try:
                return json.loads(call(self._connected()).data)
            except ApiException as error:
                if error.status == 404:
                    return None
                if error.status == 401 and not renewed:
                    renewed = True  # the credentials may have been taken back before their time
                    self._disconnect()
                    continue
                if not error.status:  # the client's way to say that TLS failed
                    raise ApiServerError(f"{self.address} can't be trusted: {_reason(error)}") from None
                if error.status != 429 and not 500 <= error.status <= 599:
                    raise ApiServerError(f"{self.address} refuses to {what}: {_reason(error)}") from None
                reason, wait = _reason(error), _retry_after(error) or pause
            except HTTPError as error:
                reason, wait = str(error), pause
            except ValueError:
                raise ApiServerError(f"{self.address} answers no JSON when asked to {what}") from None
            if time.monotonic() + wait > deadline:
                raise ApiServerError(f"{self.address} didn't {what} in {patience:g} s: {reason}")
            time.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _connected(self) -> kubernetes.client.ApiClient:
        with self._lock:
            if self._client is None or (self._expires and datetime.now(UTC) > self._expires - _EXPIRES_SOON):
                self._client = self._connect()
            return self._client

    def _disconnect(self) -> None:
        with self._lock:
            self._client = None

    def _connect(self) -> kubernetes.client.ApiClient:
        credential = self._credential()
        expires = credential.get("expirationTimestamp")
        self._expires = datetime.fromisoformat(expires) if expires else None
        authority = base64.b64decode(self._cluster["certificate-authority-data"]).decode()
        configuration = kubernetes.client.Configuration(host=self.address.rstrip("/"), ca_cert_data=authority)
        configuration.retries = False  # pyright: ignore[reportAttributeAccessIssue]  # they are made here, and for all methods
        if token := credential.get("token"):
            configuration.api_key["BearerToken"] = f"Bearer {token}"
        client = kubernetes.client.ApiClient(configuration)
        if "clientCertificateData" in credential:
            client.rest_client.pool_manager.connection_pool_kw["ssl_context"] = _with_certificate(credential, authority)
        return client

    def _credential(self) -> Mapping[str, Any]:
        command = self._plugin["command"]
        plugin, cluster = ConfigNode("exec", dict(self._plugin)), ConfigNode("cluster", dict(self._cluster))
        try:
            return ExecProvider(plugin, "", cluster).run()
        except FileNotFoundError:
            hint = self._plugin.get("installHint", "install it, and put it on PATH")
            raise ApiServerError(
                f"`{command}`, which gets the credentials for {self.address}, isn't here: {hint}"
            ) from None
        except (ConfigException, OSError) as error:
            raise ApiServerError(f"`{command}` gets no credentials for {self.address}: {error}") from None


@lru_cache
def api_server(kubeconfig: str) -> ApiServer:
    """One for each kubeconfig, so that a cluster's bundles share their credentials and connections."""
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # what is tried again, we say ourselves
    return ApiServer(kubeconfig)


def _named(items: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return next(one for one in items if one["name"] == name)


def _with_certificate(credential: Mapping[str, Any], authority: str) -> ssl.SSLContext:
    """What OpenSSL needs; it takes certificates of clients from files alone, and these are gone when this returns."""
    context = ssl.create_default_context(cadata=authority)
    with tempfile.TemporaryDirectory(prefix="kuber-") as folder:
        pair = Path(folder, "pair.pem")
        pair.touch(mode=0o600)
        pair.write_text(f"{credential['clientCertificateData']}\n{credential['clientKeyData']}\n", encoding="utf-8")
        context.load_cert_chain(pair)
    return context


def _reason(error: ApiException) -> str:
    """What the server says of it, in its own words where it has some."""
    try:
        return json.loads(error.body or "")["message"]
    except (ValueError, KeyError, TypeError):
        return " ".join(str(error.reason).split()) if not error.status else f"{error.status} {error.reason}"


def _retry_after(error: ApiException) -> float | None:
    """Seconds that the server asks to wait; Kubernetes says them as a number."""
    try:
        return float((error.headers or {}).get("Retry-After", ""))
    except (TypeError, ValueError):
        return None
