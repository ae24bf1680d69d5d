"""Gets one file from where it is published, with the patience that a busy server needs."""

from __future__ import annotations

import random
import re
import subprocess
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from components.charts.helm import helm

from .download import MAX_BYTES, download, retry_after
from .pinned import PinnedFile, is_loopback
from .refusals import Cause, Refused, refusal

ATTEMPTS = 4
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
_PASSING: tuple[Cause, ...] = ("busy", "broken", "cut off")
"""Causes that may be gone in a moment."""
_REFUSED_URL = re.compile(r"failed to fetch (https?://\S+)")


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to try.

    Attributes:
        timeout_seconds: For each attempt.
        stop: Ends all attempts when set.
    """

    timeout_seconds: float = 120
    stop: threading.Event = field(default_factory=threading.Event)


class StoppedError(Exception):
    """The run is to end: this file wasn't got, and that is no fault of anybody's."""


def pull(file: PinnedFile, source: str, patience: Patience, tell: Callable[[str], None]) -> bytes:
    """The content of a file.

    Args:
        file: Which.
        source: Its repository or address, or a mirror's.
        patience: How long to try.
        tell: Takes lines that say what it waits for.

    Raises:
        Refused: it can't be had.
        NotCachedError: helm is needed, and isn't here.
        StoppedError: the run is to end.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _pull_once(file, source, patience)
        except Refused as error:
            if patience.stop.is_set():
                raise StoppedError from None
            if error.cause not in _PASSING or attempt == ATTEMPTS or _helm_has_tried(source, error.cause):
                raise
            wait = _wait(attempt, error)
            tell(f"{error.cause}: waiting {wait:.0f} s, then attempt {attempt + 1} of {ATTEMPTS}")
        if patience.stop.wait(wait):
            raise StoppedError
    raise AssertionError("the last attempt returns or raises")


def _wait(attempt: int, error: Refused) -> float:
    """Seconds until the next attempt: what the server asks for, else twice as long each time, and not all at once."""
    if error.retry_after is None:
        return FIRST_WAIT_SECONDS * 2 ** (attempt - 1) * random.uniform(1, 1.25)
    if error.retry_after > LONGEST_WAIT_SECONDS:
        raise Refused(
            error.chart, error.cause, error.reason, f"it asks to be left alone for {error.retry_after:.0f} seconds"
        )
    return error.retry_after


def _helm_has_tried(source: str, cause: Cause) -> bool:
    """For an OCI registry helm itself tries six times, and waits as it is asked to."""
    return source.startswith("oci://") and cause in ("busy", "broken")


def _pull_once(file: PinnedFile, source: str, patience: Patience) -> bytes:
    if file.kind == "manifests":
        return download(source, file.title, patience.timeout_seconds, patience.stop)
    with tempfile.TemporaryDirectory(prefix="kuber-charts-") as folder:
        if source.startswith("oci://"):
            command = ["pull", f"{source.rstrip('/')}/{file.name}"]
            command += ["--plain-http"] if is_loopback(source) else []
        else:
            command = ["pull", file.name, "--repo", source]
        command += ["--version", file.version, "--destination", folder]
        try:
            done = helm(command, timeout_seconds=patience.timeout_seconds, stop=patience.stop)
        except subprocess.TimeoutExpired:
            raise refusal(file.title, source, f"timed out after {patience.timeout_seconds:.0f} s") from None
        if done.returncode != 0:
            raise _helms_refusal(file, source, done.stderr)
        archives = list(Path(folder).glob("*.tgz"))
        if len(archives) != 1:
            raise Refused(
                file.title, "other", f"helm got {len(archives)} archives from {source} where one is right", ""
            )
        if archives[0].stat().st_size > MAX_BYTES:
            raise Refused(
                file.title, "other", f"{source} gave more than {MAX_BYTES // 2**20} MiB", "is it the right chart?"
            )
        return archives[0].read_bytes()


def _helms_refusal(file: PinnedFile, source: str, said: str) -> Refused:
    """Why helm got nothing. It doesn't tell how long a server asks to wait, so a busy one is asked."""
    errors = [line for line in said.splitlines() if line.startswith("Error:")] or said.strip().splitlines()
    text = (errors[-1] if errors else "it said nothing").removeprefix("Error: ")
    error = refusal(file.title, source, text)
    url = _REFUSED_URL.search(text)
    if error.cause in ("busy", "broken") and url and urlsplit(url[1]).hostname == urlsplit(source).hostname:
        error.retry_after = retry_after(url[1])
    return error
