"""`kuber new-cluster`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from config.addresses import is_private
from config.model import Cidr
from config.today import today
from kuber.new_cluster.errors import InputError, RequestError
from kuber.new_cluster.request import Request, named_values
from kuber.project import find_project

from .errors import INTERRUPTED, CommandError, UsageError, fail


def request(
    name: str,
    *,
    from_range: str | None,
    admins: Sequence[str] | None,
    private_cidrs: Sequence[str] | None,
    **others: Any,
) -> Request:
    """The options as they were typed, made a request."""
    try:
        return Request(
            name=name,
            from_range=None if from_range is None else _private_range(from_range),
            admins=named_values(admins or (), "admins") or None,
            private_cidrs=named_values(private_cidrs or (), "private_cidrs") or None,
            **others,
        )
    except RequestError as error:
        raise UsageError(str(error)) from None


def _private_range(text: str) -> IPv4Network:
    try:
        cidr = TypeAdapter(Cidr).validate_python(text)
    except ValidationError as error:
        problem = error.errors()[0].get("ctx", {})
        raise RequestError(f"--from-range {text}: {problem['message']}\n    expected: {problem['expected']}") from None
    if not is_private(cidr):
        raise RequestError(f"--from-range {text}: not a private address range\n    expected: such as 10.0.0.0/8")
    return cidr


def run(wanted: Request, to_stdout: bool, plan: bool, project: Path | None) -> None:
    """Write a new stack file and show its plan, or print the file."""
    from kuber.files import create_file
    from kuber.new_cluster.compose import compose

    folder = find_project(project)
    try:
        new = compose(wanted, folder, today())
    except RequestError as error:
        raise UsageError(str(error)) from None
    except InputError as error:
        raise CommandError(str(error)) from None
    notes = "".join(f"  {note}\n" for note in new.notes)
    warnings = "".join(f"warning: {warning}\n" for warning in new.warnings)
    if to_stdout:
        print(notes + warnings, end="", file=sys.stderr)
        print(new.text, end="")
        return
    try:
        create_file(new.path, new.text)
    except FileExistsError:
        raise UsageError(f"{new.path.name} is there already, and stays as it is") from None
    except OSError as error:
        raise CommandError(f"{new.path}: can't be written: {error.strerror}") from None
    print(f"{new.path.name}: written\n{notes}", flush=True)
    if not plan:
        print(warnings, end="")
    else:  # which has the warnings too
        _show_plan(wanted.name, folder)


def _show_plan(stack: str, folder: Path) -> None:
    from .plan import run as show_plan

    try:
        show_plan(stack, project=folder)
    except KeyboardInterrupt:
        fail(f"interrupted; Pulumi.{stack}.yaml is written", INTERRUPTED)
