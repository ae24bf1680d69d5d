"""Rehearsals of the clusters that a change touches, for its review."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kuber.progress import Progress

from .model import ClusterReview, Rehearsed


def rehearsals(clusters: Sequence[ClusterReview], commit: str, project: Path, progress: Progress) -> list[Rehearsed]:
    """What rehearsals of the clusters that come or change see.

    Each is a process of its own, as `kuber rehearse` is: a program can be run once in one.

    Args:
        clusters: The clusters.
        commit: What is there before.
        project: The project's folder.
        progress: Is told which one is under way.
    """
    return [
        _rehearsed(one.stack, commit if one.status == "changed" else None, project, progress)
        for one in clusters
        if one.status in ("new", "changed")
    ]


def _rehearsed(stack: str, base: str | None, project: Path, progress: Progress) -> Rehearsed:
    progress.begin(f"rehearse {stack}")
    command = [sys.executable, "-m", "kuber", "rehearse", stack, "--json", "-", *(["--base", base] if base else [])]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, encoding="utf-8")
    try:
        result: Mapping[str, Any] = json.loads(done.stdout)
    except ValueError:
        progress.end("it couldn't be")
        return Rehearsed(
            stack=stack, fine=False, summary="it couldn't be rehearsed", problems=done.stderr.strip().splitlines()[-10:]
        )
    progress.end("nothing broke" if result["fine"] else "something broke")
    problems = [f"{one['step']}: {one['what']}: {one['where']} {one['told']}".rstrip() for one in result["problems"]]
    return Rehearsed(
        stack=stack,
        fine=result["fine"],
        summary=f"{result['change']} on {result['base'] or 'nothing, a new cluster'}, {result['seconds']:.0f} s; "
        f"Kubernetes provider: {result['kubernetes_provider']}",
        problems=problems,
        stand_ins=result["stand_ins"],
    )
