"""What `pulumi preview` registers and intends, from its trace and its digest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kuber.plan.registration import registered_resource, shown

UNCHANGING = frozenset({"same", "read", "refresh"})
"""Operations after which the world is as before."""

_HOST_EXIT = "an unhandled error occurred: program exited with non-zero exit code"
"""What the language host adds when a program has told its error itself."""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What `pulumi preview` registers and intends, under stand-ins for the providers.

    Attributes:
        stack: Name of the stack.
        stand_ins: Packages whose provider was a stand-in; to be named wherever the result is shown.
        resources: Every registered resource, sorted by URN, in the form of `kuber plan --json`
            (see `kuber.plan.registration.registered_resource`), the stack itself included.
        outputs: The stack's outputs, in the same form as inputs.
        operations: What the engine intends with each resource ("create", "update", "replace", …), by URN. Of resources that are
            there already, those that stay as they are don't appear.
        steps: The steps of the engine's own JSON digest as they are, sorted by URN.
        warnings: The engine's and the program's warnings.
    """

    stack: str
    stand_ins: tuple[str, ...]
    resources: list[dict[str, Any]]
    outputs: dict[str, Any]
    operations: dict[str, str]
    steps: list[dict[str, Any]]
    warnings: list[str]

    @classmethod
    def read(cls, stack: str, stand_ins: tuple[str, ...], digest: Mapping[str, Any], trace: Path) -> Preview:
        """From the engine's digest (`--json`) and the trace of its own calls (PULUMI_DEBUG_GRPC)."""
        resources, outputs = _read_trace(trace)
        steps = sorted(digest.get("steps", []), key=lambda step: step["urn"])
        return cls(
            stack=stack,
            stand_ins=stand_ins,
            resources=resources,
            outputs=outputs,
            operations={step["urn"]: step["op"] for step in steps if step["op"] not in UNCHANGING},
            steps=steps,
            warnings=messages(digest, "warning"),
        )


def read_digest(stdout: str) -> dict[str, Any]:
    """The JSON that the engine wrote; empty if it failed before it could."""
    try:
        return json.loads(stdout)
    except json.JSONDecodeError:
        return {}


def errors_of(digest: Mapping[str, Any]) -> list[str]:
    """The errors in a digest."""
    return without_last_word(messages(digest, "error"))


def without_last_word(errors: Sequence[str]) -> list[str]:
    """Errors without the language host's own, where a program has told what is wrong."""
    return [error for error in errors if not error.startswith(_HOST_EXIT)] or list(errors)


def _read_trace(trace: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The registered resources and the stack's outputs, from the engine's trace of its calls, a line each time one begins or ends."""
    resources: list[dict[str, Any]] = []
    outputs: dict[str, Any] = {}
    with trace.open(encoding="utf-8") as lines:
        for line in lines:
            call = json.loads(line)
            match call["method"].removeprefix("/pulumirpc.ResourceMonitor/"):
                case "RegisterResource" if "response" in call:
                    resources.append(registered_resource(call["request"], call["response"]["urn"]))
                case "RegisterResourceOutputs" if (
                    "response" in call and "::pulumi:pulumi:Stack::" in call["request"]["urn"]
                ):
                    outputs = shown(call["request"].get("outputs", {}))
    return sorted(resources, key=lambda resource: resource["urn"]), outputs


def messages(digest: Mapping[str, Any], severity: str) -> list[str]:
    """What a digest's diagnostics of one severity say."""
    found = [item["message"] for item in digest.get("diagnostics") or [] if item["severity"] == severity]
    return [message.removeprefix(f"{severity}: ").strip() for message in found]
