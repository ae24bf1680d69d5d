"""What the cache holds of what releases pin, and whether it is still that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from components.charts.cache import ChartCache, Entry, digest_of
from components.charts.errors import ChartError

from .fetching import checked
from .pinned import PinnedFile

Verdict = Literal["fine", "missing", "unverified", "wrong", "damaged"]


@dataclass(frozen=True, kw_only=True)
class CachedFile:
    """One file that releases pin, as the cache has it.

    Attributes:
        file: Which.
        entry: What the cache knows of it; None where it isn't there.
        size: Bytes; None where it isn't there.
        verified: Whether it is known to be what was published.
    """

    file: PinnedFile
    entry: Entry | None
    size: int | None
    verified: bool


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What looking into one file gave.

    Attributes:
        file: Which.
        verdict: `wrong` is another file than releases pin, `damaged` another than was put there.
        detail: What there is to know; empty where it is fine.
    """

    file: PinnedFile
    verdict: Verdict
    detail: str = ""


def cached_files(pinned: Sequence[PinnedFile], cache: ChartCache) -> list[CachedFile]:
    """What the cache knows, without reading the files."""
    return [_cached(file, cache) for file in pinned]


def _cached(file: PinnedFile, cache: ChartCache) -> CachedFile:
    entry = cache.entry(file.kind, file.name, file.version)
    if entry is None:
        return CachedFile(file=file, entry=None, size=None, verified=False)
    size = cache.path(file.kind, file.name, file.version).stat().st_size
    verified = entry.digest == file.digest if file.digest else entry.verified
    return CachedFile(file=file, entry=entry, size=size, verified=verified)


def verify(file: PinnedFile, cache: ChartCache) -> Verified:
    """Read one file whole, and hold it against what the cache knows and what releases pin."""
    verdict, detail = _verdict(file, cache.entry(file.kind, file.name, file.version), cache)
    return Verified(file=file, verdict=verdict, detail=detail)


def _verdict(file: PinnedFile, entry: Entry | None, cache: ChartCache) -> tuple[Verdict, str]:
    path = cache.path(file.kind, file.name, file.version)
    if entry is None:
        if path.is_file():
            return "damaged", f"nothing is known of {path}; `kuber charts fetch`"
        return "missing", "`kuber charts fetch`, or `kuber charts import DIR`"
    if damage := _damage(file, entry, path):
        return "damaged", damage
    if file.digest and entry.digest != file.digest and entry.verified:
        return "wrong", f"is {entry.digest}, and releases pin {file.digest}"
    if not entry.verified and entry.digest != file.digest:
        return "unverified", f"came from {entry.source}"
    return "fine", ""


def _damage(file: PinnedFile, entry: Entry, path: Path) -> str:
    """In what a file isn't what was put there; empty where it is."""
    try:
        content = path.read_bytes()
        checked(file, content)
    except OSError as error:
        return f"can't be read: {error.strerror}"
    except ChartError as error:
        return error.reason
    digest = digest_of(content)
    return "" if digest == entry.digest else f"is {digest}, and {entry.digest} was put there"


def as_json(cached: Sequence[CachedFile]) -> list[dict[str, Any]]:
    """The list for programs."""
    return [
        {
            "kind": "chart" if one.file.kind == "charts" else "crds",
            "name": one.file.name,
            "version": one.file.version,
            "releases": list(one.file.releases),
            "repository": one.file.source,
            "locked": not one.file.unlocked_in,
            "cached": one.entry is not None,
            "verified": one.verified,
            "digest": one.entry.digest if one.entry else None,
            "source": one.entry.source if one.entry else None,
            "size_bytes": one.size,
        }
        for one in cached
    ]
