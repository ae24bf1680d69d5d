"""Run by tests/plans.py in a process of its own: plans a stack, and tells what the program loaded and whom it called."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pulumi.runtime.proto import resource_pb2

from kuber.plan import monitor, program

ANSWERS: dict[str, dict[str, Any]] = {
    "aws:eks/cluster:Cluster": {"endpoint": "https://eks.example", "certificateAuthority": {"data": "Q0E="}},
    "gcp:container/cluster:Cluster": {"endpoint": "10.30.32.2", "masterAuth": {"clusterCaCertificate": "Q0E="}},
    "gcp:serviceaccount/account:Account": {"member": "serviceAccount:made@by.google"},
    "aws:iam/role:Role": {"arn": "arn:aws:iam::210987654321:role/made-by-aws"},
    "vault:index/authBackend:AuthBackend": {"accessor": "auth_kubernetes_made"},
}
"""What a cloud tells of a resource that is there, as far as the tests look at it."""


class AnsweringMonitor(monitor.PlanMonitor):
    """Answers as if the cluster had been made before."""

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802
        response = super().RegisterResource(request)
        response.object.update(ANSWERS.get(request.type, {}))
        return response


def main(project: str, stack: str, answering: str) -> None:
    connections: list[str] = []

    def listen(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.getaddrinfo"):
            connections.append(f"{event} {arguments[1:]}")

    sys.addaudithook(listen)
    if answering == "answering":
        monitor.PlanMonitor = AnsweringMonitor
    plan = program.plan_stack(stack, Path(project))
    packages = {name.partition(".")[0] for name in sys.modules if name.startswith("pulumi_")}
    told = {"warnings": list(plan.warnings), "packages": sorted(packages), "connections": connections}
    json.dump({"document": plan.document(), **told}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
