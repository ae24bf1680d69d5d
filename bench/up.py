"""A first `pulumi up` of a whole cluster with its standard stack, then a preview and an `up` that changes nothing.

The engine and the control plane are the real ones. Once with the engine's settings as they come, and once with those that our
pipelines give it: see PIPELINES. Clouds and Vault are simulated; the Kubernetes provider is the user's where there is one, else a
stand-in on the real API server. Stand-ins run in the bench's own process; their CPU isn't counted, nor is the control plane's.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from kuber.rehearsal.stage import Stage
from tests.chart_cache import kind_of_charts
from tests.support import EKS

from . import machine, results
from .charts import charts_in_words
from .command_line import measure_under_the_engine
from .figures import cpu_ratio, cpu_seconds, peak_mb, wall_seconds
from .process_tree import Usage, run_apart
from .stacks import PROJECT

NAME = "up"
PIPELINES = {"GOGC": "400", "GOMEMLIMIT": "1GiB"}
"""Settings of the engine in our pipelines (pipelines/steps/common.bash) that spare it work and give nothing up (docs/decisions/0009):
memory is collected at five times what is in use instead of twice, up to a limit."""
_CPU_GOAL_SECONDS = 30
_STATE_GOAL_MB = 3.0
_COMMANDS = ("first `up`", "preview", "`up` again")


@dataclass(frozen=True)
class Ups:
    """One cluster, from nothing.

    Attributes:
        usages: Of the engine, the program and the host of dynamic resources, by command.
        resources: In the state.
        state_mb: Size of the state as the engine writes it, in units of 10^6 bytes.
        outputs_mb: The share of the resources' outputs, which are the live objects.
        compressed_mb: All of it compressed.
        kubernetes_provider: Which one it was.
        control_plane_mb: What the control plane's programs take in the end.
    """

    usages: dict[str, Usage]
    resources: int
    state_mb: float
    outputs_mb: float
    compressed_mb: float
    kubernetes_provider: str
    control_plane_mb: float


def main() -> None:
    """Measure, and write the results."""
    measure_under_the_engine(NAME, __doc__, _measure, counted="pairs")


def _measure(pairs: int, folder: Path) -> None:
    described = machine.description()
    as_it_comes: list[Ups] = []
    in_pipelines: list[Ups] = []
    for _ in range(pairs):
        as_it_comes.append(_ups({}))
        in_pipelines.append(_ups(PIPELINES))
    results.write(
        folder,
        NAME,
        _report(described, as_it_comes, in_pipelines),
        {
            "machine": described,
            "charts": kind_of_charts(),
            "settings": PIPELINES,
            "as_it_comes": [asdict(one) for one in as_it_comes],
            "in_pipelines": [asdict(one) for one in in_pipelines],
        },
    )


def _ups(settings_of_engine: dict[str, str]) -> Ups:
    """From nothing to a second `up`."""
    usages: dict[str, Usage] = {}
    with TemporaryDirectory() as scratch, Stage(PROJECT) as stage:
        settings = stage.engine.stack_settings(EKS.stack)
        of_stack = ["--stack", EKS.stack, "--config-file", str(settings)]
        up = ["up", "--yes", "--skip-preview", *of_stack]
        for name, arguments in zip(_COMMANDS, (up, ["preview", *of_stack], up), strict=True):
            words, environment = stage.engine.command(*arguments)
            usages[name] = run_apart(words, PROJECT, environment | settings_of_engine, Path(scratch, "output.log"))
            shown = f"{usages[name].cpu_seconds:7.2f} s CPU, {usages[name].wall_seconds:7.2f} s"
            print(
                f"{shown}: {name}{f' with {settings_of_engine}' if settings_of_engine else ''}",
                file=sys.stderr,
                flush=True,
            )
        return _ups_of(usages, stage)


def _ups_of(usages: dict[str, Usage], stage: Stage) -> Ups:
    state = stage.engine.state_file(EKS.stack).path.read_bytes()
    resources = json.loads(state)["checkpoint"]["latest"]["resources"]
    outputs = json.dumps([one.get("outputs") for one in resources], separators=(",", ":"), ensure_ascii=False)
    return Ups(
        usages=usages,
        resources=len(resources),
        state_mb=len(state) / 1e6,
        outputs_mb=len(outputs.encode()) / 1e6,
        compressed_mb=len(gzip.compress(state)) / 1e6,
        kubernetes_provider=stage.kubernetes_provider,
        control_plane_mb=stage.control_plane.memory_mb(),
    )


def _report(described: dict[str, str], as_it_comes: Sequence[Ups], in_pipelines: Sequence[Ups]) -> str:
    rows = [
        [command, name, f"{cpu_seconds(of):.1f}", f"{wall_seconds(of):.1f}", f"{peak_mb(of):.0f}"]
        for command in _COMMANDS
        for name, ups in (("as they come", as_it_comes), ("of the pipelines", in_pipelines))
        for of in [[one.usages[command] for one in ups]]
    ]
    first = [[one.usages[_COMMANDS[0]] for one in ups] for ups in (as_it_comes, in_pipelines)]
    state, outputs, compressed, control_plane = (
        _middle(as_it_comes, of)
        for of in (
            lambda one: one.state_mb,
            lambda one: one.outputs_mb,
            lambda one: one.compressed_mb,
            lambda one: one.control_plane_mb,
        )
    )
    reached = [results.met(cpu_seconds(of) <= _CPU_GOAL_SECONDS) for of in first]
    return "\n\n".join(
        [
            f"# A first `pulumi up` of {EKS.stack}",
            "Written by `python -m bench.up`; the [README](../README.md) tells how to read it. "
            f"Medians of {len(as_it_comes)} pairs of runs. {as_it_comes[0].resources} resources; the charts are {charts_in_words()}. "
            "The engine and the control plane are the real ones; clouds and Vault are simulated. "
            f"The Kubernetes provider: {as_it_comes[0].kubernetes_provider}.",
            machine.markdown(described),
            results.table(["", "settings", "CPU, s", "wall, s", "peak memory, MB"], rows),
            f"First `up`, CPU with the settings of the pipelines over CPU without: {cpu_ratio(first[1], first[0])}.",
            f"Goal of a first `up`, at most {_CPU_GOAL_SECONDS} s CPU: {reached[0]} with settings as they come, {reached[1]} with "
            "those of the pipelines.",
            f"State: {state:.2f} MB, of which outputs are {outputs:.2f} MB. Goal, at most {_STATE_GOAL_MB:.0f} MB: "
            f"{results.met(state <= _STATE_GOAL_MB)}. Compressed (PULUMI_DIY_BACKEND_GZIP) it is {compressed:.2f} MB.",
            f"The control plane takes {control_plane:.0f} MB with all of it.\n",
        ]
    )


def _middle(ups: Sequence[Ups], of: Callable[[Ups], float]) -> float:
    return median(map(of, ups))


if __name__ == "__main__":
    main()
