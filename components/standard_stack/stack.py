"""The standard stack in a cluster: CRDs, then every object in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import pulumi
import pulumi_kubernetes as kubernetes

from components.charts.crd_bundle import CrdBundle, CrdBundleArgs
from components.charts.manifests import Manifest, identity
from components.identity.rights import Rights, WorkloadIdentity

from .part import Around, Part
from .registration import Carried, Dependencies, Identity, Origin, object_resource
from .rendered import RenderedStack


class Host(Protocol):
    """What the stack asks of a cluster."""

    name: str
    kubeconfig: pulumi.Output[str]
    provider: kubernetes.Provider

    def grant(self, rights: Rights, namespace: str, service_account: str) -> WorkloadIdentity:
        """Give a service account rights in the platform's cloud."""
        ...


def install(stack: RenderedStack, host: Host) -> None:
    """Declare all of it in a cluster."""
    StandardStack(f"{host.name}-standard-stack", stack, host)


class StandardStack(pulumi.ComponentResource):
    """The same parts on every cluster: CRDs first, then part by part."""

    def __init__(self, name: str, stack: RenderedStack, host: Host) -> None:
        super().__init__(
            "kuber:standard_stack:StandardStack", name, None, pulumi.ResourceOptions(providers=[host.provider])
        )
        self.register_outputs({})  # there are none, and now it costs least: the engine writes the whole state for it
        child = pulumi.ResourceOptions(parent=self)
        bundles = {
            bundle.name: CrdBundle(
                bundle.name,
                CrdBundleArgs(
                    version=bundle.version, crds=bundle.crds, kubeconfig=host.kubeconfig, cluster=host.provider
                ),
                child,
            )
            for bundle in stack.bundles
        }
        if stack.removed_crds:
            removed = CrdBundleArgs(
                version="", crds={}, kubeconfig=host.kubeconfig, cluster=host.provider, remove=stack.removed_crds
            )
            CrdBundle("removed-crds", removed, child)
        self._bundle_of = {group: bundles[bundle.name] for bundle in stack.bundles for group in bundle.groups}
        self._components = {one.part.name: PartResources(one.part.name, one.charts, child) for one in stack.parts}
        self._made: dict[Identity, pulumi.CustomResource] = {}
        objects = [
            Carried(
                part=one.part.name,
                manifest=manifest,
                chart=one.from_charts.get(identity(manifest)),
                ignored=_ignored(one.part, manifest),
            )
            for one in stack.parts
            for manifest in one.objects
        ]
        identities = self._granted(stack, host, objects)
        crds = {
            group: Origin(part=bundle.part, chart=bundle.chart) for bundle in stack.bundles for group in bundle.groups
        }
        for one, needed in Dependencies(objects, stack.needs, crds).ordered():
            self._make(one, needed, identities)
        for one in stack.parts:
            self._make_elsewhere(one.part, host)

    def _granted(
        self, stack: RenderedStack, host: Host, objects: Sequence[Carried]
    ) -> Mapping[Identity, WorkloadIdentity]:
        """Cloud rights of service accounts, which are told of them by annotations."""
        accounts = {identity(one.manifest): one.manifest for one in objects if one.manifest["kind"] == "ServiceAccount"}
        granted: dict[Identity, WorkloadIdentity] = {}
        for one in stack.parts:
            for account, rights in one.part.rights.items():
                namespace = one.part.namespace or "default"
                at = ("/ServiceAccount", namespace, account)
                granted[at] = host.grant(rights, namespace, account)
                if at in accounts and granted[at].annotations:
                    accounts[at]["metadata"].setdefault("annotations", {}).update(granted[at].annotations)
        return granted

    def _make(self, one: Carried, needed: Sequence[Identity], identities: Mapping[Identity, WorkloadIdentity]) -> None:
        at = identity(one.manifest)
        depends_on: list[pulumi.Resource] = [self._made[below] for below in needed]
        if at in identities:
            depends_on += identities[at].resources
        if bundle := self._bundle_of.get(at[0].rpartition("/")[0]):
            depends_on.append(bundle)
        opts = pulumi.ResourceOptions(
            parent=self._components[one.part], depends_on=depends_on, ignore_changes=list(one.ignored) or None
        )
        self._made[at] = object_resource(one.manifest, opts)

    def _make_elsewhere(self, part: Part, host: Host) -> None:
        if part.elsewhere:
            around = Around(
                kubeconfig=host.kubeconfig,
                object=lambda kind, namespace, name: self._made[(f"/{kind}", namespace, name)],
            )
            part.elsewhere(around, pulumi.ResourceOptions(parent=self._components[part.name]))


class PartResources(pulumi.ComponentResource):
    """The objects of one part, with the versions of the charts that they come from, so that a preview and a review tell them."""

    def __init__(self, name: str, charts: Mapping[str, str], opts: pulumi.ResourceOptions) -> None:
        super().__init__("kuber:standard_stack:Part", name, {"charts": dict(charts)} if charts else None, opts)
        self.register_outputs({})


def _ignored(part: Part, manifest: Manifest) -> Sequence[str]:
    return part.ignored.get(f"{manifest['kind']}/{manifest['metadata']['name']}", ())
