"""What becomes of Kubernetes objects' manifests, as unified diffs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from difflib import unified_diff
from typing import Any

from .model import Change, ClusterReview, Manifest
from .object_yaml import yaml_lines
from .properties import concealed, concealed_beside
from .shared_names import Sharing, without_cluster

_KUBERNETES = "kubernetes:"
_CONTEXT = 3
"""Lines."""
_NOTHING = "/dev/null"
_HUNK = re.compile(r"@@ -(\d+)(,\d+)? \+(\d+)(,\d+)? @@")


def manifests(clusters: Sequence[ClusterReview]) -> list[Manifest]:
    """The differences of all Kubernetes objects, by kind and name; what is the same on several clusters is there once.

    Of a whole cluster that comes or goes there are none, nor of changes that say nothing by themselves.
    """
    sharing: Sharing[Manifest] = Sharing()
    for cluster in clusters:
        if cluster.status != "changed":
            continue
        for one in cluster.changes:
            if not one.type.startswith(_KUBERNETES) or one.noise:
                continue
            if diff := difference(one):
                manifest = Manifest(what=one.label, operation=one.operation, stacks=(cluster.stack,), diff=diff)
                common = _without_cluster(manifest, cluster.stack)
                sharing.add(manifest, stack=cluster.stack, told=_words(manifest), common=_words(common))
    found = [
        replace(
            shared.first if shared.literally else _without_cluster(shared.first, shared.stacks[0]),
            stacks=tuple(shared.stacks),
        )
        for shared in sharing.found
    ]
    return sorted(found, key=lambda one: (one.what, one.operation))


def difference(change: Change) -> str:
    """The unified diff of an object's inputs as YAML; "" where they are the same. Secrets are concealed."""
    before, after = change.inputs("before"), change.inputs("after")
    if not change.before:
        return _whole(yaml_lines(concealed(after)), "+")
    if not change.after:
        return _whole(yaml_lines(concealed(before)), "-")
    return _diff(yaml_lines(concealed(before)), yaml_lines(concealed_beside(before, after)))


def _without_cluster(manifest: Manifest, stack: str) -> Manifest:
    return replace(manifest, what=without_cluster(manifest.what, stack), diff=without_cluster(manifest.diff, stack))


def _words(manifest: Manifest) -> tuple[str, str, str]:
    return manifest.what, manifest.operation, manifest.diff


def _whole(lines: list[str], sign: str) -> str:
    """The diff of an object that comes or goes."""
    comes = sign == "+"
    head = [
        f"--- {_NOTHING if comes else 'before'}",
        f"+++ {'after' if comes else _NOTHING}",
        f"@@ -0,0 +1,{len(lines)} @@" if comes else f"@@ -1,{len(lines)} +0,0 @@",
    ]
    return "\n".join([*head, *(sign + line for line in lines)]) + "\n"


def _diff(before: list[str], after: list[str]) -> str:
    """The diff of two objects. Only what is between their first and last difference is compared: that is quick."""
    if before == after:
        return ""
    shorter = min(len(before), len(after))
    start = next((at for at in range(shorter) if before[at] != after[at]), shorter)
    end = next((at for at in range(shorter - start) if before[-1 - at] != after[-1 - at]), shorter - start)
    skipped, left = max(0, start - _CONTEXT), max(0, end - _CONTEXT)
    compared = unified_diff(
        before[skipped : len(before) - left],
        after[skipped : len(after) - left],
        "before",
        "after",
        lineterm="",
        n=_CONTEXT,
    )
    return "\n".join(_HUNK.sub(_moved(skipped), line) if line.startswith("@@ ") else line for line in compared) + "\n"


def _moved(skipped: int) -> Any:
    """Rewrites the lines' numbers of a hunk."""

    def rewritten(found: re.Match[str]) -> str:
        old, new = int(found[1]) + skipped, int(found[3]) + skipped
        return f"@@ -{old}{found[2] or ''} +{new}{found[4] or ''} @@"

    return rewritten
