"""`kuber schema`."""

from __future__ import annotations

from pathlib import Path

from kuber.project import find_project
from kuber.schema import STACK_FILE_SCHEMA, stack_file_schema

from .errors import PROBLEM_FOUND, fail


def run(check: bool, project: Path | None) -> None:
    """Write the schema, or see whether it is up to date."""
    file = find_project(project) / STACK_FILE_SCHEMA
    text = stack_file_schema()
    if not check:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        print(f"{STACK_FILE_SCHEMA}: written")
    elif file.is_file() and file.read_text(encoding="utf-8") == text:
        print(f"{STACK_FILE_SCHEMA}: up to date")
    else:
        fail(
            f"{STACK_FILE_SCHEMA}: not up to date\n    hint:     run `kuber schema` and commit the file", PROBLEM_FOUND
        )
