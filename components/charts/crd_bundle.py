"""The CRDs of one project as one resource, whose state holds names, versions and digests alone (design decision 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from .crd_versions import shown_versions
from .rendering import Crd

TYPE = "pulumi-python:dynamic/charts:CrdBundle"
PROVIDER = "gASVOwAAAAAAAACMHmNvbXBvbmVudHMuY2hhcnRzLmNyZF9wcm92aWRlcpSMEUNyZEJ1bmRsZVByb3ZpZGVylJOUKYGULg=="
"""How the engine's host for dynamic resources finds `crd_provider.CrdBundleProvider`: its pickle, which holds the names of module and
class and nothing else. Written out, since it is in the state of every stack and must not change with a library's version; and since
`pulumi.dynamic.Resource`, which would make it for each bundle, costs more than a bundle to load."""


@dataclass(frozen=True, kw_only=True)
class CrdBundleArgs:
    """What a bundle is.

    Attributes:
        version: Version of the project that the CRDs belong to.
        crds: By name; their definitions are in the cache, by digest.
        kubeconfig: How to reach the cluster; gets its token by running a command, and holds no secret.
        cluster: What must be there before the cluster takes objects.
        remove: CRDs to be deleted, if there are no objects of theirs.
    """

    version: str
    crds: Mapping[str, Crd]
    kubeconfig: pulumi.Input[str]
    cluster: pulumi.Resource
    remove: Sequence[str] = field(default=())


class CrdBundle(pulumi.CustomResource):
    """CRDs, applied by the server and waited for; they stay when the bundle goes, since with a CRD go all objects of its kind."""

    def __init__(self, name: str, args: CrdBundleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        properties: dict[str, Any] = {
            "version": args.version,
            "crds": {
                crd: {"versions": shown_versions(facts.served, facts.stored), "digest": facts.digest}
                for crd, facts in args.crds.items()
            },
            "kubeconfig": args.kubeconfig,
            "__provider": PROVIDER,
        }
        if args.remove:
            properties["remove"] = sorted(args.remove)
        after = pulumi.ResourceOptions(depends_on=[args.cluster])
        super().__init__(TYPE, name, properties, pulumi.ResourceOptions.merge(opts, after))
