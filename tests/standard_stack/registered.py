"""Run by test_refusals.py in a process of its own: the program as an engine runs it, what it registered and why it ended."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pulumi.runtime.proto import resource_pb2

from kuber.plan import monitor, program
from kuber.plan.errors import PlanError

registered: list[str] = []


class TellingMonitor(monitor.PlanMonitor):
    """Keeps what was registered, however the program ended."""

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802
        if request.type != monitor.STACK_TYPE:
            registered.append(request.type)
        return super().RegisterResource(request)


def main(stack: str, project: str) -> None:
    monitor.PlanMonitor = TellingMonitor
    error = ""
    try:
        program.plan_stack(stack, Path(project), strict=True)
    except PlanError as refused:
        error = str(refused)
    json.dump({"error": error, "registered": registered}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
