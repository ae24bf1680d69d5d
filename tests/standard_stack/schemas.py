"""JSON schemas for kubeconform, of the kinds that a Kubernetes API server has and of those that CRDs add; strict ones.

kubeconform has none offline. Those of Kubernetes come from the API server's OpenAPI document, those of CRDs from the CRDs themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from components.charts.yaml_documents import manifests

LOCATION = "{{ .Group }}/{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json"
"""Where kubeconform looks for a schema below the folder."""

_REFERENCE = "#/definitions/"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_STRING_OR_NUMBER: Mapping[str, Any] = {"type": ["string", "integer", "number"]}


def write_schemas(definitions: Path, crds: Path, folder: Path) -> None:
    """Schemas of all kinds, a file each.

    Args:
        definitions: The `definitions` of an API server's OpenAPI v2 document.
        crds: A folder of CRDs.
        folder: Where the schemas go.
    """
    documents = json.loads(definitions.read_text())
    for name, definition in documents.get("definitions", documents).items():
        for kind in definition.get("x-kubernetes-group-version-kind", ()):
            known = documents.get("definitions", documents)
            schema = {
                **_strict(definition),
                "definitions": {n: _strict(known[n]) for n in sorted(_needed(name, known))},
            }
            _write(folder, kind["group"], kind["kind"], kind["version"], schema)
    for file in sorted(crds.glob("*.yaml")):
        for crd in manifests(file.read_text()):
            spec = crd["spec"]
            for version in spec["versions"]:
                schema = _strict(version["schema"]["openAPIV3Schema"])
                envelope = {
                    "apiVersion": {"type": "string"},
                    "kind": {"type": "string"},
                    "metadata": {"type": "object"},
                }
                schema["properties"] = {**schema.get("properties", {}), **envelope}
                _write(folder, spec["group"], spec["names"]["kind"], version["name"], schema)


def scopes(crds: Path) -> Iterator[tuple[str, bool]]:
    """Kinds of the CRDs in a folder, each with whether its objects have a namespace."""
    for file in sorted(crds.glob("*.yaml")):
        for crd in manifests(file.read_text()):
            yield crd["spec"]["names"]["kind"], crd["spec"]["scope"] == "Namespaced"


def _write(folder: Path, group: str, kind: str, version: str, schema: Mapping[str, Any]) -> None:
    file = folder / (group or version) / f"{kind.lower()}_{version}.json"  # as kubeconform has the core group
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(schema))


def _needed(name: str, known: Mapping[str, Any]) -> set[str]:
    """Definitions that one refers to, and those that they do."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = set(_references(known[waiting.pop()])) - found
        found |= new
        waiting += new
    return found


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].removeprefix(_REFERENCE)
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _strict(schema: Any) -> Any:
    """The schema, refusing what it doesn't know."""
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string":
        return dict(_STRING_OR_NUMBER)
    if schema.get("$ref") == f"{_REFERENCE}{_QUANTITY}":
        return dict(_STRING_OR_NUMBER)
    left_out = ("description", "properties", "x-kubernetes-validations")
    made = {key: _strict(value) for key, value in schema.items() if key not in left_out}
    free = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if isinstance(schema.get("properties"), dict):
        made["properties"] = {key: _strict(value) for key, value in schema["properties"].items()}
        if not free and schema.get("type", "object") == "object":
            made["additionalProperties"] = False
    if schema.get("nullable") and isinstance(schema.get("type"), str):
        made["type"] = [schema["type"], "null"]
    return made
