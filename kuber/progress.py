"""How far long work is, for whoever waits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

_PLAIN_SECONDS = 10.0
"""How often a long step says how far it is where output is piped."""


class Progress(Protocol):
    """Is told what is done."""

    def begin(self, name: str, total: int | None = None) -> None:
        """A step begins, of about so many parts."""
        ...

    def done(self, parts: int) -> None:
        """So many parts of the step are done."""
        ...

    def end(self, outcome: str) -> None:
        """The step has ended."""
        ...


class NoProgress:
    """Tells nobody."""

    def begin(self, name: str, total: int | None = None) -> None:
        """Nothing."""

    def done(self, parts: int) -> None:
        """Nothing."""

    def end(self, outcome: str) -> None:
        """Nothing."""


class PlainProgress:
    """Writes a line when a step ends, and now and then while it lasts."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._name, self._total = "", None
        self._began = self._told = 0.0

    def begin(self, name: str, total: int | None = None) -> None:
        """Say that a step begins."""
        self._name, self._total = name, total
        self._began = self._told = time.monotonic()
        self._say("…")

    def done(self, parts: int) -> None:
        """Say how far the step is, if that was long ago."""
        if time.monotonic() - self._told > _PLAIN_SECONDS:
            self._told = time.monotonic()
            of = f" of {self._total}" if self._total else ""
            self._say(f": {parts}{of}, {self._told - self._began:.0f} s")

    def end(self, outcome: str) -> None:
        """Say how the step ended."""
        self._say(f": {outcome}, {time.monotonic() - self._began:.1f} s")

    def _say(self, what: str) -> None:
        print(f"{self._name}{what}", file=self._file, flush=True)


class LiveProgress:
    """A line for each step on a terminal, the one under way with a bar."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task = None

    def begin(self, name: str, total: int | None = None) -> None:
        """Show a step."""
        self._task = self._bars.add_task(name, total=total)

    def done(self, parts: int) -> None:
        """Show how far the step is; where there are more parts than were thought, the bar is full."""
        if self._task is not None:
            self._bars.update(self._task, completed=parts)

    def end(self, outcome: str) -> None:
        """Show that the step has ended."""
        if self._task is not None:
            task = self._bars.tasks[self._bars.task_ids.index(self._task)]
            total = task.completed or 1
            self._bars.update(self._task, total=total, completed=total, description=f"{task.description}: {outcome}")
            self._bars.stop_task(self._task)


@contextmanager
def progress_on(file: TextIO) -> Iterator[Progress]:
    """Progress on a terminal, or as plain lines where output is piped."""
    if not file.isatty():
        yield PlainProgress(file)
        return
    columns = (
        SpinnerColumn(finished_text=" "),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
    )
    with Bars(*columns, MofNCompleteColumn(), TimeElapsedColumn(), console=Console(file=file)) as bars:
        yield LiveProgress(bars)
