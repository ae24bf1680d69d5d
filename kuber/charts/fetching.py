"""Fills the cache: several files at a time, each taken only when it is what the releases pin."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import yaml

from components.charts.archive import ArchiveError, check_archive
from components.charts.cache import ChartCache, Entry, digest_of
from components.charts.errors import ChartError
from components.charts.yaml_documents import manifests

from .pinned import PinnedFile, is_trusted
from .pulling import Patience, StoppedError, pull
from .refusals import refusal

Tell = Callable[[PinnedFile, str], None]


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What became of one file.

    Attributes:
        file: Which.
        entry: What the cache knows of it now; None where it couldn't be had.
        size: Bytes.
        is_new: Whether it was got now.
        error: Why it couldn't be had.
    """

    file: PinnedFile
    entry: Entry | None = None
    size: int = 0
    is_new: bool = False
    error: ChartError | None = None


@dataclass(frozen=True, kw_only=True)
class Fetching:
    """How to fetch.

    Attributes:
        cache: To fill.
        jobs: Files at a time.
        patience: How long to try each.
        mirror: A repository to take all charts from, in place of the releases'.
        again: Get also what is in the cache.
    """

    cache: ChartCache
    jobs: int = 4
    patience: Patience
    mirror: str = ""
    again: bool = False


def fetch(files: Sequence[PinnedFile], how: Fetching, tell: Tell) -> Generator[Fetched, None, None]:
    """Fill the cache, and say what became of each file as it is done. One that fails stops no other.

    When the caller leaves early, or Ctrl-C comes, what runs is ended; the cache is whole at any moment.
    """
    with ThreadPoolExecutor(max_workers=how.jobs) as pool:
        running = [pool.submit(_fetch_one, file, how, tell) for file in files]
        try:
            for done in as_completed(running):
                yield done.result()
        finally:
            if not all(one.done() for one in running):
                how.patience.stop.set()
                pool.shutdown(wait=True, cancel_futures=True)


def checked(file: PinnedFile, content: bytes) -> None:
    """Make sure that a file is a sound one of its kind, and says itself that it is the version that is pinned.

    Raises:
        ChartError: it isn't.
    """
    if file.kind == "manifests":
        _check_crds(content, file.title)
        return
    chart = check_archive(content, file.title)
    if (chart.name, chart.version) != (file.name, file.version):
        raise ArchiveError(
            file.title,
            f"the archive says that it is {chart.name} {chart.version}",
            "a release gives a chart's whole version, as its Chart.yaml has it",
        )


def keep(cache: ChartCache, file: PinnedFile, content: bytes, source: str, verified: bool) -> Entry:
    """Take a file into the cache.

    Raises:
        ChartError: it can't be written.
    """
    entry = Entry(name=file.name, version=file.version, digest=digest_of(content), source=source, verified=verified)
    try:
        with tempfile.TemporaryDirectory(prefix="kuber-charts-") as folder:
            path = Path(folder, "content")
            path.write_bytes(content)
            cache.add(file.kind, entry, path)
    except OSError as error:
        said = error.strerror or str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise refusal(file.title, str(cache.folder), said) from None
        raise ChartError(
            file.title, f"can't be written to {cache.folder}: {said}", "XDG_CACHE_HOME names another folder"
        ) from None
    return entry


def _fetch_one(file: PinnedFile, how: Fetching, tell: Tell) -> Fetched:
    path = how.cache.path(file.kind, file.name, file.version)
    if not how.again and (entry := sound_entry(how.cache, file)):
        return Fetched(file=file, entry=entry, size=path.stat().st_size)
    source = how.mirror if how.mirror and file.kind == "charts" else file.source
    try:
        content = pull(file, source, how.patience, lambda line: tell(file, line))
        _compare(file, digest_of(content), source)
        checked(file, content)
        verified = bool(file.digest) or (source == file.source and is_trusted(source))
        entry = keep(how.cache, file, content, source, verified)
    except StoppedError:
        return Fetched(file=file)
    except ChartError as error:
        return Fetched(file=file, error=error)
    return Fetched(file=file, entry=entry, size=len(content), is_new=True)


def sound_entry(cache: ChartCache, file: PinnedFile) -> Entry | None:
    """What the cache knows of a file that needn't be got: it is there as it was published, and as the releases pin it."""
    try:
        entry = cache.require(file.kind, file.name, file.version, file.digest)
        content = cache.path(file.kind, file.name, file.version).read_bytes()
    except (ChartError, OSError):
        return None
    return entry if entry.verified and digest_of(content) == entry.digest else None


def _compare(file: PinnedFile, digest: str, source: str) -> None:
    if file.digest and digest != file.digest:
        raise ChartError(
            file.title,
            f"{source} gives another file than the one that is locked; it wasn't kept\n"
            f"    found:    {digest}\n    expected: {file.digest}",
            "somebody has changed what was published, or something on the way did: find out before you lock it anew",
        )


def _check_crds(content: bytes, title: str) -> None:
    try:
        kinds = [one["kind"] for one in manifests(content.decode())]
    except (UnicodeDecodeError, yaml.YAMLError, TypeError) as error:
        raise ChartError(title, f"this is no file of Kubernetes objects: {str(error).splitlines()[0]}") from None
    if "CustomResourceDefinition" not in kinds:
        raise ChartError(title, "the file holds no CustomResourceDefinition")
