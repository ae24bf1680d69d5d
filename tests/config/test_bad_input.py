"""Bad input in a stack file gets one clear error: file, line, key path, what was found, what would be right."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import config
from tests.support import EKS, GKE, METAL, SHIPPED, TODAY, StackFile


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stack)
def test_the_stack_files_of_the_repository_are_good(file: StackFile) -> None:
    assert file.read() == file.load()


def test_an_error_reads_like_this() -> None:
    file = EKS.replacing("        min: 3\n        max: 6\n", "        min: 7\n        max: 6\n")
    assert file.error() == (
        f"Pulumi.prod-eks.yaml:{file.line('min: 7')}: pools.system.min: min is above max\n"
        "    found:    min 7, max 6\n"
        "    expected: min ≤ max"
    )


# Keys


def test_a_misspelt_key_is_told_with_the_right_one() -> None:
    file = EKS.replacing("machine_types: [m7g.xlarge]", "machine_type: [m7g.xlarge]")
    known = "capacity, labels, taints, machine_types, min, max, disk_gib, zones, version, ami, max_unavailable_percent"
    assert (
        file.told(
            "machine_type: [",
            "pools.system.machine_type: unknown key",
            found='"machine_type"',
            expected=f"one of {known}",
            hint="did you mean `machine_types`?",
        )
        in file.error()
    )


def test_a_misspelt_key_high_up_is_told_too() -> None:
    file = EKS.replacing("    endpoint: #", "    endpont: #")
    assert "endpont: unknown key" in file.error()
    assert "hint:     did you mean `endpoint`?" in file.error()


def test_a_missing_key_is_told_with_what_it_is() -> None:
    file = EKS.without("account_id")
    assert file.error() == file.told(
        "kuber:cluster:",
        "account_id: `account_id` is missing",
        expected="AWS account, in quotes; a run with another account's credentials is refused",
    )


def test_two_pools_of_one_name_are_told_with_both_lines() -> None:
    file = EKS.replacing("      workers-spot-memory:", "      workers-spot:")
    first, second = (n for n, line in enumerate(file.text.splitlines(), 1) if line.strip() == "workers-spot:")
    assert file.error().startswith(f"Pulumi.prod-eks.yaml:{second}: ")
    assert f"pools.workers-spot: `workers-spot` stands twice, first on line {first}" in file.error()


def test_any_key_that_stands_twice_is_told() -> None:
    file = GKE.replacing("    release_channel: REGULAR", "    release_channel: REGULAR\n    region: europe-west4")
    assert f"`region` stands twice, first on line {file.line('region: europe-west1')}" in file.error()


def test_a_key_outside_the_cluster_is_told() -> None:
    file = EKS.replacing("config:\n  kuber:cluster:", "config:\n  aws:region: eu-west-1\n  kuber:cluster:")
    assert file.error() == file.told(
        "aws:region", "config.aws:region: unknown key", found='"aws:region"', expected="one of kuber:cluster"
    )


# Platform


def test_an_unknown_platform_is_told() -> None:
    file = EKS.set("platform", "ekss")
    assert file.error() == file.told(
        "platform: ekss",
        "platform: unknown platform",
        found='"ekss"',
        expected="one of eks, gke, bare_metal",
        hint="did you mean `eks`?",
    )


def test_a_missing_platform_is_told() -> None:
    file = EKS.without("platform")
    assert file.error() == file.told(
        "kuber:cluster:", "platform: the platform is missing", expected="one of eks, gke, bare_metal"
    )


# Pools


def test_an_unknown_machine_family_is_told_with_those_alike() -> None:
    file = EKS.set("pools.system.machine_types", ["m77g.xlarge"])
    assert file.error() == file.told(
        "m77g.xlarge",
        "pools.system.machine_types[0]: unknown machine family `m77g`",
        found='"m77g.xlarge"',
        expected="a machine type such as m7g.large",
        hint="families alike: m7g, m7gd",
    )


def test_a_machine_type_of_the_other_cloud_is_told() -> None:
    file = GKE.set("pools.system.machine_types", ["m7g.xlarge"])
    assert (
        file.told(
            "m7g.xlarge",
            "pools.system.machine_types[0]: not a machine type of this platform",
            found='"m7g.xlarge"',
            expected="a machine type such as n2d-standard-8",
        )
        in file.error()
    )


def test_arm_and_x86_in_one_pool_are_refused() -> None:
    file = EKS.set("pools.workers.machine_types", ["m7i.2xlarge", "m7g.2xlarge"])
    assert file.error() == file.told(
        file.line("- m7i.2xlarge") - 1,
        "pools.workers.machine_types: machine types of different architectures",
        found="m7i.2xlarge (x86_64), m7g.2xlarge (arm64)",
        expected="one architecture in a pool: images are built for one",
    )


def test_an_endpoint_that_stands_twice_is_told() -> None:
    file = EKS.set("network.vpc_endpoints", ["s3", "ec2", "s3"])
    assert "network.vpc_endpoints[2]: s3 stands twice" in file.error()


def test_two_machine_types_in_a_gke_pool_are_refused() -> None:
    file = GKE.set("pools.workers.machine_types", ["n2d-standard-8", "n2-standard-8"])
    assert "pools.workers.machine_types: a GKE node pool has one machine type" in file.error()
    assert "hint:     write one pool for each machine type" in file.error()


def test_spot_machines_on_bare_metal_are_refused() -> None:
    file = METAL.set("pools.general.capacity", "spot")
    assert file.error() == file.told(
        "capacity: spot",
        "pools.general.capacity: bare metal has no spot machines",
        found='"spot"',
        expected="on_demand",
        hint="leave `capacity` out",
    )


@pytest.mark.parametrize("key", ["min", "max"])
def test_autoscaling_on_bare_metal_is_refused(key: str) -> None:
    file = METAL.set(f"pools.general.{key}", 3)
    assert file.error() == file.told(
        f"{key}: 3",
        f"pools.general.{key}: a machine can't be made by an autoscaler: the inventory says how many there are",
        found="3",
        hint=f"remove `{key}`",
    )


def test_a_cluster_of_spot_pools_alone_is_refused() -> None:
    file = EKS.set("pools.system.capacity", "spot").set("pools.workers.capacity", "spot")
    told = file.told(
        "pools:",
        "pools: no pool always has an on-demand node",
        expected="an on-demand pool with min 1 or more, for what may not be interrupted (the autoscaler itself)",
        hint="add a small pool with `capacity: on_demand`",
    )
    assert told in file.error()
    assert "standard_stack.system_pool: not an on-demand pool of this cluster" in file.error()


def test_a_machine_family_without_spot_is_refused_as_spot() -> None:
    file = GKE.set("pools.workers-spot-n2.machine_types", ["m2-ultramem-208"])
    assert "pools.workers-spot-n2.capacity: m2 machines are not offered as spot" in file.error()


def test_a_machine_family_that_boots_from_hyperdisk_alone_is_refused_with_another_disk() -> None:
    file = GKE.set("pools.workers.machine_types", ["c4-standard-8"])
    assert file.error() == file.told(
        file.line("c4-standard-8") - 2,
        "pools.workers.disk_type: c4 machines take Hyperdisk alone",
        found="pd-balanced",
        expected="hyperdisk-balanced",
    )


def test_a_machine_family_without_hyperdisk_is_refused_with_one() -> None:
    file = GKE.set("pools.workers.disk_type", "hyperdisk-balanced")
    assert file.error() == file.told(
        "hyperdisk-balanced",
        "pools.workers.disk_type: n2d machines take no Hyperdisk",
        found="hyperdisk-balanced",
        expected="pd-balanced",
    )


@pytest.mark.parametrize(
    ("file", "label", "owner"),
    [
        (EKS, "eks.amazonaws.com/nodegroup", "EKS"),
        (EKS, "node.kubernetes.io/role", "EKS"),
        (GKE, "cloud.google.com/gke-spot", "GKE"),
    ],
)
def test_labels_that_a_cloud_keeps_to_itself_are_refused(file: StackFile, label: str, owner: str) -> None:
    file = file.set("pools.workers.labels", {label: "x"})
    assert file.error() == file.told(
        f"{label}: x",
        f"pools.workers.labels.{label}: {owner} keeps this prefix to itself",
        expected="a prefix of your own, or none",
    )


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stack)
def test_labels_that_kuber_sets_itself_are_refused(file: StackFile) -> None:
    pool = "general" if file is METAL else "workers"
    file = file.set(f"pools.{pool}.labels", {"kuber.dev/pool": "mine"})
    assert file.error() == file.told(
        "kuber.dev/pool",
        f"pools.{pool}.labels.kuber.dev/pool: kuber sets this label itself",
        expected="another key",
    )


def test_a_taint_that_stands_twice_is_told() -> None:
    file = EKS.set("pools.workers.taints", [{"key": "a"}, {"key": "a", "value": "b"}])
    assert (
        file.told(file.line("value: b") - 1, "pools.workers.taints[1]: a:NoSchedule stands twice", expected="each once")
        == file.error()
    )


def test_a_pool_in_a_zone_that_the_cluster_does_not_have_is_refused() -> None:
    file = EKS.set("pools.workers.zones", ["eu-west-1a", "eu-west-1d"])
    assert file.error() == file.told(
        "- eu-west-1d",
        "pools.workers.zones[1]: not another zone of this cluster",
        found='"eu-west-1d"',
        expected="of eu-west-1a, eu-west-1b, eu-west-1c, each once",
    )


# Networks


def test_a_zone_of_another_region_is_refused() -> None:
    file = GKE.set("zones", ["europe-west1-b", "europe-west4-c"])
    assert file.error() == file.told(
        "- europe-west4-c",
        "zones[1]: not another zone of europe-west1",
        found='"europe-west4-c"',
        expected="such as europe-west1-b, each once",
    )


def test_two_effects_of_one_taint_are_refused_on_eks() -> None:
    file = EKS.set("pools.workers.taints", [{"key": "a"}, {"key": "a", "effect": "NoExecute"}])
    assert "pools.workers.taints[1]: " in file.error()


def test_a_zone_that_stands_twice_is_refused() -> None:
    file = EKS.set("zones", ["eu-west-1a", "eu-west-1b", "eu-west-1a"])
    assert "zones[2]: not another zone of eu-west-1" in file.error()


def test_address_ranges_that_overlap_are_told() -> None:
    file = GKE.set("network.services_cidr", "10.30.8.0/21")
    assert file.error() == file.told(
        "services_cidr:",
        "network.services_cidr: address ranges overlap",
        found="10.30.8.0/21 overlaps 10.30.0.0/20 of nodes_cidr",
        expected="ranges that share no address",
    )


def test_service_addresses_of_eks_do_not_overlap_the_network() -> None:
    file = EKS.set("network.service_cidr", "10.20.128.0/20")
    assert "network.service_cidr: address ranges overlap" in file.error()


def test_load_balancers_of_bare_metal_may_share_the_machines_range_and_no_other() -> None:
    file = METAL.set("network.load_balancers_cidr", "10.44.8.0/24")
    assert file.error() == file.told(
        "load_balancers_cidr:",
        "network.load_balancers_cidr: address ranges overlap",
        found="10.44.8.0/24 overlaps 10.44.0.0/16 of pods_cidr",
        expected="ranges that share no address",
    )


def test_a_range_with_host_bits_is_told_with_the_range_it_lies_in() -> None:
    file = EKS.set("network.cidr", "10.20.7.0/16")
    assert file.error() == file.told(
        "10.20.7.0/16",
        "network.cidr: the range has host bits set",
        found='"10.20.7.0/16"',
        expected="10.20.0.0/16",
    )


def test_a_pods_range_too_small_for_the_pools_is_refused() -> None:
    file = GKE.set("network.pods_cidr", "10.32.0.0/18")
    assert file.error() == file.told(
        "pods_cidr:",
        "network.pods_cidr: too small for the pools at their largest",
        found="10.32.0.0/18 carries 64 nodes",
        expected="room for 126 nodes, a /24 each",
    )


@pytest.mark.parametrize("file", [EKS, GKE], ids=["eks", "gke"])
@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "128.0.0.0/1"])
def test_an_api_server_open_to_the_world_is_refused(file: StackFile, cidr: str) -> None:
    file = file.set("endpoint.public_cidrs", {"everyone": cidr})
    assert file.error() == file.told(
        "everyone:",
        "endpoint.public_cidrs.everyone: the API server would be open to most of the internet",
        found=cidr,
        expected="a range of your own, /16 or smaller",
    )


@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "203.0.112.0/22"])
def test_a_public_range_for_the_private_endpoint_is_refused(cidr: str) -> None:
    file = EKS.set("endpoint.private_cidrs.office-vpn", cidr)
    assert file.error() == file.told(
        "        office-vpn: ",
        "endpoint.private_cidrs.office-vpn: a public range can't reach the private endpoint",
        found=cidr,
        expected="within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10",
    )


# Machines


def test_a_machine_outside_the_machines_range_is_told() -> None:
    file = METAL.set("machines.lon-worker-1.address", "10.41.1.11")
    assert file.error() == file.told(
        "10.41.1.11",
        "machines.lon-worker-1.address: outside the machines' range",
        found="10.41.1.11",
        expected="an address in 10.40.0.0/20",
    )


def test_two_machines_with_one_address_are_told() -> None:
    file = METAL.set("machines.lon-worker-2.address", "10.40.1.11")
    assert file.error() == file.told(
        "lon-worker-2",
        "machines.lon-worker-2.address: lon-worker-1 has this address",
        found="10.40.1.11",
        expected="an address of its own",
    )


def test_an_even_number_of_control_planes_is_refused() -> None:
    file = METAL.without("machines.lon-cp-3")
    assert file.error() == file.told(
        "machines:",
        "machines: etcd needs an odd number of control-plane machines to keep a majority",
        found="2 with role control_plane",
        expected="1, 3 or 5",
    )


def test_a_machine_of_an_unknown_pool_is_told() -> None:
    file = METAL.set("machines.lon-worker-1.pool", "generel")
    assert file.error() == file.told(
        "generel", "machines.lon-worker-1.pool: unknown pool", found='"generel"', expected="one of general, storage"
    )


def test_a_worker_without_a_pool_is_told() -> None:
    file = METAL.without("machines.lon-worker-1.pool")
    assert "machines.lon-worker-1.pool: a worker belongs to a pool" in file.error()


def test_a_machine_among_the_load_balancers_addresses_is_refused() -> None:
    file = METAL.set("machines.lon-worker-1.address", "10.40.15.7")
    assert "machines.lon-worker-1.address: " in file.error()


@pytest.mark.parametrize("label", ["kuber.dev/pool", "topology.kubernetes.io/zone"])
def test_a_machine_s_own_labels_do_not_contradict_the_inventory(label: str) -> None:
    file = METAL.set("machines.lon-worker-1.labels", {label: "elsewhere"})
    assert f"machines.lon-worker-1.labels.{label}: " in file.error()


# People


@pytest.mark.parametrize("file", [EKS, GKE], ids=["eks", "gke"])
def test_one_name_for_an_admin_and_a_viewer_is_refused(file: StackFile) -> None:
    viewer = {"eks": "arn:aws:iam::210987654321:role/developer", "gke": "group:developers@shop.example"}
    file = file.set("access.viewers", {"platform-team": viewer[file.read().platform]})
    assert "access.viewers.platform-team: " in file.error()


def test_one_principal_under_two_names_is_refused() -> None:
    arn = "arn:aws:iam::210987654321:role/platform-admin"
    file = EKS.set("access.admins", {"platform-team": arn, "on-call": arn})
    assert "access.admins.on-call: " in file.error()


# What is no YAML, or no text


def test_a_version_without_quotes_is_a_number_and_refused() -> None:
    file = EKS.replacing('version: "1.35"', "version: 1.30")
    assert file.error() == file.told(
        "version: 1.30",
        "kubernetes.version: not a value that this key takes",
        found="1.3",
        expected="text (put numbers in quotes)",
    )


def test_tabs_are_told() -> None:
    file = EKS.replacing("    region: eu-west-1", "\tregion: eu-west-1")
    assert f"Pulumi.prod-eks.yaml:{file.line('region: ')}: not YAML: " in file.error()
    assert "hint:     indent with spaces: YAML allows no tabs" in file.error()


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing but a comment\n"])
def test_an_empty_file_is_told(text: str) -> None:
    file = StackFile("prod-eks", text)
    assert file.error() == file.told(
        1,
        "the file is empty",
        found="nothing",
        expected="`config:` with the cluster under `kuber:cluster:`",
    )


def test_a_file_that_is_no_yaml_is_told_with_the_line() -> None:
    file = EKS.replacing("zones: [eu-west-1a, eu-west-1b, eu-west-1c]", "zones: [eu-west-1a, eu-west-1b")
    assert file.error().startswith(f"Pulumi.prod-eks.yaml:{file.line('zones: [') + 2}: not YAML: ")


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.prod-eks.yaml").write_bytes(b"config:\n  \xff\xfe\x00")
    with pytest.raises(config.StackFileError, match=r"^Pulumi\.prod-eks\.yaml: not text in UTF-8$"):
        config.read("prod-eks", tmp_path, TODAY)


def test_a_missing_file_is_told_with_the_stacks_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.prod-eks.yaml").write_text(EKS.text)
    with pytest.raises(config.StackFileError) as caught:
        config.read("prod-ek", tmp_path, TODAY)
    assert str(caught.value) == (
        "Pulumi.prod-ek.yaml: there is no such stack file\n"
        "    expected: a stack of this folder: prod-eks\n"
        "    hint:     did you mean prod-eks?"
    )


# Secrets


def test_a_secret_where_text_belongs_is_refused() -> None:
    file = METAL.set("provisioner.exec.env", {"TOKEN": {"secure": "AAABAGc1WlqxyzPJ"}})
    assert file.error() == file.told(
        "TOKEN:",
        "provisioner.exec.env.TOKEN: an encrypted value has no place here",
        expected="a plain value: it stands in plans, and is nothing secret",
    )


def test_a_cluster_that_is_a_secret_as_a_whole_is_refused() -> None:
    file = StackFile("prod-eks", "config:\n  kuber:cluster:\n    secure: AAABAGc1WlqxyzPJ\n")
    assert "an encrypted value has no place here" in file.error()


def test_a_secret_is_shown_to_nobody() -> None:
    file = METAL.set("provisioner.server", {"secure": "AAABAGc1WlqxyzPJ"})
    value = METAL.value()
    value["provisioner"]["server"] = "hunter2"  # the engine has decrypted it
    with file.folder() as folder, pytest.raises(config.StackFileError) as caught:
        config.load("colo-london", value, folder, TODAY)
    assert "hunter2" not in str(caught.value)


# Several at once


def test_all_problems_are_told_in_the_order_of_the_file() -> None:
    file = (
        EKS.set("environment", "prod")
        .set("region", "ireland")
        .set("network.nat", "none")
        .set("pools.workers.min", "three")
        .set("pools.workers.disk", 5)
    )
    assert [line.split(": ")[1] for line in file.error().splitlines() if line.startswith("Pulumi.")] == [
        "environment",
        "region",
        "network.nat",
        "pools.workers.min",
        "pools.workers.disk",
    ]


def test_problems_between_fields_are_told_together_too() -> None:
    file = (
        EKS.set("zones", ["eu-west-2a", "eu-west-1b"])
        .set("endpoint.private_cidrs", {"office": "8.8.8.0/24"})
        .set("pools.system.min", 9)
    )
    assert [line.split(": ")[1] for line in file.error().splitlines() if line.startswith("Pulumi.")] == [
        "zones[0]",
        "endpoint.private_cidrs.office",
        "pools.system.min",
    ]


@pytest.mark.parametrize(
    "file",
    [
        EKS.set("pools.system.min", 9),
        EKS.set("pools.system.mni", 9),
        EKS.without("region"),
        GKE.set("pools.workers.machine_types", ["x9-standard-8"]),
        METAL.set("pools.general.capacity", "spot"),
        METAL.set("platform", "metal"),
    ],
    ids=["conflict", "unknown key", "missing key", "unknown family", "bare metal", "platform"],
)
def test_the_engine_path_tells_the_same_with_the_same_lines(file: StackFile) -> None:
    with pytest.raises(config.StackFileError) as caught:
        file.load()
    assert str(caught.value) == file.error()


def test_the_engine_path_works_without_the_stack_file(tmp_path: Path) -> None:
    with pytest.raises(config.StackFileError, match=r"^Pulumi\.dev\.yaml: platform: unknown platform"):
        config.load("dev", {"platform": "aks"}, tmp_path, date(2026, 11, 22))


# Nothing secret gets into a stack file, a plan or an error


KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize("authority", [KEY, METAL.read().provisioner.certificate_authority + KEY])  # type: ignore[attr-defined]
def test_a_private_key_in_place_of_a_certificate_is_refused_and_not_shown(authority: str) -> None:
    error = METAL.set("provisioner.certificate_authority", authority).error()
    assert "provisioner.certificate_authority: not a certificate, or something beside it" in error
    assert "PRIVATE KEY" not in error and "MIIEvQ" not in error


def test_a_certificate_with_a_line_less_is_refused() -> None:
    lines = METAL.read().provisioner.certificate_authority.splitlines(keepends=True)  # type: ignore[attr-defined]
    file = METAL.set("provisioner.certificate_authority", "".join(lines[:3] + lines[4:]))
    assert "provisioner.certificate_authority: not a whole certificate" in file.error()


@pytest.mark.parametrize(("key", "value"), [("args", ["--client-secret=hunter2"]), ("env", {"API_TOKEN": "hunter2"})])
def test_a_credential_plugin_is_given_no_secret(key: str, value: object) -> None:
    error = METAL.set(f"provisioner.exec.{key}", value).error()
    assert "nothing secret goes into a stack file" in error and "hunter2" not in error


def test_options_of_a_credential_plugin_that_only_sound_secret_are_taken() -> None:
    args = ["get-token", "--token-cache-dir=/var/cache/kubelogin", "--oidc-use-access-token", "--private-network=true"]
    assert METAL.set("provisioner.exec.args", args).read()


def test_text_of_another_form_is_told_with_an_example() -> None:
    assert (
        EKS.set("region", "Ireland")
        .error()
        .startswith(
            EKS.told(
                "region: ", "region: not of the right form", found='"Ireland"', expected="a region such as eu-west-1"
            )
        )
    )
