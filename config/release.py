"""A release of the standard stack: each chart, image and bundle of CRDs, with version and digest.

`release:` in a stack file picks one, so that a cluster stays where it is until one line moves it. Releases live side by side in
`releases/`, a file each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from .complaints import from_pydantic
from .errors import Problem, StackFileError
from .model import Settings
from .text import Text
from .yaml_source import parse

RELEASES = Path(__file__).resolve().parents[1] / "releases"

ReleaseName = Annotated[str, Text(r"\d{4}\.\d{2}(\.\d+)?", 'a release in quotes, such as "2026.11"')]
Digest = Annotated[
    str, Text(r"(sha256:[0-9a-f]{64})?", "sha256: and 64 hexadecimal digits, or nothing until it is locked")
]
Repository = Annotated[
    str, Text(r"(oci|https?)://[^\s/]+(/\S*)?", "oci://registry/path or the https:// address of a chart repository")
]
ApiVersion = Annotated[str, Text(r"[a-z0-9.-]+/v[0-9a-z]+", "group/version such as cert-manager.io/v1")]
Texts = Annotated[tuple[str, ...], Field(strict=False)]


class ChartPin(Settings):
    """One chart at one version."""

    repository: Repository
    """Where `kuber charts fetch` gets it: an OCI registry's path, or a classic repository."""
    version: str
    digest: Digest = ""
    """Digest of the archive. Empty until `kuber charts lock` has filled it."""
    hooks: dict[str, str] = {}
    """Hooks that the chart renders, `Kind/name`, each with what is done about it. One that isn't named here is an error."""
    schema_skipped: str = ""
    """Why the chart's own schema can't be used offline; empty where it is used."""


class CrdPin(Settings):
    """One bundle of CustomResourceDefinitions: from a chart, or from a file of its own."""

    version: str
    """Version of the project that the CRDs belong to."""
    chart: str | None = None
    """The chart that renders them."""
    url: Annotated[str, Text(r"https?://\S+", "the address of a file of CRDs")] | None = None
    """The file of its own."""
    digest: Digest = ""
    """Digest of the file; a chart's archive has its own."""
    api_versions: Annotated[tuple[ApiVersion, ...], Field(strict=False, min_length=1)]
    """What it adds to the API, for charts that ask what there is."""

    @property
    def groups(self) -> frozenset[str]:
        """API groups: `monitoring.coreos.com`."""
        return frozenset(one.partition("/")[0] for one in self.api_versions)

    def conflicts(self) -> Iterator[Problem]:
        if (self.chart is None) == (self.url is None):
            yield Problem(message="CRDs come from a chart or from a file", expected="one of `chart` and `url`")


class ImagePin(Settings):
    """One container image."""

    repository: Annotated[
        str, Text(r"[a-z0-9.-]+(:\d+)?/[a-z0-9._/-]+", "registry/path, such as quay.io/prometheus/prometheus")
    ]
    tag: str
    digest: Digest = ""
    """Digest of the image's index, for all architectures. Empty until `kuber charts lock` has filled it."""

    def reference(self, mirror: str = "") -> str:
        """The image as a container names it.

        Args:
            mirror: Prefix of a mirror that holds all images under their whole names; empty for none.
        """
        name = f"{mirror.rstrip('/')}/{self.repository}" if mirror else self.repository
        return f"{name}:{self.tag}" + (f"@{self.digest}" if self.digest else "")


class Release(Settings):
    """The bill of materials of the standard stack."""

    release: ReleaseName
    charts: dict[str, ChartPin]
    crds: dict[str, CrdPin]
    images: dict[str, ImagePin]

    @property
    def unlocked(self) -> str:
        """What has no digest yet, in words: "40 images, 9 charts"; empty where all have one."""
        files = {name: bundle for name, bundle in self.crds.items() if bundle.url}
        numbers = [
            (sum(not one.digest for one in pins.values()), what)
            for pins, what in ((self.images, "image"), (self.charts, "chart"), (files, "file of CRDs"))
        ]
        return ", ".join(f"{number} {what if number == 1 else _plural(what)}" for number, what in numbers if number)

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        for name, bundle in self.crds.items():
            if bundle.chart and bundle.chart not in self.charts:
                yield Problem(path=("crds", name, "chart"), message=f"the release has no chart {bundle.chart}")


def _plural(what: str) -> str:
    first, _, rest = what.partition(" ")
    return f"{first}s {rest}".rstrip()


def release_names() -> tuple[str, ...]:
    """The releases that there are, oldest first."""
    return tuple(sorted(path.stem for path in RELEASES.glob("*.yaml")))


def release_problems(name: str) -> Iterator[Problem]:
    """What is wrong with a stack file's choice of a release."""
    names = release_names()
    if name not in names:
        yield Problem(
            path=("release",),
            message="there is no such release",
            found=f'"{name}"',
            expected=f"one of {', '.join(names)}",
        )


def read_release(name: str) -> Release:
    """A release by its name.

    Raises:
        StackFileError: there is no such release, or its file says something that can't be.
    """
    path = RELEASES / f"{name}.yaml"
    if not path.is_file():
        raise StackFileError(path.name, release_problems(name))
    return _read(path, path.stat().st_mtime_ns)


@cache
def _read(path: Path, _changed_ns: int) -> Release:
    return parse_release(path.read_text(encoding="utf-8"), path.name)


def parse_release(text: str, file: str) -> Release:
    """A release from the text of its file.

    Raises:
        StackFileError: the text says something that can't be.
    """
    source = parse(text, file)
    try:
        release = Release.model_validate(source.value)
    except ValidationError as error:
        found = [from_pydantic(detail, Release) for detail in error.errors(include_url=False)]
    else:
        found = list(release.conflicts())
        if not found:
            return release
    raise StackFileError(file, [replace(problem, line=source.line_of(problem.path)) for problem in found])
