"""Runs pipelines of Concourse as far as they are commands: jobs as their resources have passed, and the tasks that they name."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.pipelines.workplace import PIPELINES, Approve, Outcome, Workplace, read_yaml

FOLDER = PIPELINES / "concourse"

VARIABLE = re.compile(r"\(\(([\w:.-]+)\)\)")
FROM_THE_CREDENTIAL_MANAGER = ("git_deploy_key", "github_token")


def get_of(job: Mapping[str, Any]) -> Mapping[str, Any]:
    """The step that gets the project."""
    (step,) = [one for one in job["plan"] if "get" in one]
    return step


def task_of(job: Mapping[str, Any]) -> Mapping[str, Any]:
    """The step that runs a task."""
    (step,) = [one for one in job["plan"] if "task" in one]
    return step


def task_file(step: Mapping[str, Any]) -> Path:
    """Where the task of a step is."""
    return PIPELINES.parent / step["file"].removeprefix("kuber/")


def settings(**others: str) -> dict[str, str]:
    """What variables come to: the settings, flat, and what servers would give."""
    tokens = {f"{source}:token": f"token for {source}" for source in ("aws", "google", "vault")}
    secrets = {name: f"the {name}" for name in FROM_THE_CREDENTIAL_MANAGER}
    return {**_flat(read_yaml(FOLDER / "settings.yml")), **tokens, **secrets, **others}


def run(
    workplace: Workplace,
    pipeline: str,
    variables: Mapping[str, str],
    approve: Approve = lambda stack: True,
) -> Outcome:
    """What becomes of the jobs when there is a new commit.

    Args:
        workplace: Where.
        pipeline: Name of the pipeline's file.
        variables: What its variables come to.
        approve: Whether a person starts a job that nothing else starts, by its stack.
    """
    outcome = Outcome()
    for job in read_yaml(FOLDER / f"{pipeline}.yml")["jobs"]:
        got, step = get_of(job), task_of(job)
        if any(outcome.jobs.get(one) != "success" for one in got.get("passed", [])):
            continue
        if not got.get("trigger") and not approve(step["params"]["STACK"]):
            outcome.jobs[job["name"]] = "waiting"
            continue
        done = _run(workplace, step, variables)
        outcome.log += done.stdout + done.stderr
        outcome.jobs[job["name"]] = "failure" if done.returncode else "success"
    return outcome


def _run(
    workplace: Workplace, step: Mapping[str, Any], variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    task = read_yaml(task_file(step))
    assert set(step["params"]) <= set(task["params"]), "the pipeline gives what the task doesn't take"
    params = {key: value or "" for key, value in {**task["params"], **step["params"]}.items()}
    own = {key: VARIABLE.sub(lambda found: variables[found[1]], value) for key, value in params.items()}
    return subprocess.run(
        [task["run"]["path"], *task["run"]["args"]],
        cwd=workplace.folder.parent / task["run"]["dir"],
        env={**workplace.environment(), **own},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def _flat(value: Any, path: str = "") -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {path: str(value)}
    return {key: text for name, one in value.items() for key, text in _flat(one, f"{path}.{name}".strip(".")).items()}
