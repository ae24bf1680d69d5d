"""The stock Pulumi engine in a throw-away workspace, with stand-ins for the providers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kuber.plan.registration import registered_resource, shown
from kuber.rehearsal import processes
from kuber.rehearsal.provider import StandInProvider, StandInServers

STAND_IN_PACKAGES = ("aws", "gcp", "kubernetes", "vault")

_BUILD = Path(__file__).parents[2] / "tools" / "build.py"

_LEFT_OUT = ("PULUMI_", "AWS_", "GOOGLE_", "CLOUDSDK_", "VAULT_", "KUBECONFIG")
"""Environment variables by prefix that a program under stand-ins doesn't get: it must do without credentials."""

_HOST_EXIT = "an unhandled error occurred: program exited with non-zero exit code"
"""What the language host adds when a program has told its error itself."""

_ENCRYPTION = re.compile(r"^(encryptionsalt|secretsprovider|encryptedkey):.*$", re.MULTILINE)
"""Lines of a stack file that say how its real stack encrypts; the throw-away one has a passphrase of its own."""


class EngineMissingError(Exception):
    """No engine was found; the message says how to get one."""


class EngineError(Exception):
    """The engine refused or failed; the message holds its diagnostics."""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What `pulumi preview` registers and intends, under stand-ins for the providers.

    Attributes:
        stack: Name of the stack.
        stand_ins: Packages whose provider was a stand-in; to be named wherever the result is shown.
        resources: Every registered resource, sorted by URN, in the form of `kuber plan --json`
            (see `kuber.plan.registration.registered_resource`), the stack itself included.
        outputs: The stack's outputs, in the same form as inputs.
        operations: What the engine intends with each resource ("create", "update", "replace", …), by URN. Of resources that are
            there already, those that stay as they are don't appear.
        steps: The steps of the engine's own JSON digest as they are, sorted by URN.
        warnings: The engine's and the program's warnings.
    """

    stack: str
    stand_ins: tuple[str, ...]
    resources: list[dict[str, Any]]
    outputs: dict[str, Any]
    operations: dict[str, str]
    steps: list[dict[str, Any]]
    warnings: list[str]


def find_tools() -> Path:
    """The folder with `pulumi` and `pulumi-language-python`.

    That is KUBER_TOOLS_BIN if set, else that of a `pulumi` on PATH that is new enough, else what `make tools` built.

    Raises:
        EngineMissingError: there is none.
    """
    if named := os.environ.get("KUBER_TOOLS_BIN"):
        if (Path(named) / "pulumi").exists():
            return Path(named)
        raise EngineMissingError(
            f"KUBER_TOOLS_BIN is {named}, and there is no pulumi in it: unset it, or run `make tools`"
        )
    found = subprocess.run([sys.executable, _BUILD, "--print-bin"], capture_output=True, text=True)
    if found.returncode != 0:
        raise EngineMissingError(found.stderr.strip().removeprefix("error: "))
    return Path(found.stdout.strip())


class Engine:
    """Runs the stock engine on a project, in a workspace that is gone afterwards.

    Backend, engine home and stack settings are in a temporary folder. Of the project nothing is written: the engine
    runs the program in place, with a copy of the stack file (creating a stack writes an encryption salt into it).

        with Engine(project) as engine:
            preview = engine.preview("prod-eks")

    Args:
        project: Folder with Pulumi.yaml and its virtual environment.
        providers: Stand-ins, one a package; generic ones for aws, gcp, kubernetes and vault if not given.
        timeout_seconds: Longest that one command of the engine may take.

    Raises:
        EngineMissingError: no engine was found.
    """

    def __init__(
        self, project: Path, *, providers: Sequence[StandInProvider] | None = None, timeout_seconds: float = 300
    ) -> None:
        self.project = project.resolve()
        self.timeout_seconds = timeout_seconds
        self._tools = find_tools()
        self._providers = providers or [StandInProvider(package) for package in STAND_IN_PACKAGES]
        self._exit = ExitStack()

    def __enter__(self) -> Engine:
        with ExitStack() as entering:
            self._workspace = Path(entering.enter_context(tempfile.TemporaryDirectory(prefix="kuber-rehearsal-")))
            self._servers = entering.enter_context(StandInServers(self._providers))
            (self._workspace / "state").mkdir()
            self._exit = entering.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def preview(self, stack: str) -> Preview:
        """Run `pulumi preview` on a stack, which is created in the workspace if it isn't there yet.

        What is registered comes from the engine's trace of its own calls (PULUMI_DEBUG_GRPC), since the JSON digest
        knows neither aliases, deleteBeforeReplace and outputs, nor what a provider's Check added to the inputs. What
        the engine intends comes from the digest. The trace holds secrets in clear; it goes with the workspace.

        Raises:
            EngineError: there is no such stack file, the program or the engine failed, or it took too long.
        """
        settings = self.stack_settings(stack)
        trace = self._workspace / "trace.json"
        trace.unlink(missing_ok=True)
        arguments = ["preview", "--json", "--stack", stack, "--config-file", settings]
        done = self._pulumi(arguments, cwd=self.project, env={"PULUMI_DEBUG_GRPC": str(trace)})
        digest = _digest(done.stdout)
        if done.returncode != 0:
            raise EngineError(f"pulumi preview of {stack} failed:\n{_complaint(digest, done)}")
        resources, outputs = _read_trace(trace)
        steps = sorted(digest.get("steps", []), key=lambda step: step["urn"])
        return Preview(
            stack=stack,
            stand_ins=self._servers.packages,
            resources=resources,
            outputs=outputs,
            operations={step["urn"]: step["op"] for step in steps if step["op"] != "refresh"},
            steps=steps,
            warnings=_messages(digest, "warning"),
        )

    def up(self, stack: str) -> str:
        """Run `pulumi up` on a stack, and give what the engine wrote. Against stand-ins it makes nothing but a state.

        Raises:
            EngineError: as `preview`, or a resource couldn't be made.
        """
        return self._change(["up", "--yes", "--skip-preview", "--diff"], stack)

    def destroy(self, stack: str) -> str:
        """Run `pulumi destroy` on a stack, and give what the engine wrote.

        Raises:
            EngineError: as `up`.
        """
        return self._change(["destroy", "--yes", "--skip-preview"], stack)

    def state(self, stack: str) -> str:
        """The state of a stack as the engine keeps it, JSON.

        Raises:
            EngineError: there is no such stack.
        """
        return self._change(["stack", "export"], stack)

    def _change(self, arguments: Sequence[str], stack: str) -> str:
        settings = self.stack_settings(stack)
        of_stack = ["--stack", stack, *([] if arguments[0] == "stack" else ["--config-file", str(settings)])]
        done = self._pulumi([*arguments, *of_stack], cwd=self.project)
        if done.returncode != 0:
            raise EngineError(f"pulumi {arguments[0]} of {stack} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def stack_settings(self, stack: str) -> Path:
        """The workspace's copy of a stack file, made by creating the stack at the first use."""
        settings = self._workspace / f"Pulumi.{stack}.yaml"
        if settings.exists():
            return settings
        source = self.project / settings.name
        if not source.exists():
            there = sorted(path.name for path in self.project.glob("Pulumi.*.yaml")) or ["none"]
            raise EngineError(f"{source}: no such stack file; in that folder there are: {', '.join(there)}")
        (self._workspace / "Pulumi.yaml").write_bytes((self.project / "Pulumi.yaml").read_bytes())
        settings.write_text(_ENCRYPTION.sub("#", source.read_text(encoding="utf-8")), encoding="utf-8")
        done = self._pulumi(["stack", "init", stack], cwd=self._workspace)
        if done.returncode != 0:
            settings.unlink()
            raise EngineError(f"pulumi stack init {stack} failed:\n{done.stderr.strip() or done.stdout.strip()}")
        return settings

    def command(self, *arguments: str | Path) -> tuple[list[str], dict[str, str]]:
        """The command line of an engine's command, and all of its environment: for those who run it otherwise."""
        words = [str(self._tools / "pulumi"), *map(str, arguments), "--non-interactive", "--color", "never"]
        return words, self._environment()

    def _pulumi(
        self, arguments: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        command, own = self.command(*arguments)
        environment = {**own, **(env or {})}
        try:
            return processes.run(command, cwd=cwd, env=environment, timeout_seconds=self.timeout_seconds)
        except subprocess.TimeoutExpired:
            raise EngineError(
                f"pulumi {arguments[0]} took over {self.timeout_seconds:g} s and was stopped, with all it had started"
            ) from None
        except OSError as error:
            raise EngineError(f"{command[0]} can't be started: {error}; build it anew: `make tools`") from error

    def _environment(self) -> dict[str, str]:
        """Our own environment without anything that leads to a real stack or a real cloud."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
        return kept | {
            "PATH": f"{self._tools}{os.pathsep}{kept.get('PATH', os.defpath)}",
            "PULUMI_HOME": str(self._workspace / "home"),
            "PULUMI_BACKEND_URL": (self._workspace / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "throw-away",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DEBUG_PROVIDERS": self._servers.debug_providers,
        }


def _read_trace(trace: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The registered resources and the stack's outputs, from the engine's trace: one call a line, as JSON."""
    resources: list[dict[str, Any]] = []
    outputs: dict[str, Any] = {}
    with trace.open(encoding="utf-8") as lines:
        for line in lines:
            call = json.loads(line)
            match call["method"].removeprefix("/pulumirpc.ResourceMonitor/"):
                case "RegisterResource":
                    resources.append(registered_resource(call["request"], call["response"]["urn"]))
                case "RegisterResourceOutputs" if "::pulumi:pulumi:Stack::" in call["request"]["urn"]:
                    outputs = shown(call["request"].get("outputs", {}))
    return sorted(resources, key=lambda resource: resource["urn"]), outputs


def _digest(stdout: str) -> dict[str, Any]:
    """The JSON that the engine wrote; empty if it failed before it could."""
    try:
        return json.loads(stdout)
    except json.JSONDecodeError:
        return {}


def _messages(digest: Mapping[str, Any], severity: str) -> list[str]:
    found = [item["message"] for item in digest.get("diagnostics") or [] if item["severity"] == severity]
    return [message.removeprefix(f"{severity}: ").strip() for message in found]


def _complaint(digest: Mapping[str, Any], done: subprocess.CompletedProcess[str]) -> str:
    """The engine's errors; where it names none, whatever it wrote."""
    errors = _messages(digest, "error")
    told = [error for error in errors if not error.startswith(_HOST_EXIT)]
    return "\n".join(told or errors) or done.stderr.strip() or done.stdout.strip()
