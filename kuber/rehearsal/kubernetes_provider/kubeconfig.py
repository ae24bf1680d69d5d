"""A kubeconfig, and the API server that it leads to; tokens of exec plugins are asked for when they are needed."""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

import yaml

Document = Mapping[str, Any]

_PLUGIN_SECONDS = 60
_RENEWED_BEFORE_END = timedelta(seconds=10)


class KubeconfigError(Exception):
    """A kubeconfig that leads nowhere; the message says why."""


def parse(path_or_contents: str) -> Document:
    """A kubeconfig from a file or from its own text, YAML or JSON.

    Raises:
        KubeconfigError: it is neither.
    """
    text = path_or_contents
    with suppress(OSError, ValueError):
        path = Path(path_or_contents).expanduser()
        if path.is_file():
            text = path.read_text(encoding="utf-8")
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise KubeconfigError(f"the kubeconfig is neither JSON nor YAML: {error}") from None
    if not isinstance(document, dict):
        raise KubeconfigError(f"the kubeconfig is no object but {text[:40]!r}, and there is no such file")
    return document


def active_cluster(document: Document, *, context: str = "", cluster: str = "") -> Mapping[str, Any] | None:
    """The cluster of the context that is in use; None where it names none. Overrides as of the provider's own inputs."""
    chosen = _named(document, "contexts", "context", context or document.get("current-context") or "")
    return _named(document, "clusters", "cluster", cluster or chosen.get("cluster", "")) or None if chosen else None


def namespace(document: Document, context: str = "") -> str:
    """The namespace of the context, "default" where it says none."""
    chosen = _named(document, "contexts", "context", context or document.get("current-context") or "")
    return chosen.get("namespace") or "default"


class Credentials:
    """The tokens of a kubeconfig's user: one that is written there, of a file, or of an exec plugin.

    Source of how exec plugins are run: Kubernetes documentation, "client-go credential plugins".

    Args:
        document: The kubeconfig.
        environment: What plugins are run with; they are looked up on its PATH.
        context: A context other than the current one.
    """

    def __init__(self, document: Document, environment: Mapping[str, str], *, context: str = "") -> None:
        chosen = _named(document, "contexts", "context", context or document.get("current-context") or "")
        self._user = _named(document, "users", "user", chosen.get("user", ""))
        self._environment = environment
        self._lock = Lock()
        self._token = ""
        self._ends: datetime | None = None

    @property
    def renewable(self) -> bool:
        """Whether asking again may give another token."""
        return "exec" in self._user

    def token(self) -> str:
        """A token that holds; "" where the kubeconfig has none.

        Raises:
            KubeconfigError: the plugin fails, can't be started, or answers with no token.
        """
        with self._lock:
            if "exec" not in self._user:
                return self._written_token()
            if not self._token or (self._ends and self._ends - _RENEWED_BEFORE_END <= datetime.now(UTC)):
                self._ask_plugin(self._user["exec"])
            return self._token

    def refused(self, token: str) -> None:
        """The API server didn't take a token: the next one is a new one."""
        with self._lock:
            if token == self._token:
                self._token = ""

    def _written_token(self) -> str:
        if path := self._user.get("tokenFile"):
            return Path(path).read_text(encoding="utf-8").strip()
        return self._user.get("token", "")

    def _ask_plugin(self, plugin: Mapping[str, Any]) -> None:
        command = [plugin["command"], *(plugin.get("args") or [])]
        described = {"kind": "ExecCredential", "apiVersion": plugin["apiVersion"], "spec": {"interactive": False}}
        environment = {
            **self._environment,
            **{one["name"]: one["value"] for one in plugin.get("env") or []},
            "KUBERNETES_EXEC_INFO": json.dumps(described),
        }
        try:
            done = subprocess.run(
                ["/usr/bin/env", *command],  # looks the command up on the PATH of the environment, not on ours
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_PLUGIN_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise KubeconfigError(f"exec plugin {command[0]}: {error}") from None
        if done.returncode == 127:
            hint = f"\n{plugin['installHint']}" if plugin.get("installHint") else ""
            raise KubeconfigError(f"exec: executable {command[0]} not found{hint}")
        if done.returncode != 0:
            raise KubeconfigError(
                f"exec: {' '.join(command)} failed with exit code {done.returncode}: {done.stderr.strip()}"
            )
        try:
            status = json.loads(done.stdout)["status"]
            self._token = status["token"]
            ends = status.get("expirationTimestamp")
            self._ends = datetime.fromisoformat(ends) if ends else None
        except (ValueError, KeyError, TypeError):
            raise KubeconfigError(f"exec: {command[0]} answered with no token") from None


class Authority:
    """Files for the certificates that a kubeconfig carries in itself, until closed."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="kuber-kubeconfig-")

    def certificate_authority(self, cluster: Mapping[str, Any]) -> Path | None:
        """PEM file of a cluster's authority; None where the kubeconfig names none."""
        if path := cluster.get("certificate-authority"):
            return Path(path)
        if data := cluster.get("certificate-authority-data"):
            file = Path(self._folder.name) / "ca.crt"
            file.write_bytes(base64.b64decode(data))
            return file
        return None

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()


def _named(document: Document, list_: str, field: str, name: str) -> Mapping[str, Any]:
    found = [one.get(field) or {} for one in document.get(list_) or [] if one.get("name") == name]
    return found[0] if found else {}
