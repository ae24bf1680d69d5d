"""What releases pin, taken together: a file that several of them pin is there once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from components.charts.cache import Kind
from components.charts.errors import ChartError
from config.release import Release

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, kw_only=True)
class PinnedFile:
    """A chart's archive or a file of CRDs, as releases pin it.

    Attributes:
        kind: `charts` or `manifests`.
        name: Of the chart, or of the bundle of CRDs.
        version: As the releases have it.
        source: The chart's repository, or the file's address.
        digest: sha256:…; empty where no release has it locked.
        releases: That pin it, oldest first.
        unlocked_in: Those of them that don't give its digest.
    """

    kind: Kind
    name: str
    version: str
    source: str
    digest: str
    releases: tuple[str, ...]
    unlocked_in: tuple[str, ...]

    @property
    def title(self) -> str:
        """Name and version, for people."""
        return f"{self.name} {self.version}"


def pinned_files(releases: Sequence[Release]) -> list[PinnedFile]:
    """All files that releases pin, by name and version.

    Raises:
        ChartError: two releases give different digests for one version.
    """
    found: dict[tuple[Kind, str, str], list[tuple[str, str, str]]] = {}
    for release in releases:
        for kind, name, version, source, digest in _pins(release):
            found.setdefault((kind, name, version), []).append((release.release, source, digest))
    return [_together(*key, found[key]) for key in sorted(found)]


def is_loopback(address: str) -> bool:
    """Whether an address leads to this machine."""
    return urlsplit(address).hostname in _LOOPBACK


def is_trusted(address: str) -> bool:
    """Whether what comes from an address comes from whom it names: by TLS, or from this machine."""
    return urlsplit(address).scheme in ("https", "oci") or is_loopback(address)


def _pins(release: Release) -> Iterator[tuple[Kind, str, str, str, str]]:
    for name, chart in release.charts.items():
        yield "charts", name, chart.version, chart.repository, chart.digest
    for name, bundle in release.crds.items():
        if bundle.url:
            yield "manifests", name, bundle.version, bundle.url, bundle.digest


def _together(kind: Kind, name: str, version: str, pins: Sequence[tuple[str, str, str]]) -> PinnedFile:
    digests = {digest: release for release, _, digest in pins if digest}
    if len(digests) > 1:
        told = ", ".join(f"{release} has {digest}" for digest, release in digests.items())
        raise ChartError(
            f"{name} {version}",
            f"releases give different digests for the same version: {told}",
            f"find out which was published; `kuber charts lock --update {name}` asks the registry and sets all",
        )
    return PinnedFile(
        kind=kind,
        name=name,
        version=version,
        source=pins[-1][1],
        digest=next(iter(digests), ""),
        releases=tuple(release for release, _, _ in pins),
        unlocked_in=tuple(release for release, _, digest in pins if not digest),
    )
