"""How requests come in: NGINX or Traefik."""

from __future__ import annotations

from .part import PartSettings


class IngressSettings(PartSettings):
    """How requests come in: NGINX or Traefik."""
