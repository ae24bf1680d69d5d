"""The live nodes of a cluster, asked by the user's kubectl."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clusters.kubeconfig import machines_kubeconfig
from config.bare_metal import KubeconfigProvisioner

_NODES = "/api/v1/nodes"
_ROLE_LABELS = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_LOG_LINE = re.compile(r"^[IWEF]\d{4} ")
"""What kubectl's libraries log (klog), beside what it says itself."""


class UnreachableError(Exception):
    """The nodes can't be asked for; the text says why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class LiveNode:
    """A node as the API server has it.

    Attributes:
        name: The node's name.
        role: control_plane or worker, as the inventory names them.
        addresses: Its internal addresses.
        kubelet: The kubelet's version, "1.35.4".
        not_ready: Why it isn't ready; None when it is.
        labels: All of its labels.
        taints: (key, value, effect) of each taint.
    """

    name: str
    role: str
    addresses: Sequence[str]
    kubelet: str
    not_ready: str | None
    labels: Mapping[str, str]
    taints: Sequence[tuple[str, str, str]]


def live_nodes(cluster: str, provisioner: KubeconfigProvisioner, timeout_seconds: float) -> list[LiveNode]:
    """The nodes, by name.

    Args:
        cluster: The cluster's name.
        provisioner: How the API server is reached.
        timeout_seconds: How long all of it may take, the log-in included.

    Raises:
        UnreachableError: kubectl or the credential plugin is missing or fails, or the API server doesn't answer.
    """
    _ensure_command("kubectl", "it comes with the Kubernetes tools: https://kubernetes.io/docs/tasks/tools/")
    _ensure_command(
        provisioner.exec.command,
        f"it is `provisioner.exec.command` of Pulumi.{cluster}.yaml, and gets the token for {cluster}",
    )
    with tempfile.TemporaryDirectory(prefix="kuber-") as folder:  # for the owner's eyes alone, as mkdtemp makes it
        answer = _kubectl(Path(folder), json.dumps(machines_kubeconfig(cluster, provisioner)), timeout_seconds)
    try:
        return sorted((_node(item) for item in json.loads(answer)["items"]), key=lambda node: node.name)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UnreachableError(
            f"{provisioner.server}{_NODES} is no list of nodes\n"
            "    expected: the API server of Kubernetes\n"
            f"    hint:     check `provisioner.server` of Pulumi.{cluster}.yaml"
        ) from None


def _ensure_command(command: str, hint: str) -> None:
    if shutil.which(command) is None:
        raise UnreachableError(f"`{command}` is not on PATH\n    hint:     {hint}")


def _kubectl(folder: Path, kubeconfig: str, timeout_seconds: float) -> str:
    """What the API server says. `--raw` asks for the nodes alone, without discovery and its cache."""
    config, out, err = folder / "kubeconfig", folder / "out", folder / "err"
    with open(os.open(config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(kubeconfig)
    command = ["kubectl", "get", "--raw", _NODES, f"--kubeconfig={config}", f"--request-timeout={timeout_seconds:g}s"]
    interactive = sys.stdin.isatty()  # a log-in may ask: it then needs the terminal, and so this session
    with out.open("w") as stdout, err.open("w") as stderr:  # not pipes: a plugin that hangs would keep them open
        process = subprocess.Popen(
            command,
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=not interactive,
        )
        try:
            code = process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            raise UnreachableError(_timed_out(timeout_seconds)) from None
        finally:
            _end(process, whole_session=not interactive)
    if code != 0:
        raise UnreachableError(f"kubectl can't ask for the nodes: {_own_words(err.read_text(errors='replace'))}")
    return out.read_text(encoding="utf-8", errors="replace")


def _timed_out(timeout_seconds: float) -> str:
    return (
        f"no answer within {timeout_seconds:g} s\n"
        "    expected: a log-in and an answer of the API server\n"
        "    hint:     are you on the network that reaches it? --timeout gives a slow log-in more time"
    )


def _end(process: subprocess.Popen[bytes], *, whole_session: bool) -> None:
    if process.poll() is None:
        if whole_session:
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()


def _own_words(stderr: str) -> str:
    """The first line that kubectl says itself."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return next((line for line in lines if not _LOG_LINE.match(line)), lines[0] if lines else "it doesn't say why")


def _node(item: Mapping[str, Any]) -> LiveNode:
    metadata, status = item["metadata"], item.get("status", {})
    labels = metadata.get("labels") or {}
    ready = next((one for one in status.get("conditions") or () if one["type"] == "Ready"), None)
    return LiveNode(
        name=metadata["name"],
        role="control_plane" if any(label in labels for label in _ROLE_LABELS) else "worker",
        addresses=[one["address"] for one in status.get("addresses") or () if one["type"] == "InternalIP"],
        kubelet=status.get("nodeInfo", {}).get("kubeletVersion", "").removeprefix("v"),
        not_ready=_why_not_ready(ready),
        labels=labels,
        taints=[(one["key"], one.get("value", ""), one["effect"]) for one in item.get("spec", {}).get("taints") or ()],
    )


def _why_not_ready(condition: Mapping[str, str] | None) -> str | None:
    if condition is None:
        return "the kubelet has not said anything yet"
    if condition.get("status") == "True":
        return None
    return ": ".join(text for text in (condition.get("reason"), condition.get("message")) if text) or "no reason given"
