"""Values that a chart doesn't know: helm takes a misspelt key silently, so they are looked for before it runs."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from .yaml_documents import mapping

_KUBERNETES_OWN = frozenset(
    {
        "affinity",
        "annotations",
        "commonLabels",
        "containerSecurityContext",
        "labels",
        "nodeSelector",
        "podAnnotations",
        "podLabels",
        "podSecurityContext",
        "resources",
        "securityContext",
    }
)
"""Keys below which stands what Kubernetes defines and not the chart: what its values hold there is an example."""


def unknown_values(
    values: Mapping[str, Any], known: Mapping[str, Any], free_form: Collection[str] = ()
) -> Iterator[str]:
    """Paths of values that a chart's own values don't have, `controller.replicaCount`.

    What a chart leaves empty (`{}`, or nothing at all) takes any keys. Lists are taken as they are.

    Args:
        values: What is to be given to the chart.
        known: The chart's own values, with those of its subcharts below their names.
        free_form: Paths that the chart's templates read though its values don't have them.
    """
    return _unknown(values, known, frozenset(free_form), "")


def _unknown(values: Mapping[str, Any], known: Mapping[str, Any], free_form: Collection[str], at: str) -> Iterator[str]:
    for key, value in values.items():
        path = f"{at}.{key}" if at else key
        if path in free_form or (key in _KUBERNETES_OWN and key in known):
            continue
        if key not in known:
            yield path
        elif isinstance(value, Mapping) and isinstance(known[key], Mapping) and known[key]:
            yield from _unknown(value, known[key], free_form, path)


def chart_values(archive: Path) -> dict[str, Any]:
    """A chart's values, with those of its subcharts below their names and `global` free.

    Raises:
        tarfile.TarError: the archive is damaged.
        yaml.YAMLError: its values are.
    """
    with tarfile.open(
        fileobj=io.BytesIO(gzip.decompress(archive.read_bytes()))
    ) as tar:  # read here and there: not by seeking in gzip
        return _values(tar)


def _values(tar: tarfile.TarFile) -> dict[str, Any]:
    files = {
        member.name.split("/", 1)[1]: member for member in tar.getmembers() if member.isfile() and "/" in member.name
    }
    return _values_below(tar, files, "")


def _values_below(tar: tarfile.TarFile, files: Mapping[str, tarfile.TarInfo], at: str) -> dict[str, Any]:
    own = mapping(_text(tar, files.get(f"{at}values.yaml")))
    dependencies = mapping(_text(tar, files.get(f"{at}Chart.yaml"))).get("dependencies") or []
    names = {
        one["name"]: [d.get("alias") or d["name"] for d in dependencies if d["name"] == one["name"]]
        for one in dependencies
    }
    for path in files:
        folder, _, rest = path.removeprefix(f"{at}charts/").partition("/")
        if not path.startswith(f"{at}charts/") or (rest != "Chart.yaml" and not folder.endswith(".tgz")):
            continue
        if rest == "Chart.yaml":
            chart, below = folder, _values_below(tar, files, f"{at}charts/{folder}/")
        else:
            with tarfile.open(fileobj=io.BytesIO(_bytes(tar, files[path]))) as inner:
                chart, below = inner.getnames()[0].split("/")[0], _values(inner)
        for name in names.get(chart, [chart]):
            own[name] = _merged(below, own.get(name) or {})
    own["global"] = {}
    return own


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    both = {
        key: _merged(base[key], value) if isinstance(value, Mapping) and isinstance(base.get(key), Mapping) else value
        for key, value in over.items()
    }
    return {**base, **both}


def _text(tar: tarfile.TarFile, member: tarfile.TarInfo | None) -> str:
    return _bytes(tar, member).decode() if member else ""


def _bytes(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    return file.read() if file else b""
