"""The stand-ins for the commands that give a kubeconfig its token."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from kuber.rehearsal.cloud import Endpoint, credential_plugins

TOKEN = "a-token-of-nobody"
ASKED = {
    "aws": ["eks", "get-token", "--region", "eu-west-1", "--cluster-name", "small"],
    "gke-gcloud-auth-plugin": [],
    "kubelogin": ["get-token", "--oidc-issuer-url=https://login.example", "--oidc-client-id=small"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "some bin's"
    credential_plugins(folder, Endpoint(url="https://127.0.0.1:1", certificate_authority=tmp_path / "ca", token=TOKEN))
    return folder


@pytest.mark.parametrize("command", ASKED)
@pytest.mark.parametrize("version", ["v1", "v1beta1", None])
def test_each_prints_the_token_in_the_version_that_it_is_asked_for(
    folder: Path, command: str, version: str | None
) -> None:
    asked = {"kind": "ExecCredential", "apiVersion": f"client.authentication.k8s.io/{version}", "spec": {}}
    environment = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    if version:
        environment["KUBERNETES_EXEC_INFO"] = json.dumps(asked)
    done = subprocess.run(
        [folder / command, *ASKED[command]], env=environment, capture_output=True, text=True, check=True
    )
    answer = json.loads(done.stdout)
    assert (answer["kind"], answer["status"]) == ("ExecCredential", {"token": TOKEN})
    assert answer["apiVersion"] == f"client.authentication.k8s.io/{version or 'v1beta1'}"


def test_the_token_is_in_a_file_for_the_user_alone_and_in_no_program(folder: Path) -> None:
    holding = [file for file in folder.iterdir() if TOKEN in file.read_text()]
    assert [stat.S_IMODE(file.stat().st_mode) for file in holding] == [0o600]
    assert {file.name for file in folder.iterdir()} - set(ASKED) == {holding[0].name}


def test_another_token_takes_the_place_of_the_first(folder: Path) -> None:
    endpoint = Endpoint(url="https://127.0.0.1:1", certificate_authority=folder, token="another")
    credential_plugins(folder, endpoint)
    done = subprocess.run([folder / "aws"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["status"] == {"token": "another"}
