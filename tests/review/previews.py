"""What `pulumi preview --json` writes, in short: documents of the engine's form, written by hand for tests.

The form is that of the engine's 3.259 (pulumi, pkg/display/json.go); tests/engine/test_review_of_preview.py has it from the engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

STACK = "prod-eks"
ROOT = f"urn:pulumi:{STACK}::kuber::pulumi:pulumi:Stack::kuber-{STACK}"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""As the engine writes what it doesn't know yet."""
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}
"""As the engine writes a secret among its events; in its document it is the text "[secret]"."""
DEFAULT_PROVIDER = f"urn:pulumi:{STACK}::kuber::pulumi:providers:aws::default_7_11_0"

Json = dict[str, Any]


def urn(type_: str, name: str, within: str = "") -> str:
    """The URN of a resource, in a component of some type."""
    return f"urn:pulumi:{STACK}::kuber::{within + '$' if within else ''}{type_}::{name}"


def state(type_: str, name: str, inputs: Mapping[str, Any] | None = None, **others: Any) -> Json:
    """A resource as the engine's state has it."""
    component = type_.startswith(("kuber:", "pulumi:pulumi:"))
    own = {"urn": urn(type_, name), "type": type_, "custom": not component, "inputs": dict(inputs or {}), "outputs": {}}
    if not component:
        own["id"] = f"id-of-{name}"
    return own | {"parent": ROOT} | others


def step(op: str, old: Json | None = None, new: Json | None = None, **others: Any) -> Json:
    """One step: `replacing` and `differing` are paths."""
    replacing, differing = others.pop("replacing", ()), others.pop("differing", ())
    detailed = {path: {"kind": "update", "inputDiff": True} for path in differing}
    detailed |= {path: {"kind": "update-replace", "inputDiff": True} for path in replacing}
    names = list(dict.fromkeys(path.split(".")[0].split("[")[0] for path in detailed))
    told = new or old
    assert told
    found = {"op": op, "urn": told["urn"], "detailedDiff": detailed or None}
    if names:
        found |= {"diffReasons": names}
    if replacing:
        found |= {"replaceReasons": list(dict.fromkeys(path.split(".")[0].split("[")[0] for path in replacing))}
    return found | {key: one for key, one in (("oldState", old), ("newState", new)) if one} | others


def root(op: str = "same", outputs: Mapping[str, Any] | None = None) -> Json:
    """The step of the stack itself, which every preview has."""
    own = {"urn": ROOT, "type": "pulumi:pulumi:Stack", "custom": False}
    old = own | {"outputs": dict(outputs or {})}
    return step(op, None if op == "create" else old, None if op == "delete" else own)


def same(one: Json) -> Json:
    return step("same", one, one)


def update(old: Json, new: Json, *differing: str) -> Json:
    return step("update", old, new, differing=differing)


def replace(old: Json, new: Json, *replacing: str) -> Json:
    return step("replace", old, new, replacing=replacing)


def document(*steps: Json, **others: Any) -> Json:
    """A preview's document; the stack's own step comes first unless it is there."""
    told = list(steps) if any(one["urn"] == ROOT for one in steps) else [root(), *steps]
    summary: dict[str, int] = {}
    for one in told:
        if one["op"] != "refresh":
            summary[one["op"]] = summary.get(one["op"], 0) + 1
    return {"steps": told, "duration": 1, "changeSummary": summary} | others


def preview(*steps: Json, **others: Any) -> str:
    """The same, as text."""
    return json.dumps(document(*steps, **others))
