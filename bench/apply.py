"""A first `pulumi up` of the standard stack's objects, against `kubectl apply --server-side` of the same.

Each on a real control plane of its own, without nodes, that has the CRDs already. Neither waits for anything to be ready. Objects
that call others are left out, as nothing would answer: webhooks and aggregated APIs; and Secrets and patches, which kubectl hasn't.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from components.charts.cache import ChartCache
from components.charts.manifests import Manifest, shown_identity
from components.standard_stack.patches import is_patch
from kuber.rehearsal.control_plane import ControlPlane
from kuber.rehearsal.engine import Engine
from kuber.rehearsal.kubernetes_provider import KubernetesStandIn
from tests.chart_cache import kind_of_charts
from tests.standard_stack.rendered import stack_of
from tests.support import EKS

from . import machine, results
from .charts import charts_in_words
from .command_line import measure_under_the_engine
from .figures import cpu_ratio, cpu_seconds, peak_mb, wall_ratio, wall_seconds
from .process_tree import MeasurementError, Usage, run_apart
from .programs import copy_program

NAME = "apply"
_LEFT_OUT = ("APIService", "MutatingWebhookConfiguration", "Secret", "ValidatingWebhookConfiguration")
_DO_NOT_WAIT = {"pulumi.com/skipAwait": "true"}
_ESTABLISHED_SECONDS = 30.0

Measure = Callable[[ControlPlane, Path, Path], Usage]
"""Of a control plane, the file of objects and a folder to work in."""


def main() -> None:
    """Measure, and write the results."""
    if shutil.which("kubectl") is None:
        sys.exit("there is no kubectl on PATH: https://kubernetes.io/docs/tasks/tools/")
    measure_under_the_engine(NAME, __doc__, _measure, counted="pairs")


def _measure(pairs: int, folder: Path) -> None:
    described = machine.description()
    objects = _objects()
    ups: list[Usage] = []
    applies: list[Usage] = []
    for _ in range(pairs):
        ups.append(_on_a_new_control_plane(objects, "pulumi up", _up))
        applies.append(_on_a_new_control_plane(objects, "kubectl apply", _apply))
    results.write(
        folder,
        NAME,
        _report(described, len(objects), ups, applies),
        {
            "machine": described,
            "charts": kind_of_charts(),
            "objects": len(objects),
            "up": [asdict(one) for one in ups],
            "apply": [asdict(one) for one in applies],
        },
    )


def _objects() -> list[Manifest]:
    """Those of prod-eks that both can make; namespaces first."""
    chosen = [one for one in stack_of(EKS).stack.objects if one["kind"] not in _LEFT_OUT and not is_patch(one)]
    for one in chosen:
        one["metadata"].setdefault("annotations", {}).update(_DO_NOT_WAIT)
    return sorted(chosen, key=lambda one: one["kind"] != "Namespace")


def _on_a_new_control_plane(objects: Sequence[Manifest], name: str, measure: Measure) -> Usage:
    with ControlPlane(webhooks=False) as control_plane, TemporaryDirectory() as scratch:
        make_crds(control_plane)
        file = Path(scratch, "objects.json")
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        usage = measure(control_plane, file, Path(scratch))
        _require_all(control_plane, objects, name)
    print(f"{usage.cpu_seconds:7.2f} s CPU, {usage.wall_seconds:7.2f} s: {name}", file=sys.stderr, flush=True)
    return usage


def _up(control_plane: ControlPlane, file: Path, folder: Path) -> Usage:
    project = copy_program("manifests", folder / "project")
    given = {"manifests:file": str(file), "manifests:kubeconfig": str(control_plane.kubeconfig)}
    (project / "Pulumi.all.yaml").write_text(json.dumps({"config": given}))
    with Engine(project, providers=[KubernetesStandIn()]) as engine:
        settings = engine.stack_settings("all")
        command = engine.command("up", "--yes", "--skip-preview", "--stack", "all", "--config-file", settings)
        return run_apart(command[0], project, command[1], folder / "output.log")


def _apply(control_plane: ControlPlane, file: Path, folder: Path) -> Usage:
    words = [
        "kubectl",
        "apply",
        "--server-side",
        "--kubeconfig",
        str(control_plane.kubeconfig),
        "--filename",
        str(file),
    ]
    return run_apart(words, folder, {**os.environ, "HOME": str(folder)}, folder / "output.log")


def make_crds(control_plane: ControlPlane) -> None:
    """Make all CRDs of prod-eks, and wait until they are served.

    Raises:
        MeasurementError: one isn't.
    """
    cache, api = ChartCache(), control_plane.api
    names = {name: crd.digest for bundle in stack_of(EKS).stack.bundles for name, crd in bundle.crds.items()}
    for digest in names.values():
        definition: Any = cache.read_json("crds", digest)
        api.apply(definition, field_manager="bench", force=True)
    deadline = time.monotonic() + _ESTABLISHED_SECONDS
    for name in names:
        while not _established(control_plane, name):
            if time.monotonic() > deadline:
                raise MeasurementError(f"{name} isn't established after {_ESTABLISHED_SECONDS:.0f} s")
            time.sleep(0.05)


def _established(control_plane: ControlPlane, name: str) -> bool:
    crd = control_plane.api.get(("apiextensions.k8s.io/v1", "CustomResourceDefinition"), None, name) or {}
    conditions = {one["type"]: one["status"] for one in crd.get("status", {}).get("conditions") or []}
    return conditions.get("Established") == "True"


def _require_all(control_plane: ControlPlane, objects: Sequence[Manifest], name: str) -> None:
    """Unequal work would say nothing."""
    there = [
        control_plane.api.get(
            (one["apiVersion"], one["kind"]), one["metadata"].get("namespace"), one["metadata"]["name"]
        )
        for one in objects
    ]
    if missing := [shown_identity(one) for one, live in zip(objects, there, strict=True) if live is None]:
        raise MeasurementError(f"{name} left out {len(missing)} objects: {', '.join(missing[:5])}")


def _report(described: dict[str, str], objects: int, ups: Sequence[Usage], applies: Sequence[Usage]) -> str:
    rows = [
        [name, f"{cpu_seconds(of):.1f}", f"{wall_seconds(of):.1f}", f"{peak_mb(of):.0f}"]
        for name, of in (("`pulumi up`", ups), ("`kubectl apply --server-side`", applies))
    ]
    return "\n\n".join(
        [
            "# `pulumi up` against `kubectl apply --server-side`",
            "Written by `python -m bench.apply`; the [README](../README.md) tells how to read it. "
            f"Medians of {len(ups)} pairs of runs. {objects} objects; the charts are {charts_in_words()}. The engine and the "
            "control planes are the real ones. The Kubernetes provider is a stand-in in the bench's own process: its CPU isn't "
            "counted, its time is.",
            machine.markdown(described),
            results.table(["", "CPU, s", "wall, s", "peak memory, MB"], rows),
            f"`pulumi up` over `kubectl apply`: CPU {cpu_ratio(ups, applies)}, wall time {wall_ratio(ups, applies)}.\n",
        ]
    )


if __name__ == "__main__":
    main()
