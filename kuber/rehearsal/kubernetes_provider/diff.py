"""What changes between an object as it was left and as it shall be, property by property.

Source: pulumi-kubernetes, provider/pkg/provider/provider.go (Diff, convertPatchToDiff): a JSON merge patch (RFC 7386) from the live
object, cut to the shape of the old inputs, to the new inputs, read as a list of changes. Lists are compared item by item at
their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from kuber.replacement.kubernetes import Path, replaces

from .values import UNKNOWN

Change = Literal["add", "delete", "update"]

_ABSENT = object()


class Differences:
    """The changes from `old` to `new`.

    Attributes:
        changes: What happens at a path.
        replacing: Those paths whose change replaces the object.

    Args:
        old: The live object in the shape of the old inputs.
        new: The new inputs, which may hold `UNKNOWN`; that always counts as a change.
        replacing_paths: As `replacing.replacing_paths` gives them.
    """

    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any], replacing_paths: Iterable[str]) -> None:
        self.changes: dict[Path, Change] = {}
        self.replacing: set[Path] = set()
        self._patterns = tuple(replacing_paths)
        self._map((), old, new)

    def forget(self, prefix: Path) -> None:
        """Leave out what changes at or below a path, "*" standing for any one part of it."""
        for path in [path for path in self.changes if _below(path, prefix)]:
            del self.changes[path]
            self.replacing.discard(path)

    def _map(self, path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        for name in {**old, **new}:
            self._value((*path, name), old.get(name, _ABSENT), new.get(name, _ABSENT))

    def _list(self, path: Path, old: Sequence[Any], new: Sequence[Any]) -> None:
        for at in range(max(len(old), len(new))):
            self._value(
                (*path, at),
                old[at] if at < len(old) else _ABSENT,
                new[at] if at < len(new) else _ABSENT,
            )

    def _value(self, path: Path, old: Any, new: Any) -> None:
        if new is UNKNOWN:
            self._changed(path, "add" if old is _ABSENT else "update", None)
        elif new is _ABSENT or new is None:
            if old is not _ABSENT and old is not None:
                self._changed(path, "delete", None)
        elif old is _ABSENT:
            self._changed(path, "add", new)
        elif isinstance(old, dict) and isinstance(new, dict):
            self._map(path, old, new)
        elif isinstance(old, list) and isinstance(new, list):
            self._list(path, old, new)
        elif old != new or isinstance(old, bool) is not isinstance(new, bool):
            self._changed(path, "update", new)

    def _changed(self, path: Path, change: Change, value: Any) -> None:
        self.changes[path] = change
        if replaces(path, value, self._patterns):
            self.replacing.add(path)


def text_of(path: Path) -> str:
    """A path as the engine writes it: `metadata.annotations["a.b/c"]`, `spec.containers[0].image`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif any(sign in part for sign in '."[]'):
            quoted = part.replace('"', '\\"')
            text += f'["{quoted}"]'
        else:
            text += f".{part}" if text else part
    return text


def parse_path(text: str) -> Path:
    """A property path as ignoreChanges has it: dots, `["quoted"]`, `[0]` and `[*]` (pulumi/pulumi: property_path.go)."""
    parts: list[str | int] = []
    rest = text
    while rest:
        if rest[0] == ".":
            rest = rest[1:]
        elif rest.startswith('["'):
            part, _, rest = rest[2:].partition('"]')
            parts.append(part.replace('\\"', '"'))
        elif rest[0] == "[":
            index, _, rest = rest[1:].partition("]")
            parts.append(int(index) if index.isdigit() else index)
        else:
            end = min((at for at in (rest.find("."), rest.find("[")) if at >= 0), default=len(rest))
            parts.append(rest[:end])
            rest = rest[end:]
    return tuple(parts)


def _below(path: Path, prefix: Path) -> bool:
    return len(path) >= len(prefix) and all(wanted in ("*", part) for part, wanted in zip(path, prefix, strict=False))
