"""Arguments that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kuber.project import ProjectNotFoundError, find_project, stack_names


def _complete_stack(incomplete: str) -> list[str]:
    try:
        return [name for name in stack_names(find_project()) if name.startswith(incomplete)]
    except ProjectNotFoundError:
        return []


Stack = Annotated[
    str,
    typer.Argument(help="Name of the stack: prod-eks for Pulumi.prod-eks.yaml.", autocompletion=_complete_stack),
]
Stacks = Annotated[
    list[str] | None,
    typer.Argument(help="Names of stacks; all of the project unless given.", autocompletion=_complete_stack),
]
Project = Annotated[
    Path | None,
    typer.Option(
        "--project",
        help="The project's folder; the nearest one above unless given.",
        file_okay=False,
        exists=True,
        show_default=False,
    ),
]
