"""The standard stack: parts are rendered before anything is made, then made in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from typing import Protocol

import pulumi
import pulumi_kubernetes as kubernetes

from components.charts.cache import ChartCache
from components.charts.crd_bundle import CrdBundle, CrdBundleArgs
from components.charts.errors import ChartError, NotCachedError
from components.charts.manifests import Manifest, identity, normalised, shown_identity
from components.charts.rendering import Crd, Surroundings, read_crds, render
from components.identity.rights import Rights, WorkloadIdentity
from config.release import Release

from . import absence, house_rules, namespaces
from .part import Around, Part
from .parts import parts
from .registration import Carried, Dependencies, Identity, Origin, object_resource
from .site import Site


class Host(Protocol):
    """What the stack asks of a cluster."""

    name: str
    kubeconfig: pulumi.Output[str]
    provider: kubernetes.Provider

    def grant(self, rights: Rights, namespace: str, service_account: str) -> WorkloadIdentity:
        """Give a service account rights in the platform's cloud."""
        ...


@dataclass(frozen=True, kw_only=True)
class RenderedPart:
    """A part with all its objects.

    Attributes:
        part: As it was described.
        objects: Under the house's rules, namespace included.
        from_charts: The chart that an object comes from.
        not_rendered: Charts that couldn't be rendered here, each with the reason.
    """

    part: Part
    objects: Sequence[Manifest]
    from_charts: Mapping[Identity, str] = field(default_factory=dict)
    not_rendered: Sequence[NotCachedError] = ()


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """The CRDs of one project.

    Attributes:
        name: As in the release.
        version: Of the project.
        part: The part that brings it.
        chart: The chart that renders it; none where it is a file of its own.
        groups: API groups.
        crds: By name.
    """

    name: str
    version: str
    part: str
    chart: str | None
    groups: frozenset[str]
    crds: Mapping[str, Crd]


@dataclass(frozen=True, kw_only=True)
class RenderedStack:
    """The standard stack, before anything is made.

    Attributes:
        parts: In order: what others need comes first.
        bundles: CRDs.
        needs: Parts that come before a part, by name; those that they need in turn included.
        unverified: Charts whose archives can't be told to be the published ones.
        removed_crds: CRDs that no part brings any more, and that are to be deleted.
    """

    parts: Sequence[RenderedPart]
    bundles: Sequence[Bundle]
    needs: Mapping[str, Sequence[str]]
    unverified: Sequence[str] = field(default=())
    removed_crds: Sequence[str] = field(default=())

    @property
    def not_rendered(self) -> list[NotCachedError]:
        """Charts that couldn't be rendered here."""
        return [error for part in self.parts for error in part.not_rendered]

    @property
    def warnings(self) -> list[str]:
        """What a person should know: charts that are missing here, or that can't be told to be the published ones."""
        missing = [f"{error.chart} isn't rendered: {error.reason}" for error in self.not_rendered]
        if self.unverified:
            missing.append(
                f"from folders, so that nothing tells whether they are the published charts: {', '.join(self.unverified)}"
            )
        return missing

    @property
    def objects(self) -> list[Manifest]:
        """All objects, by part."""
        return [one for part in self.parts for one in part.objects]


def rendered_stack(site: Site, cache: ChartCache | None = None) -> RenderedStack:
    """The standard stack of a cluster.

    Raises:
        NotCachedError: a chart isn't on this machine, and the run isn't one that goes without (`absence.going_without`).
        ChartError: a chart can't be used as the release and the parts have it.
    """
    cache = cache or ChartCache()
    wanted = parts(site)
    around = Surroundings(
        kubernetes_version=site.settings.kubernetes.version,
        api_versions=_api_versions(wanted, site.release),
    )
    crds: dict[str, Mapping[str, Crd]] = {}
    unverified: list[str] = []
    done: list[RenderedPart] = []
    for part in wanted:
        objects, missing = [], []
        from_charts: dict[Identity, str] = {}
        for chart in part.charts:
            pin = site.release.charts[chart.name]
            try:
                rendering = render(chart, pin, part.namespace or "default", around, cache)
            except NotCachedError as error:
                if chart.name not in [other.chart for other in missing]:  # a part may use a chart twice
                    missing.append(error)
                continue
            objects += rendering.objects
            from_charts |= {identity(one): chart.name for one in rendering.objects}
            crds[chart.name] = rendering.crds
            title = f"{chart.name} {pin.version}"
            if not rendering.verified and title not in unverified:
                unverified.append(title)
        objects += normalised(part.objects, part.namespace or "default")
        objects = house_rules.applied(house_rules.kept(objects, site), site)
        objects = [*namespaces.of(part), *objects]
        done.append(RenderedPart(part=part, objects=objects, from_charts=from_charts, not_rendered=missing))
    bundles, missing_bundles = _bundles(wanted, site.release, crds, cache)
    if missing_bundles:
        done[0] = replace(done[0], not_rendered=[*done[0].not_rendered, *missing_bundles])
    _refuse_clashes(done)
    absent = [error for one in done for error in one.not_rendered]
    absence.judge(absent, unverified)
    needs = {part.name: site.stack.needed_by(part.name) for part in wanted}
    _refuse_removal_in_use(site.stack.remove_crds, bundles)
    return RenderedStack(
        parts=_in_order(done, needs),
        bundles=bundles,
        needs=needs,
        unverified=unverified,
        removed_crds=site.stack.remove_crds,
    )


