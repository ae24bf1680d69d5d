"""A first `pulumi up` of the standard stack by itself: with its bundles of CRDs, against the same where the CRDs are there before.

The engine and the control plane are the real ones; the cluster's nodes are there before. Vault is simulated; the Kubernetes provider
is the user's where there is one, else a stand-in on the real API server. Stand-ins run in the bench's own process; their CPU isn't
counted, nor is the control plane's.
"""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from clusters.kubeconfig import kubeconfig_document
from config.node_pools import POOL_LABEL, ZONE_LABEL
from kuber.rehearsal.control_plane import ControlPlane, NodeSpec
from kuber.rehearsal.stage import CREDENTIAL_PLUGIN, Stage
from tests.chart_cache import kind_of_charts
from tests.standard_stack.rendered import stack_of
from tests.support import EKS

from . import machine, results
from .apply import make_crds
from .charts import charts_in_words
from .command_line import measure_under_the_engine
from .figures import cpu_ratio, cpu_seconds, peak_mb, wall_seconds
from .process_tree import MeasurementError, Usage, run_apart
from .programs import copy_program

NAME = "crds"
_PROGRAM = "stack_alone"
_CPU_GOAL = 1.5
_STATE_GOAL_MB = 2.0
_NODES = [
    NodeSpec(
        name=f"system-{zone}",
        pool="system",
        zone=f"eu-west-1{zone}",
        region="eu-west-1",
        instance_type="m7i.4xlarge",
        cpu="16",
        memory="64Gi",
        pods=110,
        labels={POOL_LABEL: "system", ZONE_LABEL: f"eu-west-1{zone}"},
    )
    for zone in "abc"
]


@dataclass(frozen=True)
class Up:
    """One first `up`.

    Attributes:
        usage: Of the engine, the program and the host of dynamic resources.
        resources: URNs of those in the state.
        state_mb: Size of the state as the engine writes it, in units of 10^6 bytes.
        kubernetes_provider: Which one it was.
    """

    usage: Usage
    resources: frozenset[str]
    state_mb: float
    kubernetes_provider: str


def main() -> None:
    """Measure, and write the results."""
    measure_under_the_engine(NAME, __doc__, _measure, counted="pairs")


def _measure(pairs: int, folder: Path) -> None:
    described = machine.description()
    with_bundles: list[Up] = []
    without: list[Up] = []
    for _ in range(pairs):
        for ups, bundles in ((with_bundles, True), (without, False)):
            ups.append(_up(bundles=bundles))
    _require_equal_work(with_bundles[0], without[0])
    crds = sum(len(bundle.crds) for bundle in stack_of(EKS).stack.bundles)
    results.write(
        folder,
        NAME,
        _report(described, with_bundles, without, crds),
        {
            "machine": described,
            "charts": kind_of_charts(),
            "crds": crds,
            "with_bundles": [_figures(one) for one in with_bundles],
            "without": [_figures(one) for one in without],
        },
    )


def _figures(up: Up) -> dict[str, object]:
    return {**asdict(up), "resources": len(up.resources)}


def _require_equal_work(with_bundles: Up, without: Up) -> None:
    """They may differ by the bundles and the provider of these, and by nothing else."""
    unlike = with_bundles.resources ^ without.resources
    if others := sorted(urn for urn in unlike if "pulumi-python" not in urn):
        raise MeasurementError(f"one of the two makes what the other doesn't: {', '.join(others)}")
    expected = len(stack_of(EKS).stack.bundles) + 1
    if len(unlike) != expected:
        raise MeasurementError(f"the two differ by {len(unlike)} resources, not by {expected}")


def _up(*, bundles: bool) -> Up:
    with TemporaryDirectory() as scratch:
        project = copy_program(_PROGRAM, Path(scratch, "project"))
        with Stage(project) as stage:
            stage.control_plane.nodes.add(_NODES)
            if not bundles:
                make_crds(stage.control_plane)
            (project / f"Pulumi.{EKS.stack}.yaml").write_text(EKS.text)
            (project / "given.json").write_text(
                json.dumps({"kubeconfig": _kubeconfig(stage.control_plane), "bundles": bundles})
            )
            settings = stage.engine.stack_settings(EKS.stack)
            up = ["up", "--yes", "--skip-preview", "--stack", EKS.stack, "--config-file", settings]
            words, environment = stage.engine.command(*up)
            usage = run_apart(words, project, environment, Path(scratch, "output.log"))
            state = stage.engine.state_file(EKS.stack)
            urns = frozenset(one["urn"] for one in state.resources())
            made = Up(usage, urns, state.path.stat().st_size / 1e6, stage.kubernetes_provider)
    shown = f"{usage.cpu_seconds:7.2f} s CPU, {usage.wall_seconds:7.2f} s, {made.state_mb:.2f} MB"
    print(f"{shown}: {'with bundles' if bundles else 'CRDs there before'}", file=sys.stderr, flush=True)
    return made


def _kubeconfig(control_plane: ControlPlane) -> dict[str, object]:
    """As a cluster has it: it gets its token by a command."""
    return kubeconfig_document(
        cluster=EKS.stack,
        server=control_plane.url,
        certificate_authority_data=b64encode(control_plane.certificate_authority.read_bytes()).decode(),
        command=CREDENTIAL_PLUGIN,
    )


def _report(described: dict[str, str], with_bundles: Sequence[Up], without: Sequence[Up], crds: int) -> str:
    usages = [[one.usage for one in ups] for ups in (with_bundles, without)]
    rows = [
        [
            name,
            str(len(ups[0].resources)),
            f"{cpu_seconds(of):.1f}",
            f"{wall_seconds(of):.1f}",
            f"{peak_mb(of):.0f}",
            f"{state:.2f}",
        ]
        for name, ups, of, state in zip(
            (f"{crds} CRDs in bundles", "CRDs there before"),
            (with_bundles, without),
            usages,
            map(_state_mb, (with_bundles, without)),
            strict=True,
        )
    ]
    ratio = cpu_ratio(*usages)
    state = _state_mb(with_bundles)
    return "\n\n".join(
        [
            "# A first `pulumi up` of the standard stack, with its CRDs and without",
            "Written by `python -m bench.crds`; the [README](../README.md) tells how to read it. "
            f"Medians of {len(without)} pairs of runs; the charts are {charts_in_words()}. "
            "The engine and the control planes are the real ones; Vault is simulated. "
            f"The Kubernetes provider: {with_bundles[0].kubernetes_provider}.",
            machine.markdown(described),
            results.table(["", "resources", "CPU, s", "wall, s", "peak memory, MB", "state, MB"], rows),
            f"CPU with bundles over CPU without: {ratio}. Goal, at most {_CPU_GOAL}: {results.met(ratio.median <= _CPU_GOAL)}.",
            f"Goal of the state with bundles, at most {_STATE_GOAL_MB:.0f} MB: {results.met(state <= _STATE_GOAL_MB)}.\n",
        ]
    )


def _state_mb(ups: Sequence[Up]) -> float:
    return median(one.state_mb for one in ups)


if __name__ == "__main__":
    main()
