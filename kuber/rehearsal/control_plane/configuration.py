"""The programs' command lines and configuration files: small, quick to start, and open to this machine alone."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from kuber.rehearsal.control_plane.certificates import Authority, private_pem, public_pem, write_secret
from kuber.rehearsal.control_plane.programs import Programs

SERVICE_ADDRESSES = "172.20.0.0/16"
POD_ADDRESSES = "100.64.0.0/16"
ETCD_SOCKET = "client:0"  # etcd takes names of sockets that look like a host and port alone
ISSUER = "https://kubernetes.default.svc.cluster.local"

USERS = {
    "admin": "kuber:rehearsal",
    "kube-controller-manager": "system:kube-controller-manager",
    "kube-scheduler": "system:kube-scheduler",
    "kwok": "kuber:kwok",
}
"""Who has a token, by the name of the kubeconfig. All are system:masters: they needn't wait until roles are there."""

CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "cronjob-controller",
    "daemonset-controller",
    "deployment-controller",
    "disruption-controller",
    "endpoints-controller",
    "endpointslice-controller",
    "ephemeral-volume-controller",
    "garbage-collector-controller",
    "horizontal-pod-autoscaler-controller",
    "job-controller",
    "namespace-controller",
    "node-lifecycle-controller",
    "persistentvolume-binder-controller",
    "persistentvolume-protection-controller",
    "persistentvolumeclaim-protection-controller",
    "pod-garbage-collector-controller",
    "replicaset-controller",
    "resourcequota-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "statefulset-controller",
    "taint-eviction-controller",
    "ttl-after-finished-controller",
    "validatingadmissionpolicy-status-controller",
)
"""Those that something is decided by here. Not among them: certificates of kubelets, node addresses and routes, attaching volumes."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A program with its arguments and environment."""

    name: str
    line: tuple[str | Path, ...]
    environment: Mapping[str, str]


