"""Kubernetes manifests from YAML, read as kubectl reads them.

kubectl's YAML is 1.1 with fewer surprises: `yes`, `y` and `on` are true and 0644 is octal, but 1:30 is no number, 2026-01-01 is
text, and a bare `=` is one too (the Prometheus Operator's CRDs have some).

The text is composed to nodes by libyaml, where it is there, and the nodes become values here: a chart brings megabytes of CRDs, and
PyYAML's own way from nodes to values takes longer than helm does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

_BASE: type[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_UNTAGGED = "tag:yaml.org,2002:str"
_TRUE, _FALSE = ("y", "yes", "true", "on"), ("n", "no", "false", "off")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {form: True for word in _TRUE for form in (word, word.capitalize(), word.upper())}
_WORDS |= {form: False for word in _FALSE for form in (word, word.capitalize(), word.upper())}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9_]*|0o?[0-7_]+|0x[0-9a-fA-F_]+|0b[01_]+)")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?)")
_NUMBER_STARTS = frozenset("-+.0123456789")


class _Loader(_BASE):
    """Composes nodes, and leaves what plain scalars mean to `_plain`."""

    def resolve(self, kind: object, value: object, implicit: object) -> str:
        """The tag of a node that has none; asked for each."""
        return _UNTAGGED


def manifests(text: str) -> Iterator[dict[str, Any]]:
    """The objects of a stream of documents; lists of objects are taken apart, empty documents passed over.

    Raises:
        yaml.YAMLError: it is no YAML, or a document is no object.
    """
    for root in yaml.compose_all(text, Loader=_Loader):
        document = _value(root)
        if document is None:
            continue
        if not isinstance(document, dict) or "kind" not in document:
            raise yaml.YAMLError(f"not a Kubernetes object: {str(document)[:80]}")
        if document["kind"] == "List":
            yield from document["items"] or ()
        else:
            yield document


def mapping(text: str) -> dict[str, Any]:
    """One document of keys and values, such as a chart's values.yaml; empty where there is nothing in it.

    Raises:
        yaml.YAMLError: it is no YAML, or something else.
    """
    root = yaml.compose(text, Loader=_Loader)
    document = None if root is None else _value(root)
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise yaml.YAMLError("holds no keys")
    return document


def _value(node: Node) -> Any:
    if isinstance(node, ScalarNode):
        return node.value if node.style or node.tag != _UNTAGGED else _plain(node.value)
    if isinstance(node, SequenceNode):
        return [_value(item) for item in node.value]
    assert isinstance(node, MappingNode)
    merged: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for key, value in node.value:
        if key.value == "<<" and not key.style:
            for source in reversed(value.value) if isinstance(value, SequenceNode) else [value]:
                merged |= _value(source)
        else:
            own[key.value] = _value(value)
    return merged | own if merged else own


@lru_cache(maxsize=4096)
def _plain(text: str) -> Any:
    """What a scalar without quotes means."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _INTEGER.fullmatch(text):
        return _integer(text.replace("_", ""))
    return float(text) if _FLOAT.fullmatch(text) else text


def _integer(text: str) -> int:
    digits = text.lstrip("+-")
    octal = digits.startswith("0") and digits[1:].isdigit()
    number = int(digits, 8) if octal else int(digits, 0)
    return -number if text.startswith("-") else number
