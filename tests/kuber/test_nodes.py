"""`kuber nodes`: the real kubectl against a stand-in for the API server, with a stand-in for the credential plugin."""

from __future__ import annotations

import base64
import json
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from clusters.kubeconfig import machines_kubeconfig
from components.node_pools.naming import machine_labels, machine_taints
from config.bare_metal import BareMetalCluster
from tests.kuber.conftest import Kuber
from tests.requirements import missing
from tests.support import METAL, PROJECT

TOKEN = "token-of-the-stand-in"
PLUGIN = f"""cat <<'END'
{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {{"token": "{TOKEN}"}}}}
END"""


class ApiServer:
    """A stand-in for an API server.

    Attributes:
        url: Its address.
        authority: Its certificate authority, PEM.
        nodes: The nodes that it answers with.
        answer: Another answer, status and text; None for the nodes.
        delay_seconds: How long it takes.
        asked: The paths that it was asked for.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self.authority = certificate.read_text(encoding="utf-8")
        self.nodes: list[dict[str, Any]] = []
        self.answer: tuple[int, str] | None = None
        self.delay_seconds = 0.0
        self.asked: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=partial(self.server.serve_forever, poll_interval=0.01), daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                api.asked.append(self.path)
                time.sleep(api.delay_seconds)
                status, text = api.answer or (200, json.dumps({"kind": "NodeList", "items": api.nodes}))
                if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    status, text = 401, json.dumps({"kind": "Status", "message": "Unauthorized", "code": 401})
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate that is its own authority, for 127.0.0.1, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        missing("openssl", "install it: it makes the certificate of the stand-in for an API server")
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", "key.pem", "-out", "certificate.pem", "-days", "2", "-subj", "/CN=stand-in"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder / "certificate.pem", folder / "key.pem"


@pytest.fixture
def api(certificate: tuple[Path, Path]) -> Iterator[ApiServer]:
    server = ApiServer(*certificate)
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def cluster(
    api: ApiServer, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BareMetalCluster]:
    """London, reached at the stand-in, whose nodes are as the inventory wants them. kubectl is the real one."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        missing("kubectl", "install it: https://kubernetes.io/docs/tasks/tools/")
    stand_ins = tmp_path / "stand-ins"
    stand_ins.mkdir()
    program(stand_ins / "kubelogin", PLUGIN)
    monkeypatch.setenv("PATH", f"{stand_ins}:{Path(kubectl).parent}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    stack_file = METAL.set("provisioner.server", api.url).set("provisioner.certificate_authority", api.authority)
    project.joinpath("Pulumi.colo-london.yaml").write_text(stack_file.text, encoding="utf-8")
    settings = stack_file.read()
    assert isinstance(settings, BareMetalCluster)
    api.nodes = [node(settings, name) for name in settings.machines]
    yield settings
    monkeypatch.undo()
    tempfile.tempdir = None


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n# Stand-in for {path.name}.\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def node(settings: BareMetalCluster, name: str) -> dict[str, Any]:
    """A node as the inventory wants it, with what Kubernetes itself adds."""
    machine = settings.machines[name]
    control_plane = machine.role == "control_plane"
    labels = {"kubernetes.io/hostname": name, **machine_labels(settings, name)}
    taints = [{"key": one.key, "value": one.value, "effect": one.effect} for one in machine_taints(settings, name)]
    if control_plane:
        labels["node-role.kubernetes.io/control-plane"] = ""
        taints.append({"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"})
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": taints},
        "status": {
            "addresses": [
                {"type": "Hostname", "address": name},
                {"type": "InternalIP", "address": str(machine.address)},
            ],
            "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": "v1.35.4"},
        },
    }


def found(api: ApiServer, name: str) -> dict[str, Any]:
    return next(one for one in api.nodes if one["metadata"]["name"] == name)


# What agrees


