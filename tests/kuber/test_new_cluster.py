"""`kuber new-cluster`: what it writes, what it leaves alone, and what it says when it can't."""

from __future__ import annotations

import base64
import json
import os
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from config.eks_addons import ADDONS
from config.stack_file import PLATFORMS, read, read_text
from kuber.round_trip import dump, load
from tests.kuber.command import STACKS, copy_of_the_project
from tests.kuber.command import kuber as kuber_process
from tests.kuber.conftest import Kuber
from tests.support import EKS, GKE, METAL, PROJECT, SHIPPED, TODAY, StackFile

NEW_EKS = (
    *("new-cluster", "stage-eks", "--platform", "eks", "--environment", "stage", "--region", "us-east-1"),
    *("--account-id", "109876543210", "--admin", "platform-team=arn:aws:iam::109876543210:role/platform-admin"),
    *("--private-cidr", "office-vpn=10.250.0.0/20"),
)
NEW_GKE = (
    *("new-cluster", "stage-gke", "--platform", "gke", "--environment", "stage", "--region", "europe-west4"),
    *("--project-id", "shop-stage", "--project-number", "481516234299"),
    *("--admin", "platform-team=group:platform@shop.example", "--private-cidr", "office-vpn=10.250.0.0/20"),
)
MACHINES = """name,address,role,zone,pool
par-cp-1,10.60.0.11,control_plane,room-1,
par-worker-1,10.60.1.11,worker,room-1,general
par-gpu-1,10.60.1.12,,room-2,gpu
"""
AUTHORITY = "-----BEGIN CERTIFICATE-----\nMAkMB01JSUJwYXI=\n-----END CERTIFICATE-----\n"
PLUGIN = {"apiVersion": "client.authentication.k8s.io/v1", "command": "kubelogin"}


def kubeconfig(**changed: Any) -> dict[str, Any]:
    """A kubeconfig whose user logs in by a plugin; cluster and user can be given otherwise."""
    plugin = {**PLUGIN, "args": ["get-token"], "env": [{"name": "REALM", "value": "shop"}]}
    cluster = {
        "server": "https://10.60.0.10:6443",
        "certificate-authority-data": base64.b64encode(AUTHORITY.encode()).decode(),
    }
    return {
        "clusters": [{"name": "par", "cluster": changed.get("cluster", cluster)}],
        "users": [{"name": "me", "user": changed.get("user", {"exec": plugin})}],
        "contexts": [{"name": "paris", "context": {"cluster": "par", "user": "me"}}],
    }


@pytest.fixture
def new_metal(tmp_path: Path) -> list[str | Path]:
    """A command line for a bare-metal cluster, with its files."""
    inventory, config = tmp_path / "machines.csv", tmp_path / "kubeconfig"
    inventory.write_text(MACHINES, encoding="utf-8")
    config.write_text(json.dumps(kubeconfig()), encoding="utf-8")
    return [
        *("new-cluster", "colo-paris", "--platform", "bare_metal", "--environment", "production", "--site", "paris"),
        *("--inventory", inventory, "--kubeconfig", config, "--context", "paris"),
        *("--kubernetes", "1.36", "--machines-cidr", "10.60.0.0/20", "--load-balancers-cidr", "10.60.15.0/24"),
        *("--pods-cidr", "10.61.0.0/16", "--services-cidr", "10.62.0.0/16"),
    ]


FACTS = (
    "--inventory, --kubeconfig, --context, --kubernetes, --machines-cidr, --pods-cidr, --services-cidr, "
    "--load-balancers-cidr"
)
"""What only the cluster that is there can tell, whatever the pattern."""


def write(project: Path, stack_file: StackFile) -> None:
    """Put a stack file into the project, in place of the one of this name."""
    project.joinpath(f"Pulumi.{stack_file.stack}.yaml").write_text(stack_file.text, encoding="utf-8")


def stack_files(project: Path) -> dict[str, bytes]:
    """All that is in the project's folder, hidden files too."""
    return {path.name: path.read_bytes() for path in project.iterdir()}


def cluster_alone(text: str) -> str:
    """A stack file without its standard stack."""
    before, found, _ = text.partition("\n    standard_stack:\n")
    assert found, "the standard stack stands last"
    return before


def changed_lines(before: str, after: str) -> list[tuple[str, str]]:
    """The lines that differ between two texts of as many lines."""
    pairs = zip(before.splitlines(), after.splitlines(), strict=True)
    return [(one.strip(), other.strip()) for one, other in pairs if one != other]


