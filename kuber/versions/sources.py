"""Where facts about Kubernetes versions come from: each cloud's command line, and Kubernetes' release pages."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from config.kubernetes import minor_number

UPSTREAM_URL = "https://dl.k8s.io"
_TOOL_TIMEOUT_SECONDS = 60.0
_HTTP_TIMEOUT_SECONDS = 10.0
_MINOR = re.compile(r"^1\.\d+$")
_PATCH = re.compile(r"^1\.\d+\.\d+$")
_GKE_BUILD = re.compile(r"^(1\.\d+\.\d+)-gke\.(\d+)$")

Tell = Callable[[str], None]
"""Takes a line that says what is going on."""


class SourceError(Exception):
    """A source can't be asked; the text says why, and how to mend it."""


@dataclass(frozen=True)
class Answer:
    """What a source said.

    Attributes:
        source: Who said it, without the day.
        facts: By minor: the keys of kubernetes_versions.yaml with their values.
    """

    source: str
    facts: Mapping[str, Mapping[str, str]]


def ask_eks(region: str | None, tell: Tell) -> Answer:
    """Patches, release and support dates of EKS.

    `includeAll` since EKS otherwise leaves out minors beyond standard support (Amazon EKS API reference,
    DescribeClusterVersions and ClusterVersionInformation).

    Raises:
        SourceError: the AWS command line is missing, too old, or has no credentials.
    """
    command = ["aws", "eks", "describe-cluster-versions", "--include-all", "--output", "json"]
    tell(f"asking `{' '.join(command[:3])}`")
    data = _json_of(
        [*command, *(["--region", region] if region else [])],
        missing="install the AWS command line, 2.22 or newer: https://aws.amazon.com/cli/",
        failing="log in (`aws sso login`), or name a profile in AWS_PROFILE; it needs eks:DescribeClusterVersions",
    )
    facts: dict[str, dict[str, str]] = {}
    for version in _listed(data, "clusterVersions", "aws eks describe-cluster-versions"):
        patch = str(version.get("kubernetesPatchVersion") or "")
        days = {
            "released": _day(version.get("releaseDate")),
            "standard_support_until": _day(version.get("endOfStandardSupportDate")),
            "extended_support_until": _day(version.get("endOfExtendedSupportDate")),
        }
        known = {"patch": patch if _PATCH.match(patch) else None, **days}
        if _MINOR.match(minor := str(version.get("clusterVersion"))):
            facts[minor] = {key: value for key, value in known.items() if value}
    return Answer("aws eks describe-cluster-versions", facts)


def ask_gke(project_id: str | None, region: str | None, tell: Tell) -> Answer:
    """Patches and builds of GKE's Regular channel; of the Extended channel for minors that have left the Regular one.

    Support dates aren't in the answer (GKE API reference, ServerConfig).

    Raises:
        SourceError: the Google Cloud command line is missing, or has no credentials.
    """
    command = ["gcloud", "container", "get-server-config", "--format", "json"]
    tell(f"asking `{' '.join(command[:3])}`{f' in {region}' if region else ''}")
    where = [*(["--region", region] if region else []), *(["--project", project_id] if project_id else [])]
    data = _json_of(
        [*command, *where, "--quiet"],
        missing="install the Google Cloud command line: https://cloud.google.com/sdk/docs/install",
        failing="log in (`gcloud auth login`); it needs container.clusters.list in the project",
    )
    channels = {
        channel.get("channel"): channel.get("validVersions") or []
        for channel in _listed(data, "channels", "gcloud container get-server-config")
    }
    facts: dict[str, dict[str, str]] = {}
    for name in ("EXTENDED", "REGULAR"):  # Regular counts where both have a minor
        facts |= {_minor(build): _gke_facts(build) for build in sorted(channels.get(name, []), key=_build_order)}
    facts.pop("", None)
    return Answer(f"gcloud container get-server-config{f' ({region})' if region else ''}", facts)