def test_nodes_as_the_inventory_wants_them_agree(api: ApiServer, cluster: BareMetalCluster, kuber: Kuber) -> None:
    ended = kuber("nodes", "colo-london")
    assert (ended.code, ended.err) == (0, f"asking {api.url} for the nodes of colo-london\n")
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert lines[0] == "node role pool address kubelet state"
    assert "lon-cp-1 control plane - 10.40.0.11 1.35.4 agrees" in lines
    assert "lon-storage-3 worker storage 10.40.2.13 1.35.4 agrees" in lines
    assert lines[-2:] == [
        "colo-london: 12 machines in the inventory, 12 nodes",
        "The inventory and the nodes agree.",
    ]
    assert api.asked[-1].startswith("/api/v1/nodes")


def test_labels_and_taints_of_others_do_not_matter(api: ApiServer, cluster: BareMetalCluster, kuber: Kuber) -> None:
    found(api, "lon-worker-1")["metadata"]["labels"]["feature.node.kubernetes.io/cpu"] = "x"
    found(api, "lon-worker-1")["spec"]["taints"] = [{"key": "maintenance", "effect": "NoSchedule"}]
    found(api, "lon-storage-1")["spec"]["taints"] += [
        {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    ]
    assert kuber("nodes", "colo-london").code == 0


# What doesn't


def set_address(one: dict[str, Any]) -> None:
    one["status"]["addresses"][1]["address"] = "10.40.9.9"


def make_control_plane(one: dict[str, Any]) -> None:
    one["metadata"]["labels"]["node-role.kubernetes.io/control-plane"] = ""


def make_not_ready(one: dict[str, Any]) -> None:
    one["status"]["conditions"][1] |= {
        "status": "Unknown",
        "reason": "NodeStatusUnknown",
        "message": "Kubelet stopped.",
    }


def make_lead(one: dict[str, Any]) -> None:
    one["status"]["nodeInfo"]["kubeletVersion"] = "v1.36.1"


def make_lag(one: dict[str, Any]) -> None:
    one["status"]["nodeInfo"]["kubeletVersion"] = "v1.31.14+k3s1"


def hide_version(one: dict[str, Any]) -> None:
    one["status"]["nodeInfo"] = {}


def relabel(one: dict[str, Any]) -> None:
    one["metadata"]["labels"] |= {"workload": "other"}
    del one["metadata"]["labels"]["disks"]


def untaint(one: dict[str, Any]) -> None:
    one["spec"] = {}


def taint_more(one: dict[str, Any]) -> None:
    one["spec"]["taints"].append({"key": "mine", "value": "1", "effect": "NoExecute"})


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    ("change", "kind", "told"),
    [
        (
            set_address,
            "address",
            "the node has another address\n    found:    10.40.9.9\n    expected: 10.40.2.11\n",
        ),
        (make_control_plane, "role", "the node has another role\n    found:    control_plane\n    expected: worker\n"),
        (
            make_not_ready,
            "not ready",
            "the node is not ready\n    found:    NodeStatusUnknown: Kubelet stopped.\n    expected: Ready\n",
        ),
        (
            make_lead,
            "version",
            "the kubelet leads the control plane, 1.35\n    found:    1.36.1\n    expected: 1.32 to 1.35\n",
        ),
        (make_lag, "version", "the kubelet lags the control plane by 4 minors, 1.35\n    found:    1.31.14+k3s1\n"),
        (hide_version, "version", "the kubelet's version can't be told\n"),
        (
            relabel,
            "labels",
            'labels are not as the inventory has them\n    found:    workload "other", disks missing\n'
            "    expected: workload=storage, disks=nvme\n    hint:     `pulumi up` sets them\n",
        ),
        (
            untaint,
            "taints",
            "taints are not as the inventory has them\n    found:    none\n"
            "    expected: workload=storage:NoSchedule\n    hint:     `pulumi up` sets them\n",
        ),
        (taint_more, "taints", "    found:    workload=storage:NoSchedule, mine=1:NoExecute\n"),
    ],
)
def test_a_node_that_differs_is_told_with_the_line_of_its_machine(
    change: Callable[[dict[str, Any]], None], kind: str, told: str, api: ApiServer, kuber: Kuber
) -> None:
    change(found(api, "lon-storage-1"))
    ended = kuber("nodes", "colo-london")
    lines = Path("Pulumi.colo-london.yaml").read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "lon-storage-1:" in text)
    assert ended.code == 1
    assert f"Pulumi.colo-london.yaml:{line}: machines.lon-storage-1: " in ended.out
    assert told in ended.out
    row = next(text for text in ended.out.splitlines() if text.startswith("lon-storage-1"))
    assert row.rstrip().endswith(kind)


