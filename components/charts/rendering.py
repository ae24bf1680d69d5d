"""A chart and its values become objects, by `helm template`; what was rendered once is kept.

The same archive, values and versions give the same objects, so a rendering is found again by a hash of them. What draws random values
or reads the clock would not: such a chart's values must keep it from that, and a test renders each part twice.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from config.release import ChartPin, CrdPin

from .cache import ChartCache, canonical_json, digest_of
from .crd_versions import served_versions, stored_version
from .errors import ChartError
from .helm import helm
from .manifests import RELEASE_LABELS, Manifest, normalised, shown_identity
from .values import chart_values, unknown_values
from .yaml_documents import manifests

_FORMAT = 2
"""Of renderings in the cache; another number when what is kept of one changes."""
_TIMEOUT_SECONDS = 120
_HOOK = "helm.sh/hook"


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart as a part of the standard stack uses it.

    Attributes:
        name: Its name in the release.
        values: Plain data, never outputs.
        release_name: What it calls itself; its own name unless given.
        free_form: Paths of values that its templates read though its own values don't have them.
    """

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    release_name: str = ""
    free_form: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a chart is told of the cluster.

    Attributes:
        kubernetes_version: The control plane's minor, "1.35".
        api_versions: What the stack's CRDs add to the API.
    """

    kubernetes_version: str
    api_versions: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Crd:
    """One CustomResourceDefinition, short enough for a plan.

    Attributes:
        served: Versions that can be asked for.
        stored: The version that objects are stored in.
        digest: Of the whole definition.
    """

    served: Sequence[str]
    stored: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """What a chart makes.

    Attributes:
        objects: In a fixed order, without CRDs and hooks.
        crds: By name; their definitions are in the cache, by their digests.
        verified: Whether the archive is what was published, as far as that can be told.
    """

    objects: Sequence[Manifest]
    crds: Mapping[str, Crd]
    verified: bool


def render(chart: Chart, pin: ChartPin, namespace: str, around: Surroundings, cache: ChartCache) -> Rendering:
    """The objects of a chart.

    Args:
        chart: Which, with which values.
        pin: The version, and the digest of its archive.
        namespace: Of objects that don't say.
        around: What the chart is told of the cluster.
        cache: Where the archive is, and where renderings are kept.

    Raises:
        NotCachedError: the archive isn't in the cache; or helm isn't here, and it wasn't rendered before.
        ChartError: the archive isn't the pinned one, values aren't known, the chart brings hooks that the release doesn't list, or
            helm refuses.
    """
    entry = cache.require("charts", chart.name, pin.version, pin.digest)
    asked = {
        "format": _FORMAT,
        "archive": entry.digest,
        "chart": dataclasses.asdict(chart),
        "hooks": sorted(pin.hooks),
        "namespace": namespace,
        "around": dataclasses.asdict(around),
    }
    key = digest_of(canonical_json(asked)).removeprefix("sha256:")
    made = cache.read_json("renderings", key)
    if not isinstance(made, dict) or not _all_there(made, cache):
        archive = cache.path("charts", chart.name, pin.version)
        _refuse_other(f"{chart.name} {pin.version}", archive.read_bytes(), entry.digest)
        objects, crds = _rendered(chart, pin, namespace, around, cache)
        made = {"objects": objects, "crds": _kept(crds, cache)}
        cache.write_json("renderings", key, made)
    return Rendering(
        objects=made["objects"],
        crds={name: Crd(**facts) for name, facts in made["crds"].items()},
        verified=entry.verified,
    )


def crds_of_file(name: str, pin: CrdPin, cache: ChartCache) -> tuple[Mapping[str, Crd], bool]:
    """The CRDs of a file of its own, and whether the file is what was published; other objects of the file are left out.

    Args:
        name: The bundle's name in the release.
        pin: The version, and the digest of the file.
        cache: Where the file is.

    Raises:
        NotCachedError: the file isn't in the cache.
        ChartError: it isn't the pinned one, or no YAML of objects.
    """
    entry = cache.require("manifests", name, pin.version, pin.digest)
    key = digest_of(canonical_json({"format": _FORMAT, "file": entry.digest})).removeprefix("sha256:")
    made = cache.read_json("renderings", key)
    if not isinstance(made, dict) or not _all_there(made, cache):
        content = cache.path("manifests", name, pin.version).read_bytes()
        _refuse_other(f"{name} {pin.version}", content, entry.digest)
        try:
            crds = _kept(manifests(content.decode()), cache)
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ChartError(f"{name} {pin.version}", f"is no YAML of objects: {error}") from None
        made = {"crds": crds}
        cache.write_json("renderings", key, made)
    return {crd: Crd(**facts) for crd, facts in made["crds"].items()}, entry.verified


def _kept(objects: Iterable[Manifest], cache: ChartCache) -> dict[str, Any]:
    """Puts the CRDs among objects into the cache, and tells what is to be known of each."""
    crds = sorted(
        (one for one in objects if one["kind"] == "CustomResourceDefinition"), key=lambda one: one["metadata"]["name"]
    )
    return {one["metadata"]["name"]: _facts(one, _put(one, cache)) for one in crds}


def _put(crd: Manifest, cache: ChartCache) -> str:
    """Puts a CRD, without what is the cluster's or changes with each release, into the cache; gives its digest."""
    crd.pop("status", None)
    metadata = crd["metadata"]
    metadata.pop("creationTimestamp", None)
    if "labels" in metadata:
        metadata["labels"] = {key: text for key, text in metadata["labels"].items() if key not in RELEASE_LABELS}
    content = canonical_json(crd)
    digest = digest_of(content).removeprefix("sha256:")
    cache.write("crds", digest, content)
    return digest


