"""The standard stack before anything is made: its parts, with all of their objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from components.charts.cache import ChartCache
from components.charts.errors import ChartError, NotCachedError
from components.charts.manifests import Manifest, identity, normalised, shown_identity
from components.charts.rendering import Crd, Surroundings, crds_of_file, render
from config.release import CrdPin, Release

from . import absence, house_rules, namespaces
from .merging import merged
from .part import Part
from .parts import parts
from .registration import Identity
from .site import Site


@dataclass(frozen=True, kw_only=True)
class RenderedPart:
    """A part with all its objects.

    Attributes:
        part: As it was described.
        objects: Under the house's rules, namespace included; those that can be one are one.
        from_charts: The chart that an object comes from.
        charts: The versions of its charts, by name.
    """

    part: Part
    objects: Sequence[Manifest]
    from_charts: Mapping[Identity, str]
    charts: Mapping[str, str]


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
        not_rendered: Charts and files of CRDs that aren't here, each with the reason.
        unverified: Those that can't be told to be the published ones.
        removed_crds: CRDs that no part brings any more, and that are to be deleted.
        release: What all of it is of.
    """

    parts: Sequence[RenderedPart]
    bundles: Sequence[Bundle]
    needs: Mapping[str, Sequence[str]]
    not_rendered: Sequence[NotCachedError]
    unverified: Sequence[str]
    removed_crds: Sequence[str]
    release: Release

    @property
    def warnings(self) -> list[str]:
        """What a person should know: what is missing here, or can't be told to be what was published."""
        alike: dict[tuple[str, str], list[str]] = {}
        for error in self.not_rendered:
            alike.setdefault((error.reason, error.hint), []).append(error.chart)
        told = [
            f"not rendered, {reason}: {', '.join(charts)}{f' ({hint})' if hint else ''}"
            for (reason, hint), charts in alike.items()
        ]
        if self.unverified:
            told.append(
                f"from folders, so that nothing tells whether they are the published charts: {', '.join(self.unverified)}"
            )
        if unlocked := self.release.unlocked:
            name = self.release.release
            told.append(
                f"release {name} isn't locked: {unlocked} without a digest (`kuber charts lock {name}` asks for them)"
            )
        return told

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
    made = _Making(site, around, cache)
    done = [made.part(part) for part in wanted]
    bundles = made.bundles(wanted)
    _refuse_clashes(done)
    _refuse_removal_in_use(site.stack.remove_crds, bundles)
    absence.judge(made.missing, made.incomplete, made.unverified)
    needs = {part.name: site.stack.needed_by(part.name) for part in wanted}
    return RenderedStack(
        parts=_in_order(done, needs),
        bundles=bundles,
        needs=needs,
        not_rendered=made.missing,
        unverified=made.unverified,
        removed_crds=site.stack.remove_crds,
        release=site.release,
    )


class _Making:
    """One rendering of a stack, part by part.

    Attributes:
        missing: Charts and files that aren't here, each with the reason.
        incomplete: Names of the parts that lack objects or CRDs by that.
        unverified: Those that can't be told to be the published ones.
    """

    def __init__(self, site: Site, around: Surroundings, cache: ChartCache) -> None:
        self._site, self._around, self._cache = site, around, cache
        self._crds: dict[str, Mapping[str, Crd]] = {}
        self.missing: list[NotCachedError] = []
        self.incomplete: list[str] = []
        self.unverified: list[str] = []

    def part(self, part: Part) -> RenderedPart:
        """A part with its objects, those of its charts too."""
        namespace = part.namespace or "default"
        objects: list[Manifest] = []
        from_charts: dict[Identity, str] = {}
        for chart in part.charts:
            pin = self._site.release.charts[chart.name]
            try:
                rendering = render(chart, pin, namespace, self._around, self._cache)
            except NotCachedError as error:
                self._miss(error, part)
                continue
            objects += rendering.objects
            from_charts |= {identity(one): chart.name for one in rendering.objects}
            self._crds[chart.name] = rendering.crds
            self._judge(f"{chart.name} {pin.version}", rendering.verified)
        objects += normalised(part.objects, namespace)
        objects = house_rules.applied(house_rules.kept(objects, self._site), self._site)
        objects = merged(part.name, [*namespaces.of(part), *objects])
        charts = {chart.name: self._site.release.charts[chart.name].version for chart in part.charts}
        return RenderedPart(part=part, objects=objects, from_charts=from_charts, charts=charts)

    def bundles(self, wanted: Sequence[Part]) -> list[Bundle]:
        """CRDs that the parts bring, by project; to be asked for after the parts."""
        found: list[Bundle] = []
        for name, pin in self._site.release.crds.items():
            owner = next((part for part in wanted if name in part.crds or pin.chart in _charts(part)), None)
            if owner is None:
                continue
            crds = self._crds.get(pin.chart, {}) if pin.chart else self._of_file(name, pin, owner)
            own = {crd: facts for crd, facts in sorted(crds.items()) if crd.partition(".")[2] in pin.groups}
            if own:
                found.append(
                    Bundle(
                        name=name, version=pin.version, part=owner.name, chart=pin.chart, groups=pin.groups, crds=own
                    )
                )
        return found

    def _of_file(self, name: str, pin: CrdPin, owner: Part) -> Mapping[str, Crd]:
        try:
            crds, verified = crds_of_file(name, pin, self._cache)
        except NotCachedError as error:
            self._miss(error, owner)
            return {}
        self._judge(f"{name} {pin.version}", verified)
        return crds

    def _miss(self, error: NotCachedError, part: Part) -> None:
        if part.name not in self.incomplete:
            self.incomplete.append(part.name)
        if str(error) not in map(str, self.missing):  # a part may use a chart twice
            self.missing.append(error)

    def _judge(self, title: str, verified: bool) -> None:
        if not verified and title not in self.unverified:
            self.unverified.append(title)


def _charts(part: Part) -> set[str]:
    return {chart.name for chart in part.charts}


def _api_versions(wanted: Sequence[Part], release: Release) -> list[str]:
    """What the API will have beside Kubernetes' own."""
    charts = {name for part in wanted for name in _charts(part)}
    files = {name for part in wanted for name in part.crds}
    pins = [pin for name, pin in release.crds.items() if pin.chart in charts or name in files]
    return sorted({version for pin in pins for version in pin.api_versions})


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