def test_missing_and_unknown_nodes_are_told(api: ApiServer, cluster: BareMetalCluster, kuber: Kuber) -> None:
    stranger = deepcopy(found(api, "lon-worker-6"))
    stranger["metadata"]["name"] = "lon-worker-7"
    api.nodes = [one for one in api.nodes if one["metadata"]["name"] != "lon-worker-6"] + [stranger]
    ended = kuber("nodes", "colo-london")
    assert ended.code == 1
    assert "machines.lon-worker-6: the cluster has no such node\n" in ended.out
    assert "machines.lon-worker-7: a node that the inventory doesn't know\n    found:    10.40.1.16\n" in ended.out
    assert "colo-london: 12 machines in the inventory, 12 nodes\n" in ended.out


def test_a_node_that_has_only_joined_is_told(api: ApiServer, cluster: BareMetalCluster, kuber: Kuber) -> None:
    api.nodes[3] = {"metadata": {"name": "lon-worker-1"}}
    ended = kuber("nodes", "colo-london", "--json")
    kinds = [one["kind"] for one in json.loads(ended.out)["problems"]]
    assert kinds == ["address", "not_ready", "version", "labels"]


def test_programs_get_json(api: ApiServer, cluster: BareMetalCluster, kuber: Kuber) -> None:
    make_not_ready(found(api, "lon-worker-2"))
    ended = kuber("nodes", "colo-london", "--json")
    said = json.loads(ended.out)
    assert ended.code == 1
    assert (said["format"], said["stack"], said["machines"], len(said["nodes"])) == (1, "colo-london", 12, 12)
    assert said["nodes"][0] == {
        "name": "lon-cp-1",
        "role": "control_plane",
        "addresses": ["10.40.0.11"],
        "kubelet": "1.35.4",
        "ready": True,
        "in_inventory": True,
    }
    assert [(one["node"], one["kind"]) for one in said["problems"]] == [("lon-worker-2", "not_ready")]


# What can't be asked


def test_nodes_of_a_cloud_are_the_clouds(kuber: Kuber) -> None:
    ended = kuber("nodes", "prod-eks")
    assert ended.code == 2
    assert ended.err.startswith("prod-eks is on eks: its nodes are the cloud's to make, by pools")


def test_a_stack_that_is_not_there_is_told(kuber: Kuber) -> None:
    ended = kuber("nodes", "colo-londn")
    assert ended.code == 2
    assert "did you mean colo-london?" in ended.err


def test_a_missing_kubectl_is_told(kuber: Kuber, stand_ins: Callable[[str, str], Path]) -> None:
    ended = kuber("nodes", "colo-london")
    assert ended.code == 1
    assert "colo-london: `kubectl` is not on PATH\n    hint:     " in ended.err
    assert "https://kubernetes.io/docs/tasks/tools/" in ended.err


def test_a_missing_credential_plugin_is_told(kuber: Kuber, stand_ins: Callable[[str, str], Path]) -> None:
    stand_ins("kubectl", "exit 9")
    ended = kuber("nodes", "colo-london")
    assert ended.code == 1
    assert "colo-london: `kubelogin` is not on PATH\n    hint:     it is `provisioner.exec.command`" in ended.err


def test_an_api_server_that_is_not_there_is_told_in_kubectls_words(
    api: ApiServer, cluster: BareMetalCluster, kuber: Kuber, project: Path
) -> None:
    file = project / "Pulumi.colo-london.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace(api.url, "https://127.0.0.1:1"), encoding="utf-8")
    ended = kuber("nodes", "colo-london")
    assert (ended.code, ended.out) == (1, "")
    assert "kubectl can't ask for the nodes: " in ended.err
    assert "127.0.0.1:1" in ended.err.splitlines()[1]
    assert "refused" in ended.err.splitlines()[1]


