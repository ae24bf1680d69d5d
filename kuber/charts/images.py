"""Digests of container images, from their registries, by crane."""

from __future__ import annotations

import re
import subprocess

from components.charts.errors import NotCachedError
from components.charts.programs import find_program, run_program

from .pulling import Patience, StoppedError
from .refusals import refusal

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HOW_TO_GET_CRANE = (
    "install crane (https://github.com/google/go-containerregistry/releases), or `make tools` builds it; "
    "--charts-only leaves images out"
)


def image_digest(repository: str, tag: str, patience: Patience) -> str:
    """The digest of a tag's index, or of its manifest where the image is for one architecture alone.

    Raises:
        Refused: the registry doesn't give it.
        NotCachedError: there is no crane.
        StoppedError: the run is to end.
    """
    program = find_program("crane")
    if program is None:
        raise NotCachedError(
            "crane", "asks registries for the digests of images, and isn't on this machine", _HOW_TO_GET_CRANE
        )
    title = f"{repository}:{tag}"
    try:
        done = run_program(
            [str(program), "digest", title], timeout_seconds=patience.timeout_seconds, stop=patience.stop
        )
    except subprocess.TimeoutExpired:
        raise refusal(title, repository, f"timed out after {patience.timeout_seconds:.0f} s") from None
    if patience.stop.is_set():
        raise StoppedError
    digest = done.stdout.strip()
    if done.returncode == 0 and _DIGEST.fullmatch(digest):
        return digest
    lines = [line.removeprefix("Error: ") for line in done.stderr.splitlines() if line.startswith("Error:")]
    raise refusal(title, repository, (lines or done.stderr.strip().splitlines() or ["crane said nothing"])[-1])
