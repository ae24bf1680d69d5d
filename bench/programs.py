"""The programs that the benchmarks give to the engine."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent
_FILES = ("__main__.py", "Pulumi.yaml")


def copy_program(name: str, folder: Path) -> Path:
    """A project in a folder: a program of this folder, with the virtual environment of this project; gives the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in _FILES:
        text = (_HERE / name / file).read_text()
        (folder / file).write_text(text.replace("../..", str(_HERE.parent)))
    return folder
