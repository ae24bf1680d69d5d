"""Packs a chart's folder: the same files give the same bytes, whoever packs them and when."""

from __future__ import annotations

import fnmatch
import gzip
import io
import os
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from components.charts.archive import ArchiveError, chart_of, check_archive
from components.charts.errors import ChartError
from components.charts.yaml_documents import mapping

from .constraints import fits

_ALWAYS_IGNORED = ("templates/.?*", ".git/")


def pack(folder: Path) -> bytes:
    """A chart's archive, as `helm package` would make it, but with nothing of the day or the user in it.

    A dependency that isn't in the chart's `charts/` is taken from beside it: a folder of its name, or an archive.

    Raises:
        ChartError: it is no chart, holds links that lead out of it, or lacks a dependency.
    """
    files = _with_dependencies(folder, ())
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0, compresslevel=9) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        top = chart_of(files["Chart.yaml"], str(folder)).name
        for path in sorted(files):
            entry = tarfile.TarInfo(f"{top}/{path}")
            entry.size, entry.mode = len(files[path]), 0o644
            tar.addfile(entry, io.BytesIO(files[path]))
    return packed.getvalue()


def _with_dependencies(folder: Path, within: tuple[str, ...]) -> dict[str, bytes]:
    """The files of a chart, those of its dependencies among them, by path."""
    files = dict(_own_files(folder))
    chart = chart_of(files.get("Chart.yaml"), str(folder))
    if chart.name in within:
        raise ChartError(str(folder), f"charts depend on each other: {' → '.join([*within, chart.name])}")
    vendored = set(_vendored(files))
    for dependency in _dependencies(files):
        name, version = dependency["name"], dependency["version"]
        if name in vendored:
            continue
        beside = _beside(folder, name, version)
        if beside is None:
            raise ChartError(
                f"{chart.name} {chart.version}",
                f"needs {name} {version}, which is neither in {folder}/charts nor beside the chart",
                f"put a folder {name} or its archive into {folder.parent}, or run `helm dependency build {folder}`",
            )
        if beside.is_file():
            files[f"charts/{beside.name}"] = beside.read_bytes()
        else:
            inner = _with_dependencies(beside, (*within, chart.name))
            files |= {f"charts/{name}/{path}": content for path, content in inner.items()}
    return files


def _own_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    root = folder.resolve()
    ignored = _ignored(root / ".helmignore")
    for path, folders, names in os.walk(root, followlinks=True):
        here = Path(path)
        inside = PurePosixPath(here.relative_to(root))
        folders[:] = sorted(name for name in folders if not _matches(ignored, inside / name, is_folder=True))
        for name in [*folders, *names]:
            _check_link(folder, root, here / name)
        for name in sorted(names):
            if _matches(ignored, inside / name, is_folder=False):
                continue
            if not (here / name).is_file():
                raise ArchiveError(str(folder), f"{inside / name} is no plain file")
            yield str(inside / name), (here / name).read_bytes()


def _check_link(folder: Path, root: Path, path: Path) -> None:
    """A link may lead to what is in the chart, but not round in a circle."""
    if not path.is_symlink():
        return
    target = path.resolve()
    if not target.is_relative_to(root):
        raise ArchiveError(str(folder), f"{path.relative_to(root)} is a link that leads out of the chart")
    if path.is_relative_to(target):
        raise ArchiveError(str(folder), f"{path.relative_to(root)} is a link to a folder that it lies in")


def _dependencies(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """What Chart.yaml, or a requirements.yaml of older charts, names."""
    for path in ("Chart.yaml", "requirements.yaml"):
        try:
            listed = mapping(files.get(path, b"").decode()).get("dependencies") or []
            if listed:
                return [{"name": str(one["name"]), "version": str(one.get("version") or "*")} for one in listed]
        except (UnicodeDecodeError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
            raise ChartError(path, f"its dependencies can't be read: {error}") from None
    return []


def _vendored(files: Mapping[str, bytes]) -> Iterator[str]:
    """Names of the charts in `charts/`."""
    for path, content in files.items():
        parts = path.split("/")
        if parts[0] == "charts" and len(parts) == 3 and parts[2] == "Chart.yaml":
            yield chart_of(content, path).name
        elif parts[0] == "charts" and len(parts) == 2 and path.endswith(".tgz"):
            yield check_archive(content, path).name


def _beside(folder: Path, name: str, version: str) -> Path | None:
    """A chart beside another one: its folder, or an archive."""
    for path in [folder.parent / name, *sorted(folder.parent.glob(f"{name}-*.tgz"))]:
        try:
            if path.is_file():
                chart = check_archive(path.read_bytes(), path.name)
            else:
                chart = chart_of((path / "Chart.yaml").read_bytes(), path.name)
            if chart.name == name and fits(chart.version, version):
                return path
        except (OSError, ArchiveError, ValueError):
            continue
    return None


def _ignored(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return [*_ALWAYS_IGNORED, *(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#"))]


def _matches(rules: list[str], path: PurePosixPath, *, is_folder: bool) -> bool:
    """Whether a .helmignore leaves a path out: its first rule that says so does. One with `!` leaves out what it doesn't match."""
    for rule in rules:
        pattern, negated = rule.removeprefix("!"), rule.startswith("!")
        if pattern.endswith("/") and not is_folder:
            if negated:
                return True
            continue
        if _matches_one(pattern.removesuffix("/"), path) != negated:
            return True
    return False


def _matches_one(pattern: str, path: PurePosixPath) -> bool:
    """By name alone where the pattern has no slash; otherwise part by part from the chart's folder."""
    if "/" not in pattern:
        return fnmatch.fnmatchcase(path.name, pattern)
    wanted = pattern.removeprefix("/").split("/")
    return len(wanted) == len(path.parts) and all(map(fnmatch.fnmatchcase, path.parts, wanted))
