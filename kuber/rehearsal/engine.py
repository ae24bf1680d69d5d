"""The stock Pulumi engine in a throw-away workspace, with stand-ins for the providers."""

from __future__ import annotations

import copy
import json
import re
import signal
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from kuber.rehearsal.events import EventLog, Run, Step
from kuber.rehearsal.gate import Gate
from kuber.rehearsal.killing import KillPoint
from kuber.rehearsal.preview import Preview, errors_of, read_digest
from kuber.rehearsal.provider import StandInProvider, StandInServers
from kuber.rehearsal.state_file import Recovery, StateFile
from kuber.rehearsal.workspace import EngineError, EngineMissingError, Workspace, find_tools

__all__ = ["STAND_IN_PACKAGES", "Engine", "EngineError", "EngineMissingError", "Preview", "find_tools"]

STAND_IN_PACKAGES = ("aws", "gcp", "kubernetes", "vault")


class Engine:
    """Runs the stock engine on a project, in a workspace that is gone afterwards.

    Backend, engine home and stack settings are in a temporary folder. Of the project nothing is written: the engine
    runs the program in place, with a copy of the stack file (creating a stack writes an encryption salt into it).

        with Engine(project) as engine:
            preview = engine.preview("prod-eks")

    Args:
        project: Folder with Pulumi.yaml and its virtual environment.
        providers: Stand-ins, one a package; generic ones for aws, gcp, kubernetes and vault if not given.
        environment: Variables for the engine and its program over our own, of which those that lead to a real stack or a
            real cloud are left out. The engine's folder comes first in PATH in any case; with PULUMI_BACKEND_URL the states
            are elsewhere than in the workspace, and `state_file` is of no use.
        timeout_seconds: Longest that one command of the engine may take.

    Attributes:
        project: The project.
        providers: The stand-ins.

    Raises:
        EngineMissingError: no engine was found.
    """

    def __init__(
        self,
        project: Path,
        *,
        providers: Sequence[StandInProvider] | None = None,
        environment: Mapping[str, str] | None = None,
        timeout_seconds: float = 300,
    ) -> None:
        self.project = project.resolve()
        self._timeout_seconds = timeout_seconds
        self.providers = providers or [StandInProvider(package) for package in STAND_IN_PACKAGES]
        self._environment = dict(environment or {})
        self._gate = Gate()
        self._exit = ExitStack()

    def __enter__(self) -> Engine:
        with ExitStack() as entering:
            folder = Path(entering.enter_context(tempfile.TemporaryDirectory(prefix="kuber-rehearsal-")))
            self._servers = entering.enter_context(StandInServers(self.providers, self._gate))
            self._workspace = Workspace(
                folder,
                environment=self._environment,
                debug_providers=self._servers.debug_providers,
                timeout_seconds=self._timeout_seconds,
            )
            self._exit = entering.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def at(self, project: Path | None = None, *, environment: Mapping[str, str] | None = None) -> Engine:
        """This engine, with its workspace and its providers, on another tree of the project or with more variables.

        It lives as long as this one, and is not to be entered.
        """
        other = copy.copy(self)
        other.project = project.resolve() if project else self.project
        other._workspace = self._workspace.with_environment(environment or {})
        return other

    def preview(self, stack: str) -> Preview:
        """Run `pulumi preview` on a stack, which is created in the workspace if it isn't there yet.

        What is registered comes from the engine's trace of its own calls (PULUMI_DEBUG_GRPC), since the JSON digest
        knows neither aliases, deleteBeforeReplace and outputs, nor what a provider's Check added to the inputs. What
        the engine intends comes from the digest. The trace holds secrets in clear; it goes with the workspace.

        Raises:
            EngineError: there is no such stack file, the program or the engine failed, or it took too long.
        """
        settings = self.stack_settings(stack)
        trace = self._workspace.folder / "trace.json"
        trace.unlink(missing_ok=True)
        arguments = ["preview", "--json", "--stack", stack, "--config-file", settings]
        done = self._workspace.run(arguments, cwd=self.project, env={"PULUMI_DEBUG_GRPC": str(trace)})
        digest = read_digest(done.stdout)
        if done.returncode != 0:
            told = "\n".join(errors_of(digest)) or done.stderr.strip() or done.stdout.strip()
            raise EngineError(f"pulumi preview of {stack} failed:\n{told}")
        return Preview.read(stack, self._servers.packages, digest, trace)

    def up(
        self,
        stack: str,
        *,
        on_step: Callable[[Step], None] | None = None,
        kill_at: int | None = None,
        lose_answer_of: str | None = None,
    ) -> Run:
        """Run `pulumi up` on a stack.

        Args:
            stack: Name of the stack.
            on_step: Called with each step as it begins and again as it ends, from this thread.
            kill_at: Kill the engine, by SIGKILL and with all it has started, once so many of its steps that change something are
                written in the state. Where providers are stand-ins no further step has had any effect then: what it has begun
                is held before it does anything. Components and what has no provider of its own aren't counted.
            lose_answer_of: Instead, the name of a resource: kill the engine when that has been made, changed or deleted, before the
                engine hears of it. All else that it has begun is written, or has had no effect.

        Raises:
            EngineError: as `preview`, or a resource couldn't be made.
        """
        return self._run(
            "up", stack, ["--yes", "--skip-preview"], on_step=on_step, kill_at=kill_at, lose_answer_of=lose_answer_of
        )

    def destroy(
        self,
        stack: str,
        *,
        preview_first: bool = False,
        on_step: Callable[[Step], None] | None = None,
        kill_at: int | None = None,
        lose_answer_of: str | None = None,
    ) -> Run:
        """Run `pulumi destroy` on a stack; all else as `up`.

        Args:
            stack: Name of the stack.
            preview_first: As a person has it: what is protected is refused before anything goes. Without, the engine comes to it when
                all that needs it has gone.
            on_step: As in `up`.
            kill_at: As in `up`.
            lose_answer_of: As in `up`.
        """
        how = ["--yes"] if preview_first else ["--yes", "--skip-preview"]
        return self._run("destroy", stack, how, on_step=on_step, kill_at=kill_at, lose_answer_of=lose_answer_of)

    def refresh(self, stack: str, *arguments: str, on_step: Callable[[Step], None] | None = None) -> Run:
        """Run `pulumi refresh` on a stack: the steps' operations tell what each resource has become behind the engine's back.

        Args:
            stack: Name of the stack.
            arguments: Further ones: "--clear-pending-creates"; "--preview-only" to see and write nothing.
            on_step: As in `up`.

        Raises:
            EngineError: as `up`.
        """
        skip = [] if "--preview-only" in arguments else ["--yes", "--skip-preview"]
        return self._run("refresh", stack, [*skip, *arguments], on_step=on_step)

    def import_resources(self, stack: str, resources: Sequence[Mapping[str, str]], names: Mapping[str, str]) -> Run:
        """Run `pulumi import` on a stack: take things that are there into the state. They aren't protected.

        Args:
            stack: Name of the stack.
            resources: Each with type, name and id; by their names in `names` also its parent, and its provider if that is its own.
            names: URNs of parents and providers, by name.

        Raises:
            EngineError: as `up`.
        """
        with tempfile.NamedTemporaryFile("w", dir=self._workspace.folder, suffix=".json") as file:
            json.dump({"resources": list(resources), "nameTable": dict(names)}, file)
            file.flush()
            as_they_are = ["--protect=false", "--generate-code=false"]
            return self._run("import", stack, ["--yes", "--skip-preview", *as_they_are, "--file", file.name])

    def cancel(self, stack: str) -> None:
        """Run `pulumi cancel` on a stack: lift the locks of whoever is at work on it, or was killed at it.

        Raises:
            EngineError: there is no such stack.
        """
        self._told(["cancel", "--yes", "--stack", stack])

    def recover(self, stack: str) -> Recovery:
        """Make a stack workable again after an engine was killed at it: lift its locks, and mend its state if it is damaged.

        Raises:
            StateError: the state is damaged and no copy of it is left.
            EngineError: as `cancel`.
        """
        state = self.state_file(stack)
        locks, emptied, restored = len(state.locks()), state.remove_emptied_notes(), state.restore()
        self.cancel(stack)
        return Recovery(locks=locks, emptied=emptied, restored_from=restored, pending=state.pending())

    def state(self, stack: str) -> str:
        """The state of a stack as the engine exports it, JSON.

        Raises:
            EngineError: there is no such stack.
        """
        return self._told(["stack", "export", "--stack", stack])

    def state_file(self, stack: str) -> StateFile:
        """The file that the state of a stack is in."""
        found = re.search(r"^name:\s*(\S+)", (self.project / "Pulumi.yaml").read_text(encoding="utf-8"), re.MULTILINE)
        assert found, f"{self.project / 'Pulumi.yaml'} has no name"
        return StateFile(self._workspace.state, found[1], stack)

    def _run(
        self,
        verb: str,
        stack: str,
        arguments: Sequence[str],
        *,
        on_step: Callable[[Step], None] | None = None,
        kill_at: int | None = None,
        lose_answer_of: str | None = None,
    ) -> Run:
        settings = self.stack_settings(stack)
        kill_point: KillPoint | None = None
        if kill_at is None and lose_answer_of is None:
            self._gate.open()
        else:
            kill_point = KillPoint(
                self._gate, self.state_file(stack), self._servers.packages, steps=kill_at, losing=lose_answer_of
            )
        with tempfile.NamedTemporaryFile(dir=self._workspace.folder, prefix=f"{verb}-", suffix=".events") as file:
            events = EventLog(Path(file.name), on_step, planned="--preview-only" in arguments)

            def to_be_killed() -> bool:
                events.read()
                return kill_point is not None and kill_point.reached(events.steps)

            words = [verb, *arguments, "--stack", stack, "--config-file", settings, "--event-log", file.name]
            began = time.monotonic()
            shown_events = {"PULUMI_DEBUG_COMMANDS": "true"}  # without it there is no --event-log
            done = self._workspace.run(words, cwd=self.project, env=shown_events, kill_when=to_be_killed)
            killed = kill_point is not None and done.returncode == -signal.SIGKILL
            if killed:
                self._gate.close()
                events.read()
            else:
                events.finish()
        run = Run(
            command=verb,
            stack=stack,
            stand_ins=self._servers.packages,
            steps=events.steps,
            diagnostics=events.diagnostics,
            seconds=time.monotonic() - began,
            killed=killed,
            text=done.stdout + done.stderr,
        )
        if done.returncode != 0 and not killed:
            told = "\n".join(run.errors) or run.text.strip()
            raise EngineError(f"pulumi {verb} of {stack} failed:\n{told}", run)
        return run

    def _told(self, arguments: Sequence[str]) -> str:
        """What a command on the stack itself writes."""
        done = self._workspace.run(arguments, cwd=self.project)
        if done.returncode != 0:
            raise EngineError(f"pulumi {arguments[0]} failed:\n{done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def stack_settings(self, stack: str) -> Path:
        """The workspace's copy of a stack file as it is now; at its first use the stack is created.

        Raises:
            EngineError: there is no such stack file.
        """
        return self._workspace.settings(self.project, stack)

    def command(self, *arguments: str | Path) -> tuple[list[str], dict[str, str]]:
        """The command line of an engine's command, and all of its environment, for those who run it as users do."""
        return self._workspace.command(*arguments)
