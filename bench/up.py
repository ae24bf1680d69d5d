"""A first `pulumi up` of a whole cluster with its standard stack, with and without its CRDs.

The engine is the real one, with a file backend. Clouds, the Kubernetes provider, Vault and the API server that takes the CRDs are
stand-ins; they run in the bench's own process, and their CPU isn't counted.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from components.standard_stack.absence import UNVERIFIED_ALLOWED
from kuber.rehearsal.engine import STAND_IN_PACKAGES, Engine, find_tools
from kuber.rehearsal.provider import StandInProvider
from tests.chart_cache import chart_cache, kind_of_charts
from tests.stand_in_api_server import StandInApiServer, credential_plugin
from tests.standard_stack.rendered import rendered
from tests.support import EKS

from . import machine, results
from .arguments import at_least_one
from .figures import cpu_ratio, cpu_seconds, peak_mb, wall_seconds
from .process_tree import MeasurementError, Usage, run
from .stacks import PROJECT

NAME = "up"
_RATIO_GOAL = 1.5
_STATE_GOAL_MB = 2.0
_INSTALL = "standard_stack.install(stack, cluster)"
_WITHOUT_BUNDLES = "import dataclasses\nstandard_stack.install(dataclasses.replace(stack, bundles=[]), cluster)"


@dataclass(frozen=True)
class Up:
    """One first `up`.

    Attributes:
        usage: Of the engine, the program and the host of dynamic resources.
        state_mb: Size of the state afterwards as the engine writes it, in units of 10^6 bytes.
        stack_mb: The standard stack's share of it.
        compact_mb: That share without spaces.
        compressed_mb: That share compressed.
        resources: In the state.
    """

    usage: Usage
    state_mb: float
    stack_mb: float
    compact_mb: float
    compressed_mb: float
    resources: int


class _Cloud(StandInProvider):
    """Answers what the program reads of what was made."""

    def __init__(self, package: str, api: StandInApiServer) -> None:
        super().__init__(package)
        self._api = api

    def computed_outputs(self, resource_type: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        authority = base64.b64encode(self._api.certificate.read_bytes()).decode()
        if resource_type == "aws:eks/cluster:Cluster":
            return {
                "arn": f"arn:aws:eks:::{name}",
                "endpoint": self._api.url,
                "certificateAuthority": {"data": authority},
            }
        if resource_type == "kubernetes:core/v1:Secret" and inputs.get("type") == "kubernetes.io/service-account-token":
            return {"data": {"token": base64.b64encode(b"token-1").decode()}}
        if resource_type == "aws:eks/nodeGroup:NodeGroup":
            return {"resources": [{"autoscalingGroups": [{"name": name}]}]}
        return {"arn": f"arn:aws:::{name}", "accessor": f"auth_{name}", "latestVersion": 1, "keyId": name}


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(prog="python -m bench.up", description=__doc__)
    parser.add_argument("--pairs", type=at_least_one, default=5, help="counted pairs of runs (default: 5)")
    parser.add_argument("--results", type=Path, default=results.FOLDER, help="folder of the results")
    options = parser.parse_args()
    rendered(EKS)
    environment = {
        "KUBER_TOOLS_BIN": str(find_tools()),
        "XDG_CACHE_HOME": str(chart_cache().folder.parent),
        UNVERIFIED_ALLOWED: "allow",
    }
    try:
        with patch.dict(os.environ, environment):
            _measure(options.pairs, options.results)
    except MeasurementError as error:
        sys.exit(str(error))


def _measure(pairs: int, folder: Path) -> None:
    described = machine.description()
    with_crds: list[Up] = []
    without: list[Up] = []
    for _ in range(pairs):
        with_crds.append(_up(bundles=True))
        without.append(_up(bundles=False))
    results.write(
        folder,
        NAME,
        _report(described, with_crds, without),
        {
            "machine": described,
            "charts": kind_of_charts(),
            "with_crds": [asdict(one) for one in with_crds],
            "without_crds": [asdict(one) for one in without],
        },
    )


def _up(*, bundles: bool) -> Up:
    with TemporaryDirectory() as temporary, _api_server(Path(temporary)) as api:
        scratch = Path(temporary)
        project = scratch / "project"
        project.mkdir()
        for entry in PROJECT.iterdir():
            if entry.name != "__main__.py":
                (project / entry.name).symlink_to(entry)
        program = (PROJECT / "__main__.py").read_text()
        assert _INSTALL in program
        (project / "__main__.py").write_text(program if bundles else program.replace(_INSTALL, _WITHOUT_BUNDLES))
        tools = scratch / "bin"
        tools.mkdir()
        credential_plugin(tools / "aws")
        with (
            patch.dict(os.environ, {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}),
            Engine(project, providers=[_Cloud(package, api) for package in STAND_IN_PACKAGES]) as engine,
        ):
            settings = engine.stack_settings(EKS.stack)
            up = ["up", "--yes", "--skip-preview", "--stack", EKS.stack, "--config-file", settings]
            usage = run(*_split(engine.command(*up), project), scratch / "output.log")
            state = engine.state(EKS.stack)
        made = _up_of(usage, state)
        print(f"{usage.cpu_seconds:7.2f} s CPU, state {made.state_mb:.2f} MB", file=sys.stderr, flush=True)
        return made


def _up_of(usage: Usage, state: str) -> Up:
    resources = json.loads(state)["deployment"]["resources"]
    stack = [one for one in resources if "StandardStack" in one["urn"]]
    written = json.dumps(stack, indent=4).encode()  # as the engine does
    return Up(
        usage=usage,
        state_mb=len(state.encode()) / 1e6,
        stack_mb=len(written) / 1e6,
        compact_mb=len(json.dumps(stack, separators=(",", ":")).encode()) / 1e6,
        compressed_mb=len(gzip.compress(written)) / 1e6,
        resources=len(resources),
    )


def _met(reached: bool) -> str:
    return "met" if reached else "not met"


def _split(command: tuple[list[str], dict[str, str]], folder: Path) -> tuple[list[str], Path, dict[str, str]]:
    words, environment = command
    return words, folder, environment


@contextmanager
def _api_server(folder: Path) -> Iterator[StandInApiServer]:
    api = StandInApiServer(folder)
    try:
        yield api
    finally:
        api.stop()


def _report(described: dict[str, str], with_crds: list[Up], without: list[Up]) -> str:
    usages, bare = [one.usage for one in with_crds], [one.usage for one in without]
    ratio = cpu_ratio(usages, bare)
    rows = [
        [
            name,
            f"{cpu_seconds(of):.1f}",
            f"{wall_seconds(of):.1f}",
            f"{peak_mb(of):.0f}",
            f"{ups[0].state_mb:.2f}",
            str(ups[0].resources),
        ]
        for name, of, ups in (("with CRDs", usages, with_crds), ("without CRDs", bare, without))
    ]
    state, compact, compressed = (
        max(getattr(one, size) for one in with_crds) for size in ("stack_mb", "compact_mb", "compressed_mb")
    )
    charts = {"real": "the real ones", "fixture": "the small ones of the tests"}[kind_of_charts()]
    return "\n\n".join(
        [
            f"# A first `pulumi up` of {EKS.stack}",
            "Written by `python -m bench.up`; the [README](../README.md) tells how to read it. "
            f"Medians of {len(with_crds)} pairs of runs. The charts are {charts}; the clouds, Kubernetes, Vault and the "
            "API server are stand-ins.",
            machine.markdown(described),
            results.table(["", "CPU, s", "wall, s", "peak memory, MB", "state, MB", "resources"], rows),
            f"CPU with the CRDs over CPU without: {ratio}. Goal, at most {_RATIO_GOAL}: {_met(ratio.median <= _RATIO_GOAL)}.",
            f"State of the standard stack: {state:.2f} MB. Goal, at most {_STATE_GOAL_MB:.0f} MB: {_met(state <= _STATE_GOAL_MB)}. "
            f"Written without spaces it is {compact:.2f} MB, and compressed (PULUMI_SELF_MANAGED_STATE_GZIP) {compressed:.2f} MB.\n",
        ]
    )


if __name__ == "__main__":
    main()
