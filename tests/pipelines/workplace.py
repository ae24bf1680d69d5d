"""A checkout of the project in which the commands of pipelines run, with stand-ins for all that would leave the machine."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.support import PROJECT

PIPELINES = PROJECT / "pipelines"
STACKS = ("prod-eks", "prod-gke", "colo-london")
"""In the order in which the pipelines deploy them."""

Approve = Callable[[str], bool]
"""Whether a person lets a stack's `up` begin; asked when all before it is done."""


@dataclass
class Outcome:
    """What became of a pipeline's jobs, by name, in the order in which they ended: `success`, `failure`, `skipped` or `waiting`."""

    jobs: dict[str, str] = field(default_factory=dict)
    log: str = ""

    def are(self, result: str) -> list[str]:
        """The jobs that ended so."""
        return [name for name, one in self.jobs.items() if one == result]


def read_yaml(path: Path) -> Any:
    """A file's document, and an error where a key stands twice."""
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def preview_of(stack: str, *changed: str, operation: str = "update") -> dict[str, Any]:
    """What `pulumi preview --json --show-sames` writes for a stack, where some resources change."""

    def step(name: str, op: str) -> dict[str, Any]:
        urn = f"urn:pulumi:{stack}::kuber::aws:ec2/vpc:Vpc::{name}"
        state = {"urn": urn, "type": "aws:ec2/vpc:Vpc", "custom": True, "id": name, "inputs": {}, "outputs": {}}
        found = {"op": op, "urn": urn, "oldState": state, "newState": state}
        return found | ({} if op == "same" else {"detailedDiff": {"tags.owner": {"kind": "update"}}})

    steps = [step("unchanged", "same"), *(step(name, operation) for name in changed)]
    return {"config": {}, "steps": steps, "changeSummary": {"same": 1} | ({operation: len(changed)} if changed else {})}


class Workplace:
    """A folder `kuber` with the pipelines in it, and stand-ins for `make`, `pulumi` and `kuber`, which note how they were called.

    PATH has the system's own tools beside them, and nothing of the environment of the tests comes through.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "kuber"
        self.state = folder / "state"
        self.bin = folder / "bin"
        self.home = folder / "home"
        self._log = folder / "calls"
        for one in (self.state, self.bin, self.home, self.folder / ".venv" / "bin"):
            one.mkdir(parents=True)
        shutil.copytree(PIPELINES, self.folder / "pipelines")
        for stack in STACKS:
            self.previews(stack, preview_of(stack, "network"))
        self.program("bin/make", self._noting("make"))
        self.program("kuber/.venv/bin/kuber", self._noting("kuber") + _KUBER)
        self.program("bin/pulumi", self._noting("pulumi") + _PULUMI)
        python = f'PYTHONPATH={shlex.quote(str(PROJECT))} exec {shlex.quote(sys.executable)} "$@"'
        self.program("kuber/.venv/bin/python", python)

    def program(self, path: str, script: str) -> None:
        """Put a program of bash at a path below the folder of all."""
        file = self.folder.parent / path
        file.write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
        file.chmod(0o755)

    def _noting(self, name: str) -> str:
        log, state = shlex.quote(str(self._log)), shlex.quote(str(self.state))
        return f"{{ printf '%s\\0' {name} \"$@\"; printf '\\036'; }} >>{log}\nstate={state}\n"

    def previews(self, stack: str, document: Mapping[str, Any], status: int = 0) -> None:
        """Have `pulumi preview` write this."""
        (self.state / f"{stack}.json").write_text(json.dumps(document), encoding="utf-8")
        (self.state / f"{stack}.preview").write_text(str(status), encoding="utf-8")

    def up_fails(self, stack: str) -> None:
        """Have `pulumi up` fail."""
        (self.state / f"{stack}.up").write_text("255", encoding="utf-8")

    def validate_fails(self) -> None:
        """Have `kuber validate` find a problem."""
        (self.state / "validate").touch()

    def run(self, script: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run commands in the checkout as all three run them: bash that stops at the first failure, also within a pipe."""
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.folder,
            env={**self.environment(), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def environment(self) -> dict[str, str]:
        """All that a job's environment has before its own."""
        return {"PATH": f"{self.bin}:/usr/bin:/bin", "HOME": str(self.home), "TMPDIR": str(self.home)}

    def calls(self, *programs: str) -> list[str]:
        """How stand-ins were called, in order; `pulumi` by command and stack alone."""
        return [_short(words) for words in self._called() if not programs or words[0] in programs]

    def arguments(self, beginning: str) -> list[str]:
        """The arguments of the one call that begins so."""
        (words,) = [words for words in self._called() if " ".join(words).startswith(beginning)]
        return words[1:]

    def _called(self) -> list[list[str]]:
        noted = self._log.read_text(encoding="utf-8") if self._log.exists() else ""
        return [call.split("\0")[:-1] for call in noted.split("\x1e")[:-1]]

    def seen_by_pulumi(self) -> dict[str, str]:
        """The environment of the last `pulumi`. The files of credentials that it names are in `state`, by the variable's name."""
        lines = (self.state / "environment").read_bytes().decode().split("\0")
        return dict(line.split("=", 1) for line in lines if "=" in line)


def _short(words: list[str]) -> str:
    return f"pulumi {words[1]} {words[words.index('--stack') + 1]}" if words[0] == "pulumi" else " ".join(words)


_KUBER = """
previous=
for word in "$@"; do
  case $previous in --markdown | --html) echo "the review" >"$word" ;; esac
  previous=$word
done
case "$1 ${2:-}" in
  "review -") grep -q changeSummary || { echo "the preview failed, so it doesn't tell what would happen" >&2; exit 1; } ;;
  "validate --base") if [[ -e $state/validate ]]; then exit 1; fi ;;
esac
"""

_PULUMI = """
stack= previous=
for word in "$@"; do
  if [[ $previous == --stack ]]; then stack=$word; fi
  previous=$word
done
env -0 >"$state/environment"
for name in AWS_WEB_IDENTITY_TOKEN_FILE GOOGLE_APPLICATION_CREDENTIALS; do
  if [[ -n ${!name:-} ]]; then
    cp "${!name}" "$state/$name"
    stat -c %a "$(dirname "${!name}")" >"$state/$name.mode"
  fi
done
if [[ $1 == preview ]]; then
  cat "$state/$stack.json"
  exit "$(cat "$state/$stack.preview")"
fi
if [[ -e $state/$stack.up ]]; then exit "$(cat "$state/$stack.up")"; fi
echo '{"steps": [{"op": "same", "urn": "urn:pulumi:a::b::c::d"}], "changeSummary": {"same": 1}}' >"$state/$stack.json"
"""
