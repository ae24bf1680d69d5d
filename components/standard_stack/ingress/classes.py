"""The ingress classes of a cluster, and how other parts know the pods of their controllers."""

from __future__ import annotations

from typing import Final, Literal

from .. import network

IngressClass = Literal["public", "internal"]

INGRESS_CLASS_INTERNAL: Final = "internal"
"""Reachable from the company's own networks."""
INGRESS_NAMESPACE: Final = "system-ingress"
INGRESS_CLASS_LABEL: Final = "kuber.dev/ingress-class"
"""On the controllers' pods, of either flavour: the class they serve."""
CONTROLLER_LABELS: Final = {"kuber.dev/role": "ingress-controller"}
"""On the pods of all controllers, of either flavour."""


def controller_pods(ingress_class: IngressClass | None = None) -> dict[str, str]:
    """Labels of the controllers' pods; of one class, or of all."""
    return CONTROLLER_LABELS | ({INGRESS_CLASS_LABEL: ingress_class} if ingress_class else {})


def controllers(ingress_class: IngressClass | None = None) -> network.Peer:
    """The controllers' pods as a NetworkPolicy's peer, for pods that they send requests to."""
    return network.namespace(INGRESS_NAMESPACE, controller_pods(ingress_class))
