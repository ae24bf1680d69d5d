"""cert-manager, its issuers, and bundles of trusted authorities."""

from __future__ import annotations

from .part import PartSettings


class CertificatesSettings(PartSettings):
    """cert-manager, its issuers, and bundles of trusted authorities."""
