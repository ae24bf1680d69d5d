"""Kubernetes manifests from YAML, read as kubectl reads them.

kubectl's YAML is 1.1 with fewer surprises: `yes`, `y` and `on` are true and 0644 is octal, but 1:30 is no number, 2026-01-01 is
text, and a bare `=` is one too (the Prometheus Operator's CRDs have some).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

_BASE: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_BASE):
    """Resolves plain scalars by the rules above, and no others."""

    yaml_implicit_resolvers: dict[str, Any] = {}


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool",
    re.compile(r"^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$"),
    list("yYnNtTfFoO"),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"^[-+]?(?:0|[1-9][0-9_]*|0o?[0-7_]+|0x[0-9a-fA-F_]+|0b[01_]+)$"),
    list("-+0123456789"),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?)$"),
    list("-+0123456789."),
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^(?:<<)$"), ["<"])


def _integer(loader: Any, node: yaml.ScalarNode) -> int:
    digits = loader.construct_scalar(node).replace("_", "")
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    octal = digits.startswith("0") and digits[1:].isdigit()
    return sign * (int(digits, 8) if octal else int(digits, 0))


def _boolean(loader: Any, node: yaml.ScalarNode) -> bool:
    return loader.construct_scalar(node).lower() in ("y", "yes", "true", "on")


_Loader.add_constructor("tag:yaml.org,2002:bool", _boolean)
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(loader.construct_scalar(node)))


def manifests(text: str) -> Iterator[dict[str, Any]]:
    """The objects of a stream of documents; lists of objects are taken apart, empty documents passed over.

    Raises:
        yaml.YAMLError: it is no YAML, or a document is no object.
    """
    for document in yaml.load_all(text, Loader=_Loader):
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
    document = yaml.load(text, Loader=_Loader)
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise yaml.YAMLError("holds no keys")
    return document
