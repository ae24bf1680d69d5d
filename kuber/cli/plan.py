"""`kuber plan`."""

from __future__ import annotations

import sys
from pathlib import Path

from config.stack_file import stack_file_path
from kuber.project import find_project, stack_names, stack_of

from .errors import UsageError
from .files import STANDARD_OUTPUT, ensure_writable, write


def run(
    stack: str,
    *,
    json_file: Path | None = None,
    html_file: Path | None = None,
    strict: bool = False,
    project: Path | None,
) -> None:
    """Plan a stack and show it; also write it as JSON, or as a page."""
    folder, stack = find_project(project), stack_of(stack)
    ensure_stack(stack, folder)
    for file in (json_file, html_file):
        ensure_writable(file)
    from kuber.plan.fingerprints import VARIABLE, Fingerprints
    from kuber.plan.program import plan_stack

    try:
        fingerprints = Fingerprints.from_environment()
    except ValueError:
        raise UsageError(f"{VARIABLE}: not hexadecimal") from None
    plan = plan_stack(stack, folder, strict=strict, fingerprints=fingerprints)
    if html_file is not None:
        from kuber.plan.page import page

        write(html_file, page(plan))
    if json_file == STANDARD_OUTPUT:
        sys.stdout.write(plan.to_json())
        for warning in plan.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        return
    if json_file is not None:
        write(json_file, plan.to_json())

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
