"""Runs the user's own `pulumi preview` on stacks, with the user's own login, for a review of what it says."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from kuber.progress import Progress
from kuber.rehearsal import processes

from .comparison import Measure
from .engine_digest import PreviewError, without_secrets
from .from_preview import cluster_of_preview, review_of_previews
from .model import ClusterReview, Review

_LONGEST_SECONDS = 3600.0
_STREAMING = "PULUMI_ENABLE_STREAMING_JSON_PREVIEW"
"""Makes the engine write its events, which tell less of each resource than its document does."""

_HINTS = {
    "no stack named": "`pulumi stack ls` shows the stacks that your login has; `pulumi stack init` makes one",
    "PULUMI_ACCESS_TOKEN": "log in first: `pulumi login`, or set PULUMI_ACCESS_TOKEN or PULUMI_BACKEND_URL",
    "PULUMI_CONFIG_PASSPHRASE": "set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE to the stack's",
    "incorrect passphrase": "PULUMI_CONFIG_PASSPHRASE isn't this stack's",
}
"""What to do, by what the engine says."""


class EngineRunError(Exception):
    """The engine can't be run, or gave no preview; the text says what it said and what to do."""


def review_by_engine(stacks: Sequence[str], project: Path, progress: Progress, measure: Measure) -> Review:
    """The review of some stacks, each by a preview of its own, one after another.

    A stack whose preview fails is told as one that can't be told of, with what the engine said.

    Raises:
        EngineRunError: as `preview_text`.
    """
    clusters: list[ClusterReview] = []
    for stack in stacks:
        text = preview_text(stack, project, progress)
        try:
            clusters.append(cluster_of_preview(text, measure))
        except PreviewError as error:
            clusters.append(ClusterReview(stack=stack, status="broken", problem=str(error)))
    return review_of_previews(clusters, measure)


def preview_text(stack: str, project: Path, progress: Progress) -> str:
    """What `pulumi preview --json` of a stack writes; also where the preview failed, as long as the document says why.

    The engine is the one on PATH, as the user would start it: with the user's login and credentials. It changes nothing.

    Args:
        stack: Name of the stack.
        project: Folder with Pulumi.yaml.
        progress: Is told that it runs.

    Raises:
        EngineRunError: there is no engine, or it wrote no document: there is no such stack, nobody is logged in.
    """
    pulumi = shutil.which("pulumi")
    if not pulumi:
        raise EngineRunError(
            "no `pulumi` is on PATH, so there is no preview to review\n"
            "    hint:     install the engine (https://www.pulumi.com/docs/install), or review the plans: kuber review --base REF"
        )
    options = ["--json", "--show-sames", "--show-replacement-steps", "--non-interactive", "--color", "never"]
    environment = {name: value for name, value in os.environ.items() if name != _STREAMING}
    progress.begin(f"preview of {stack} by the engine")
    try:
        done = processes.run(
            [pulumi, "preview", *options, "--stack", stack],
            cwd=project,
            env={**environment, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            timeout_seconds=_LONGEST_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise EngineRunError(
            f"the preview of {stack} took over {_LONGEST_SECONDS:g} s and was stopped\n"
            "    hint:     see what it waits for: `pulumi preview --stack " + stack + "`"
        ) from None
    progress.end("done" if done.returncode == 0 else "failed")
    if not done.stdout.lstrip().startswith("{"):
        raise EngineRunError(_told(stack, done.stderr.strip() or done.stdout.strip(), done.returncode))
    return done.stdout


def _told(stack: str, said: str, code: int) -> str:
    said = without_secrets(said)
    lines = "\n".join(f"    {line}" for line in said.splitlines()) or f"    nothing, and ended with {code}"
    hint = next((hint for words, hint in _HINTS.items() if words in said), "")
    return f"the engine gave no preview of {stack}; it says:\n{lines}" + (f"\n    hint:     {hint}" if hint else "")
