"""The plan as data: everything that the program registers, in one sorted document that is the same each time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from config.cluster import ClusterSettings

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the program declares for one stack.

    Attributes:
        stack: Name of the stack.
        settings: What its stack file says; not part of the document.
        resources: Sorted by URN: `urn`, `type`, `name`, `parent`, `provider`, `inputs`, `unknown`, `options`.
        outputs: Outputs of the stack.
        incomplete: Parts of the standard stack that lack objects, since charts of theirs aren't on this machine.
        warnings: What the program warns of; not part of the document, since some depend on the day.
    """

    stack: str
    settings: ClusterSettings
    resources: Sequence[Mapping[str, Any]]
    outputs: Mapping[str, Any]
    incomplete: Sequence[str] = ()
    warnings: Sequence[str] = field(default=())

    def document(self) -> dict[str, Any]:
        """The plan as `kuber plan --json` writes it."""
        return {
            "format": FORMAT,
            "stack": self.stack,
            "resources": list(self.resources),
            "outputs": dict(self.outputs),
            "incomplete": list(self.incomplete),
        }

    def to_json(self) -> str:
        """The document as text: sorted keys, so that equal plans are equal bytes; a resource a line, so differences are short."""
        document = self.document()
        resources = ",\n".join(f"  {_line(resource)}" for resource in document.pop("resources"))
        rest = ",\n".join(f" {_line(key)}: {_line(value)}" for key, value in sorted(document.items()))
        return f'{{\n{rest},\n "resources": [\n{resources}\n ]\n}}\n'


def _line(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