# What is written


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


# With another stack as the pattern


def test_a_pattern_keeps_its_comments_and_changes_where_the_name_matters(kuber: Kuber) -> None:
    ended = kuber(
        *("new-cluster", "stage-eks", "--like", "prod-eks", "--environment", "stage", "--region", "us-east-1"),
        *("--account-id", "109876543210", "--stdout"),
    )
    assert changed_lines(cluster_alone(EKS.text), cluster_alone(ended.out)) == [
        ("# Production on AWS, Ireland.", "# Stage on AWS, us-east-1."),
        ("environment: production", "environment: stage"),
        ('account_id: "210987654321"', 'account_id: "109876543210"'),
        ("region: eu-west-1", "region: us-east-1"),
        ("zones: [eu-west-1a, eu-west-1b, eu-west-1c]", "zones: [us-east-1a, us-east-1b, us-east-1c]"),
        ("cidr: 10.20.0.0/16", "cidr: 10.0.0.0/16"),
        *(
            (f"{name}: arn:aws:iam::210987654321:role/{role}", f"{name}: arn:aws:iam::109876543210:role/{role}")
            for name, role in (
                ("platform-team", "platform-admin"),
                ("break-glass", "break-glass"),
                ("developers", "developer"),
            )
        ),
    ]


def test_a_pattern_alone_is_enough_on_a_cloud(kuber: Kuber) -> None:
    ended = kuber("new-cluster", "prod-gke-2", "--like", "prod-gke", "--stdout")
    keys = [
        after.partition(":")[0] for _, after in changed_lines(cluster_alone(GKE.text), cluster_alone(ended.out))[1:]
    ]
    assert keys == ["nodes_cidr", "pods_cidr", "services_cidr", "control_plane_cidr"]


def test_people_and_ranges_that_are_given_stand_for_those_of_the_pattern(kuber: Kuber) -> None:
    ended = kuber(
        *("new-cluster", "prod-eks-2", "--like", "prod-eks", "--stdout", "--private-cidr", "paris=10.60.0.0/20"),
        *("--admin", "owners=arn:aws:iam::210987654321:role/owner"),
    )
    assert "    endpoint: # private only\n      private_cidrs:\n        paris: 10.60.0.0/20\n\n    access:" in ended.out
    assert "      admins:\n        owners: arn:aws:iam::210987654321:role/owner\n      viewers:" in ended.out
    assert (
        "  left out: platform-team, break-glass of access.admins of the pattern: --admin stands for all of them\n"
    ) in ended.err
    gone = ", ".join(EKS.value()["endpoint"]["private_cidrs"])
    assert (
        f"  left out: {gone} of endpoint.private_cidrs of the pattern: --private-cidr stands for all of them\n"
    ) in ended.err


def test_what_is_given_as_the_pattern_has_it_is_not_said_to_be_left_out(kuber: Kuber) -> None:
    admins = EKS.value()["access"]["admins"]
    words = [word for name, principal in admins.items() for word in ("--admin", f"{name}={principal}")]
    ended = kuber("new-cluster", "prod-eks-2", "--like", "prod-eks", "--stdout", *words)
    assert (ended.code, "access.admins of the pattern" in ended.err) == (0, False)


@pytest.mark.parametrize(("key", "value"), [("tags", {"owner": "platform"}), ("protect", False)])
def test_a_pattern_with_keys_that_its_platform_no_longer_has_is_to_be_mended_first(
    key: str, value: Any, kuber: Kuber, project: Path, new_metal: list[str | Path]
) -> None:
    write(project, METAL.set(key, value))
    before = stack_files(project)
    like = [word for word in new_metal if word not in {"--platform", "bare_metal"}]
    ended = kuber(*like, "--like", "colo-london")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Pulumi.colo-london.yaml can't be used, so which address ranges are free can't be told")
    assert f": {key}: " in ended.err
    assert stack_files(project) == before


def test_pools_of_a_pattern_move_to_the_new_zones_at_the_same_places(kuber: Kuber, project: Path) -> None:
    write(project, EKS.set("pools.workers.zones", ["eu-west-1b"]))
    ended = kuber("new-cluster", "us-eks", "--like", "prod-eks", "--region", "us-east-1", "--stdout")
    assert read_text("us-eks", ended.out, TODAY).pools["workers"].zones == ("us-east-1b",)  # type: ignore[attr-defined]


