"""Runs a command and measures all of its processes: CPU, wall time, memory.

By `run` in this process, which must have no other children then, and by `run_apart` where it has.

CPU is what the kernel accounts to the command when it is reaped: its own, and that of each descendant that was waited
for. A descendant that outlives its parent is handed to this process (a "child subreaper", prctl(2)) and reaped here, so
that none is missed, not even a plugin that Terraform leaves behind. As a check, each process is also looked at every
20 ms, which sees nearly the same CPU: when it sees more than was accounted, the measurement is refused.

Memory is the largest sum of resident memory over all processes at one of these looks, or the kernel's own peak of a
single process where that is more. Linux only.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from kuber.rehearsal.processes import hearing_interrupts

_PR_SET_CHILD_SUBREAPER = 36
_LOOK_EVERY_SECONDS = 0.02
_STRAGGLERS_SECONDS = 30.0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_ERROR_LINES = 20


class MeasurementError(Exception):
    """The command failed, or not all of its processes could be measured."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a command used, with all of its processes.

    Attributes:
        cpu_seconds: User and system time.
        wall_seconds: From start to end of the command.
        peak_mb: Resident memory, in units of 10^6 bytes.
        processes: How many processes were seen.
        seen_cpu_seconds: The part of the CPU that the looks saw.
    """

    cpu_seconds: float
    wall_seconds: float
    peak_mb: float
    processes: int
    seen_cpu_seconds: float


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path) -> Usage:
    """Run a command to its end.

    Args:
        command: The command with its arguments.
        folder: Working folder.
        environment: All of its environment.
        log: File for what it prints.

    Raises:
        MeasurementError: it fails, or leaves processes behind that don't end.
    """
    _become_subreaper()
    with log.open("wb") as output:
        started = time.perf_counter()
        with hearing_interrupts():
            process = subprocess.Popen(
                command, cwd=folder, env=dict(environment), stdout=output, stderr=subprocess.STDOUT
            )
        onlooker = _Onlooker()
        onlooker.start()
        _, status, accounted = os.wait4(process.pid, 0)
        wall_seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)  # reaped here, not by Popen
    cpu_seconds = accounted.ru_utime + accounted.ru_stime + sum(_stragglers())
    onlooker.stop()

    if process.returncode != 0:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-_ERROR_LINES:])
        raise MeasurementError(f"`{' '.join(command)}` ended with {process.returncode}:\n{last}")
    seen_cpu_seconds = onlooker.cpu_seconds
    if seen_cpu_seconds > cpu_seconds + len(onlooker.ticks) * 2 / _TICKS_PER_SECOND:
        raise MeasurementError(f"{seen_cpu_seconds:.2f} s of CPU seen, but only {cpu_seconds:.2f} s accounted")
    return Usage(
        cpu_seconds=cpu_seconds,
        wall_seconds=wall_seconds,
        peak_mb=max(onlooker.peak_bytes, accounted.ru_maxrss * 1024) / 1e6,
        processes=len(onlooker.ticks),
        seen_cpu_seconds=seen_cpu_seconds,
    )


def run_apart(command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path) -> Usage:
    """As `run`, by a process of its own: what else this process has started isn't taken for the command's, nor waited for.

    That process is a Python, whose own CPU isn't the command's and isn't counted.
    """
    task = {"command": [*command], "folder": str(folder), "environment": dict(environment), "log": str(log)}
    done = subprocess.run(
        [sys.executable, "-m", "bench.process_tree"],
        cwd=Path(__file__).parents[1],
        input=json.dumps(task),
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise MeasurementError(done.stderr.strip())
    return Usage(**json.loads(done.stdout))


def _measure_task() -> None:
    task = json.load(sys.stdin)
    try:
        usage = run(task["command"], Path(task["folder"]), task["environment"], Path(task["log"]))
    except MeasurementError as error:
        sys.exit(str(error))
    json.dump(asdict(usage), sys.stdout)


def _become_subreaper() -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise MeasurementError(f"prctl(PR_SET_CHILD_SUBREAPER): {os.strerror(ctypes.get_errno())}")


def _stragglers() -> Iterator[float]:
    """CPU of each descendant that outlived its parent, once it has ended."""
    deadline = time.monotonic() + _STRAGGLERS_SECONDS
    while time.monotonic() < deadline:
        try:
            pid, _, accounted = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid:
            yield accounted.ru_utime + accounted.ru_stime
        else:
            time.sleep(_LOOK_EVERY_SECONDS)
    raise MeasurementError(f"processes of the command still run {_STRAGGLERS_SECONDS:.0f} s after it ended")


class _Onlooker(threading.Thread):
    """Looks at all descendants of this process every 20 ms.

    Attributes:
        peak_bytes: The largest sum of resident memory.
        ticks: CPU of each process when last seen, in clock ticks, by process id.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self.ticks: dict[int, int] = {}
        self._stopped = threading.Event()

    def run(self) -> None:
        """Look until told to stop."""
        while not self._stopped.wait(_LOOK_EVERY_SECONDS):
            self.peak_bytes = max(self.peak_bytes, sum(self._resident_bytes(pid) for pid in _descendants(os.getpid())))

    def stop(self) -> None:
        """Stop looking."""
        self._stopped.set()
        self.join()

    @property
    def cpu_seconds(self) -> float:
        """CPU seen, of all processes."""
        return sum(self.ticks.values()) / _TICKS_PER_SECOND

    def _resident_bytes(self, pid: int) -> int:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended between two looks
            return 0
        user, system, resident_pages = (
            int(fields[11]),
            int(fields[12]),
            int(fields[21]),
        )  # proc_pid_stat(5), from "state" on
        self.ticks[pid] = user + system
        return resident_pages * _PAGE_BYTES


def _descendants(pid: int) -> Iterator[int]:
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return
    for thread in threads:
        for child in _children(thread):
            yield child
            yield from _descendants(child)


def _children(thread: Path) -> list[int]:
    try:
        return [int(child) for child in (thread / "children").read_text().split()]
    except OSError:  # the thread ended between two looks
        return []


if __name__ == "__main__":
    _measure_task()
