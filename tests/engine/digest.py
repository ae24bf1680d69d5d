"""A second witness: the digest that `pulumi preview --json` prints, against the trace that a Preview is read from."""

from __future__ import annotations

from typing import Any

from pulumi.runtime import rpc

from kuber.plan.registration import shown
from kuber.rehearsal.engine import Preview
from tests.engine.json_diff import differences

OPTIONS = {
    "protect": "protect",
    "retainOnDelete": "retainOnDelete",
    "ignoreChanges": "ignoreChanges",
    "replaceOnChanges": "replaceOnChanges",
    "additionalSecretOutputs": "additionalSecretOutputs",
    "dependencies": "dependsOn",
}
"""The resource options that the digest has, and what the plan calls them."""


def digest_differences(preview: Preview) -> list[str]:
    """Where the engine's digest says other than the Preview, generic stand-ins having added nothing to inputs."""
    digest = {step["urn"]: _from_digest(step["newState"]) for step in preview.steps}
    traced = {resource["urn"]: _from_trace(resource) for resource in preview.resources}
    return list(differences(digest, traced, ("digest", "trace")))


def _from_digest(state: dict[str, Any]) -> dict[str, Any]:
    """What both know, from the state in a step."""
    inputs = shown(state.get("inputs", {}))
    if state["type"].startswith("pulumi:providers:"):  # the engine notes the version of the plugin there
        inputs = {key: value for key, value in inputs.items() if key not in ("__internal", "version")}
    options = {name: state[field] for field, name in OPTIONS.items() if state.get(field)}
    if "dependsOn" in options:
        options["dependsOn"] = sorted(options["dependsOn"])
    return {"type": state["type"], "parent": state.get("parent"), "inputs": _without_hashes(inputs), "options": options}


def _from_trace(resource: dict[str, Any]) -> dict[str, Any]:
    options = {name: value for name, value in resource["options"].items() if name in OPTIONS.values()}
    return {**{key: resource[key] for key in ("type", "parent", "inputs")}, "options": options}


def _without_hashes(value: Any) -> Any:
    """Inputs without the hash that the engine adds to each asset."""
    if isinstance(value, dict):
        asset = value.get(rpc._special_sig_key) in (rpc._special_asset_sig, rpc._special_archive_sig)
        return {key: _without_hashes(item) for key, item in value.items() if not (asset and key == "hash")}
    return [_without_hashes(item) for item in value] if isinstance(value, list) else value
