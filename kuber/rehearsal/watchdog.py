"""Runs programs for another process, and ends them when that process ends: run by its path, with the standard library alone.

It reads requests from stdin and answers each on stdout, both one line of JSON. The end of stdin is the end of its parent, however
that came about (SIGKILL included): then it kills what it has started, removes its temporary folder, and ends. It is in a session
of its own, so that Ctrl-C doesn't reach it.

    start    {"start": name, "command": [...], "environment": {...}, "folder": path, "log": path}  →  {"pid": 1} or {"error": "..."}
    ended    {"ended": true}  →  {"ended": {name: exit code}}
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

PARENT_CHECK_SECONDS = 1.0
"""A child that the parent has forked holds the pipe open after the parent's end; its parent's id tells too."""

LONGEST_TMPDIR = 50
"""In bytes: a socket's path has at most 104 on macOS, 108 on Linux."""


def main() -> None:
    """Serve until the parent ends. With "temporary" as argument, in a temporary folder whose path is the first answer."""
    parent = os.getppid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    temporary = new_folder() if sys.argv[1:] == ["temporary"] else None
    programs: dict[str, subprocess.Popen[bytes]] = {}
    try:
        with suppress(BrokenPipeError):
            answer({"temporary": temporary})
            for request in requests(parent):
                answer(answer_to(request, programs))
    finally:
        end(programs)
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)


def new_folder() -> str:
    """A temporary folder whose path is short enough for sockets in it: where TMPDIR is long, it is in /tmp."""
    place = tempfile.gettempdir()
    return tempfile.mkdtemp(prefix="kuber-control-plane-", dir=place if len(place) <= LONGEST_TMPDIR else "/tmp")


def requests(parent: int) -> Iterator[dict[str, Any]]:
    """What the parent asks for, until it ends."""
    rest = b""
    while os.getppid() == parent:
        readable, _, _ = select.select([0], [], [], PARENT_CHECK_SECONDS)
        if not readable:
            continue
        read = os.read(0, 1 << 16)
        if not read:
            return
        *lines, rest = (rest + read).split(b"\n")
        yield from map(json.loads, lines)


def answer_to(request: dict[str, Any], programs: dict[str, subprocess.Popen[bytes]]) -> dict[str, Any]:
    """Do what is asked for."""
    if "start" in request:
        try:
            programs[request["start"]] = start(request)
        except OSError as error:
            return {"error": str(error)}
        return {"pid": programs[request["start"]].pid}
    return {"ended": {name: code for name, program in programs.items() if (code := program.poll()) is not None}}


def start(request: dict[str, Any]) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, with its output appended to its log."""
    with open(os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as log:
        return subprocess.Popen(
            request["command"],
            cwd=request["folder"],
            env=request["environment"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def end(programs: dict[str, subprocess.Popen[bytes]]) -> None:
    """Kill the programs with what they have started, and wait for their end."""
    for program in programs.values():
        with suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
            os.killpg(program.pid, signal.SIGKILL)
    for program in programs.values():
        program.wait()


def answer(what: dict[str, Any]) -> None:
    """Write one line to the parent."""
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    main()
