"""Files written whole or not at all, so that a run which is killed leaves what was there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def replace_file(path: Path, text: str) -> None:
    """Write a file, in place of the one that may be there.

    Raises:
        OSError: the folder or the file can't be written.
    """
    with _beside(path, text) as temporary:
        if path.exists():
            temporary.chmod(path.stat().st_mode)
        os.replace(temporary, path)


def create_file(path: Path, text: str) -> None:
    """Write a file that isn't there yet.

    Raises:
        FileExistsError: it is there, perhaps since a moment; it stays as it is.
        OSError: the folder can't be written.
    """
    with _beside(path, text) as temporary:
        os.link(temporary, path)  # unlike a rename, it never overwrites


@contextmanager
def _beside(path: Path, text: str) -> Iterator[Path]:
    """A temporary file in the same folder, with the rights that a new file has."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
