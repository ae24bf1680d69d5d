"""YAML text as plain values that remember their lines.

The text is composed to nodes rather than loaded, since nodes carry the line of each key: errors name it, and a key that
stands twice is seen with both of its lines. They are composed by libyaml, where it is there, without its reading of values, which
is YAML 1.1's (where `no` is false): the engine reads YAML 1.2, and so does this.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from .errors import KeyPath, Problem, StackFileError

MAX_BYTES = 1 << 20
"""A stack file fits a screen; one of a mebibyte is a mistake."""
MAX_NODES = 50_000
"""Aliases within aliases grow a small file to any size."""
MAX_DEPTH = 50

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_UNTAGGED = "tag:yaml.org,2002:str"
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,100}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(frozen=True)
class YamlSource:
    """A parsed YAML document.

    Attributes:
        value: Plain dicts, lists, strings, numbers, booleans, None.
        lines: Line of each key path, from 1.
    """

    value: Any
    lines: dict[KeyPath, int] = field(repr=False)

    def line_of(self, path: KeyPath) -> int | None:
        """The line of `path`, or of the nearest thing above it that stands in the file."""
        return next((self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines), None)


@lru_cache(maxsize=64)
def parse(text: str, file: str) -> YamlSource:
    """Parse one YAML document; the same text is parsed once in a process, so what is returned is not to be changed.

    Raises:
        StackFileError: it is no YAML, has a key twice, more than one document, a merge key, or is absurdly large.
    """
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise StackFileError(
            file, [Problem(message="the file is larger than 1 MiB", expected="one cluster's settings")]
        )
    try:
        _refuse_depth(text)
        root = yaml.compose(text, Loader=_LOADER)
        walk = _Walk()
        value = None if root is None else walk.value(root, ())
    except yaml.MarkedYAMLError as error:
        raise StackFileError(file, [_syntax_problem(error, text)]) from None
    except (
        yaml.YAMLError,
        ValueError,
        LookupError,
        OverflowError,
        RecursionError,
    ) as error:  # ruamel's, on odd scalars
        what = "nested too deeply" if isinstance(error, RecursionError) else str(error).partition("\n")[0]
        raise StackFileError(file, [Problem(message=f"not YAML: {what}")]) from None
    if walk.problems:
        raise StackFileError(file, walk.problems)
    return YamlSource(value, walk.lines)


def _refuse_depth(text: str) -> None:
    """Refuse nesting before libyaml composes it: it does so by recursion in C, which ends the process where Python would raise."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ValueError("nested too deeply")


def _syntax_problem(error: yaml.MarkedYAMLError, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    what = error.problem or error.context or "unreadable"
    if mark is None:
        return Problem(message=f"not YAML: {what}")
    lines = text.rstrip("\n").split("\n")
    number = min(mark.line, len(lines) - 1)  # libyaml counts a line more at the end of the text
    indent = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
    hint = "indent with spaces: YAML allows no tabs" if "\t" in indent else None
    return Problem(message=f"not YAML: {what}", hint=hint, line=number + 1)


def _plain(text: str) -> Any:
    """An unquoted scalar by the core schema of YAML 1.2."""
    if text.lower() in _WORDS and text in (text.lower(), text.capitalize(), text.upper()):
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text.replace(".", "", 1) if text[-1:] in "fFnN" else text) if _FLOAT.fullmatch(text) else text


class _Walk:
    """One pass over the nodes: values, lines, and what must not be there."""

    def __init__(self) -> None:
        self.lines: dict[KeyPath, int] = {(): 1}
        self.problems: list[Problem] = []
        self._nodes = 0

    def value(self, node: Node, path: KeyPath) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES or len(path) > MAX_DEPTH:
            raise ValueError("too many values, or aliases that refer to themselves")
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, ScalarNode)
        if node.tag != _UNTAGGED:
            self._problem(path, node, f"the tag {node.tag} has no meaning here", "a plain value")
            return None
        node.value.encode()  # ValueError: half a character, which no error could show
        return node.value if node.style else _plain(node.value)

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode) or key_node.value == "<<":
                self._problem(path, key_node, "a key must be a plain word", "keys written out, without merge keys")
                continue
            key = str(key_node.value)
            if key in seen:
                self._problem(
                    (*path, key), key_node, f"`{key}` stands twice, first on line {seen[key]}", "each name once"
                )
                continue
            seen[key] = line
            self.lines[(*path, key)] = line
            result[key] = self.value(value_node, (*path, key))
        return result

    def _problem(self, path: KeyPath, node: Node, message: str, expected: str) -> None:
        self.problems.append(Problem(path=path, message=message, expected=expected, line=node.start_mark.line + 1))
