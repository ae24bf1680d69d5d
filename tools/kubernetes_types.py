"""Derives how Kubernetes' own types write an object: `python -m tools.kubernetes_types $(go env GOMODCACHE)/k8s.io/api@v0.36.1`.

Reads the Go structs of a k8s.io/api module, and those of k8s.io/apimachinery beside it that they use. Writes
kuber/rehearsal/kubernetes_provider/types.json: which structs each kind is made of, and of each field whether it is a pointer
and whether it is left out when empty. Comments and code of the module aren't taken over.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

OUTPUT = Path(__file__).parents[1] / "kuber" / "rehearsal" / "kubernetes_provider" / "types.json"

_STRUCT = re.compile(r"^type (\w+) struct ?\{(?:\}|\n(.*?)^\})", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"^type (\w+)(?: =)? ([\w.*\[\]]+)(?: //.*)?$", re.MULTILINE)
_FIELD = re.compile(r'^\t(?:(\w+)\s+)?([\w.*\[\]]+)\s+`[^`]*json:"([^"]*)"', re.MULTILINE)
_IMPORT = re.compile(r'^\s*(?:import\s+)?(?:(\w+)\s+)?"(k8s\.io/[^"]+)"', re.MULTILINE)
_GROUP = re.compile(r'const GroupName = "([^"]*)"')
_META = "k8s.io/apimachinery/pkg/apis/meta/v1"

_BASIC = {
    **dict.fromkeys(("int", "int8", "int16", "int32", "int64", "uint32", "uint64"), "n"),
    **{"string": "s", "bool": "b", "float64": "f", "byte": "y", "any": "x"},
    "k8s.io/apimachinery/pkg/api/resource.Quantity": "q",
    "k8s.io/apimachinery/pkg/util/intstr.IntOrString": "i",
    "k8s.io/apimachinery/pkg/types.UID": "s",
    "k8s.io/apimachinery/pkg/types.NodeName": "s",
    f"{_META}.Time": "t",
    **dict.fromkeys((f"{_META}.MicroTime", f"{_META}.Duration", f"{_META}.FieldsV1"), "x"),
    "k8s.io/apimachinery/pkg/runtime.RawExtension": "x",
}
"""What a Go type is in JSON; "x" is taken as it is."""


class Package:
    """The types of one Go package.

    Args:
        path: Import path.
        folder: Where its source is.
    """

    def __init__(self, path: str, folder: Path) -> None:
        self.path = path
        self.structs: dict[str, tuple[str, dict[str, str]]] = {}
        self.named: dict[str, tuple[str, dict[str, str]]] = {}
        self.group = ""
        for file in sorted(folder.glob("*.go")):
            if file.name.startswith("zz_") or "generated" in file.name or file.name.endswith("_test.go"):
                continue
            text = file.read_text(encoding="utf-8")
            imports = {short or full.rpartition("/")[2]: full for short, full in _IMPORT.findall(text)}
            self.structs |= {name: (body, imports) for name, body in _STRUCT.findall(text)}
            self.named |= {name: (of, imports) for name, of in _NAMED.findall(text) if of != "struct"}
            if found := _GROUP.search(text):
                self.group = found[1]


class Reader:
    """Follows the structs of kinds through the packages.

    Attributes:
        structs: The fields of each struct by its name: "core/v1.Container".

    Args:
        api: Folder of the module k8s.io/api; that of k8s.io/apimachinery, of the same version, is beside it.
    """

    def __init__(self, api: Path) -> None:
        self._roots = {
            "k8s.io/api/": api,
            "k8s.io/apimachinery/": api.parent / api.name.replace("api@", "apimachinery@"),
        }
        self._packages: dict[str, Package] = {}
        self.structs: dict[str, dict[str, str]] = {}

    def package(self, path: str) -> Package:
        """A package by its import path."""
        if path not in self._packages:
            root = next(root for root in self._roots if path.startswith(root))
            self._packages[path] = Package(path, self._roots[root] / path.removeprefix(root))
        return self._packages[path]

    def code(self, package: Package, type_: str, imports: dict[str, str]) -> str:
        """A Go type as in the table: "*" is a pointer, "[" a list, "{" a map, then a basic type or a struct's name."""
        for prefix, mark in (("*", "*"), ("[]byte", ""), ("[]", "["), ("map[", "{")):
            if type_.startswith(prefix):
                rest = type_.partition("]")[2] if mark == "{" else type_.removeprefix(prefix)
                return mark + self.code(package, rest, imports) if mark else "y"
        short, _, name = type_.rpartition(".")
        path = imports[short] if short else package.path
        of = self.package(path) if path.startswith(tuple(self._roots)) else package
        basic = _BASIC.get(f"{path}.{name}") or _BASIC.get(type_)
        if basic or name in of.structs:
            return basic or self.struct(of, name)
        return self.code(of, *of.named[name])

    def struct(self, package: Package, name: str) -> str:
        """The name of a struct in the table, which it is put into."""
        known = f"{package.path.removeprefix('k8s.io/').removeprefix('api/')}.{name}"
        if known not in self.structs:
            self.structs[known] = {}
            self.structs[known] |= self._fields(package, name)
        return known

    def _fields(self, package: Package, name: str) -> Iterator[tuple[str, str]]:
        if name in package.named:
            of, imports = package.named[name]
            short, _, name = of.rpartition(".")
            yield from self._fields(self.package(imports[short]) if short else package, name)
            return
        body, imports = package.structs[name]
        for _, type_, tag in _FIELD.findall(body):
            field, *flags = tag.split(",")
            if field == "-":
                continue
            if not field:
                short, _, inlined = type_.rpartition(".")
                yield from self._fields(self.package(imports[short]) if short else package, inlined)
            elif field == "status":
                yield field, "x"
            else:
                yield field, self.code(package, type_, imports) + ("?" if "omitempty" in flags else "")


def table(api: Path) -> dict[str, object]:
    """The table of a k8s.io/api module."""
    reader, kinds = Reader(api), {}
    for file in sorted(api.glob("*/*/register.go")):
        group_folder, version = file.parent.parent.name, file.parent.name
        package = reader.package(f"k8s.io/api/{group_folder}/{version}")
        for name, (body, _) in package.structs.items():
            if re.search(r"metav1\.TypeMeta|v1\.TypeMeta", body) and re.search(r"\.ObjectMeta\s", body):
                group_version = f"{package.group}/{version}" if package.group else version
                kinds[f"{group_version}/{name}"] = reader.struct(package, name)
    return {
        "source": f"k8s.io/{api.name}",
        "kinds": dict(sorted(kinds.items())),
        "structs": dict(sorted(reader.structs.items())),
    }


def main() -> None:
    """Write the table."""
    api = Path(sys.argv[1])
    text = json.dumps(table(api), indent=0, sort_keys=False, ensure_ascii=False)
    OUTPUT.write_text(text.replace('",\n"', '", "').replace("{\n", "{").replace("\n}", "}") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
