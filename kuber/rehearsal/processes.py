"""Runs commands and daemons so that nothing of them is left behind, whatever happens."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, current_thread, main_thread
from typing import Any

GRACE_SECONDS = 5.0
"""How long a command may take to end by itself once interrupted."""

_WATCH_SECONDS = 0.02
"""How often a watched command is looked after."""


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_seconds: float,
    kill_when: Callable[[], bool] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command in a session of its own and capture what it writes.

    The engine puts its plugins into process groups of their own, so a signal to its group doesn't reach them; the
    session they all share does. When this returns or raises (Ctrl-C included), no process of it is left.

    Args:
        command: The words of the command line.
        cwd: Where it runs.
        env: All of its environment.
        timeout_seconds: How long it may take.
        kill_when: Asked again and again while it runs. At the first yes it is killed, with all that it has started, as when
            its machine is lost; the exit code is then -9.

    Raises:
        subprocess.TimeoutExpired: it took longer than `timeout_seconds`.
        OSError: it can't be started.
    """
    with hearing_interrupts():
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    deadline = time.monotonic() + timeout_seconds
    try:
        while True:
            seconds = deadline - time.monotonic()
            try:
                stdout, stderr = process.communicate(timeout=min(seconds, _WATCH_SECONDS) if kill_when else seconds)
                return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)
            except subprocess.TimeoutExpired:
                if time.monotonic() >= deadline:
                    raise
                if kill_when and process.poll() is None and kill_when():
                    process.kill()  # before its plugins, so that it can't note that they are gone
                    _kill_session(process.pid)
    finally:
        _end(process)


@contextmanager
def hearing_interrupts() -> Iterator[None]:
    """What is started in this context hears SIGINT, even if this process was started deaf to it, as by `&` in a script.

    The engine ends its language host by that signal, and waits 5 s for one that doesn't hear it. What is started should be in a
    session of its own, where no terminal's Ctrl-C comes. In threads but the main one nothing is done.
    """
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN or current_thread() is not main_thread():
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: None)  # a handler isn't inherited by another program; being deaf is
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


class DaemonError(Exception):
    """A program can't be started, or what watches over it is gone."""


class Daemons:
    """Programs that run until the context is left or this process ends, be it by SIGKILL.

    They are children of a watchdog (`watchdog.py`), which kills them when this process is gone.

    Args:
        folder: Where the programs run and their logs are; a temporary one, that goes with them, if not given.

    Attributes:
        folder: The same.
        pids: Process ids by the programs' names, the watchdog's under "watchdog".
    """

    folder: Path
    pids: dict[str, int]

    def __init__(self, folder: Path | None = None) -> None:
        self._given = folder
        self._lock = Lock()

    def __enter__(self) -> Daemons:
        kept = [str(Path(__file__).with_name("watchdog.py")), *([] if self._given else ["temporary"])]
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", *kept], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        try:
            self.folder = self._given.resolve() if self._given else Path(self._answer()["temporary"])
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._given:
                self._answer()
        except BaseException:
            self.__exit__()
            raise
        self.pids = {"watchdog": self._watchdog.pid}
        return self

    def __exit__(self, *_: object) -> None:
        """End the programs and wait until they are gone."""
        for pipe in (self._watchdog.stdin, self._watchdog.stdout):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()
        if self._watchdog.wait() != 0:  # it was killed, and couldn't do its work
            for name, pid in self.pids.items():
                if name != "watchdog" and _session_of(pid) == pid:
                    with suppress(ProcessLookupError, PermissionError):
                        os.killpg(pid, signal.SIGKILL)
            if not self._given:
                shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name: str, command: Sequence[str | Path], *, env: Mapping[str, str]) -> None:
        """Start a program under a name. One that has ended may be started anew; its log goes on.

        Raises:
            DaemonError: it can't be started.
        """
        request = {"start": name, "command": [str(part) for part in command], "environment": dict(env)}
        answer = self._ask(request | {"folder": str(self.folder), "log": str(self.log(name))})
        if "error" in answer:
            raise DaemonError(answer["error"])
        self.pids[name] = answer["pid"]

    def ended(self) -> dict[str, int]:
        """The exit codes of programs that have ended by themselves, by name; a signal's is negative."""
        return self._ask({"ended": True})["ended"]

    def log(self, name: str) -> Path:
        """The file that a program's output goes to."""
        return self.folder / f"{name}.log"

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self._watchdog.stdin
        with self._lock:
            try:
                self._watchdog.stdin.write(json.dumps(request).encode() + b"\n")
                self._watchdog.stdin.flush()
            except (BrokenPipeError, ValueError):
                raise DaemonError("what watches over the programs is gone") from None
            return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._watchdog.stdout
        line = self._watchdog.stdout.readline()
        if not line:
            raise DaemonError("what watches over the programs is gone")
        return json.loads(line)


def session_members(session: int) -> list[int]:
    """The ids of all processes of a session, the plugins of an engine that is gone included."""
    return [pid for pid in process_ids() if _session_of(pid) == session]


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupt the command if it still runs, then kill what is left of its session."""
    try:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=GRACE_SECONDS)
    finally:
        _kill_session(process.pid)
        process.wait()


def _kill_session(session: int) -> None:
    for pid in session_members(session):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def process_ids() -> Iterator[int]:
    """The ids of all processes on the machine."""
    proc = Path("/proc")
    if (proc / "self").exists():
        return (int(entry.name) for entry in proc.iterdir() if entry.name.isdigit())
    listed = subprocess.run(["ps", "-A", "-o", "pid="], capture_output=True, text=True, check=True)
    return (int(pid) for pid in listed.stdout.split())


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None
