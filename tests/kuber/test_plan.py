"""`kuber plan`: what a user sees, gets as JSON, and is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kuber.command import PROJECT, STACKS, copy_of_the_project, kuber


@pytest.mark.parametrize("stack", STACKS)
def test_a_plan_is_the_same_bytes_each_time(stack: str, tmp_path: Path) -> None:
    texts = []
    for seed in ("0", "4242"):
        file = tmp_path / f"{seed}.json"
        done = kuber("plan", stack, "--json", str(file), env={"PYTHONHASHSEED": seed})
        assert done.returncode == 0, done.stderr
        texts.append(file.read_bytes())
    assert texts[0] == texts[1]


def test_the_document_has_the_form_that_programs_rely_on() -> None:
    document = json.loads(kuber("plan", "prod-eks", "--json", "-").stdout)
    assert sorted(document) == ["format", "incomplete", "outputs", "resources", "stack"]
    assert (document["format"], document["stack"]) == (1, "prod-eks")
    keys = ["inputs", "name", "options", "parent", "provider", "type", "unknown", "unknownFrom", "urn"]
    assert all(sorted(resource) == keys for resource in document["resources"])
    urns = [resource["urn"] for resource in document["resources"]]
    assert urns == sorted(set(urns))
    [cluster] = [one for one in document["resources"] if one["type"] == "aws:eks/cluster:Cluster"]
    assert cluster["options"]["protect"] is True
    assert cluster["inputs"]["roleArn"] == "<unknown>" and "roleArn" in cluster["unknown"]


def test_a_plan_needs_no_network_and_no_credential(tmp_path: Path) -> None:
    """Run with every connection refused and with an empty home."""
    guard = (
        "import runpy, socket, sys\n"
        "def refuse(*_): raise AssertionError('the plan reached for the network')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "sys.argv = ['kuber', 'plan', sys.argv[1]]\n"
        "runpy.run_module('kuber', run_name='__main__')\n"
    )
    for stack in STACKS:
        done = subprocess.run(
            [sys.executable, "-c", guard, stack],
            cwd=PROJECT,
            env={"HOME": str(tmp_path), "PATH": "/nowhere", "AWS_EC2_METADATA_DISABLED": "true"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert stack in done.stdout


def test_the_view_shows_components_pools_and_what_is_unknown() -> None:
    shown = kuber("plan", "prod-eks").stdout
    assert shown.startswith("prod-eks: eks, production, Kubernetes 1.35, ")
    assert "EksCluster prod-eks" in shown and "Vpc prod-eks-network" in shown
    [spot] = [line for line in shown.splitlines() if line.startswith("workers-spot ")]
    for cell in ("spot", "m7i.2xlarge, m7a.2xlarge", "3–60", "100 GiB", "a, b, c", "1.35"):
        assert cell in spot
    assert f"prod-eks-workers-spot-{spot.split()[-1]}" in shown  # its fingerprint
    assert "Unknown until apply: " in shown and "NodeGroup launchTemplate, nodeRoleArn, subnetIds" in shown


def test_piped_output_has_no_control_characters_and_no_cut_lines() -> None:
    shown = kuber("plan", "prod-eks", env={"COLUMNS": "40"}).stdout
    assert "\x1b" not in shown
    assert "m6i.2xlarge, m6a.2xlarge, m5.2xlarge, m5a.2xlarge" in shown


def test_warnings_say_what_is_unusual(tmp_path: Path) -> None:
    folder = copy_of_the_project(tmp_path, "prod-eks")
    file = folder / "Pulumi.prod-eks.yaml"
    file.write_text(file.read_text().replace("nat: per_zone", "nat: single"))
    shown = kuber("plan", "prod-eks", "--project", str(folder)).stdout
    assert "warning: nat is single: when its zone fails, no zone reaches the internet" in shown
    document = kuber("plan", "prod-eks", "--json", "-", "--project", str(folder)).stdout
    assert "nat is single" not in document


def test_a_broken_stack_file_is_one_error_without_a_traceback(tmp_path: Path) -> None:
    folder = copy_of_the_project(tmp_path, "prod-eks")
    file = folder / "Pulumi.prod-eks.yaml"
    file.write_text(file.read_text().replace("max: 60", "max: 1"))
    done = kuber("plan", "prod-eks", "--json", str(tmp_path / "plan.json"), "--project", str(folder))
    assert done.returncode == 1
    assert done.stdout == "" and not (tmp_path / "plan.json").exists()
    line = file.read_text().splitlines().index("        min: 3", 45) + 1
    assert done.stderr.splitlines()[:3] == [
        f"Pulumi.prod-eks.yaml:{line}: pools.workers-spot.min: min is above max",
        "    found:    min 3, max 1",
        "    expected: min ≤ max",
    ]
    assert "Traceback" not in done.stderr


def test_an_unknown_stack_is_wrong_use_and_names_the_nearest() -> None:
    done = kuber("plan", "prod-ek")
    assert done.returncode == 2
    assert "there is no stack file Pulumi.prod-ek.yaml" in done.stderr
    assert "did you mean prod-eks?" in done.stderr


def test_outside_a_project_it_says_where_to_go(tmp_path: Path) -> None:
    done = kuber("plan", "prod-eks", cwd=tmp_path)
    assert done.returncode == 2
    assert "no Pulumi.yaml" in done.stderr and "--project" in done.stderr


def test_a_file_that_can_not_be_written_is_said_plainly(tmp_path: Path) -> None:
    done = kuber("plan", "colo-london", "--json", str(tmp_path / "missing" / "plan.json"))
    assert done.returncode == 2
    assert "can't be written" in done.stderr and "Traceback" not in done.stderr


def test_without_arguments_it_says_what_there_is() -> None:
    shown = kuber()
    text = shown.stdout + shown.stderr
    assert "kuber plan prod-eks" in text and "kuber validate" in text
    for command in ("plan", "validate", "schema", "new-cluster", "versions", "nodes"):
        assert "Examples:" in kuber(command, "--help").stdout, command


def test_stacks_are_completed_in_the_shell() -> None:
    done = kuber(env={"_KUBER_COMPLETE": "complete_bash", "COMP_WORDS": "kuber plan prod", "COMP_CWORD": "2"})
    assert done.stdout.split() == ["prod-eks", "prod-gke"]


def test_a_program_that_looks_something_up_is_told_that_a_plan_can_not(tmp_path: Path) -> None:
    folder = copy_of_the_project(tmp_path, "colo-london")
    main = folder / "__main__.py"
    main.write_text(main.read_text() + "\nimport pulumi_aws\npulumi_aws.get_caller_identity()\n")
    done = kuber("plan", "colo-london", "--project", str(folder))
    assert done.returncode == 1
    assert "aws:index/getCallerIdentity:getCallerIdentity" in done.stderr and "while planning" in done.stderr
    assert "Traceback" not in done.stderr
