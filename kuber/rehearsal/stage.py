"""All that a rehearsal needs, put together: a real control plane, simulated clouds, providers, and the real engine."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from config.bare_metal import BareMetalCluster
from config.cluster import ClusterSettings

from .autoscaler import Autoscaler, Capacity
from .cloud import CloudStore, Endpoint, Faults, credential_plugins, providers
from .control_plane import ControlPlane
from .engine import Engine
from .kubernetes_provider import KubernetesStandIn, real_plugin
from .machines import CPU, MEMORY, machine_nodes
from .provider import StandInProvider
from .versions import THROW_AWAY, Reached

DRAIN_SECONDS = 20.0
"""How long the nodes of a pool that goes may take to be drained. Clouds give them 15 minutes (EKS) or an hour (GKE); here, where pods
start at once, what can't be drained in this time never can."""
_PLUGIN = "pulumi-resource-kubernetes"
_NO_CHECKPOINTS = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
CREDENTIAL_PLUGIN = "kubelogin"
"""The stand-in that gets tokens for clusters on one's own machines."""


class Stage:
    """A cluster to be, from entering the context until leaving it: a control plane without a node, clouds with nothing in them.

        with Stage(project) as stage:
            stage.engine.up("prod-eks")
            print(stage.control_plane.nodes.names())

    Nothing of it is left afterwards; of a process that is killed the engine's temporary folder may stay. What the engine runs gets no
    credential of the user's.

    Args:
        project: Folder with Pulumi.yaml and its virtual environment.
        settings: The cluster's, where its machines are to be there beforehand.
        faults: What of the simulated clouds is to go wrong.
        checkpoints: Whether the engine writes the state at each step, as it does for a real stack, or only at a command's end, which
            is much quicker. An engine that is to be killed needs them.
        timeout_seconds: Longest that one command of the engine may take.

    Attributes:
        control_plane: The real one.
        store: What the simulated clouds hold.
        capacity: The node pools of the simulated clouds.
        autoscaler: Adds nodes to them for pods that fit nowhere.
        engine: The real one, on the project, with the providers attached.
        kubernetes_provider: Which provider makes the objects, for people.
        stand_ins: All that stands in for the real thing, for people: to be shown with every result.
        real: What is the real thing, with versions, for people.
        environment: What the engine and its program get beside our own variables.

    Raises:
        EngineMissingError, ControlPlaneMissingError: a program isn't on this machine; the text says how to get it.
        ControlPlaneError: a program of the control plane died.
    """

    control_plane: ControlPlane
    store: CloudStore
    capacity: Capacity
    autoscaler: Autoscaler
    engine: Engine
    kubernetes_provider: str
    stand_ins: Sequence[str]
    real: Sequence[str]
    environment: dict[str, str]

    def __init__(
        self,
        project: Path,
        *,
        settings: ClusterSettings | None = None,
        faults: Faults | None = None,
        checkpoints: bool = True,
        timeout_seconds: float = 600,
    ) -> None:
        self.project = project
        self._settings = settings
        self._faults = faults
        self._checkpoints = checkpoints
        self._timeout_seconds = timeout_seconds
        self._exit = ExitStack()

    def __enter__(self) -> Stage:
        with ExitStack() as entering:
            self.control_plane = entering.enter_context(ControlPlane())
            folder = self.control_plane.folder
            self.store = CloudStore(folder / "clouds.sqlite")
            entering.callback(self.store.close)
            if isinstance(self._settings, BareMetalCluster):
                self.control_plane.nodes.add(machine_nodes(self._settings))
            self.environment = self._programs(folder / "programs")
            self.capacity = Capacity(self.control_plane.nodes, self.store, drain_seconds=DRAIN_SECONDS)
            self.autoscaler = entering.enter_context(Autoscaler(self.control_plane.api, self.capacity))
            self.engine = entering.enter_context(
                Engine(
                    self.project,
                    providers=self._providers(),
                    environment=self.environment,
                    timeout_seconds=self._timeout_seconds,
                )
            )
            self._say_what_is_what()
            self._exit = entering.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    @property
    def reached(self) -> Reached:
        """How a cluster on one's own machines is reached, which no simulated cloud tells."""
        return Reached(
            server=self.control_plane.url,
            certificate_authority=self.control_plane.certificate_authority.read_text(encoding="utf-8"),
            credential_plugin=CREDENTIAL_PLUGIN,
        )

    def _programs(self, folder: Path) -> dict[str, str]:
        """Put credential plugins, and the real Kubernetes provider if there is one, first in PATH; the environment for that."""
        folder.mkdir()
        credential_plugins(folder, self._endpoint())
        self._plugin = real_plugin()
        if self._plugin:
            (folder / _PLUGIN).symlink_to(self._plugin)
        path = f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {"PATH": path, "VAULT_TOKEN": THROW_AWAY} | ({} if self._checkpoints else _NO_CHECKPOINTS)

    def _endpoint(self) -> Endpoint:
        control_plane = self.control_plane
        return Endpoint(
            url=control_plane.url,
            certificate_authority=control_plane.certificate_authority,
            token=control_plane.token,
        )

    def _providers(self) -> Sequence[StandInProvider]:
        clouds = providers(
            self.store,
            endpoint=self._endpoint(),
            nodes=self.control_plane.nodes,
            faults=self._faults,
            drain_seconds=DRAIN_SECONDS,
        )
        return clouds if self._plugin else [*clouds, KubernetesStandIn(environment=self.environment)]

    def _say_what_is_what(self) -> None:
        version = importlib.metadata.version("pulumi_kubernetes")
        served = self.control_plane.api.request("GET", "/version")["gitVersion"]
        self.real = (
            "the Pulumi engine"
            + ("" if self._checkpoints else ", which writes its state at the end of each command alone"),
            f"a Kubernetes control plane {served}: etcd, API server, controllers, scheduler",
            *([f"the Kubernetes provider {version} ({self._plugin})"] if self._plugin else []),
        )
        self.kubernetes_provider = (
            f"the real one, {version}"
            if self._plugin
            else f"a stand-in for {version}, kuber's own, on the real API server: no real plugin is on this machine"
        )
        machines = f"; each machine has {CPU} CPUs and {MEMORY}" if isinstance(self._settings, BareMetalCluster) else ""
        self.stand_ins = (
            "aws, gcp and vault: simulated, with the providers' own tables of what replaces a resource",
            *([] if self._plugin else ["the Kubernetes provider"]),
            f"nodes and pods: simulated by kwok, no image is pulled and no program runs in a pod{machines}",
            "webhooks, volumes and load balancers: answered by kuber, so what operators in the cluster would do or refuse"
            " isn't seen",
            f"the autoscaler: adds nodes for pods that fit nowhere, takes none away; a drain is given up after {DRAIN_SECONDS:.0f} s",
            "the credential plugins",
        )
