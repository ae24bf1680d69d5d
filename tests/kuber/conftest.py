"""A project to run commands in, and the command line run in this process on a fixed day."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from kuber.__main__ import main
from tests.support import PROJECT, SHIPPED


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: Exit code.
        out: What it wrote for whoever reads its output.
        err: What it wrote beside that: errors, progress.
    """

    code: int
    out: str
    err: str


Kuber = Callable[..., Ended]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the three shipped stack files; its program is there, and isn't run in this process."""
    folder = tmp_path / "project"
    folder.mkdir()
    for stack_file in SHIPPED:
        folder.joinpath(f"Pulumi.{stack_file.stack}.yaml").write_text(stack_file.text, encoding="utf-8")
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(PROJECT / name, folder)
    return folder


@pytest.fixture
def kuber(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Kuber:
    """Runs `kuber` with some arguments in the project, on the tests' day."""
    monkeypatch.chdir(project)

    def run(*arguments: str | Path) -> Ended:
        monkeypatch.setattr("sys.argv", ["kuber", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ended(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Makes programs that stand in for others. PATH holds them alone."""
    folder = tmp_path / "stand-ins"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def make(name: str, script: str) -> Path:
        program = folder / name
        program.write_text(f"#!/bin/sh\n# Stand-in for {name}.\n{script}\n", encoding="utf-8")
        program.chmod(0o755)
        return program

    return make
