"""What `kuber new-cluster` writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config.stack_file import PLATFORMS, read_text
from kuber.round_trip import dump, load
from tests.kuber.command import STACKS, copy_of_the_project
from tests.kuber.command import kuber as kuber_process
from tests.kuber.conftest import Kuber
from tests.kuber.new_cluster.commands import (
    AUTHORITY,
    NEW_EKS,
    NEW_GKE,
    PLUGIN,
    kubeconfig,
    stack_files,
    write,
)
from tests.support import EKS, PROJECT, TODAY


@pytest.mark.parametrize("command", [NEW_EKS, NEW_GKE], ids=["eks", "gke"])
def test_a_new_cluster_is_one_commented_file_that_may_be_used_beside_the_others(
    command: tuple[str, ...], kuber: Kuber, project: Path
) -> None:
    ended = kuber(*command, "--no-plan")
    stack = command[1]
    text = project.joinpath(f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Pulumi.{stack}.yaml: written\n")
    assert text.startswith("# yaml-language-server: $schema=schema/stack-file.schema.json\n# Stage on ")
    assert "# What may not be interrupted: operators, ingress, Prometheus." in text
    assert len(text.splitlines()) <= 65, "a stack file fits a screen"
    assert kuber("validate").code == 0


def test_a_bare_metal_cluster_takes_machines_from_the_inventory_and_the_way_in_from_the_kubeconfig(
    new_metal: list[str | Path], kuber: Kuber, project: Path
) -> None:
    assert kuber(*new_metal, "--no-plan").code == 0
    text = project.joinpath("Pulumi.colo-paris.yaml").read_text(encoding="utf-8")
    assert "      par-cp-1: {address: 10.60.0.11, role: control_plane, zone: room-1}\n" in text
    assert "      par-gpu-1: {address: 10.60.1.12, zone: room-2, pool: gpu}\n" in text
    assert "      gpu:\n        labels: {workload: gpu}\n" in text
    assert "      server: https://10.60.0.10:6443\n" in text
    assert "        MAkMB01JSUJwYXI=\n" in text
    assert (
        "        api_version: client.authentication.k8s.io/v1\n        command: kubelogin\n"
        "        args: [get-token]\n        env: {REALM: shop}\n"
    ) in text
    assert 'version: "1.36"' in text
    assert "machines_cidr: 10.60.0.0/20\n      pods_cidr: 10.61.0.0/16\n      services_cidr: 10.62.0.0/16\n" in text
    assert kuber("validate").code == 0


def test_a_certificate_authority_may_be_a_file_beside_the_kubeconfig(
    new_metal: list[str | Path], kuber: Kuber, tmp_path: Path
) -> None:
    tmp_path.joinpath("ca.pem").write_text(f"Issuer: paris\n{AUTHORITY}", encoding="utf-8")
    config = kubeconfig(cluster={"server": "https://10.60.0.10:6443", "certificate-authority": "ca.pem"})
    tmp_path.joinpath("kubeconfig").write_text(json.dumps(config), encoding="utf-8")
    ended = kuber(*new_metal, "--stdout")
    assert ended.code == 0
    assert "MAkMB01JSUJwYXI=" in ended.out
    assert "Issuer" not in ended.out


def test_what_the_credential_plugin_speaks_is_what_the_kubeconfig_says(
    kuber: Kuber, new_metal: list[str | Path], tmp_path: Path
) -> None:
    older = {**PLUGIN, "apiVersion": "client.authentication.k8s.io/v1beta1"}
    tmp_path.joinpath("kubeconfig").write_text(json.dumps(kubeconfig(user={"exec": older})), encoding="utf-8")
    ended = kuber(*new_metal, "--stdout")
    assert "        api_version: client.authentication.k8s.io/v1beta1\n" in ended.out
    like = [word for word in new_metal if word not in {"--platform", "bare_metal"}]
    assert "client.authentication.k8s.io/v1beta1\n" in kuber(*like, "--like", "colo-london", "--stdout").out


def test_the_newest_adoptable_minor_with_pinned_add_ons_is_taken(kuber: Kuber) -> None:
    assert 'version: "1.36"' in kuber(*NEW_EKS, "--stdout").out
    assert 'version: "1.36"' in kuber(*NEW_GKE, "--stdout").out
    assert 'version: "1.35"' in kuber(*NEW_EKS, "--stdout", "--kubernetes", "1.35").out


def test_zones_are_three_of_the_region_unless_named(kuber: Kuber) -> None:
    assert "zones: [us-east-1a, us-east-1b, us-east-1c]" in kuber(*NEW_EKS, "--stdout").out
    assert "zones: [europe-west4-a, europe-west4-b, europe-west4-c]" in kuber(*NEW_GKE, "--stdout").out
    without_a = (*NEW_GKE[:-8], "--stdout", "--region", "us-east1", *NEW_GKE[-8:])
    assert "zones: [us-east1-b, us-east1-c, us-east1-d]" in kuber(*without_a).out
    for region, letters in (("ca-central-1", "abd"), ("ap-northeast-1", "acd")):
        zones = ", ".join(f"{region}{letter}" for letter in letters)
        assert f"zones: [{zones}]" in kuber(*NEW_EKS, "--stdout", "--region", region).out
    named = kuber(*NEW_EKS, "--stdout", "--zone", "us-east-1d", "--zone", "us-east-1f")
    assert "zones: [us-east-1d, us-east-1f]" in named.out


def test_zones_that_differ_by_account_are_asked_for(kuber: Kuber) -> None:
    ended = kuber(*NEW_EKS, "--region", "us-west-1")
    assert ended.code == 2
    assert ended.err.startswith("a new cluster on eks needs --zone too\n")
    assert (
        "        --zone us-west-1a \\\n        --zone us-west-1c\n    hint:     an account has two zones" in ended.err
    )
    ended = kuber("new-cluster", "us-eks", "--like", "prod-eks", "--region", "us-west-1")
    assert "us-eks --like prod-eks \\\n        --region us-west-1 \\\n        --zone us-west-1a" in ended.err
    named = kuber(*NEW_EKS, "--region", "us-west-1", "--zone", "us-west-1b", "--zone", "us-west-1c", "--stdout")
    assert "zones: [us-west-1b, us-west-1c]" in named.out


def test_a_careful_person_is_warned_of_what_is_allowed(kuber: Kuber, project: Path) -> None:
    ended = kuber(*NEW_EKS, "--kubernetes", "1.33", "--no-plan")
    assert ended.code == 0
    assert "\nwarning: standard support of Kubernetes 1.33 ended on 2026-07-29; " in ended.out
    write(project, EKS.set("network.nat", "single"))
    ended = kuber("new-cluster", "prod-eks-2", "--like", "prod-eks", "--stdout")
    assert "\nwarning: nat is single: when its zone fails, no zone reaches the internet\n" in ended.err
    assert "warning" not in ended.out


def test_groups_on_gke_get_the_security_group_of_their_domain_and_users_need_none(kuber: Kuber) -> None:
    assert "security_group: gke-security-groups@shop.example" in kuber(*NEW_GKE, "--stdout").out
    people = [word.replace("group:platform@", "user:jane@") for word in NEW_GKE]
    assert "security_group" not in kuber(*people, "--stdout").out


def test_stdout_prints_the_file_alone_and_writes_nothing(kuber: Kuber, project: Path) -> None:
    before = stack_files(project)
    ended = kuber(*NEW_EKS, "--stdout")
    assert ended.code == 0
    assert read_text("stage-eks", ended.out, TODAY).environment == "stage"
    assert "network.cidr: 10." in ended.err
    assert stack_files(project) == before


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_built_in_patterns_are_written_as_they_are_edited(platform: str) -> None:
    pattern = PROJECT.joinpath("kuber", "patterns", f"stack-file.{platform}.yaml").read_text(encoding="utf-8")
    assert dump(load(pattern)) == pattern
    assert read_text("pattern", pattern, TODAY)


def test_the_plan_of_the_new_cluster_is_shown_without_credential_or_network(tmp_path: Path) -> None:
    folder = copy_of_the_project(tmp_path, *STACKS)
    ended = kuber_process("new-cluster", "prod-eks-2", "--like", "prod-eks", cwd=folder)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("Pulumi.prod-eks-2.yaml: written\n")
    assert "\n  network.cidr: 10.0.0.0/16\n" in ended.stdout
    assert "prod-eks-2: eks, production, Kubernetes 1.35" in ended.stdout
    assert "EksCluster prod-eks-2" in ended.stdout
    assert "\x1b" not in ended.stdout, "piped output has no colour"
