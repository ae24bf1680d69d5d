"""Takes charts and files of CRDs from a folder into the cache, for machines that reach no registry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from components.charts.archive import ArchivedChart, chart_of, check_archive
from components.charts.cache import ChartCache, Entry, digest_of
from components.charts.errors import ChartError

from .download import MAX_BYTES
from .fetching import checked, keep, sound_entry
from .packing import pack
from .pinned import PinnedFile

Outcome = Literal["taken", "passed over", "refused"]


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What became of one file or folder.

    Attributes:
        path: Which.
        outcome: Whether it is in the cache now.
        file: What the releases pin that it is; None where they don't.
        entry: What the cache knows of it; None where it wasn't taken.
        reason: Why it was passed over, or what there is to know of what was taken.
        error: Why it was refused.
    """

    path: Path
    outcome: Outcome
    file: PinnedFile | None = None
    entry: Entry | None = None
    reason: str = ""
    error: ChartError | None = None


def import_folder(folder: Path, pinned: Sequence[PinnedFile], cache: ChartCache) -> Iterator[Imported]:
    """Take in all that releases pin; what they don't is passed over, what isn't sound is refused.

    Args:
        folder: Holds archives, charts' folders and `<bundle>-<version>.yaml`; or is a chart itself.
        pinned: What releases pin.
        cache: To fill.
    """
    paths = [folder.resolve()] if (folder / "Chart.yaml").is_file() else sorted(folder.iterdir())
    for path in paths:
        try:
            yield _import_one(path, pinned, cache)
        except ChartError as error:
            yield Imported(path=path, outcome="refused", error=error)
        except OSError as error:
            reason = f"can't be read: {error.strerror or error}"
            yield Imported(path=path, outcome="refused", error=ChartError(str(path), reason))


def _import_one(path: Path, pinned: Sequence[PinnedFile], cache: ChartCache) -> Imported:
    if path.is_dir():
        if not (path / "Chart.yaml").is_file():
            return Imported(path=path, outcome="passed over", reason="is no chart")
        return _take_chart(path, chart_of((path / "Chart.yaml").read_bytes(), str(path)), pinned, cache)
    if path.stat().st_size > MAX_BYTES:
        raise ChartError(path.name, f"has more than {MAX_BYTES // 2**20} MiB: that is no chart")
    if path.suffix == ".tgz":
        return _take_chart(path, check_archive(path.read_bytes(), path.name), pinned, cache)
    bundles = {f"{one.name}-{one.version}.yaml": one for one in pinned if one.kind == "manifests"}
    if path.name in bundles:
        return _take(path, bundles[path.name], path.read_bytes(), cache, published=True)
    return Imported(
        path=path, outcome="passed over", reason="is neither a chart nor a release's <bundle>-<version>.yaml"
    )


def _take_chart(path: Path, chart: ArchivedChart, pinned: Sequence[PinnedFile], cache: ChartCache) -> Imported:
    fitting = (one for one in pinned if (one.kind, one.name, one.version) == ("charts", chart.name, chart.version))
    file = next(fitting, None)
    if file is None:
        others = ", ".join(sorted({one.version for one in pinned if one.kind == "charts" and one.name == chart.name}))
        reason = f"no release pins {chart.name} {chart.version}" + (f", but {others}" if others else "")
        return Imported(path=path, outcome="passed over", reason=reason)
    content = pack(path) if path.is_dir() else path.read_bytes()
    return _take(path, file, content, cache, published=path.is_file())


def _take(path: Path, file: PinnedFile, content: bytes, cache: ChartCache, *, published: bool) -> Imported:
    """Take in one file; `published` says that it is as its publisher made it, so that it must have the locked digest."""
    digest = digest_of(content)
    if published and file.digest and digest != file.digest:
        raise ChartError(
            file.title,
            f"{path.name} is another file than the one that is locked; it wasn't taken\n"
            f"    found:    {digest}\n    expected: {file.digest}",
            "get it anew, from where the release says: a chart that was packed again has another digest",
        )
    checked(file, content)
    verified = bool(file.digest) and digest == file.digest
    if not verified and (known := sound_entry(cache, file)):
        reason = "the cache has it as it was published"
        return Imported(path=path, outcome="passed over", file=file, entry=known, reason=reason)
    entry = keep(cache, file, content, str(path.resolve()), verified)
    return Imported(path=path, outcome="taken", file=file, entry=entry, reason="" if verified else _why(published))


def _why(published: bool) -> str:
    return "its digest isn't locked yet" if published else "it was packed here, from a folder"
