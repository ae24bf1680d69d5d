"""Services of type LoadBalancer: the cloud's, or MetalLB and kube-vip on own machines."""

from __future__ import annotations

from .part import PartSettings


class LoadBalancersSettings(PartSettings):
    """Services of type LoadBalancer: the cloud's, or MetalLB and kube-vip on own machines."""
