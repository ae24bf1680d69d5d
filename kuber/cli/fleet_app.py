"""The commands below `kuber fleet`, and how each is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Project

fleet_app = typer.Typer(
    name="fleet",
    help="""What is said of all clusters together.

\b
Try:
  kuber fleet grafana     data sources for the central Grafana
""",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@fleet_app.callback()
def fleet() -> None:
    """A command of its own, so that `grafana` stays below `fleet` while it is the only one."""


@fleet_app.command()
def grafana(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="FILE", help="Write here, whole or not at all; to standard output unless given."
        ),
    ] = None,
    project: Project = None,
) -> None:
    """Write the data sources of the central Grafana: Prometheus of each cluster whose stack file lets it read.

    A data source's uid follows from the cluster's name. Passwords and keys aren't written: the file names variables of
    Grafana's environment. Exits with 1, and writes nothing, if a stack file can't be used or none lets Grafana read.

    \b
    Examples:
      kuber fleet grafana
      kuber fleet grafana --output /etc/grafana/provisioning/datasources/kuber.yaml
    """
    from .fleet import run_grafana

    run_grafana(output, project)
