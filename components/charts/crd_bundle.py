"""The CRDs of one project as one resource, whose state holds names, versions and digests alone (design decision 5)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi.dynamic

from .crd_provider import CrdBundleProvider
from .rendering import Crd


@dataclass(frozen=True, kw_only=True)
class CrdBundleArgs:
    """What a bundle is.

    Attributes:
        version: Version of the project that the CRDs belong to.
        crds: By name; their definitions are in the cache, by digest.
        kubeconfig: How to reach the cluster; gets its token by running a command, and holds no secret.
        cluster: What must be there before the cluster takes objects.
    """

    version: str
    crds: Mapping[str, Crd]
    kubeconfig: pulumi.Input[str]
    cluster: pulumi.Resource


class CrdBundle(pulumi.dynamic.Resource, module="charts", name="CrdBundle"):
    """CRDs, applied by the server and waited for; they stay when the bundle goes, since with a CRD go all objects of its kind."""

    def __init__(self, name: str, args: CrdBundleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        properties = {
            "version": args.version,
            "crds": {crd: dataclasses.asdict(facts) for crd, facts in args.crds.items()},
            "kubeconfig": args.kubeconfig,
        }
        after = pulumi.ResourceOptions(depends_on=[args.cluster])
        super().__init__(CrdBundleProvider(), name, properties, pulumi.ResourceOptions.merge(opts, after))