def _all_there(made: Mapping[str, Any], cache: ChartCache) -> bool:
    """Whether the definitions of a rendering's CRDs are still in the cache."""
    return all(cache.has_json("crds", one["digest"]) for one in made["crds"].values())


def _refuse_other(title: str, content: bytes, digest: str) -> None:
    if digest_of(content) != digest:
        raise ChartError(title, "the file in the cache isn't what was put there", "`kuber charts fetch` gets it anew")


def _rendered(
    chart: Chart, pin: ChartPin, namespace: str, around: Surroundings, cache: ChartCache
) -> tuple[list[Manifest], list[Manifest]]:
    title = f"{chart.name} {pin.version}"
    archive = cache.path("charts", chart.name, pin.version)
    try:
        unknown = list(unknown_values(chart.values, chart_values(archive), chart.free_form))
    except (tarfile.TarError, OSError, EOFError, yaml.YAMLError, ValueError) as error:
        raise ChartError(title, f"the archive can't be read: {error}", "`kuber charts verify` tells more") from None
    if unknown:
        raise ChartError(
            title, f"the chart doesn't know these values: {', '.join(unknown)}", "helm would ignore them silently"
        )

    command = ["template", chart.release_name or chart.name, str(archive), "--namespace", namespace, "--values", "-"]
    command += ["--kube-version", f"{around.kubernetes_version}.0", "--include-crds", "--skip-tests"]
    command += [part for version in around.api_versions for part in ("--api-versions", version)]
    if pin.schema_skipped:
        command.append("--skip-schema-validation")
    try:
        done = helm(command, stdin=json.dumps(chart.values), timeout_seconds=_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        raise ChartError(title, f"helm took more than {_TIMEOUT_SECONDS} seconds to render it") from None
    if done.returncode != 0:
        raise ChartError(title, f"helm can't render it: {done.stderr.strip()}")
    try:
        objects = list(manifests(done.stdout))
    except yaml.YAMLError as error:
        raise ChartError(title, f"what helm rendered is no YAML of objects: {error}") from None
    return _split(title, pin, objects, namespace)


def _split(title: str, pin: ChartPin, objects: list[Manifest], namespace: str) -> tuple[list[Manifest], list[Manifest]]:
    """Objects and CRDs, without hooks: nothing here runs those, so each must be known to the release."""
    hooks = [one for one in objects if _HOOK in (one["metadata"].get("annotations") or {})]
    unlisted = [f"{one['kind']}/{one['metadata']['name']}" for one in hooks]
    if unlisted := sorted(set(unlisted) - set(pin.hooks)):
        raise ChartError(
            title,
            f"brings hooks that the release doesn't list: {', '.join(unlisted)}",
            "say under the chart's `hooks` in the release what is done about each, or switch it off by a value",
        )
    crds = [one for one in objects if one["kind"] == "CustomResourceDefinition"]
    rest = [one for one in objects if one not in hooks and one["kind"] != "CustomResourceDefinition"]
    ready = normalised(rest, namespace)
    names = [shown_identity(one) for one in ready]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ChartError(title, f"renders two objects of one name: {', '.join(twice)}")
    return ready, crds


def _facts(crd: Manifest, digest: str) -> dict[str, Any]:
    return {"served": served_versions(crd), "stored": stored_version(crd), "digest": digest}
