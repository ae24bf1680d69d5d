"""How requests come in: NGINX or Traefik."""

from __future__ import annotations

from .part import Part
from .site import Site

NAMESPACE = "system-ingress"


def ingress(site: Site) -> Part:
    """How requests come in: NGINX or Traefik."""
    return Part(name="ingress", namespace=NAMESPACE)
