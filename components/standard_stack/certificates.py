"""cert-manager, its issuers, and bundles of trusted authorities."""

from __future__ import annotations

from .part import Part
from .site import Site

NAMESPACE = "system-certificates"


def certificates(site: Site) -> Part:
    """cert-manager, its issuers, and bundles of trusted authorities."""
    return Part(name="certificates", namespace=NAMESPACE)
