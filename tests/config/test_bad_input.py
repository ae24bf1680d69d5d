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
