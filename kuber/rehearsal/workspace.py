"""A throw-away place for the stock Pulumi engine: a backend, a home and the settings of its stacks."""

from __future__ import annotations

import copy
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kuber.rehearsal import processes
from kuber.rehearsal.events import Run

_BUILD = Path(__file__).parents[2] / "tools" / "build.py"

_LEFT_OUT = ("PULUMI_", "AWS_", "GOOGLE_", "CLOUDSDK_", "VAULT_", "KUBECONFIG")
"""Environment variables by prefix that a program under stand-ins doesn't get: it must do without credentials."""

_ENCRYPTION = re.compile(r"^(encryptionsalt|secretsprovider|encryptedkey):.*$", re.MULTILINE)
"""Lines of a stack file that say how its real stack encrypts; the throw-away one has a passphrase of its own."""


class EngineMissingError(Exception):
    """No engine was found; the message says how to get one."""


class EngineError(Exception):
    """The engine refused or failed; the message holds its diagnostics.

    Attributes:
        run: What it did before that; None where it didn't come so far.
    """

    def __init__(self, message: str, run: Run | None = None) -> None:
        super().__init__(message)
        self.run = run


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


class Workspace:
    """Runs the engine so that nothing leads to a real stack or a real cloud.

    Args:
        folder: Empty; all that the engine writes is in it.
        environment: Variables over our own.
        debug_providers: The providers that the engine attaches to, as `StandInServers` gives them.
        timeout_seconds: Longest that one command may take.

    Attributes:
        folder: The same.
        state: The folder of the backend.

    Raises:
        EngineMissingError: no engine was found.
    """

    def __init__(
        self, folder: Path, *, environment: Mapping[str, str], debug_providers: str, timeout_seconds: float
    ) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.state.mkdir()
        self._quiet_home = folder / "home"
        self._quiet_home.mkdir()
        # The engine's log of each command is a third of a preview's work. It keeps none where it can't make its folder.
        (self._quiet_home / "logs").touch()
        self._tools = find_tools()
        self._given = dict(environment)
        self._debug_providers = debug_providers
        self._timeout_seconds = timeout_seconds
        self._salts: dict[str, str] = {}

    def with_environment(self, environment: Mapping[str, str]) -> Workspace:
        """This workspace, with more variables."""
        other = copy.copy(self)
        other._given = {**self._given, **environment}
        return other

    def settings(self, project: Path, stack: str) -> Path:
        """Our copy of a project's stack file as it is now; at its first use the stack is created.

        Raises:
            EngineError: there is no such stack file, or the engine doesn't take the stack's name.
        """
        settings = self.folder / f"Pulumi.{stack}.yaml"
        source = project / settings.name
        if not source.exists():
            there = sorted(path.name for path in project.glob("Pulumi.*.yaml")) or ["none"]
            raise EngineError(f"{source}: no such stack file; in that folder there are: {', '.join(there)}")
        text = _ENCRYPTION.sub("#", source.read_text(encoding="utf-8"))
        if not settings.exists():
            (self.folder / "Pulumi.yaml").write_bytes((project / "Pulumi.yaml").read_bytes())
            settings.write_text(text, encoding="utf-8")
            done = self.run(["stack", "init", stack], cwd=self.folder)
            if done.returncode != 0:
                settings.unlink()
                raise EngineError(f"pulumi stack init {stack} failed:\n{done.stderr.strip() or done.stdout.strip()}")
            self._salts[stack] = "\n".join(
                line[0] for line in _ENCRYPTION.finditer(settings.read_text(encoding="utf-8"))
            )
        settings.write_text(f"{text}\n{self._salts[stack]}\n", encoding="utf-8")
        return settings

    def command(self, *arguments: str | Path) -> tuple[list[str], dict[str, str]]:
        """The command line of an engine's command, and all of its environment; the engine does all that it does for users."""
        words = [str(self._tools / "pulumi"), *map(str, arguments), "--non-interactive", "--color", "never"]
        return words, self._environment()

    def run(
        self,
        arguments: Sequence[str | Path],
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        kill_when: Callable[[], bool] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the engine; nothing of it is left behind.

        Args:
            arguments: Its words after `pulumi`.
            cwd: Where it runs.
            env: Further variables.
            kill_when: As in `processes.run`.

        Raises:
            EngineError: it took too long, or can't be started.
        """
        command, own = self.command(*arguments)
        environment = {**own, "PULUMI_HOME": str(self._quiet_home), **(env or {})}
        try:
            return processes.run(
                command, cwd=cwd, env=environment, timeout_seconds=self._timeout_seconds, kill_when=kill_when
            )
        except subprocess.TimeoutExpired:
            raise EngineError(
                f"pulumi {arguments[0]} took over {self._timeout_seconds:g} s and was stopped, with all it had started"
            ) from None
        except OSError as error:
            raise EngineError(f"{command[0]} can't be started: {error}; build it anew: `make tools`") from error

    def _environment(self) -> dict[str, str]:
        """Our own environment without anything that leads to a real stack or a real cloud."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
        kept |= self._given
        return kept | {
            # The language host that is built from its Go module is of before the engine told it of virtual environments.
            "PATH": os.pathsep.join((str(self._tools), str(Path(sys.executable).parent), kept.get("PATH", os.defpath))),
            "PULUMI_HOME": str(self.folder / "home-with-logs"),
            "PULUMI_BACKEND_URL": kept.get("PULUMI_BACKEND_URL", self.state.as_uri()),
            "PULUMI_CONFIG_PASSPHRASE": "throw-away",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DEBUG_PROVIDERS": self._debug_providers,
        }