def test_what_belongs_to_the_other_cluster_alone_is_left_out_and_said(kuber: Kuber, project: Path) -> None:
    lagging = EKS.set("pools.workers.version", "1.34").set("addons", {"coredns": "v9.9.9-eksbuild.9"})
    write(project, StackFile("prod-eks", f"encryptionsalt: v1:salt\n{lagging.text}"))
    ended = kuber("new-cluster", "prod-eks-2", "--like", "prod-eks", "--kubernetes", "1.36", "--stdout")
    assert ended.code == 0
    for left_out in ("encryptionsalt", 'version: "1.34"', "addons"):
        assert left_out not in ended.out
    assert "left out: `encryptionsalt` of the pattern\n" in ended.err
    assert "left out: `version` of pool workers: new pools start at the control plane's\n" in ended.err
    assert "left out: `addons` of the pattern, which go with 1.35\n" in ended.err


def test_an_exception_for_another_cluster_is_no_exception_for_this_one(kuber: Kuber, project: Path) -> None:
    exception = {
        "version": "1.37",
        "reason": "needed for in-place resize",
        "approved_by": "Jane",
        "expires": "2026-12-31",
    }
    addons = dict.fromkeys(ADDONS, "v1.0.0-eksbuild.1")
    early = EKS.set("kubernetes.version", "1.37").set("kubernetes.early_adoption", exception).set("addons", addons)
    early = early.set("standard_stack.autoscaling", {"enabled": False})  # there is no image for 1.37 yet
    write(project, early)
    ended = kuber("new-cluster", "prod-eks-2", "--like", "prod-eks", "--no-plan")
    assert ended.code == 1
    assert ended.err.startswith(
        "--kubernetes: kubernetes.version: Kubernetes 1.37 is not adopted before patch 2\n"
        "    found:    newest patch 1.37.0"
    )
    assert ended.err.endswith("nothing was written\n")


# Address ranges


def test_ranges_keep_clear_of_clusters_and_of_the_places_that_reach_them(
    kuber: Kuber, project: Path, new_metal: list[str | Path]
) -> None:
    assert kuber(*new_metal, "--no-plan").code == 0
    for command in (NEW_EKS, NEW_GKE):
        assert kuber(*command, "--no-plan", "--from-range", "10.56.0.0/13").code == 0
    settings = {name: read(name, project, TODAY) for name in ("stage-eks", "stage-gke", "colo-paris")}
    new = [one.cidr for cluster in settings.values() for one in cluster.address_ranges()]
    named = [IPv4Network(cidr) for cidr in ("10.250.0.0/20", "10.251.4.0/24", "10.40.0.0/20")]
    old = [one.cidr for stack in SHIPPED for one in stack.read().address_ranges()]
    for cidr in new:
        assert not any(cidr.overlaps(other) for other in (*old, *named, *(one for one in new if one is not cidr)))


def test_the_same_files_give_the_same_ranges(kuber: Kuber) -> None:
    assert kuber(*NEW_GKE, "--stdout").out == kuber(*NEW_GKE, "--stdout").out


def test_ranges_come_from_where_they_are_to_come_from(kuber: Kuber) -> None:
    assert "cidr: 10.21.0.0/16" in kuber(*NEW_EKS, "--stdout", "--from-range", "10.20.0.0/14").out
    assert "cidr: 172.16.0.0/16" in kuber(*NEW_EKS, "--stdout", "--from-range", "172.16.0.0/12").out


def test_a_range_that_is_full_is_told(kuber: Kuber, project: Path) -> None:
    before = stack_files(project)
    ended = kuber(*NEW_EKS, "--from-range", "10.20.0.0/16")
    assert (ended.code, ended.err) == (
        1,
        "--from-range: no room for network.cidr in 10.20.0.0/16\n"
        "    found:    10.20.0.0/16\n"
        "    expected: a /16 that no stack file names\n"
        "    hint:     another range, such as --from-range 172.16.0.0/12\n",
    )
    assert stack_files(project) == before


