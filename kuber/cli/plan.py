"""`kuber plan`."""

from __future__ import annotations

import sys
from pathlib import Path

from config.stack_file import stack_file_path
from kuber.project import find_project, stack_names, stack_of

from .errors import CommandError, UsageError


def run(stack: str, json_file: Path | None, strict: bool, project: Path | None) -> None:
    """Plan a stack and show it, or write it as JSON."""
    folder, stack = find_project(project), stack_of(stack)
    ensure_stack(stack, folder)
    from kuber.plan.fingerprints import VARIABLE, Fingerprints
    from kuber.plan.program import plan_stack

    try:
        fingerprints = Fingerprints.from_environment()
    except ValueError:
        raise UsageError(f"{VARIABLE}: not hexadecimal") from None
    plan = plan_stack(stack, folder, strict=strict, fingerprints=fingerprints)
    if json_file == Path("-"):
        sys.stdout.write(plan.to_json())
        for warning in plan.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        return
    if json_file is not None:
        _write(json_file, plan.to_json())

    from kuber.plan.view import show

    show(plan, sys.stdout)


def ensure_stack(stack: str, folder: Path) -> None:
    """A stack that is named must have its file.

    Raises:
        UsageError: it has none; the text names the stacks that there are.
    """
    from difflib import get_close_matches

    if stack_file_path(stack, folder).is_file():
        return
    names = stack_names(folder)
    close = get_close_matches(stack, names, n=1)
    raise UsageError(
        f"there is no stack file Pulumi.{stack}.yaml in {folder}\n"
        f"    expected: one of {', '.join(names) or '(there are none)'}\n"
        f"    hint:     {f'did you mean {close[0]}?' if close else '`kuber new-cluster` writes one'}"
    )


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file}: can't be written: {error.strerror}") from None
