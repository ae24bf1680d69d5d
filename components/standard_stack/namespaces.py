"""The namespace of a part: who may do what in it, before anything is there."""

from __future__ import annotations

from components.charts.manifests import Manifest, normalised

from .network import default_deny
from .part import Part


def of(part: Part) -> list[Manifest]:
    """The part's namespace with its Pod Security level, and the policy that lets nothing pass; nothing where it has none."""
    if part.namespace is None:
        return []
    reason = {"kuber.dev/pod-security-reason": part.pod_security_reason} if part.pod_security_reason else {}
    namespace: Manifest = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": part.namespace,
            "labels": {
                "kuber.dev/part": part.name,
                "pod-security.kubernetes.io/enforce": part.pod_security,
                "pod-security.kubernetes.io/audit": "restricted",
                "pod-security.kubernetes.io/warn": part.pod_security,
            },
            **({"annotations": reason} if reason else {}),
        },
    }
    return [namespace, *normalised([default_deny()], part.namespace)]