def ask_upstream(minors: Iterable[str], base_url: str, tell: Tell) -> Answer:
    """The newest patch of each minor upstream, and of those that came after.

    Args:
        minors: The minors that are known.
        base_url: Where Kubernetes publishes its releases, or a mirror.
        tell: Takes lines that say what is going on.

    Raises:
        SourceError: the server doesn't answer.
    """
    known = sorted(minors, key=minor_number)
    facts: dict[str, dict[str, str]] = {}
    for done, minor in enumerate(known, 1):
        tell(f"asking {base_url} for {minor} ({done} of {len(known)})")
        if patch := _stable(base_url, minor):
            facts[minor] = {"patch": patch}
    after = _following(known[-1])
    while patch := _stable(base_url, after):
        tell(f"{after} is new")
        facts[after] = {"patch": patch}
        after = _following(after)
    if not facts:
        raise SourceError(f"{base_url} knows none of {', '.join(known)}\n    hint:     --upstream-url names a mirror")
    return Answer(f"{base_url}/release/stable-1.N.txt", facts)


def _following(minor: str) -> str:
    return f"1.{minor_number(minor) + 1}"


def _stable(base_url: str, minor: str) -> str | None:
    """The newest patch, "1.35.10"; None where the server has no such minor."""
    url = f"{base_url.rstrip('/')}/release/stable-{minor}.txt"
    try:
        with urllib.request.urlopen(url, timeout=_HTTP_TIMEOUT_SECONDS) as response:
            text = response.read(100).decode(errors="replace").strip().removeprefix("v")
    except urllib.error.HTTPError as error:
        if error.code in (403, 404):  # the bucket behind it says 403 for what isn't there
            return None
        raise SourceError(f"{url}: the server says {error.code} {error.reason}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        hint = "    hint:     behind a proxy, set HTTPS_PROXY; --upstream-url names a mirror"
        raise SourceError(f"{url}: no answer: {reason}\n{hint}") from None
    return text if _PATCH.match(text) and _minor(text) == minor else None


def _json_of(command: list[str], *, missing: str, failing: str) -> Any:
    """What a command line prints, parsed. It reads nothing, so that it can't wait for an answer."""
    tool = command[0]
    if shutil.which(tool) is None:
        raise SourceError(f"`{tool}` is not on PATH\n    hint:     {missing}")
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TOOL_TIMEOUT_SECONDS,
            env={**os.environ, "AWS_PAGER": ""},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SourceError(f"`{tool}` gave no answer in {_TOOL_TIMEOUT_SECONDS:.0f} s") from None
    except OSError as error:
        raise SourceError(f"`{tool}` can't be run: {error.strerror}\n    hint:     {missing}") from None
    if done.returncode != 0:
        said = next((line.strip() for line in done.stderr.splitlines() if line.strip()), f"exit code {done.returncode}")
        raise SourceError(f"`{tool}` failed: {said}\n    hint:     {failing}")
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise SourceError(f"`{' '.join(command[:3])}` gave no JSON\n    hint:     {missing}") from None


def _listed(data: Any, key: str, command: str) -> list[dict[str, Any]]:
    entries = data.get(key) if isinstance(data, dict) else None
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise SourceError(f"`{command}` gave no `{key}`\n    expected: a list with one entry at least")
    return entries


def _day(moment: Any) -> str | None:
    """The day of a time-stamp: seconds since 1970 (AWS command line 1) or ISO 8601 in local time (2)."""
    try:
        if isinstance(moment, int | float):
            return datetime.fromtimestamp(moment, UTC).date().isoformat()
        at = datetime.fromisoformat(str(moment))
    except (ValueError, OverflowError, OSError):
        return None
    return (at.astimezone(UTC) if at.tzinfo else at).date().isoformat()


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2]) if _GKE_BUILD.match(version) or _PATCH.match(version) else ""


def _gke_facts(build: str) -> dict[str, str]:
    return {"patch": build.partition("-")[0], "build": build}


def _build_order(build: str) -> tuple[int, ...]:
    return version_order(build) if _GKE_BUILD.match(build) else ()


def version_order(version: str) -> tuple[int, ...]:
    """Sorts "1.35.9-gke.200" after "1.35.9-gke.100", and "1.35.10" after both."""
    return tuple(int(number) for number in re.findall(r"\d+", version))
