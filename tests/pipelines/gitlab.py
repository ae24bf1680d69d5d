"""Runs GitLab's pipeline as far as it is commands: stages in their order, jobs as their rules say, artifacts as `needs` has them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.pipelines.workplace import PIPELINES, Approve, Outcome, Workplace, read_yaml

FILE = PIPELINES / "gitlab" / "kuber.yml"

_NO_JOBS = {"stages", "workflow", "default", "variables", "include"}
_COMPARISON = re.compile(r'\$(\w+) == (?:"([^"]*)"|\$(\w+))')

MERGE_REQUEST = {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_DEFAULT_BRANCH": "main"}
MAIN = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main"}


def jobs_of(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The jobs, with what they extend put in: mappings are merged, all else is replaced."""

    def whole(name: str) -> dict[str, Any]:
        own = dict(document[name])
        return merged(whole(above), own) if (above := own.pop("extends", None)) else own

    def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
        both = {key: merged(one[key], value) for key, value in other.items() if isinstance(value, dict) and key in one}
        return {**one, **other, **both}

    return {name: whole(name) for name in document if name not in _NO_JOBS and not name.startswith(".")}


def rule_of(job: Mapping[str, Any], variables: Mapping[str, str]) -> Mapping[str, Any] | None:
    """The rule by which a job is in a pipeline; None where it isn't."""
    for rule in job["rules"]:
        comparison = _COMPARISON.fullmatch(rule["if"])
        assert comparison, f"a rule of another kind: {rule['if']}"
        name, text, other = comparison.groups()
        if variables.get(name) and variables.get(name) == (variables.get(other) if other else text):
            return rule
    return None


def run(workplace: Workplace, variables: Mapping[str, str], approve: Approve = lambda stack: True) -> Outcome:
    """What becomes of the jobs.

    Args:
        workplace: Where.
        variables: What GitLab and the project's settings give.
        approve: Whether a person starts a job that is started by hand, by its environment.
    """
    document, outcome = read_yaml(FILE), Outcome()
    jobs = {name: job for name, job in jobs_of(document).items() if rule_of(job, variables)}
    for stage in document["stages"]:
        for name, job in jobs.items():
            if job["stage"] == stage and not outcome.are("failure") and not outcome.are("waiting"):
                rule = rule_of(job, variables)
                assert rule
                if rule.get("when") == "manual" and not approve(job["environment"]["name"]):
                    outcome.jobs[name] = "waiting"
                    assert rule["allow_failure"] is False, "GitLab would go on without it"
                else:
                    outcome.jobs[name] = _run(workplace, name, job, variables, outcome)
    return outcome


def _run(
    workplace: Workplace, name: str, job: Mapping[str, Any], variables: Mapping[str, str], outcome: Outcome
) -> str:
    shutil.rmtree(workplace.folder / "build", ignore_errors=True)
    for needed in job.get("needs", []):
        shutil.copytree(_kept(workplace, needed), workplace.folder, dirs_exist_ok=True)
    tokens = {token: f"token of {name} for {about['aud']}" for token, about in job.get("id_tokens", {}).items()}
    given = {**variables, **tokens, "CI_PROJECT_DIR": str(workplace.folder)}
    own = {
        key: re.sub(r"\$(\w+)", lambda found: given.get(found[1], ""), text) for key, text in job["variables"].items()
    }
    done = workplace.run("\n".join([*job["before_script"], *job["script"]]), {**given, **own})
    outcome.log += done.stdout + done.stderr
    for path in job.get("artifacts", {}).get("paths", []):
        if (workplace.folder / path).exists():
            shutil.copytree(workplace.folder / path, _kept(workplace, name) / path, dirs_exist_ok=True)
    return "failure" if done.returncode else "success"


def _kept(workplace: Workplace, name: str) -> Path:
    return workplace.home / "artifacts" / name
