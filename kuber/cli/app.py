"""The command line itself: what commands there are, and how each is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .errors import told_plainly
from .options import Project, Stack, Stacks

_OVERVIEW = """Kubernetes clusters on EKS, GKE and your own machines, from one stack file each.

Try:

  kuber plan prod-eks                  what the stack file makes, without credentials or network

  kuber validate                       check all stack files, in a moment

  kuber new-cluster stage-eks --like prod-eks
"""

app = typer.Typer(
    name="kuber",
    help=_OVERVIEW,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line."""
    with told_plainly():
        app(prog_name="kuber")


@app.command()
def plan(
    stack: Stack,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the plan as JSON to a file; - for standard output.")
    ] = None,
    project: Project = None,
) -> None:
    """Show what a stack file makes: components, pools, what only the cloud will tell, warnings.

    Runs the whole program in this process. Needs no credential, no network and no engine.

    Examples:

      kuber plan prod-eks

      kuber plan prod-eks --json plan.json

      kuber plan prod-eks --json - | jq '.resources[].urn'
    """
    from .plan import run

    run(stack, json_file, project)


@app.command()
def validate(
    stacks: Stacks = None,
    base: Annotated[
        str,
        typer.Option(
            help="Git revision to compare Kubernetes versions with: a control plane moves one minor at a time."
        ),
    ] = "HEAD",
    as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON.")] = False,
    project: Project = None,
) -> None:
    """Check stack files alone: every key, and what keys say together, also across files.

    Exits with 1 if there is a problem.

    Examples:

      kuber validate

      kuber validate prod-eks prod-gke

      kuber validate --base origin/main --json
    """
    from .validate import run

    run(stacks, base, as_json, project)


@app.command()
def schema(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if the files are not up to date.")
    ] = False,
    project: Project = None,
) -> None:
    """Write the JSON schema of stack files, by which editors complete and check them.

    Examples:

      kuber schema

      kuber schema --check
    """
    from .schema import run

    run(check, project)
