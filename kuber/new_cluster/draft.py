"""A stack file in the making: a pattern, edited so that its comments stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ruamel.yaml.comments import CommentedMap

from config.errors import KeyPath
from config.stack_file import CONFIG_KEY
from kuber.round_trip import dump, load, put, refill, remove

_SCHEMA_HINT = "# yaml-language-server:"


class Draft:
    """The cluster of a pattern, to be made another one.

    Attributes:
        cluster: What stands under `kuber:cluster`.
        origins: Where the user gave what stands at a key path: an option, or a line of a file.
        notes: What the user wants to be told.
    """

    def __init__(self, pattern: str) -> None:
        self._document = load(pattern)
        self.cluster: CommentedMap = self._document["config"][CONFIG_KEY]
        self.origins: dict[KeyPath, str] = {}
        self.notes: list[str] = []
        for key in [key for key in self._document if key != "config"]:  # the encryption salt of another stack, say
            self.drop(self._document, key, f"`{key}` of the pattern")

    def set(self, path: tuple[str, ...], value: Any, origin: str) -> None:
        """Set what stands at a key path; nothing is set by None."""
        if value is not None:
            put(self._parent(path), path[-1], value)
            self.origins[path] = origin

    def set_all(self, path: tuple[str, ...], values: Mapping[str, Any], origin: str) -> None:
        """Give the mapping at a key path these keys and no others."""
        parent = self._parent(path)
        if parent.get(path[-1]):
            refill(parent[path[-1]], values.items())
        else:
            put(parent, path[-1], CommentedMap(values))
        self.origins[path] = origin

    def drop(self, mapping: CommentedMap, key: str, what: str) -> None:
        """Leave out a key of the pattern, if it is there, and say so."""
        if key in mapping:
            remove(mapping, key)
            self.notes.append(f"left out: {what}")

    def text(self, heading: str) -> str:
        """The stack file, with a heading of its own."""
        lines = dump(self._document).splitlines(keepends=True)
        first = next(number for number, line in enumerate(lines) if line.strip() and not line.startswith("#"))
        hints = [line for line in lines[:first] if line.startswith(_SCHEMA_HINT)]
        return "".join([*hints, f"# {heading}\n", *lines[first:]])

    def origin_of(self, path: KeyPath) -> str | None:
        """Where the user gave what stands at a key path, or at the nearest one above it."""
        return next((self.origins[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.origins), None)

    def _parent(self, path: tuple[str, ...]) -> CommentedMap:
        mapping = self.cluster
        for key in path[:-1]:
            if key not in mapping:
                put(mapping, key, CommentedMap())
            mapping = mapping[key]
        return mapping
