"""`kuber schema`."""

from __future__ import annotations

from pathlib import Path

from kuber.project import find_project
from kuber.reference import STACK_FILE_REFERENCE, stack_file_reference
from kuber.schema import STACK_FILE_SCHEMA, stack_file_schema

from .errors import PROBLEM_FOUND, fail


def run(check: bool, project: Path | None) -> None:
    """Write the schema and the reference, or see whether they are up to date."""
    folder = find_project(project)
    stale: list[str] = []
    for name, text in ((STACK_FILE_SCHEMA, stack_file_schema()), (STACK_FILE_REFERENCE, stack_file_reference())):
        file = folder / name
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            print(f"{name}: up to date")
        elif check:
            stale.append(name)
        else:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
            print(f"{name}: written")
    if stale:
        advice = "    hint:     run `kuber schema` and commit what it writes"
        fail("\n".join([*(f"{name}: not up to date" for name in stale), advice]), PROBLEM_FOUND)
