"""Which version of each EKS add-on goes with a Kubernetes minor: a dated table in the repository (eks_addons.yaml)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from .yaml_source import parse

TABLE = Path(__file__).with_name("eks_addons.yaml")
AddonName = Literal["vpc-cni", "kube-proxy", "eks-pod-identity-agent", "coredns", "aws-ebs-csi-driver"]
ADDONS: tuple[AddonName, ...] = get_args(AddonName)


@cache
def pinned_addons() -> Mapping[str, Mapping[AddonName, str]]:
    """Versions by Kubernetes minor and add-on."""
    return parse(TABLE.read_text(), TABLE.name).value["minors"]


def addon_versions(minor: str, overrides: Mapping[AddonName, str]) -> dict[AddonName, str]:
    """The version of each add-on, the stack file's own choice first.

    Raises:
        KeyError: the table has no versions for the minor and the stack file doesn't give them all (`config.read` refuses that).
    """
    pinned = pinned_addons().get(minor, {})
    return {addon: overrides.get(addon) or pinned[addon] for addon in ADDONS}