class Configuration:
    """Writes keys and files to the folder that the programs run in, and says how each is started.

    Args:
        programs: Where they are.
        folder: Where they run.
    Attributes:
        authority: Signs the API server's certificate and those of whatever answers for webhooks.
        tokens: By the names of USERS.
    """

    def __init__(self, programs: Programs, folder: Path) -> None:
        self.programs = programs
        self.folder = folder
        self.authority = Authority("kuber rehearsal")
        self.tokens = {name: secrets.token_urlsafe(24) for name in USERS}
        self.certificate_authority = folder / "authority.crt"
        self.certificate_authority.write_bytes(self.authority.certificate)
        names = ("127.0.0.1", "localhost", "kubernetes.default.svc")
        self.authority.issue("kube-apiserver", names=names).write(folder, "kube-apiserver")
        self.authority.issue("front-proxy-client").write(folder, "front-proxy")
        account_key = ec.generate_private_key(ec.SECP256R1())
        write_secret(folder / "service-accounts.key", private_pem(account_key))
        (folder / "service-accounts.pub").write_bytes(public_pem(account_key))
        lines = [f'{self.tokens[name]},{user},{user},"system:masters"\n' for name, user in USERS.items()]
        write_secret(folder / "tokens.csv", "".join(lines).encode())
        write_json(folder / "kube-scheduler.json", _scheduler())

    def kubeconfig(self, name: str) -> Path:
        """The kubeconfig of one of USERS."""
        return self.folder / f"{name}.kubeconfig"

    def write_kubeconfigs(self, url: str) -> None:
        """Write the kubeconfigs of all, for an API server at this address."""
        for name, token in self.tokens.items():
            content = _kubeconfig(url, token, self.authority.certificate.decode())
            write_secret(self.kubeconfig(name), json.dumps(content, indent=1).encode())

    def etcd(self) -> Command:
        """Without fsync, since nothing outlives this run; on a socket, where nobody else finds it."""
        return self._command(
            "etcd",
            self.programs.etcd,
            *("--data-dir", "etcd", "--unsafe-no-fsync", "--log-level", "warn"),
            *("--listen-client-urls", f"unix://{ETCD_SOCKET}", "--advertise-client-urls", f"unix://{ETCD_SOCKET}"),
            *("--listen-peer-urls", "unix://peer:0", "--initial-advertise-peer-urls", "unix://peer:0"),
            *("--initial-cluster", "default=unix://peer:0"),
        )

    def kube_apiserver(self, port: int, service_proxy: Path | None) -> Command:
        """With RBAC and the admission plugins that are on by default.

        Args:
            port: On loopback.
            service_proxy: Socket of an HTTP proxy to the cluster's services; None: they are dialled, and don't answer.
        """
        egress: tuple[str, ...] = ()
        if service_proxy:
            write_json(self.folder / "egress.json", _egress(service_proxy))
            egress = ("--egress-selector-config-file=egress.json",)
        return self._command(
            "kube-apiserver",
            self.programs.kube_apiserver,
            *(f"--etcd-servers=unix://{ETCD_SOCKET}", "--bind-address=127.0.0.1", f"--secure-port={port}"),
            *("--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none", "--cert-dir=."),
            *("--tls-cert-file=kube-apiserver.crt", "--tls-private-key-file=kube-apiserver.key"),
            *("--authorization-mode=RBAC", "--token-auth-file=tokens.csv", "--profiling=false"),
            *(f"--service-account-issuer={ISSUER}", "--service-account-key-file=service-accounts.pub"),
            "--service-account-signing-key-file=service-accounts.key",
            f"--service-cluster-ip-range={SERVICE_ADDRESSES}",
            *("--requestheader-client-ca-file=authority.crt", "--requestheader-allowed-names=front-proxy-client"),
            *("--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group"),
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            *("--proxy-client-cert-file=front-proxy.crt", "--proxy-client-key-file=front-proxy.key"),
            *("--enable-priority-and-fairness=false", "--etcd-count-metric-poll-period=0"),
            *("--etcd-db-metric-poll-interval=0", "--allow-privileged=true"),
            "--watch-cache=false",  # 100 MB less once the stack's CRDs are there, and no more CPU
            *egress,
            # A webhook without a CA bundle is checked against the roots of the system.
            environment={"SSL_CERT_FILE": "authority.crt", "SSL_CERT_DIR": "."},
        )

    def kube_controller_manager(self) -> Command:
        """With the controllers that matter here, quicker than their defaults."""
        return self._command(
            "kube-controller-manager",
            self.programs.kube_controller_manager,
            *(f"--kubeconfig={self.kubeconfig('kube-controller-manager')}", "--leader-elect=false"),
            *("--secure-port=0", "--profiling=false", f"--controllers={','.join(CONTROLLERS)}"),
            *("--service-account-private-key-file=service-accounts.key", "--root-ca-file=authority.crt"),
            *("--kube-api-qps=500", "--kube-api-burst=1000", "--horizontal-pod-autoscaler-sync-period=3s"),
            *("--pvclaimbinder-sync-period=2s", "--concurrent-daemonset-syncs=5"),
        )

    def kube_scheduler(self) -> Command:
        """As it is by default, but quicker to try anew."""
        return self._command(
            "kube-scheduler",
            self.programs.kube_scheduler,
            *("--config=kube-scheduler.json", "--secure-port=0"),
        )

    def kwok(self, stages: Path) -> Command:
        """For all nodes and their pods, by stages of our own."""
        return self._command(
            "kwok",
            self.programs.kwok,
            *("--kubeconfig", self.kubeconfig("kwok"), "--config", stages, "--manage-all-nodes"),
            *("--cidr", POD_ADDRESSES, "--node-ip", "127.0.0.1", "--node-lease-duration-seconds", "40", "-v", "WARN"),
        )

    def _command(
        self, name: str, program: Path, *arguments: str | Path, environment: Mapping[str, str] | None = None
    ) -> Command:
        own = {"HOME": str(self.folder), "PATH": "/usr/bin:/bin"}
        return Command(name=name, line=(program, *arguments), environment=own | dict(environment or {}))


def write_json(file: Path, content: object) -> None:
    """Write JSON, which is YAML too."""
    file.write_text(json.dumps(content, indent=1))


def _kubeconfig(url: str, token: str, authority: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "rehearsal",
        "contexts": [{"name": "rehearsal", "context": {"cluster": "rehearsal", "user": "rehearsal"}}],
        "clusters": [
            {
                "name": "rehearsal",
                "cluster": {
                    "server": url,
                    "certificate-authority-data": base64.b64encode(authority.encode()).decode(),
                },
            }
        ],
        "users": [{"name": "rehearsal", "user": {"token": token}}],
    }


def _egress(proxy: Path) -> dict[str, object]:
    connection = {"proxyProtocol": "HTTPConnect", "transport": {"uds": {"udsName": str(proxy)}}}
    return {
        "apiVersion": "apiserver.k8s.io/v1beta1",
        "kind": "EgressSelectorConfiguration",
        "egressSelections": [{"name": "cluster", "connection": connection}],
    }


def _scheduler() -> dict[str, object]:
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "leaderElection": {"leaderElect": False},
        "clientConnection": {"kubeconfig": "kube-scheduler.kubeconfig", "qps": 500, "burst": 1000},
        "enableProfiling": False,
        "podInitialBackoffSeconds": 1,
        "podMaxBackoffSeconds": 2,
    }
