"""What must hold of all pipelines, and of their documentation."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipelines import concourse, github, gitlab
from tests.pipelines.workplace import PIPELINES, read_yaml
from tests.requirements import missing
from tests.support import PROJECT

STEPS = [file for file in sorted((PIPELINES / "steps").iterdir()) if file.is_file()]
TEXTS = {
    str(file.relative_to(PIPELINES)): file.read_text(encoding="utf-8")
    for file in sorted(PIPELINES.rglob("*"))
    if file.is_file() and file.suffix != ".pyc"
}


def code(text: str) -> str:
    """Without comments."""
    return "\n".join(line.partition("#")[0] for line in text.splitlines())


@pytest.mark.parametrize(
    "what", ["pulumi cancel", "pulumi destroy", "--skip-preview", "--show-secrets", "set -x", "--force"]
)
def test_no_pipeline_does_what_a_person_should(what: str) -> None:
    assert not [name for name, text in TEXTS.items() if what in code(text)]


def test_each_file_of_yaml_is_one() -> None:
    documents = {name: read_yaml(PIPELINES / name) for name in TEXTS if name.endswith(".yml")}
    assert documents and all(isinstance(one, dict) for one in documents.values())


def test_every_digest_is_one_that_somebody_looked_up() -> None:
    assert not [name for name, text in TEXTS.items() if "sha256:" in code(text)], (
        "no image is pinned that we don't know"
    )


def test_steps_that_are_called_can_be_run() -> None:
    called = {name for text in TEXTS.values() for name in re.findall(r"pipelines/steps/(\w+)", code(text))}
    assert called == {"review", "preview", "up"}
    assert all(os.access(PIPELINES / "steps" / name, os.X_OK) for name in called)


def test_shellcheck_finds_nothing_in_any_script(tmp_path: Path) -> None:
    found = shutil.which("shellcheck")
    if not found:
        missing("shellcheck", "no shellcheck is on PATH: install it, in Debian the package shellcheck")
    steps = [str(file) for file in STEPS if file.suffix != ".py"]
    written = []
    for number, script in enumerate(sorted(set(scripts()))):
        file = tmp_path / f"{number}.bash"
        file.write_text(f"set -euo pipefail\n{script}\n", encoding="utf-8")
        written.append(str(file))
    checked = [found, "--shell=bash", "--external-sources", "--source-path=SCRIPTDIR", *steps, *written]
    done = subprocess.run(checked, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def scripts() -> Iterator[str]:
    """What the pipelines' own files have of commands."""
    for file in github.FILES:
        for job in read_yaml(file)["jobs"].values():
            yield from (step["run"] for step in job.get("steps", []) if "run" in step)
    for job in gitlab.jobs_of(read_yaml(gitlab.FILE)).values():
        yield "\n".join([*job["before_script"], *job["script"]])
    for file in (concourse.FOLDER / "tasks").glob("*.yml"):
        yield read_yaml(file)["run"]["args"][-1]


def test_the_documentation_names_every_setting_that_a_pipeline_reads() -> None:
    text = (PROJECT / "docs" / "pipelines.md").read_text(encoding="utf-8")
    github = {name for one in TEXTS.values() for name in re.findall(r"\b(?:vars|secrets)\.(\w+)", one)}
    steps = {
        name for file in STEPS for name in re.findall(r"\b((?:KUBER|AWS|GOOGLE|VAULT)_[A-Z_]+)\b", file.read_text())
    }
    for name in sorted(
        github | {one for one in steps if not one.endswith(("_TOKEN", "_TOKEN_FILE", "SESSION_NAME", "CREDENTIALS"))}
    ):
        assert f"`{name}`" in text, f"{name} isn't in docs/pipelines.md"
