"""A real control plane as a context: etcd, API server, controllers, scheduler, and kwok for the kubelets."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from kuber.rehearsal.api import Api, ApiError
from kuber.rehearsal.control_plane.authority_injection import AuthorityInjection
from kuber.rehearsal.control_plane.configuration import ETCD_SOCKET, Command, Configuration
from kuber.rehearsal.control_plane.following import Follower
from kuber.rehearsal.control_plane.load_balancers import LoadBalancers
from kuber.rehearsal.control_plane.nodes import Nodes
from kuber.rehearsal.control_plane.programs import find_programs
from kuber.rehearsal.control_plane.services import ServiceProxy, Services
from kuber.rehearsal.control_plane.stages import write_stages
from kuber.rehearsal.control_plane.volumes import Volumes
from kuber.rehearsal.processes import Daemons

_READY_SECONDS = 60.0
"""Longest that all together may take; on a quiet machine it is a tenth of that."""
_POLL_SECONDS = 0.05
_PORT_TRIES = 3
_PORT_TAKEN = "address already in use"


class ControlPlaneError(Exception):
    """A program of the control plane died or didn't get ready; the message has the end of its log."""


class ControlPlane:
    """A control plane on loopback, ready to use between entering and leaving the context.

        with ControlPlane() as control_plane:
            control_plane.nodes.add([NodeSpec(...)])
            control_plane.api.create({...})

    Nothing of it is left afterwards, nor when this process is killed.

    Args:
        folder: Where data, keys and logs are, and stay: empty, or not there yet, and with a path of at most 80 bytes, since
            it gets sockets. If not given, a temporary folder that goes with the control plane.
        webhooks: Whether stand-ins answer for webhooks and aggregated APIs (see `services.py`).
        ready_seconds: How long a pod takes on its node until it is ready.
        complete_seconds: How long a Job's pod takes from then on.
        delete_seconds: How long a deleted pod takes until it is gone.

    Attributes:
        url: Of the API server.
        token: Of a user in the group system:masters.
        certificate_authority: PEM file by which the API server is known.
        api: The API server, asked with that token.
        kubeconfig: With that token, for kubectl and others.
        nodes: The nodes; there are none at first.
        folder: As above.
        notes: What the stand-ins can't do for the objects that were given, in words.

    Raises:
        ControlPlaneMissingError: a program isn't on this machine.
        ControlPlaneError: a program died, or didn't get ready.
    """

    url: str
    token: str
    certificate_authority: Path
    api: Api
    kubeconfig: Path
    nodes: Nodes
    folder: Path
    notes: list[str]

    def __init__(
        self,
        *,
        folder: Path | None = None,
        webhooks: bool = True,
        ready_seconds: float = 0.3,
        complete_seconds: float = 0.5,
        delete_seconds: float = 0.2,
    ) -> None:
        self._programs = find_programs()
        if folder and folder.exists() and any(folder.iterdir()):
            raise ControlPlaneError(f"{folder} is not empty: name a folder of its own for the control plane")
        self._given_folder = folder
        self._webhooks = webhooks
        self._delays = {
            "ready_seconds": ready_seconds,
            "complete_seconds": complete_seconds,
            "delete_seconds": delete_seconds,
        }
        self.notes = []
        self._followers: list[Follower] = []
        self._exit = ExitStack()

    def __enter__(self) -> ControlPlane:
        with ExitStack() as entering:
            entering.callback(self._join)
            self._daemons = entering.enter_context(Daemons(self._given_folder))
            self.folder = self._daemons.folder
            self._configuration = Configuration(self._programs, self.folder)
            self.token = self._configuration.tokens["admin"]
            self.certificate_authority = self._configuration.certificate_authority
            self.kubeconfig = self._configuration.kubeconfig("admin")
            proxy, socket = None, None
            if self._webhooks:
                socket = self.folder / "services.sock"
                proxy = entering.enter_context(ServiceProxy(socket, self._configuration.authority))
            self._start(socket)
            entering.callback(self._stand_in(proxy))
            self._exit = entering.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def memory_mb(self) -> float:
        """What all its programs take together, the watchdog included, in 10^6 bytes.

        Proportional set size where the system tells it, else resident set size.
        """
        return sum(_memory_bytes(pid) for pid in self._daemons.pids.values()) / 1e6

    def log_tail(self, program: str, lines: int = 30) -> str:
        """The end of a program's log: of "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler" or "kwok"."""
        log = self._daemons.log(program)
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""

    def _stand_in(self, proxy: ServiceProxy | None) -> Callable[[], None]:
        """Let stand-ins do what nothing else does here; returns what ends them."""
        load_balancers = LoadBalancers(self.api)
        self._followers = [*load_balancers.followers, *Volumes(self.api).followers]
        if proxy:
            slices = Follower(self.api, ("discovery.k8s.io/v1", "EndpointSlice"))
            proxy.is_there = Services(load_balancers.services, slices).answer_at
            injection = AuthorityInjection(self.api, self._configuration.authority.certificate, self.notes.append)
            self._followers += [slices, *injection.followers]
        for follower in self._followers:
            follower.start()
        return self._end_stand_ins

    def _end_stand_ins(self) -> None:
        for follower in self._followers:
            follower.end()

    def _join(self) -> None:
        """Wait for the threads of stand-ins, which end with the API server."""
        for follower in self._followers:
            follower.join()

    def _start(self, service_proxy: Path | None) -> None:
        until = time.monotonic() + _READY_SECONDS
        self._run(self._configuration.etcd())
        # An API server that finds no etcd waits a whole second before it tries again.
        self._wait("etcd", "it doesn't listen", (self.folder / ETCD_SOCKET).exists, until)
        for tries_left in reversed(range(_PORT_TRIES)):
            port = _free_port()
            self.url = f"https://127.0.0.1:{port}"
            self._configuration.write_kubeconfigs(self.url)
            self._run(self._configuration.kube_apiserver(port, service_proxy))
            self.api = Api(self.url, self.token, self.certificate_authority)
            try:
                self._wait("kube-apiserver", "it serves nothing", self._serves, until)
                break
            except ControlPlaneError:
                if not tries_left or _PORT_TAKEN not in self.log_tail("kube-apiserver", 100):
                    raise
        stages = self.folder / "stages.yaml"
        write_stages(stages, **self._delays)
        self._run(self._configuration.kube_controller_manager())
        self._run(self._configuration.kube_scheduler())
        self._run(self._configuration.kwok(stages))
        self._wait("kube-apiserver", "it isn't ready", self._is_ready, until)
        version = self.api.request("GET", "/version")["gitVersion"]
        self.nodes = Nodes(self.api, kubelet_version=version)
        self._wait(
            "kube-controller-manager",
            "the namespace default has no service account",
            lambda: self.api.get(("v1", "ServiceAccount"), "default", "default") is not None,
            until,
        )

    def _run(self, command: Command) -> None:
        self._daemons.start(command.name, command.line, env=command.environment)

    def _serves(self) -> bool:
        """Whether the API server answers anything at all."""
        try:
            self.api.request("GET", "/livez")
        except ApiError as error:
            return error.status != 0
        return True

    def _is_ready(self) -> bool:
        try:
            self.api.request("GET", "/readyz")
        except ApiError:
            return False
        return True

    def _wait(self, program: str, why_not: str, is_so: Callable[[], bool], until: float) -> None:
        """Wait until something is so.

        Raises:
            ControlPlaneError: a program has ended, or it took too long.
        """
        while not is_so():
            for name, code in self._daemons.ended().items():
                raise ControlPlaneError(f"{name} ended with code {code}; the end of its log:\n{self.log_tail(name)}")
            if time.monotonic() > until:
                raise ControlPlaneError(
                    f"{program} didn't get ready in {_READY_SECONDS:.0f} s: {why_not}; the end of its log:\n"
                    f"{self.log_tail(program)}"
                )
            time.sleep(_POLL_SECONDS)


def _free_port() -> int:
    """A port that is free now; another program may take it before ours does."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _memory_bytes(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(re.findall(r"^Pss: +(\d+) kB$", rollup, re.MULTILINE)[0]) * 1024
    except (OSError, IndexError):
        listed = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True)
        return int(listed.stdout.strip() or 0) * 1024