def test_an_api_server_of_another_authority_is_not_trusted(
    cluster: BareMetalCluster, kuber: Kuber, project: Path
) -> None:
    file = project / "Pulumi.colo-london.yaml"
    other = METAL.set("provisioner.server", cluster.provisioner.server)
    file.write_text(other.text, encoding="utf-8")
    ended = kuber("nodes", "colo-london")
    assert ended.code == 1
    assert "certificate signed by unknown authority" in ended.err


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo 'login: the password has expired' >&2; exit 1", "login: the password has expired"),
        (PLUGIN.replace(TOKEN, "old"), "error: You must be logged in to the server"),
    ],
)
def test_a_log_in_that_fails_is_told(
    script: str, told: str, cluster: BareMetalCluster, kuber: Kuber, tmp_path: Path
) -> None:
    program(tmp_path / "stand-ins" / "kubelogin", script)
    ended = kuber("nodes", "colo-london")
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err.splitlines()[1]


def test_what_is_no_list_of_nodes_is_told(api: ApiServer, cluster: BareMetalCluster, kuber: Kuber) -> None:
    api.answer = (200, '{"kind": "Login"}')
    ended = kuber("nodes", "colo-london")
    assert ended.code == 1
    assert f"{api.url}/api/v1/nodes is no list of nodes\n    expected: the API server of Kubernetes\n" in ended.err


def test_a_slow_api_server_ends_with_a_time_out(api: ApiServer, cluster: BareMetalCluster, kuber: Kuber) -> None:
    api.delay_seconds = 3
    ended = kuber("nodes", "colo-london", "--timeout", "1")
    assert ended.code == 1
    assert "no answer within 1 s\n" in ended.err or "Timeout" in ended.err


def test_a_log_in_that_hangs_ends_with_a_time_out_and_leaves_no_process(
    cluster: BareMetalCluster, kuber: Kuber, tmp_path: Path
) -> None:
    program(tmp_path / "stand-ins" / "kubelogin", f"echo $$ > {tmp_path}/process; exec sleep 60")
    started = time.monotonic()
    ended = kuber("nodes", "colo-london", "--timeout", "1")
    assert ended.code == 1
    assert "no answer within 1 s\n    expected: a log-in and an answer of the API server\n" in ended.err
    assert time.monotonic() - started < 10
    process = int(tmp_path.joinpath("process").read_text())
    deadline = time.monotonic() + 5
    while _runs(process, "sleep") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _runs(process, "sleep")


def _runs(process: int, name: str) -> bool:
    """Whether a process is there under that name and hasn't ended (an entry may be left of one that has)."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):  # gone before it was opened, or after
        return False
    return f"({name}) " in stat and f"({name}) Z" not in stat


# What is left of it


def test_the_kubeconfig_is_private_and_gone_afterwards(cluster: BareMetalCluster, kuber: Kuber, tmp_path: Path) -> None:
    looks = 'for word in "$@"; do case $word in --kubeconfig=*) file=${word#*=};; esac; done'
    program(tmp_path / "stand-ins" / "kubectl", f'{looks}\nls -l "$file" >&2\ncp "$file" {tmp_path}/seen\nexit 1')
    ended = kuber("nodes", "colo-london")
    assert "-rw-------" in ended.err
    seen = json.loads(tmp_path.joinpath("seen").read_text())
    assert seen == machines_kubeconfig("colo-london", cluster.provisioner), "it is the program's own"
    authority = base64.b64decode(seen["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
    assert authority == cluster.provisioner.certificate_authority
    assert not list(tmp_path.glob("kuber-*"))


def test_asking_needs_no_sdk() -> None:
    script = "import sys, kuber.nodes.comparison; print([name for name in sys.modules if name.startswith('pulumi')])"
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
