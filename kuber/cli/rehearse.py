"""`kuber rehearse`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import config
from config.cluster import ClusterSettings
from config.stack_file import stack_file_path
from kuber.project import find_project, stack_of

from .errors import PROBLEM_FOUND, CommandError, UsageError
from .files import STANDARD_OUTPUT, ensure_writable, write
from .plan import ensure_stack

if TYPE_CHECKING:
    from kuber.rehearsal.chaos import Interruption

_INTERRUPTION = re.compile(r"(?P<pool>[^:]+)(?::(?P<percent>\d+)%)?")


def run(
    stack: str,
    *,
    base: str | None,
    interrupt: Sequence[str],
    lose_zone: str | None,
    kill_engine_at: int | None,
    json_file: Path | None,
    html_file: Path | None,
    project: Path | None,
) -> None:
    """Rehearse a change of a stack, show what came of it, and leave with 1 if something broke."""
    folder, stack = find_project(project), stack_of(stack)
    ensure_stack(stack, folder)
    settings = config.read(stack, folder)
    interruptions = [_interruption(one, settings) for one in interrupt]
    _ensure_zone(lose_zone, settings)
    if base is not None:
        _ensure_base(base, stack, folder)
    for file in (json_file, html_file):
        ensure_writable(file)

    from kuber.progress import progress_on
    from kuber.rehearsal.control_plane import ControlPlaneError, ControlPlaneMissingError
    from kuber.rehearsal.engine import EngineError, EngineMissingError
    from kuber.rehearsal.page import page
    from kuber.rehearsal.rehearsal import Request, rehearse
    from kuber.rehearsal.report import show
    from kuber.revisions import RevisionError

    request = Request(
        project=folder,
        stack=stack,
        settings=settings,
        resources=_planned_resources(stack, folder),
        base=base,
        interrupt=interruptions,
        lose_zone=lose_zone,
        kill_engine_at=kill_engine_at,
    )
    try:
        with progress_on(sys.stderr) as progress:
            result = rehearse(request, progress)
    except (ControlPlaneMissingError, EngineMissingError, ControlPlaneError, EngineError, RevisionError) as error:
        raise CommandError(str(error)) from None
    if json_file == STANDARD_OUTPUT:
        print(json.dumps(result.document(), indent=2))
    else:
        show(result, sys.stdout)
    if json_file not in (None, STANDARD_OUTPUT):
        write(json_file, json.dumps(result.document(), indent=2) + "\n")
    if html_file:
        write(html_file, page(result))
    if not result.fine:
        sys.exit(PROBLEM_FOUND)


def _planned_resources(stack: str, folder: Path) -> int:
    """How many resources the plan has. What is wrong with it, or isn't on this machine, is told here, before anything is started."""
    from kuber.plan.program import plan_stack

    return len(plan_stack(stack, folder, strict=True).resources)


def _interruption(text: str, settings: ClusterSettings) -> Interruption:
    """What `--interrupt-pool` names: a spot pool of the stack, and how much of it.

    Raises:
        UsageError: it is no pool, no spot pool, or no share.
    """
    from kuber.rehearsal.chaos import Interruption

    found = _INTERRUPTION.fullmatch(text)
    percent = int(found["percent"] or 100) if found else 0
    if not found or not 1 <= percent <= 100:
        raise UsageError(
            f"--interrupt-pool {text}: not a pool with a share\n    expected: NAME, or NAME:50% with 1 to 100"
        )
    pool = settings.pools.get(found["pool"])
    spot = [name for name, one in settings.pools.items() if one.capacity == "spot"]
    expected = (
        f"    expected: one of {', '.join(spot)}" if spot else "    expected: nothing, the stack has no spot pool"
    )
    if pool is None:
        raise UsageError(f"--interrupt-pool {text}: the stack has no pool {found['pool']}\n{expected}")
    if pool.capacity != "spot":
        raise UsageError(
            f"--interrupt-pool {text}: {found['pool']} is no spot pool, so nobody takes its nodes back\n{expected}\n"
            "    hint:     --lose-zone takes nodes of every pool"
        )
    return Interruption(found["pool"], percent)


def _ensure_zone(zone: str | None, settings: ClusterSettings) -> None:
    if zone is not None and zone not in settings.spread_over:
        raise UsageError(
            f"--lose-zone {zone}: not a zone of the stack\n    expected: one of {', '.join(settings.spread_over)}"
        )


def _ensure_base(base: str, stack: str, folder: Path) -> None:
    import subprocess

    from kuber.revisions import RevisionError, commit_of

    try:
        commit_of(folder, base)
    except RevisionError as error:
        raise UsageError(f"--base {base}: {error}") from None
    file = stack_file_path(stack, folder).name
    known = subprocess.run(["git", "-C", str(folder), "cat-file", "-e", f"{base}:./{file}"], capture_output=True)
    if known.returncode != 0:
        raise UsageError(
            f"--base {base}: {file} isn't in it\n    hint:     leave --base out to rehearse the first `up` of a new cluster"
        )
