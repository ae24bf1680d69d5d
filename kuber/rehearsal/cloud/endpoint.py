"""The API server that a simulated cluster answers as its own."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An API server that is there.

    Attributes:
        url: "https://127.0.0.1:6443".
        certificate_authority: Its authority, a PEM file.
        token: A bearer token that it takes; kept from what is printed of this.
    """

    url: str
    certificate_authority: Path
    token: str = field(repr=False)

    @property
    def authority_data(self) -> str:
        """The authority as kubeconfigs have it, base64."""
        return base64.b64encode(self.certificate_authority.read_bytes()).decode()
