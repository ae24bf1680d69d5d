"""Differences that say nothing by themselves: what they follow from is shown elsewhere."""

from __future__ import annotations

from .properties import Difference

_VERSION_LABELS = frozenset(
    {
        "helm.sh/chart",
        "chart",
        "heritage",
        "release",
        "app.kubernetes.io/version",
        "app.kubernetes.io/managed-by",
        "app.kubernetes.io/part-of",
        "linkerd.io/created-by",
        "linkerd.io/proxy-version",
        "operator.prometheus.io/version",
    }
)
"""Labels and annotations that hold a chart's name or version."""


def is_noise(type_: str, one: Difference) -> bool:
    """Whether a difference is a label of a chart's version, or a checksum of what is shown elsewhere."""
    if not type_.startswith("kubernetes:") or "metadata" not in one.place:
        return False
    at = one.place.index("metadata")
    rest = [str(step) for step in one.place[at + 1 :]]
    if len(rest) != 2 or rest[0] not in ("labels", "annotations"):
        return False
    return rest[1] in _VERSION_LABELS or is_checksum(rest[1])


def is_checksum(annotation: str) -> bool:
    """Whether an annotation holds a digest of a pod's configuration, so that pods restart with it."""
    prefix, _, name = annotation.rpartition("/")
    return "checksum" in prefix.split(".") or "checksum" in (prefix, name) or name.endswith(("-hash", "-checksum"))