def test_while_another_stack_file_is_broken_no_range_is_known_to_be_free(kuber: Kuber, project: Path) -> None:
    write(project, EKS.set("network.cidr", "10.20.0.0/99"))
    before = stack_files(project)
    ended = kuber(*NEW_GKE)
    assert ended.code == 1
    assert ended.err.startswith("Pulumi.prod-eks.yaml can't be used, so which address ranges are free can't be told")
    assert f"Pulumi.prod-eks.yaml:{EKS.line(' cidr: 10.20.0.0/16')}: network.cidr: not an address range" in ended.err
    assert stack_files(project) == before


def test_machines_in_another_clusters_range_are_told(kuber: Kuber, new_metal: list[str | Path], tmp_path: Path) -> None:
    tmp_path.joinpath("machines.csv").write_text(MACHINES.replace("10.60.", "10.40."), encoding="utf-8")
    ended = kuber(*(str(word).replace("10.60.0.0/20", "10.40.0.0/20") for word in new_metal))
    assert ended.code == 1
    assert ended.err.startswith("--machines-cidr: network.machines_cidr: the range is used by colo-london too\n")


def test_load_balancers_beside_their_machines_have_a_range_of_their_own(
    kuber: Kuber, project: Path, new_metal: list[str | Path]
) -> None:
    elsewhere = [str(word).replace("10.60.15.0/24", "10.20.5.0/24") for word in new_metal]
    ended = kuber(*elsewhere)
    assert ended.code == 1
    assert ended.err.startswith("--load-balancers-cidr: network.load_balancers_cidr: the range is used by prod-eks too")
    ended = kuber(*(word.replace("10.20.5.0/24", "198.51.100.0/24") for word in elsewhere))
    assert ended.code == 1
    assert ended.err.startswith("--load-balancers-cidr: network.load_balancers_cidr: not a private range\n")
    write(project, METAL.set("network.load_balancers_cidr", "10.0.5.0/24"))
    assert "cidr: 10.1.0.0/16" in kuber(*NEW_EKS, "--stdout").out


@pytest.mark.parametrize("field", ["pods", "services"])
def test_a_range_of_machines_that_another_cluster_has_is_told(
    field: str, kuber: Kuber, new_metal: list[str | Path]
) -> None:
    ended = kuber(*new_metal, f"--{field}-cidr", "10.44.0.0/16")
    assert ended.code == 1
    assert ended.err.startswith(f"--{field}-cidr: network.{field}_cidr: the range is used by colo-london too\n")


# What can't be


