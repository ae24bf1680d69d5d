"""Looks into a chart's archive before anything uses it: that it is whole, and holds one chart and nothing that reaches out of it."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import yaml

from .errors import ChartError
from .yaml_documents import mapping

MAX_FILE_BYTES = 5 * 2**20
"""Of one file; helm refuses to load a larger one (its pkg/chart/loader, MaxDecompressedFileSize)."""
MAX_UNPACKED_BYTES = 100 * 2**20
"""Of all files; likewise helm's limit (MaxDecompressedChartSize)."""
MAX_ENTRIES = 10_000
_MAX_NESTING = 4
_PLAIN_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE)


class ArchiveError(ChartError):
    """An archive that isn't to be used."""


@dataclass(frozen=True, kw_only=True)
class ArchivedChart:
    """What an archive says that it is, by its Chart.yaml."""

    name: str
    version: str


@dataclass
class _Budget:
    """What may still be unpacked: archives within an archive share it."""

    unpacked_bytes: int = field(default_factory=lambda: MAX_UNPACKED_BYTES)
    entries: int = field(default_factory=lambda: MAX_ENTRIES)


def check_archive(content: bytes, title: str) -> ArchivedChart:
    """Look through an archive.

    Args:
        content: The archive: a gzipped tar.
        title: What errors call it.

    Raises:
        ArchiveError: it is cut off or damaged, more than helm would load, holds links, devices or paths that lead out of it, or isn't
            one chart.
    """
    try:
        return _checked(content, title, _Budget(), depth=0)
    except (tarfile.TarError, zlib.error, EOFError, ValueError) as error:
        raise ArchiveError(title, f"the archive can't be read: {error}") from None


def _checked(content: bytes, title: str, budget: _Budget, depth: int) -> ArchivedChart:
    if depth > _MAX_NESTING:
        raise ArchiveError(title, f"archives lie within archives, more than {_MAX_NESTING} deep")
    files = _files(_unpacked(content, title, budget), title, budget)
    folders = sorted({path.parts[0] for path in files})
    if len(folders) != 1:
        raise ArchiveError(title, f"the archive holds {', '.join(folders) or 'nothing'} where one folder is right")
    for path, file in files.items():
        if len(path.parts) == 3 and path.parts[1] == "charts" and path.suffix == ".tgz":
            _checked(file, f"{title}, {path}", budget, depth + 1)
    return chart_of(files.get(PurePosixPath(folders[0], "Chart.yaml")), title)


def chart_of(text: bytes | None, title: str) -> ArchivedChart:
    """Name and version from a Chart.yaml.

    Raises:
        ArchiveError: there is none, or it doesn't say.
    """
    if text is None:
        raise ArchiveError(title, "there is no Chart.yaml in it: that is no chart")
    try:
        said = mapping(text.decode())
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ArchiveError(title, f"its Chart.yaml can't be read: {error}") from None
    name, version = said.get("name"), said.get("version")
    if not isinstance(name, str) or not isinstance(version, str):
        raise ArchiveError(title, f"its Chart.yaml gives name {name!r} and version {version!r}: both must be text")
    return ArchivedChart(name=name, version=version)


def _unpacked(content: bytes, title: str, budget: _Budget) -> bytes:
    """The tar of a gzip file, read to its end, so that its checksum has been compared."""
    if not content.startswith(b"\x1f\x8b"):
        begins = content[:20].decode(errors="replace")
        hint = "a proxy's or a log-in's page in place of the file?" if content.lstrip()[:1] == b"<" else ""
        raise ArchiveError(title, f"this is no gzip file: it begins with {begins!r}", hint)
    unpacked, rest = bytearray(), content
    while rest.startswith(b"\x1f\x8b"):
        member = zlib.decompressobj(wbits=31)
        unpacked += member.decompress(rest, budget.unpacked_bytes - len(unpacked) + 1)
        if len(unpacked) > budget.unpacked_bytes:
            raise ArchiveError(title, f"it unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MiB")
        if not member.eof:
            raise ArchiveError(title, "the archive is cut off", "get it again")
        rest = member.unused_data
    if rest.strip(b"\0"):
        raise ArchiveError(title, "something that isn't the archive's follows its end")
    budget.unpacked_bytes -= len(unpacked)
    return bytes(unpacked)


def _files(content: bytes, title: str, budget: _Budget) -> Mapping[PurePosixPath, bytes]:
    """The plain files of a tar, all of whose entries are as they should be."""
    files: dict[PurePosixPath, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
        for member in tar:
            budget.entries -= 1
            if budget.entries < 0:
                raise ArchiveError(title, f"it holds more than {MAX_ENTRIES} entries")
            path = _path(member, title)
            if member.isdir():
                continue
            if len(path.parts) < 2:
                raise ArchiveError(title, f"{path} lies outside the chart's folder")
            if member.size > MAX_FILE_BYTES:
                raise ArchiveError(title, f"{path} has more than the {MAX_FILE_BYTES // 2**20} MiB that helm loads")
            file = tar.extractfile(member)
            text = file.read() if file else b""
            if len(text) != member.size:
                raise ArchiveError(title, f"the archive is cut off within {path}", "get it again")
            if files.setdefault(path, text) != text:
                raise ArchiveError(title, f"{path} is in it twice, not the same")
        if content[tar.offset :].strip(b"\0"):
            raise ArchiveError(title, "the archive is damaged: not all of it can be read")
    return files


def _path(member: tarfile.TarInfo, title: str) -> PurePosixPath:
    """An entry's path, which stays within the archive; of a plain file or a folder."""
    name, parts = member.name, member.name.split("/")
    if name.startswith("/") or "\\" in name or ":" in parts[0] or {"", ".", ".."} & set(parts):
        raise ArchiveError(title, f"it holds a path that may lead out of it: {name!r}", "don't unpack it")
    if member.issym() or member.islnk():
        raise ArchiveError(title, f"it holds a link, {name} to {member.linkname}: helm packs none", "don't unpack it")
    if not member.isdir() and (member.type not in _PLAIN_FILES or member.issparse()):
        raise ArchiveError(title, f"it holds {name}, which is no plain file", "don't unpack it")
    return PurePosixPath(name)
