"""Files that commands write their results to."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import CommandError, UsageError

STANDARD_OUTPUT = Path("-")


def ensure_writable(file: Path | None) -> None:
    """See before the work that a file can be written after it.

    Raises:
        UsageError: it can't.
    """
    if file is None or file == STANDARD_OUTPUT:
        return
    folder = file.resolve().parent
    if not folder.is_dir():
        raise UsageError(f"{file}: can't be written: there is no folder {folder}")
    if file.is_dir() or not os.access(file if file.exists() else folder, os.W_OK):
        raise UsageError(f"{file}: can't be written")


def write(file: Path, text: str) -> None:
    """Write a result.

    Raises:
        CommandError: that fails all the same, as on a full disk.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file}: can't be written: {error.strerror}") from None
