"""A stand-in for the Kubernetes provider, on a real API server; and the real one, where the machine has it."""

from .plugin import real_plugin
from .provider import KubernetesStandIn

__all__ = ["KubernetesStandIn", "real_plugin"]
