"""Runs the workflows of GitHub Actions as far as they are commands: jobs in the order of `needs`, with their `if`, and their steps.

An action isn't run, but noted among the calls. Expressions are those that the workflows have; another one is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.pipelines.workplace import PIPELINES, Approve, Outcome, Workplace, read_yaml

FOLDER = PIPELINES / "github"
FILES = sorted(FOLDER.glob("*.yml"))

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
_TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|(&&|\|\||==|!=|[!()])|([A-Za-z_][\w.-]*)(\(\))?)")
_OPERATORS = {"&&": " and ", "||": " or ", "!": " not "}
_OF_STATUS = re.compile(r"\b(?:success|failure|cancelled|always)\(\)")

Contexts = Mapping[str, Any]


def workflow(name: str) -> dict[str, Any]:
    """A workflow's document."""
    return read_yaml(FOLDER / f"{name}.yml")


@dataclass
class Runner:
    """Runs workflows in a workplace.

    Attributes:
        workplace: Where.
        github: What the expressions find under `github`.
        variables: Of the environments, by name; "" has the repository's.
        secrets: Of the repository.
        approve: Says yes or no for each environment that isn't one of previews.
    """

    workplace: Workplace
    github: Mapping[str, Any]
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    approve: Approve = lambda environment: True

    def run(
        self, name: str, inputs: Mapping[str, str] | None = None, secrets: Mapping[str, str] | None = None
    ) -> Outcome:
        """What becomes of the jobs of a workflow; jobs of one that it calls are named `caller / job`."""
        document, outcome = workflow(name), Outcome()
        base = {"github": self.github, "inputs": inputs or {}, "secrets": self.secrets if secrets is None else secrets}
        results: dict[str, dict[str, Any]] = {}
        for job_name in _ordered(document["jobs"]):
            job = document["jobs"][job_name]
            ancestors = [results[one]["result"] for one in _ancestors(document["jobs"], job_name)]
            contexts = base | {"needs": {one: results[one] for one in _needs(job)}, "vars": self._variables("")}
            if not _condition(job.get("if"), contexts, ancestors):
                result, outputs = "skipped", {}
            elif "uses" in job:
                result, outputs = self._call(job_name, job, contexts, outcome), {}
            else:
                result, outputs = self._job(document, job, contexts, outcome)
            results[job_name] = {"result": result, "outputs": outputs}
            outcome.jobs[job_name] = result
        return outcome

    def _call(self, name: str, job: Mapping[str, Any], contexts: Contexts, outcome: Outcome) -> str:
        called = self.run(
            Path(job["uses"]).stem,
            {key: evaluated(value, contexts) for key, value in job.get("with", {}).items()},
            {key: evaluated(value, contexts) for key, value in job.get("secrets", {}).items()},
        )
        outcome.jobs |= {f"{name} / {one}": result for one, result in called.jobs.items()}
        outcome.log += called.log
        return "failure" if called.are("failure") else "success"

    def _job(
        self, document: Mapping[str, Any], job: Mapping[str, Any], contexts: Contexts, outcome: Outcome
    ) -> tuple[str, dict[str, str]]:
        environment = evaluated(job.get("environment", ""), contexts)
        if environment and not environment.endswith("-preview") and not self.approve(environment):
            return "failure", {}
        shell = document["defaults"]["run"]["shell"]
        assert shell == "bash", "another shell doesn't stop at a failure within a pipe"
        contexts = {**contexts, "vars": self._variables(environment), "steps": {}}
        failed = False
        for step in job["steps"]:
            if not _condition(step.get("if"), contexts, ["failure"] if failed else []):
                continue
            if "uses" in step:
                self.workplace.run(f"make uses {step['uses'].partition('@')[0]}", {})
                continue
            output = self.workplace.home / "output"
            output.write_text("", encoding="utf-8")
            given = {**document.get("env", {}), **job.get("env", {}), **step.get("env", {})}
            own = {key: evaluated(value, contexts) for key, value in given.items()}
            done = self.workplace.run(step["run"], {**_OWN, **own, "GITHUB_OUTPUT": str(output)})
            outcome.log += done.stdout + done.stderr
            failed = failed or done.returncode != 0
            lines = output.read_text(encoding="utf-8").splitlines()
            contexts["steps"][step.get("id", "")] = {"outputs": dict(line.split("=", 1) for line in lines)}
        outputs = {key: evaluated(value, contexts) for key, value in job.get("outputs", {}).items()}
        return ("failure" if failed else "success"), outputs

    def _variables(self, environment: str) -> dict[str, str]:
        return {**self.variables.get("", {}), **self.variables.get(environment, {})}


_OWN = {"GITHUB_ACTIONS": "true", "CI": "true"}


def evaluated(text: Any, contexts: Contexts, status: Mapping[str, bool] | None = None) -> str:
    """A text with its expressions replaced by what they come to."""

    def value(found: re.Match[str]) -> str:
        result = expression(found[1], contexts, status or {})
        return "" if result is None else str(result)

    return _EXPRESSION.sub(value, str(text))


def expression(text: str, contexts: Contexts, status: Mapping[str, bool]) -> Any:
    """What an expression comes to. What a context doesn't have is empty, as on GitHub."""
    python, at, text = "", 0, text.strip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        assert token, f"an expression of another kind: {text}"
        string, operator, name, called = token.groups()
        if string:
            python += repr(string[1:-1].replace("''", "'"))
        elif operator:
            python += _OPERATORS.get(operator, operator)
        elif called:
            python += repr(status[name])
        else:
            python += f"(find({name!r}))"
        at = token.end()

    def find(path: str) -> Any:
        found: Any = contexts
        for key in path.split("."):
            assert found is not contexts or key in contexts, f"there is no context {key} here"
            found = found.get(key, "") if isinstance(found, Mapping) else ""
        return found

    return eval(python.strip(), {"find": find})


def _condition(text: str | None, contexts: Contexts, before: list[str]) -> bool:
    """Whether a job or a step runs, after what became of all that it depends on, directly or not (status functions)."""
    status = {
        "success": all(one == "success" for one in before),
        "failure": "failure" in before,
        "cancelled": False,
        "always": True,
    }
    text = (text or "success()").strip().removeprefix("${{").removesuffix("}}")
    if not _OF_STATUS.search(text):
        text = f"success() && ({text})"
    return bool(expression(text, contexts, status))


def _needs(job: Mapping[str, Any]) -> list[str]:
    needs = job.get("needs", [])
    return [needs] if isinstance(needs, str) else needs


def _ancestors(jobs: Mapping[str, Any], name: str) -> set[str]:
    return {one for need in _needs(jobs[name]) for one in ({need} | _ancestors(jobs, need))}


def _ordered(jobs: Mapping[str, Any]) -> list[str]:
    key: Callable[[str], int] = lambda name: len(_ancestors(jobs, name))  # noqa: E731
    return sorted(jobs, key=key)