def _api_versions(wanted: Sequence[Part], release: Release) -> list[str]:
    """What the API will have beside Kubernetes' own."""
    charts = {chart.name for part in wanted for chart in part.charts}
    files = {name for part in wanted for name in part.crds}
    pins = [pin for name, pin in release.crds.items() if pin.chart in charts or name in files]
    return sorted({version for pin in pins for version in pin.api_versions})


def _bundles(
    wanted: Sequence[Part], release: Release, crds: Mapping[str, Mapping[str, Crd]], cache: ChartCache
) -> tuple[list[Bundle], list[NotCachedError]]:
    bundles: list[Bundle] = []
    missing: list[NotCachedError] = []
    for name, pin in release.crds.items():
        owner = next(
            (part.name for part in wanted if name in part.crds or pin.chart in {chart.name for chart in part.charts}),
            None,
        )
        if owner is None:
            continue
        if pin.chart:
            found = crds.get(pin.chart, {})
        else:
            try:
                cache.require("manifests", name, pin.version, pin.digest)
            except NotCachedError as error:
                missing.append(error)
                continue
            found = read_crds(cache.path("manifests", name, pin.version).read_text(encoding="utf-8"), cache)
        own = {crd: facts for crd, facts in sorted(found.items()) if crd.partition(".")[2] in pin.groups}
        if own:
            bundles.append(
                Bundle(name=name, version=pin.version, part=owner, chart=pin.chart, groups=pin.groups, crds=own)
            )
    return bundles, missing


def _refuse_clashes(done: Sequence[RenderedPart]) -> None:
    owners: dict[Identity, str] = {}
    for one in done:
        for manifest in one.objects:
            other = owners.setdefault(identity(manifest), one.part.name)
            if other != one.part.name:
                raise ChartError(shown_identity(manifest), f"is made by two parts: {other} and {one.part.name}")
        names = [identity(manifest) for manifest in one.objects]
        if twice := sorted({at for at in names if names.count(at) > 1}):
            raise ChartError(one.part.name, f"makes two objects of one name: {'/'.join(twice[0])}")


def _refuse_removal_in_use(removed: Sequence[str], bundles: Sequence[Bundle]) -> None:
    for bundle in bundles:
        if used := sorted({*removed} & bundle.crds.keys()):
            raise ChartError(
                ", ".join(used),
                f"to be deleted by standard_stack.remove_crds, and part of {bundle.name}, which {bundle.part} brings",
                f"leave it out of remove_crds, or turn {bundle.part} off first",
            )


def _in_order(done: Sequence[RenderedPart], needs: Mapping[str, Sequence[str]]) -> list[RenderedPart]:
    by_name = {one.part.name: one for one in done}
    graph = {name: [needed for needed in needs[name] if needed in by_name] for name in by_name}
    return [by_name[name] for name in TopologicalSorter(graph).static_order()]


def install(stack: RenderedStack, host: Host) -> None:
    """Declare all of it in a cluster."""
    StandardStack(f"{host.name}-standard-stack", stack, host)


class StandardStack(pulumi.ComponentResource):
    """The same parts on every cluster: CRDs first, then part by part."""

    def __init__(self, name: str, stack: RenderedStack, host: Host) -> None:
        super().__init__(
            "kuber:standard_stack:StandardStack", name, None, pulumi.ResourceOptions(providers=[host.provider])
        )
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
        self._components = {one.part.name: PartResources(one.part.name, child) for one in stack.parts}
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
        for component in self._components.values():
            component.register_outputs({})
        self.register_outputs({})

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
    """The objects of one part."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__("kuber:standard_stack:Part", name, None, opts)


def _ignored(part: Part, manifest: Manifest) -> Sequence[str]:
    return part.ignored.get(f"{manifest['kind']}/{manifest['metadata']['name']}", ())
