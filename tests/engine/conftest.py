"""The real engine for the tests in this folder."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests import requirements


@pytest.fixture(scope="session")
def engine_tools() -> Path:
    """The folder of the engine's programs; without one, the test is skipped."""
    return requirements.engine_tools()


@pytest.fixture
def sample_project(tmp_path: Path, engine_tools: Path) -> Path:
    """A project of its own with a small program, run by the Python that runs the tests."""
    project = tmp_path / "sample"
    shutil.copytree(Path(__file__).parent / "sample_program", project)
    (project / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    return project
