"""The commands below `kuber charts`, and how each is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Project

charts_app = typer.Typer(
    name="charts",
    help="""Get the charts that releases pin onto this machine, lock them, and look after them.

\b
Try:
  kuber charts fetch              what the project's stack files need
  kuber charts import /mnt/usb    the same without a network
  kuber charts list               what is there
""",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def _complete_release(incomplete: str) -> list[str]:
    from config.release import release_names

    return [name for name in release_names() if name.startswith(incomplete)]


Releases = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RELEASE",
        help="Releases, such as 2026.11; those that the stack files use unless given.",
        autocompletion=_complete_release,
    ),
]
Release = Annotated[
    str | None,
    typer.Argument(help="A release; all unless given.", autocompletion=_complete_release, show_default=False),
]
Jobs = Annotated[int, typer.Option(help="Files to get at a time.", min=1, max=32)]
Timeout = Annotated[float, typer.Option(help="Seconds that one file may take.", min=1)]


@charts_app.command()
def fetch(  # noqa: PLR0917 - each option of a command is an argument
    releases: Releases = None,
    all_releases: Annotated[bool, typer.Option("--all", help="All releases that there are.")] = False,
    mirror: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="REPOSITORY",
            help="Take all charts from here, oci://… or https://…, in place of the releases' repositories.",
            show_default=False,
        ),
    ] = "",
    jobs: Jobs = 4,
    timeout: Timeout = 120,
    project: Project = None,
) -> None:
    """Fill this machine's cache with the charts and files of CRDs that releases pin.

    What is there already is left alone. What has another digest than the release's isn't kept; one that fails stops no
    other. Registries know you by `helm registry login`. Exits with 1 if a file couldn't be had.

    \b
    Examples:
      kuber charts fetch
      kuber charts fetch 2026.11 --jobs 8
      kuber charts fetch --all --from oci://registry.shop.example/charts
    """
    from .charts import run_fetch

    run_fetch(releases or (), all_releases, mirror, (jobs, timeout), project)


@charts_app.command("import")
def import_(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder.", exists=True, file_okay=False, show_default=False)
    ],
) -> None:
    """Take charts and files of CRDs from a folder, for machines without a network.

    The folder holds archives as they were published (*.tgz), charts' folders, or <bundle>-<version>.yaml. An archive
    must have its release's digest. A folder has none to compare: what comes from one counts as unverified, which a plan
    warns of and `pulumi up` refuses. Exits with 1 if something was refused.

    \b
    Examples:
      kuber charts import /mnt/usb/charts
    """
    from .charts import run_import

    run_import(folder)


@charts_app.command()
def lock(  # noqa: PLR0917 - each option of a command is an argument
    release: Release = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write and ask nothing; exit with 1 if a digest is missing.")
    ] = False,
    charts_only: Annotated[bool, typer.Option("--charts-only", help="Leave the images out.")] = False,
    update: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Lock this anew, though it is locked: a name, or charts/NAME, crds/NAME, images/NAME; repeat.",
            show_default=False,
        ),
    ] = None,
    recheck: Annotated[
        bool, typer.Option("--recheck", help="Ask also for what is locked: an error if a registry gives another.")
    ] = False,
    jobs: Jobs = 4,
    timeout: Timeout = 120,
) -> None:
    """Fill the digests that releases lack: of charts, files of CRDs, and images.

    Asks each registry what it holds under the pinned version. A digest that stands there stays; only --update changes
    it. Images are asked for by crane. Exits with 1 if something couldn't be locked.

    \b
    Examples:
      kuber charts lock 2026.11
      kuber charts lock --check
      kuber charts lock --update charts/traefik
    """
    from .charts import run_check, run_lock

    if check:
        run_check(release, charts_only)
    else:
        run_lock(release, charts_only, update or (), recheck, (jobs, timeout))


@charts_app.command()
def verify(release: Release = None) -> None:
    """Read each cached file whole, and hold it against what was put there and what the releases pin.

    Exits with 1 if one is damaged, or another than the pinned one.

    \b
    Examples:
      kuber charts verify
      kuber charts verify 2026.11
    """
    from .charts import run_verify

    run_verify(release)


@charts_app.command("list")
def list_(
    release: Release = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """Show the charts and files of CRDs that releases pin, and what of them is on this machine.

    \b
    Examples:
      kuber charts list
      kuber charts list 2026.11 --json | jq '.charts[] | select(.cached | not).name'
    """
    from .charts import run_list

    run_list(release, as_json)
