"""The programs of a control plane, and what watches over them: however the process that has them ends, nothing is left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from kuber.rehearsal.control_plane import ControlPlane, ControlPlaneError, ControlPlaneMissingError, control_plane
from kuber.rehearsal.control_plane.configuration import ETCD_SOCKET
from kuber.rehearsal.control_plane.programs import Programs, find_programs
from kuber.rehearsal.processes import DaemonError, Daemons, process_ids
from tests import requirements
from tests.rehearsal.cluster import until

PROJECT = Path(__file__).parents[2]
HOLDING_DAEMONS = """
    from kuber.rehearsal.processes import Daemons
    with Daemons() as daemons:
        for name in ("one", "two"):
            daemons.start(name, ["sh", "-c", "sleep 1000 & wait"], env={"PATH": "/usr/bin:/bin"})
        print(daemons.folder, *daemons.pids.values(), flush=True)
        %s
"""
HOLDING_A_CONTROL_PLANE = """
    from kuber.rehearsal.control_plane import ControlPlane
    with ControlPlane() as control_plane:
        print(control_plane.folder, *control_plane._daemons.pids.values(), flush=True)
        %s
"""


def alive(pids: set[int]) -> set[int]:
    """Those that still run."""
    return pids & set(process_ids())


def in_sessions(pids: set[int]) -> set[int]:
    """The processes of the sessions that some lead."""
    found: set[int] = set()
    for pid in process_ids():
        try:
            if os.getsid(pid) in pids:
                found.add(pid)
        except ProcessLookupError:
            continue
    return found


class Holder:
    """A Python process that holds programs."""

    def __init__(self, program: str, then: str = "input()") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program % then)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout
        folder, *pids = self.process.stdout.readline().split()
        self.folder = Path(folder)
        self.pids = {int(pid) for pid in pids}

    def assert_nothing_left(self) -> None:
        self.process.wait(timeout=10)
        until(lambda: not alive(self.pids) and not in_sessions(self.pids) and not self.folder.exists(), seconds=10)


def killed(holder: Holder) -> None:
    holder.process.kill()


def interrupted(holder: Holder) -> None:
    holder.process.send_signal(signal.SIGINT)


def terminated(holder: Holder) -> None:
    holder.process.terminate()


def let_end(holder: Holder) -> None:
    holder.process.communicate("\n", timeout=10)


ENDS = [killed, interrupted, terminated, let_end]


@pytest.mark.parametrize("end", ENDS)
def test_programs_end_with_the_process_that_holds_them(end: Callable[[Holder], None]) -> None:
    holder = Holder(HOLDING_DAEMONS)
    until(lambda: len(in_sessions(holder.pids)) == 5)  # the watchdog, two shells, and what they have started
    assert holder.folder.stat().st_mode & 0o777 == 0o700
    end(holder)
    holder.assert_nothing_left()


def test_programs_end_when_the_process_fails() -> None:
    Holder(HOLDING_DAEMONS, "raise ValueError").assert_nothing_left()


def test_a_fork_that_lives_on_doesnt_keep_the_programs() -> None:
    holder = Holder(HOLDING_DAEMONS, "import os, time; os.fork() or (time.sleep(15), os._exit(0)); time.sleep(1000)")
    killed(holder)
    holder.assert_nothing_left()


def test_a_watchdog_that_is_killed_leaves_the_programs_to_the_process() -> None:
    with Daemons() as daemons:
        daemons.start("one", ["sleep", "1000"], env={"PATH": "/usr/bin:/bin"})
        os.kill(daemons.pids["watchdog"], signal.SIGKILL)
        with pytest.raises(DaemonError, match="what watches over the programs is gone"):
            daemons.ended()
    until(lambda: not in_sessions({daemons.pids["one"]}))
    assert not daemons.folder.exists()


def test_a_program_that_ends_is_told_with_its_log(tmp_path: Path) -> None:
    with Daemons(tmp_path / "kept") as daemons:
        daemons.start("short", ["sh", "-c", "echo $WORD; pwd; exit 3"], env={"PATH": "/usr/bin:/bin", "WORD": "done"})
        assert until(daemons.ended) == {"short": 3}
        with pytest.raises(DaemonError, match="No such file or directory: 'not-there'"):
            daemons.start("none", ["not-there"], env={"PATH": "/usr/bin"})
    assert daemons.log("short").read_text().split() == ["done", str(tmp_path / "kept")]
    assert daemons.log("short").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("end", [killed, interrupted])
def test_a_control_plane_ends_with_the_process_that_holds_it(end: Callable[[Holder], None]) -> None:
    requirements.control_plane()
    holder = Holder(HOLDING_A_CONTROL_PLANE)
    assert len(alive(holder.pids)) == 6
    for secret in ("tokens.csv", "admin.kubeconfig", "service-accounts.key", "kube-apiserver.key", "front-proxy.key"):
        assert (holder.folder / secret).stat().st_mode & 0o777 == 0o600
    end(holder)
    holder.assert_nothing_left()


def test_a_control_plane_in_a_given_folder_leaves_its_logs_and_no_thread(tmp_path: Path) -> None:
    requirements.control_plane()
    taken = socket.create_server(("127.0.0.1", 0))
    before = set(threading.enumerate())
    ports = iter([taken.getsockname()[1], control_plane._free_port()])
    with pytest.MonkeyPatch.context() as patch, taken:
        patch.setattr(control_plane, "_free_port", lambda: next(ports))
        with ControlPlane(folder=tmp_path / "plane") as plane:
            pids = set(plane._daemons.pids.values())
            assert "address already in use" in plane.log_tail("kube-apiserver", 1000)
            assert plane.log_tail("kube-scheduler", 1).count("\n") == 0
    assert not alive(pids)
    assert set(threading.enumerate()) <= before
    assert (tmp_path / "plane" / "kube-scheduler.log").exists()


def stand_in_programs(folder: Path, *, kube_apiserver: str) -> Programs:
    """Programs that do nothing, but for one."""
    folder.mkdir()
    does = {"etcd": f"touch {ETCD_SOCKET}; exec sleep 1000", "kube_apiserver": kube_apiserver}
    for name in Programs.__dataclass_fields__:
        (folder / name).write_text(f"#!/bin/sh\n{does.get(name, 'exec sleep 1000')}\n")
        (folder / name).chmod(0o755)
    return Programs(**{name: folder / name for name in Programs.__dataclass_fields__})


@pytest.mark.parametrize(
    ("kube_apiserver", "error"),
    [
        (
            "echo unknown flag: --egress; exit 7",
            "kube-apiserver ended with code 7; the end of its log:\nunknown flag: --egress",
        ),
        (
            "echo waiting; exec sleep 1000",
            "kube-apiserver didn't get ready in 3 s: it serves nothing; the end of its log:\nwaiting",
        ),
    ],
)
def test_a_program_that_fails_is_named_with_the_end_of_its_log(
    kube_apiserver: str, error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = stand_in_programs(tmp_path / "bin", kube_apiserver=kube_apiserver)
    monkeypatch.setattr(control_plane, "find_programs", lambda: programs)
    monkeypatch.setattr(control_plane, "_READY_SECONDS", 3.0)
    plane = ControlPlane()
    with pytest.raises(ControlPlaneError) as failed:
        plane.__enter__()
    assert str(failed.value) == error
    assert not alive(set(plane._daemons.pids.values())) and not plane.folder.exists()


def test_a_folder_that_holds_something_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = stand_in_programs(tmp_path / "bin", kube_apiserver="exit 1")
    monkeypatch.setattr(control_plane, "find_programs", lambda: programs)
    with pytest.raises(ControlPlaneError, match="is not empty: name a folder of its own for the control plane"):
        ControlPlane(folder=tmp_path)


def test_a_missing_program_is_named_with_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    with pytest.raises(
        ControlPlaneMissingError, match=r"no etcd is on PATH, .* run `make tools`, or set KUBEBUILDER_ASSETS to"
    ):
        find_programs()
