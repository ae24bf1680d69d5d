"""Results as files: Markdown to be read, JSON to be compared."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("results")


def write(folder: Path, name: str, text: str, data: Mapping[str, Any]) -> None:
    """Write `<name>.md` and `<name>.json`, and say where."""
    folder.mkdir(parents=True, exist_ok=True)
    markdown, document = folder / f"{name}.md", folder / f"{name}.json"
    markdown.write_text(text)
    document.write_text(json.dumps(data, indent=2) + "\n")
    print(f"\n{text}\nWritten to {markdown} and {document}.")


def met(reached: bool) -> str:
    """Whether a goal is met, in words."""
    return "met" if reached else "not met"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, figures to the right."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(
        "| " + " | ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) + " |"
        for row in (header, rule, *rows)
    )
