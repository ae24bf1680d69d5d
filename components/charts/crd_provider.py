"""Applies bundles of CRDs; run by the engine's host for dynamic resources."""

from __future__ import annotations

from pulumi.dynamic import ResourceProvider


class CrdBundleProvider(ResourceProvider):
    """Applies CRDs by the server, waits until each is established, and never deletes one."""
