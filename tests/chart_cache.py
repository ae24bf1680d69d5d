"""Charts for tests: the real ones where the user's cache has them, else small ones of the project's own that take the same values.

`KUBER_TEST_CHARTS=real` or `=fixture` decides; otherwise the cache does. A run says at its end which of the two it was.
"""

from __future__ import annotations

import io
import os
import re
import tarfile
import tempfile
from functools import cache
from pathlib import Path

from components.charts.cache import ChartCache, Entry, digest_of
from config.release import read_release, release_names

FIXTURES = Path(__file__).with_name("charts")


@cache
def kind_of_charts() -> str:
    """`real` or `fixture`."""
    asked = os.environ.get("KUBER_TEST_CHARTS")
    if asked in ("real", "fixture"):
        return asked
    user = ChartCache()
    wanted = [
        (name, pin.version) for release in map(read_release, release_names()) for name, pin in release.charts.items()
    ]
    return "real" if all(user.entry("charts", *one) for one in wanted) else "fixture"


@cache
def chart_cache() -> ChartCache:
    """A cache with all charts of all releases."""
    return ChartCache() if kind_of_charts() == "real" else fixture_cache()


@cache
def fixture_cache() -> ChartCache:
    """Small charts of the project's own. One for all workers of a test run, and for later runs: its name tells its content."""
    charts = {folder.name: _files(folder) for folder in sorted(FIXTURES.iterdir()) if folder.is_dir()}
    releases = [read_release(name) for name in release_names()]
    files = {file.name: file.read_bytes() for file in sorted(FIXTURES.iterdir()) if file.is_file()}
    key = digest_of(repr((charts, files, releases)).encode()).removeprefix("sha256:")[:16]
    made = ChartCache(Path(tempfile.gettempdir(), f"kuber-test-charts-{os.getuid()}-{key}", "kuber"))
    for release in releases:
        for name, pin in release.charts.items():
            if name in charts and made.entry("charts", name, pin.version) is None:
                _add(made, "charts", name, pin.version, _packed(name, pin.version, charts[name]))
        for name, bundle in release.crds.items():
            file = FIXTURES / f"{name}.yaml"
            if bundle.url and file.exists() and made.entry("manifests", name, bundle.version) is None:
                _add(made, "manifests", name, bundle.version, file.read_bytes())
    return made


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _packed(name: str, version: str, files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path, content in files.items():
            text = _at_version(content, version) if path == "Chart.yaml" else content
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    return packed.getvalue()


def _at_version(chart: bytes, version: str) -> bytes:
    return re.sub(rb"(?m)^version:.*$", f"version: {version}".encode(), chart)


def _add(made: ChartCache, kind: str, name: str, version: str, content: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        entry = Entry(name=name, version=version, digest=digest_of(content), source="tests/charts", verified=False)
        made.add("charts" if kind == "charts" else "manifests", entry, Path(file.name))
