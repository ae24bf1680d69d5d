"""Objects that are there already, of which only some fields are ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.charts.manifests import Manifest

FIELD_MANAGER = "kuber-standard-stack"
_ANNOTATION = "pulumi.com/patchFieldManager"


def patch(one: Manifest) -> Manifest:
    """The fields that an object which the cluster has is given; when they leave the stack, they leave the object, which stays.

    They are applied server-side by a field manager of our own, and taken over from whom they belong to.
    """
    metadata = one["metadata"]
    annotations = {**metadata.get("annotations", {}), _ANNOTATION: FIELD_MANAGER}
    return {**one, "metadata": {**metadata, "annotations": annotations}}


def is_patch(one: Mapping[str, Any]) -> bool:
    """Whether an object is there already."""
    return _ANNOTATION in (one["metadata"].get("annotations") or {})