def test_all_that_is_missing_is_told_at_once_with_an_example_that_works(kuber: Kuber, project: Path) -> None:
    before = stack_files(project)
    ended = kuber("new-cluster", "stage-eks", "--platform", "eks", "--region", "eu-west-2")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "a new cluster on eks needs --environment, --account-id, --admin, --private-cidr too\n"
        "    expected: such as\n"
        "      kuber new-cluster stage-eks --platform eks \\\n"
        "        --environment stage \\\n"
        "        --region eu-west-2 \\\n"
        "        --account-id 210987654321 \\\n"
        "        --admin platform-team=arn:aws:iam::210987654321:role/platform-admin \\\n"
        "        --private-cidr office-vpn=10.250.0.0/20\n"
    )
    assert stack_files(project) == before
    example = ended.err.partition("such as\n")[2].replace("\\\n", " ").split()[1:]
    assert kuber(*example, "--no-plan").code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["stage-gke", "--platform", "gke"], "--project-id, --project-number"),
        (["colo-2", "--platform", "bare_metal"], f"needs --environment, --site, {FACTS} too"),
        (["colo-2", "--like", "colo-london"], f"needs {FACTS} too"),
        (["colo-2", "--like", "colo-london", "--from-range", "10.0.0.0/8"], "bare_metal has no --from-range"),
        (["stage-gke", "--like", "prod-gke", "--project-id", "shop-stage"], "needs --project-number too"),
        (["stage-eks"], "--platform eks, gke or bare_metal; or --like STACK"),
        (["stage-eks", "--like", "prod-eks", "--site", "london"], "eks has no --site"),
        (["stage-eks", "--like", "prod-eks", "--platform", "gke"], "--platform gke: prod-eks is on eks"),
        (["stage-eks", "--like", "prod-aks"], "--like prod-aks: no such stack"),
        (["stage-eks", "--like", "prod-eks", "--admin", "jane"], "--admin jane: has no value"),
        (
            ["stage-eks", "--like", "prod-eks", "--private-cidr", "=10.0.0.0/8"],
            "--private-cidr =10.0.0.0/8: has no name",
        ),
        (["stage-eks", "--like", "prod-eks", "--admin", "a=b", "--admin", "a=c"], "--admin: `a` stands twice"),
        (["stage-eks", "--like", "prod-eks", "--from-range", "8.0.0.0/8"], "--from-range 8.0.0.0/8: not a private"),
        (
            ["stage-eks", "--like", "prod-eks", "--from-range", "10.20.1.1/16"],
            "--from-range 10.20.1.1/16: the range has host bits set\n    expected: 10.20.0.0/16\n",
        ),
        (["stage-eks", "--like", "prod-eks", "--from-range", "ten"], "--from-range ten: not an address range\n"),
        (["Stage_EKS", "--like", "prod-eks"], "3 to 30 small letters, digits and dashes"),
        (["../stage", "--like", "prod-eks"], "3 to 30 small letters, digits and dashes"),
        (["stage-aks", "--platform", "aks"], "'aks' is not one of 'eks', 'gke', 'bare_metal'"),
    ],
)
def test_wrong_use_is_told_and_changes_nothing(arguments: list[str], told: str, kuber: Kuber, project: Path) -> None:
    before = stack_files(project)
    ended = kuber("new-cluster", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert stack_files(project) == before


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--account-id", "123", '--account-id: account_id: not of the right form\n    found:    "123"\n'),
        ("--region", "Dublin", "--region: region: not of the right form\n"),
        ("--zone", "eu-west-1a", "--zone: zones: "),
        ("--kubernetes", "1.20", "--kubernetes: kubernetes.version: unknown Kubernetes version\n"),
        ("--kubernetes", "1.37", "--kubernetes: kubernetes.version: Kubernetes 1.37 is not adopted before patch 2\n"),
        ("--admin", "jane=jane@shop.example", "--admin: access.admins.jane: not of the right form\n"),
        ("--private-cidr", "office=8.8.0.0/16", "--private-cidr: endpoint.private_cidrs.office: a public range"),
    ],
)
def test_a_wrong_value_is_told_by_the_option_that_gave_it(
    option: str, value: str, told: str, kuber: Kuber, project: Path
) -> None:
    before = stack_files(project)
    ended = kuber(*NEW_EKS, option, value)
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err
    assert ended.err.endswith("nothing was written\n")
    assert stack_files(project) == before


def test_a_file_that_is_there_is_never_overwritten(kuber: Kuber, project: Path) -> None:
    before = stack_files(project)
    ended = kuber("new-cluster", "prod-eks", "--like", "prod-gke")
    assert ended.code == 2
    assert ended.err.startswith("Pulumi.prod-eks.yaml is there already, and stays as it is\n")
    assert stack_files(project) == before


def test_a_file_that_turns_up_meanwhile_is_not_overwritten_either(
    kuber: Kuber, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.link

    def other_was_quicker(source: Path, target: Path) -> None:
        target.write_text("another's\n", encoding="utf-8")
        real(source, target)

    monkeypatch.setattr("os.link", other_was_quicker)
    ended = kuber(*NEW_EKS)
    assert ended.code == 2
    assert stack_files(project)["Pulumi.stage-eks.yaml"] == b"another's\n"


def test_an_interrupted_run_leaves_nothing_behind(kuber: Kuber, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    before = stack_files(project)
    monkeypatch.setattr("os.link", interrupted)
    assert kuber(*NEW_EKS).code == 130
    assert stack_files(project) == before


def test_a_folder_that_may_not_be_written_is_told(kuber: Kuber, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refused)  # root, as which tests may run, may write everywhere
    ended = kuber(*NEW_EKS)
    assert ended.code == 1
    assert "Pulumi.stage-eks.yaml: can't be written: Permission denied" in ended.err


# Inventories


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


# Kubeconfigs


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


# The plan at the end


def test_the_plan_of_the_new_cluster_is_shown_without_credential_or_network(tmp_path: Path) -> None:
    folder = copy_of_the_project(tmp_path, *STACKS)
    ended = kuber_process("new-cluster", "prod-eks-2", "--like", "prod-eks", cwd=folder)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("Pulumi.prod-eks-2.yaml: written\n")
    assert "\n  network.cidr: 10.0.0.0/16\n" in ended.stdout
    assert "prod-eks-2: eks, production, Kubernetes 1.35" in ended.stdout
    assert "EksCluster prod-eks-2" in ended.stdout
    assert "\x1b" not in ended.stdout, "piped output has no colour"
