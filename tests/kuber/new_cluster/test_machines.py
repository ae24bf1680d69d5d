"""Inventories and kubeconfigs of clusters on own machines, as `kuber new-cluster` takes and refuses them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.kuber.conftest import Kuber
from tests.kuber.new_cluster.commands import (
    MACHINES,
    kubeconfig,
    stack_files,
)


@pytest.mark.parametrize(
    ("csv", "told"),
    [
        ("", "1: not the columns of an inventory\n"),
        ("name,ip,role,zone,pool\n", '1: not the columns of an inventory\n    found:    "name,ip,role,zone,pool"'),
        ("name,address,role,zone,pool\n", " no machines\n"),
        (MACHINES + "par-2,10.60.1.13,worker\n", "5: not a cell for each column\n"),
        (MACHINES + "par-2,,worker,room-1,general\n", "5: `address` is empty\n"),
        (MACHINES + "\npar-cp-1,10.60.1.13,worker,room-1,general\n", "6: par-cp-1 stands on line 2 too\n"),
        (MACHINES + "par-2,10.60.1,worker,room-1,general\n", "5: machines.par-2.address: not an address\n"),
        (
            MACHINES + "par-2,10.61.1.1,worker,room-1,general\n",
            "5: machines.par-2.address: outside the machines' range\n",
        ),
        (
            MACHINES + "par-2,10.60.1.12,worker,room-1,general\n",
            "5: machines.par-2.address: par-gpu-1 has this address\n",
        ),
        (
            MACHINES + "par-2,10.60.1.13,master,room-1,general\n",
            "5: machines.par-2.role: not a value that this key takes\n",
        ),
        (MACHINES + "par-2,10.60.1.13,worker,room-1,\n", "5: machines.par-2.pool: a worker belongs to a pool\n"),
        (MACHINES + "par-2,10.60.1.13,worker,room-1,GPU\n", "5: pools.GPU: not of the right form\n"),
        (MACHINES + "PAR_2,10.60.1.13,worker,room-1,gpu\n", "5: machines.PAR_2: not of the right form\n"),
        (MACHINES + "par-cp-2,10.60.1.13,control_plane,room-1,\n", " machines: etcd needs an odd number"),
    ],
)
def test_a_wrong_inventory_is_told_with_its_line(
    csv: str, told: str, kuber: Kuber, new_metal: list[str | Path], tmp_path: Path
) -> None:
    tmp_path.joinpath("machines.csv").write_text(csv, encoding="utf-8")
    before = stack_files(tmp_path / "project")
    ended = kuber(*new_metal)
    assert (ended.code, ended.out) == (1, "")
    assert f"machines.csv:{told}" in ended.err
    assert stack_files(tmp_path / "project") == before


def test_an_inventory_may_come_from_a_spreadsheet(kuber: Kuber, new_metal: list[str | Path], tmp_path: Path) -> None:
    columns = [line.split(",") for line in MACHINES.splitlines()]
    otherwise = "".join(",".join(reversed(cells)) + "\r\n" for cells in columns)
    tmp_path.joinpath("machines.csv").write_bytes(otherwise.encode("utf-8-sig"))
    assert kuber(*new_metal, "--no-plan").code == 0


@pytest.mark.parametrize(
    ("user", "told"),
    [
        ({"token": "hush"}, "the user `me` has a token: nothing secret goes into a stack file"),
        ({"username": "me", "password": "hush"}, "the user `me` has a username: nothing secret"),
        (
            {"client-certificate-data": "aHVzaA==", "client-key-data": "hush"},
            "has a client-certificate-data: nothing secret",
        ),
        ({"client-key": "hush"}, "has a client-key: nothing secret"),
        ({"exec": {"command": "kubelogin"}, "token": "hush"}, "has a token: nothing secret"),
        (
            {"exec": {"command": "kubelogin", "args": ["--client-secret=hush"]}},
            "is given --client-secret: nothing secret",
        ),
        (
            {"exec": {"command": "kubelogin", "env": [{"name": "CLIENT_SECRET", "value": "hush"}]}},
            "is given CLIENT_SECRET: nothing",
        ),
        (
            {"exec": {"apiVersion": "client.authentication.k8s.io/v1alpha1", "command": "kubelogin"}},
            "the credential plugin of `me` has no apiVersion that kubectl speaks still\n"
            '    found:    "client.authentication.k8s.io/v1alpha1"\n'
            "    expected: client.authentication.k8s.io/v1 or client.authentication.k8s.io/v1beta1\n",
        ),
        ({"exec": {"command": "kubelogin"}}, "has no apiVersion that kubectl speaks still\n    found:    nothing\n"),
        ({"auth-provider": {"name": "hush"}}, "is not logged in by a credential plugin alone"),
        ({"exec": {"args": []}}, "is not logged in by a credential plugin alone"),
        ({}, "is not logged in by a credential plugin alone\n    found:    no way to log in\n"),
    ],
)
def test_only_a_credential_plugin_gets_into_a_stack_file(
    user: dict[str, Any], told: str, kuber: Kuber, new_metal: list[str | Path], tmp_path: Path
) -> None:
    tmp_path.joinpath("kubeconfig").write_text(json.dumps(kubeconfig(user=user)), encoding="utf-8")
    before = stack_files(tmp_path / "project")
    ended = kuber(*new_metal)
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err
    assert "hush" not in ended.err
    assert stack_files(tmp_path / "project") == before


@pytest.mark.parametrize(
    ("cluster", "told"),
    [
        ({"server": "https://10.60.0.10:6443"}, "the cluster of paris has no certificate authority"),
        (
            {"server": "https://10.60.0.10:6443", "certificate-authority": "gone.pem"},
            "certificate-authority gone.pem can't be read",
        ),
        (
            {"server": "https://10.60.0.10:6443", "certificate-authority-data": "%%"},
            "the certificate authority can't be read",
        ),
        ({"server": "https://10.60.0.10:6443", "certificate-authority-data": "aHVzaA=="}, "holds no certificate"),
        (
            {"server": "https://10.60.0.10:6443", "proxy-url": "socks5://10.0.0.1"},
            "has `proxy-url`, which has no place",
        ),
        (
            {**kubeconfig()["clusters"][0]["cluster"], "server": "http://10.60.0.10"},
            "context paris: provisioner.server: not of the",
        ),
    ],
)
def test_a_cluster_that_the_program_could_not_reach_is_refused(
    cluster: dict[str, Any], told: str, kuber: Kuber, new_metal: list[str | Path], tmp_path: Path
) -> None:
    tmp_path.joinpath("kubeconfig").write_text(json.dumps(kubeconfig(cluster=cluster)), encoding="utf-8")
    ended = kuber(*new_metal)
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "kubeconfig: not a kubeconfig\n"),
        ("a: [", ": not YAML: "),
        ("contexts: 1", "kubeconfig: has no context `paris`\n    expected: one of (there are none)\n"),
        ("contexts: [{name: rome, context: {}}]", "kubeconfig: has no context `paris`\n    expected: one of rome\n"),
    ],
)
def test_a_file_that_is_no_such_kubeconfig_is_told(
    text: str, told: str, kuber: Kuber, new_metal: list[str | Path], tmp_path: Path
) -> None:
    tmp_path.joinpath("kubeconfig").write_text(text, encoding="utf-8")
    ended = kuber(*new_metal)
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err
