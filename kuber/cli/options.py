"""Arguments that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kuber.project import ProjectNotFoundError, find_project, stack_names, stack_of

if TYPE_CHECKING:
    from config.cluster import ClusterSettings


def _complete_stack(incomplete: str) -> list[str]:
    try:
        return [name for name in stack_names(find_project()) if name.startswith(incomplete)]
    except ProjectNotFoundError:
        return []


def complete_pool(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the spot pools of the stack that the command line names already."""
    settings = _settings_of(ctx)
    spot = [name for name, pool in settings.pools.items() if pool.capacity == "spot"] if settings else []
    return [name for name in spot if name.startswith(incomplete)]


def complete_zone(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the zones of the stack that the command line names already."""
    settings = _settings_of(ctx)
    return [zone for zone in settings.spread_over if zone.startswith(incomplete)] if settings else []


def _settings_of(ctx: typer.Context) -> ClusterSettings | None:
    import config

    try:
        return config.read(stack_of(ctx.params.get("stack") or ""), find_project(ctx.params.get("project")))
    except (ProjectNotFoundError, config.StackFileError, OSError):
        return None


Stack = Annotated[
    str,
    typer.Argument(help="Name of the stack: prod-eks for Pulumi.prod-eks.yaml.", autocompletion=_complete_stack),
]
Stacks = Annotated[
    list[str] | None,
    typer.Argument(help="Names of stacks; all of the project unless given.", autocompletion=_complete_stack),
]
ReviewedStacks = Annotated[
    list[str] | None,
    typer.Argument(
        help="Names of stacks, all of the project unless given; or - for a preview on standard input.",
        autocompletion=_complete_stack,
    ),
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
