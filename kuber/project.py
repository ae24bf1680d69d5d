"""Where the project and its stack files are."""

from __future__ import annotations

from pathlib import Path

PROJECT_NAME = "kuber"
"""As in Pulumi.yaml."""


class ProjectNotFoundError(Exception):
    """There is no project of kuber's here or above."""


def find_project(start: Path | None = None) -> Path:
    """The project's folder: the nearest one, from `start` upwards, with a Pulumi.yaml and a program of kuber's.

    Raises:
        ProjectNotFoundError: there is none.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "Pulumi.yaml").is_file() and (folder / "__main__.py").is_file():
            return folder
    raise ProjectNotFoundError(
        f"no Pulumi.yaml with a __main__.py in {start} or above it\n"
        "    hint:     change to the project's folder, or name it with --project"
    )


def stack_of(argument: str) -> str:
    """The stack that is meant: `prod-eks`, or its file as a shell completes it, `Pulumi.prod-eks.yaml`."""
    name = Path(argument).name
    whole = name.startswith("Pulumi.") and name.endswith(".yaml")
    return name.removeprefix("Pulumi.").removesuffix(".yaml") if whole else argument


def stack_names(project: Path) -> list[str]:
    """The stacks that have a stack file, sorted."""
    return sorted(path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in project.glob("Pulumi.*.yaml"))
