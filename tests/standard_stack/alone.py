"""Stack files with some parts of the standard stack alone: what a test isn't about needn't be rendered."""

from __future__ import annotations

from typing import Any

from config.standard_stack import StandardStackSettings
from config.standard_stack.part import PartSettings
from tests.support import StackFile

PARTS: dict[str, type[PartSettings]] = {
    name: field.annotation
    for name, field in StandardStackSettings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, PartSettings)
}


def alone(file: StackFile, **parts: dict[str, Any]) -> StackFile:
    """A stack file with these parts, as they are given; with those that they need, as the file has them; and with `base`."""
    needed = _needed(*parts)
    own = file.value().get("standard_stack", {})
    left_out = {name: {"enabled": False} for name in sorted(PARTS.keys() - needed - parts.keys() - {"base"})}
    return file.set("standard_stack", {**{name: own.get(name, {}) for name in sorted(needed)}, **parts, **left_out})


def _needed(*names: str) -> set[str]:
    return {needed for name in names for one in PARTS[name].needs for needed in (one, *_needed(one))}
