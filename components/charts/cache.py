"""The user's cache of chart archives and CRD files, filled by `kuber charts fetch` and `kuber charts import`.

charts/<name>-<version>.tgz      an archive, with what is known of it in <name>-<version>.json beside it
manifests/<name>-<version>.yaml  a file of CRDs, likewise
renderings/<hash>.json           what helm made of an archive and values
crds/<digest>.json               a bundle's CRDs, as they are applied
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from .errors import ChartError, NotCachedError

Kind = Literal["charts", "manifests"]
_SUFFIX: dict[Kind, str] = {"charts": ".tgz", "manifests": ".yaml"}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What the cache knows of a file.

    Attributes:
        name: Name of the chart, or of the bundle of CRDs.
        version: As the release has it.
        digest: sha256:… of the file as it is stored.
        source: Where it came from, for people.
        verified: Whether the file is what was published: False for a folder that was packed here, which no published digest can tell.
    """

    name: str
    version: str
    digest: str
    source: str
    verified: bool


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/kuber`, or `~/.cache/kuber` (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "kuber"


class ChartCache:
    """Files by name and version; written at once, so that a killed run leaves no half of one.

    Args:
        folder: Where it is; the user's cache unless given.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_folder()

    def path(self, kind: Kind, name: str, version: str) -> Path:
        """Where a file is, or would be."""
        return self.folder / kind / f"{name}-{version}{_SUFFIX[kind]}"

    def entry(self, kind: Kind, name: str, version: str) -> Entry | None:
        """What is known of a file; None where it isn't there, whole."""
        path = self.path(kind, name, version)
        try:
            known = json.loads(path.with_name(f"{path.name}.json").read_bytes())
            return Entry(**known) if path.is_file() else None
        except (OSError, ValueError, TypeError):
            return None

    def require(self, kind: Kind, name: str, version: str, digest: str) -> Entry:
        """A file that is what a release pins; one that has the release's digest is verified, wherever it came from.

        Args:
            digest: The release's; empty where it isn't locked yet.

        Raises:
            NotCachedError: it isn't there.
            ChartError: it is another file than the release's, or can't be told to be the same.
        """
        entry = self.entry(kind, name, version)
        if entry is None:
            raise NotCachedError(
                f"{name} {version}",
                "not in the cache",
                "`kuber charts fetch`, or `kuber charts import DIR` without a network",
            )
        if entry.verified and digest and entry.digest != digest:
            raise ChartError(
                f"{name} {version}",
                f"the cache holds {entry.digest}, the release pins {digest}",
                "`kuber charts fetch` gets the pinned one; if the registry gives another, somebody has changed it",
            )
        return replace(entry, verified=True) if digest and entry.digest == digest else entry

    def add(self, kind: Kind, entry: Entry, file: Path) -> None:
        """Take a file in; its digest is the entry's. What is known of another file goes before that file does."""
        path = self.path(kind, entry.name, entry.version)
        known = path.with_name(f"{path.name}.json")
        known.unlink(missing_ok=True)
        self._write(path, file.read_bytes())
        self._write(known, json.dumps(asdict(entry), indent=1).encode())

    def read_json(self, folder: Literal["renderings", "crds"], key: str) -> object | None:
        """A JSON document of the cache; None where there is none that can be read."""
        try:
            return json.loads((self.folder / folder / f"{key}.json").read_bytes())
        except (OSError, ValueError):
            return None

    def has_json(self, folder: Literal["renderings", "crds"], key: str) -> bool:
        """Whether there is a document."""
        return (self.folder / folder / f"{key}.json").is_file()

    def write_json(self, folder: Literal["renderings", "crds"], key: str, document: object) -> None:
        """Keep a JSON document."""
        self.write(folder, key, canonical_json(document))

    def write(self, folder: Literal["renderings", "crds"], key: str, content: bytes) -> None:
        """Keep a JSON document that is text already."""
        self._write(self.folder / folder / f"{key}.json", content)

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                os.replace(file.name, path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise


def canonical_json(document: object) -> bytes:
    """The one form of a document, whose hash tells whether it is the same."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_of(content: bytes) -> str:
    """`sha256:…`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
