"""What the engine does, step by step, from the log of events that it writes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from kuber.rehearsal.preview import UNCHANGING, without_last_word


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the engine.

    Attributes:
        urn: Of the resource.
        type: Type token of the resource.
        package: The package whose provider does it: "aws"; "pulumi-python" for a dynamic resource; "" for a component or provider.
        operation: "create", "update", "delete", "same", "refresh", "create-replacement", "replace", "delete-replaced", …; in a
            refresh what it found: "update", "delete" or "same".
        status: Whether it is under way, done or has failed. A killed engine leaves steps that are "running".
        seconds: How long it took, from its event to the next, to about 0.05 s; so far, if it is running.
        changed: Paths of the properties that differ.
        error: What the provider said; empty unless it failed.
    """

    urn: str
    type: str
    package: str
    operation: str
    status: Literal["running", "done", "failed"]
    seconds: float = 0.0
    changed: tuple[str, ...] = ()
    error: str = ""

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.rpartition("::")[2]

    @property
    def changes(self) -> bool:
        """Whether it changes anything, or tells in a refresh of something that has changed."""
        return self.operation not in UNCHANGING


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """What the engine, the program or a provider says.

    Attributes:
        severity: "info", "info#err", "warning" or "error".
        urn: Of the resource that it is about; empty if about none.
        message: The text.
    """

    severity: str
    urn: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one command of the engine did.

    Attributes:
        command: "up", "destroy", "refresh".
        stack: Name of the stack.
        stand_ins: Packages whose provider was a stand-in; to be named wherever the result is shown.
        steps: In the order of their beginning, those that change nothing included. A resource may have several: a replacement has
            three, and one for each time that it is refreshed.
        diagnostics: In order.
        seconds: Wall time.
        killed: The engine was killed before it was through.
        text: What the engine wrote for people.
    """

    command: str
    stack: str
    stand_ins: tuple[str, ...]
    steps: list[Step]
    diagnostics: list[Diagnostic]
    seconds: float
    killed: bool
    text: str

    @property
    def changes(self) -> list[Step]:
        """The steps that change something, in order; those of a refresh tell what has changed behind the engine's back."""
        return [step for step in self.steps if step.changes]

    @property
    def failed(self) -> list[Step]:
        """The steps that failed."""
        return [step for step in self.steps if step.status == "failed"]

    @property
    def warnings(self) -> list[str]:
        """The engine's and the program's warnings."""
        return [said.message for said in self.diagnostics if said.severity == "warning"]

    @property
    def errors(self) -> list[str]:
        """What went wrong, each with its resource."""
        errors = [said for said in self.diagnostics if said.severity == "error"]
        return without_last_word([f"{said.urn}: {said.message}" if said.urn else said.message for said in errors])


class EventLog:
    """Follows the log of a running engine.

    Args:
        file: Where the engine writes it (`--event-log`); need not be there yet.
        on_step: Called with each step as it begins and again as it ends.
        planned: Whether the steps are those of a preview; otherwise a preview that comes first is passed over.
    """

    def __init__(self, file: Path, on_step: Callable[[Step], None] | None = None, *, planned: bool = False) -> None:
        self._file = file
        self._planned = planned
        self._on_step = on_step
        self._read = 0
        self._running: list[tuple[float, Step]] = []
        self._ended: list[tuple[float, Step]] = []
        self._diagnostics: list[Diagnostic] = []

    @property
    def steps(self) -> list[Step]:
        """All steps that were read so far, in the order of their beginning."""
        now = time.monotonic()
        running = [(began, replace(step, seconds=now - began)) for began, step in self._running]
        return [step for _, step in sorted([*self._ended, *running], key=lambda one: one[0])]

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """What was said so far."""
        return list(self._diagnostics)

    def read(self) -> None:
        """Take in what the engine has written since the last time; a line that isn't whole yet waits for the next time."""
        try:
            with self._file.open("rb") as file:
                if self._read > os.fstat(file.fileno()).st_size:
                    self._read = 0  # after a preview of its own the engine begins anew
                file.seek(self._read)
                written = file.read()
        except FileNotFoundError:
            return
        whole = written[: written.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            self._take(json.loads(line))

    def finish(self) -> None:
        """Take in the rest, when the engine has ended by itself: of a component that registers no outputs it tells no end."""
        self.read()
        for began, step in list(self._running):
            self._conclude(began, step, replace(step, status="done"))

    def _take(self, event: Mapping[str, Any]) -> None:
        if said := event.get("diagnosticEvent"):
            if said["severity"] != "debug" and not said.get("ephemeral"):
                message = said["message"].removeprefix(said.get("prefix", "")).strip()
                self._diagnostics.append(
                    Diagnostic(severity=said["severity"], urn=said.get("urn", ""), message=message)
                )
        elif before := event.get("resourcePreEvent"):
            if before.get("planning", False) != self._planned:
                return
            about = before["metadata"]
            step = Step(
                urn=about["urn"],
                type=about["type"],
                package=_package(about.get("provider", "")),
                operation=about["op"],
                status="running",
                changed=_paths(about),
            )
            self._running.append((time.monotonic(), step))
            self._tell(step)
        elif after := event.get("resOutputsEvent"):
            self._end(after["metadata"], failed=False)
        elif broken := event.get("resOpFailedEvent"):
            self._end(broken["metadata"], failed=True)

    def _end(self, about: Mapping[str, Any], *, failed: bool) -> None:
        """A step's end. A refresh ends as the operation that it found; a component ends twice: made, and its outputs registered."""
        of_resource = [one for one in self._running if one[1].urn == about["urn"]]
        same = [one for one in of_resource if one[1].operation == about["op"]]
        for began, step in (same or [one for one in of_resource if one[1].operation == "refresh"])[:1]:
            status = "failed" if failed else "done"
            error = self._error(step.urn) if failed else ""
            ended = replace(step, operation=about["op"], status=status, changed=_paths(about), error=error)
            self._conclude(began, step, ended)

    def _conclude(self, began: float, step: Step, ended: Step) -> None:
        ended = replace(ended, seconds=time.monotonic() - began)
        self._running.remove((began, step))
        self._ended.append((began, ended))
        self._tell(ended)

    def _error(self, urn: str) -> str:
        """What was said of a resource last before its step failed."""
        said = [one.message for one in self._diagnostics if one.severity == "error" and one.urn == urn]
        return said[-1] if said else ""

    def _tell(self, step: Step) -> None:
        if self._on_step:
            self._on_step(step)


def _paths(about: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(about.get("detailedDiff") or about.get("diffs") or ()))


def _package(provider: str) -> str:
    """From a reference to a provider: "urn:pulumi:dev::shop::pulumi:providers:aws::default::ID"."""
    return provider.split("::")[2].rpartition(":")[2] if provider else ""
