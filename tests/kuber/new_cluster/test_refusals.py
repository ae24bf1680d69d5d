"""What `kuber new-cluster` says when it can't, and that nothing is changed then."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.kuber.conftest import Kuber
from tests.kuber.new_cluster.commands import (
    FACTS,
    NEW_EKS,
    stack_files,
)


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
