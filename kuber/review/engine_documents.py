"""A preview's states before and after, as plans of the shape that `kuber plan --json` writes."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from kuber.plan.fingerprints import Fingerprints
from kuber.plan.registration import registered_resource, shown

from .engine_digest import Digest, State, Verdict, is_default_provider
from .redaction import redacted

Resource = dict[str, Any]

_STACK_TYPE = "pulumi:pulumi:Stack"
_DEFAULTS, _INTERNAL = "__defaults", "__internal"
_VERSIONS = {
    "aws:eks/cluster:Cluster": "version",
    "gcp:container/cluster:Cluster": "minMasterVersion",
}
"""What tells a control plane's version."""

_MINOR = re.compile(r"\d+\.\d+")


@dataclass(frozen=True, kw_only=True)
class Documents:
    """A cluster as the engine has it, without anything that looks like a secret.

    Attributes:
        before: What is there; None of a stack that is made.
        after: What will be.
    """

    before: Mapping[str, Any] | None
    after: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Values:
    """All values that the engine has of a resource, those that a provider chose included.

    Attributes:
        inputs, outputs: JSON, secrets masked.
    """

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


class Reader:
    """Makes plans of a preview's states. What looks like a secret is marked so that equal ones are seen to be equal."""

    def __init__(self) -> None:
        self._mask = Fingerprints(secrets.token_bytes(32)).mask

    def documents(self, digest: Digest) -> Documents:
        """The plans before and after.

        Of a preview that doesn't tell of what stays as it is, and didn't refresh, they lack that; of components that are thereby
        missing there is what the resources in them tell.
        """
        verdicts = [one for one in digest.verdicts if one.operation or one.after]
        met = {urn for one in verdicts for urn in (one.urn, (one.before or {}).get("urn"))}
        staying = {
            urn: _resource(state) for urn, state in digest.known.items() if urn not in met and urn not in digest.gone
        }
        olds = {one.before["urn"]: _resource(one.before) for one in verdicts if one.before}
        news = {one.urn: _resource(one.after, one) for one in verdicts if one.after}
        stack = next((one for one in digest.verdicts if _is_stack(one.urn)), None)
        if stack and stack.operation == "delete":
            news[stack.urn] = olds[stack.urn]  # of a stack that is destroyed something stays: its name
        outputs = shown(((stack and stack.before) or {}).get("outputs") or {})
        is_new = stack is not None and stack.operation == "create"
        return Documents(
            before=None if is_new else self._document(digest.stack, {**staying, **olds}, outputs),
            after=self._document(digest.stack, {**staying, **news}, outputs),
        )

    def values(self, state: State) -> Values:
        """What a state holds."""
        parts = [{"inputs": shown(state.get(name) or {})} for name in ("inputs", "outputs")]
        inputs, outputs = (one["inputs"] for one in redacted({"resources": parts}, self._mask)["resources"])
        return Values(inputs=inputs, outputs=outputs)

    def _document(self, stack: str, resources: Mapping[str, Resource], outputs: Mapping[str, Any]) -> dict[str, Any]:
        whole = {**_missing_parents(resources.values()), **resources}
        document = {
            "stack": stack,
            "resources": sorted(whole.values(), key=lambda one: one["urn"]),
            "outputs": {**outputs, **_version(resources.values())},
        }
        return redacted(document, self._mask)


def _resource(state: State, verdict: Verdict | None = None) -> Resource:
    """A state in the form of a plan: with the inputs that the program gave."""
    urn = state["urn"]
    former = verdict.before["urn"] if verdict and verdict.before and verdict.before["urn"] != urn else None
    tellers = state.get("propertyDependencies") or {}
    provider = state.get("provider") or ""
    request = {
        **state,
        "object": _given(state.get("inputs") or {}),
        "name": urn.split("::", 3)[3],
        "provider": "" if is_default_provider(provider.rpartition("::")[0]) else provider,
        "importId": state.get("importID"),
        "propertyDependencies": {name: {"urns": urns or ()} for name, urns in tellers.items()},
        "aliases": [former] if former else None,
        "deleteBeforeReplaceDefined": False,  # which a state doesn't tell
    }
    return registered_resource(request, urn)


def _given(value: Any) -> Any:
    """Inputs without those that a provider chose for want of others, such as names, and without the engine's own."""
    if isinstance(value, Mapping):
        chosen = {*(value.get(_DEFAULTS) or ()), _DEFAULTS, _INTERNAL}
        return {key: _given(item) for key, item in value.items() if key not in chosen}
    return [_given(item) for item in value] if isinstance(value, list) else value


def _missing_parents(resources: Collection[Resource]) -> dict[str, Resource]:
    """Components of which no more is known than that they are there."""
    there = {one["urn"] for one in resources}
    missing = {one["parent"] for one in resources if one["parent"] and one["parent"] not in there}
    return {urn: _resource({"urn": urn, "type": urn.split("::", 3)[2].rpartition("$")[2]}) for urn in missing}


def _version(resources: Collection[Resource]) -> dict[str, str]:
    """What the stack exports of its control plane's version: a preview doesn't tell what outputs will be, so from the resource."""
    told = (str(one["inputs"].get(_VERSIONS[one["type"]])) for one in resources if one["type"] in _VERSIONS)
    minor = next((found[0] for version in told if (found := _MINOR.match(version))), None)
    return {"kubernetesVersion": minor} if minor else {}


def _is_stack(urn: str) -> bool:
    return urn.split("::", 3)[2] == _STACK_TYPE
