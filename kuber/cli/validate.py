"""`kuber validate`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from config.advice import advice
from config.errors import key_path
from kuber.project import find_project, stack_names, stack_of
from kuber.validation import Checked, check

from .errors import PROBLEM_FOUND, UsageError
from .plan import ensure_stack


def run(stacks: list[str] | None, base: str, as_json: bool, project: Path | None) -> None:
    """Check stack files; leave with 1 where there is a problem."""
    folder = find_project(project)
    stacks = [stack_of(stack) for stack in stacks or ()]
    for stack in stacks:
        ensure_stack(stack, folder)
    _ensure_revision(base, folder)
    everything = stack_names(folder)
    if not everything:
        raise UsageError(f"there are no stack files in {folder}\n    hint:     `kuber new-cluster` writes one")
    found = check(everything, folder, base)  # all of them, since each may clash with any
    shown = {stack: found[stack] for stack in stacks or everything}
    print(json.dumps(_as_json(shown), indent=2) if as_json else _as_text(shown))
    if any(checked.problems for checked in shown.values()):
        sys.exit(PROBLEM_FOUND)


def _ensure_revision(base: str, folder: Path) -> None:
    """A revision that is named must be there; without git, or without a commit yet, there is nothing to compare with."""
    if base == "HEAD":
        return
    known = subprocess.run(
        ["git", "-C", str(folder), "rev-parse", "--verify", "--quiet", f"{base}^{{commit}}"],
        capture_output=True,
        check=False,
    )
    if known.returncode != 0:
        raise UsageError(f"--base {base}: git knows no such revision in {folder}")


def _as_text(found: Mapping[str, Checked]) -> str:
    lines: list[str] = []
    for stack, checked in found.items():
        file = f"Pulumi.{stack}.yaml"
        if checked.problems or checked.settings is None:
            lines += [problem.text(file) for problem in checked.problems]
        else:
            lines += [f"{file}: fine", *(f"    warning:  {one}" for one in advice(checked.settings))]
    return "\n".join(lines)


def _as_json(found: Mapping[str, Checked]) -> list[dict[str, object]]:
    return [
        {
            "stack": stack,
            "file": f"Pulumi.{stack}.yaml",
            "line": problem.line,
            "path": key_path(problem.path),
            "message": problem.message,
            "found": problem.found,
            "expected": problem.expected,
            "hint": problem.hint,
        }
        for stack, checked in found.items()
        for problem in checked.problems
    ]
