"""`kuber fleet`."""

from __future__ import annotations

import sys
from pathlib import Path

from config.stack_file import read
from kuber.files import replace_file
from kuber.project import find_project, stack_names

from .errors import CommandError, UsageError


def run_grafana(output: Path | None, project: Path | None) -> None:
    """Write Grafana's data sources for all stack files; nothing where one of them can't be used."""
    from kuber.fleet import SameHostError, grafana_data_sources

    folder = find_project(project)
    try:
        text = grafana_data_sources({name: read(name, folder) for name in stack_names(folder)})
    except SameHostError as error:
        raise CommandError(str(error)) from None
    if not text:
        raise CommandError(
            f"no stack file in {folder} lets Grafana read\n"
            "    hint:     `standard_stack.monitoring.grafana_access` does; see docs/parts/monitoring.md"
        )
    if output is None:
        sys.stdout.write(text)
        return
    if output.is_dir():
        raise UsageError(f"--output {output}: is a folder\n    hint:     name a file in it")
    replace_file(output, text)
    print(f"wrote {output}", file=sys.stderr)
