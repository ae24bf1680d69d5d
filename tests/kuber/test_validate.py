"""`kuber validate`: stack files alone, and against each other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kuber.command import PROJECT, STACKS, copy_of_the_project, kuber


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copy_of_the_project(tmp_path, *STACKS)


def edit(folder: Path, stack: str, old: str, new: str) -> None:
    file = folder / f"Pulumi.{stack}.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_the_stack_files_of_the_repository_are_fine() -> None:
    done = kuber("validate")
    assert (done.returncode, done.stdout.splitlines()) == (0, [f"Pulumi.{stack}.yaml: fine" for stack in STACKS])


def test_ranges_that_two_clusters_use_are_refused(folder: Path) -> None:
    edit(folder, "prod-eks", "cidr: 10.20.0.0/16", "cidr: 10.40.0.0/16")
    done = kuber("validate", "prod-eks", "--project", str(folder))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "Pulumi.prod-eks.yaml:18: network.cidr: the range is used by colo-london too",
        "    found:    10.40.0.0/16 overlaps 10.40.0.0/20 (network.machines_cidr)",
        "    expected: a range of its own",
        "    hint:     `isolated: true` says that the network is routed to no other cluster's",
    ]


def test_an_isolated_network_may_use_any_range(folder: Path) -> None:
    edit(folder, "prod-eks", "cidr: 10.20.0.0/16", "cidr: 10.40.0.0/16")
    edit(folder, "prod-eks", "    platform: eks", "    platform: eks\n    isolated: true")
    assert kuber("validate", "--project", str(folder)).returncode == 0


def test_a_clash_with_a_stack_that_was_not_named_is_seen(folder: Path) -> None:
    edit(folder, "colo-london", "pods_cidr: 10.44.0.0/16", "pods_cidr: 10.32.0.0/16")
    done = kuber("validate", "prod-gke", "--project", str(folder))
    assert done.returncode == 1 and "used by colo-london too" in done.stdout
    assert "Pulumi.colo-london.yaml" not in done.stdout


def test_two_clusters_in_one_google_project_are_refused(folder: Path) -> None:
    text = (folder / "Pulumi.prod-gke.yaml").read_text()
    for old, new in (("10.30.", "10.130."), ("10.32.", "10.132.")):
        text = text.replace(old, new)
    (folder / "Pulumi.other-gke.yaml").write_text(text)
    done = kuber("validate", "other-gke", "--project", str(folder))
    assert done.returncode == 1
    assert "project.id: prod-gke is in this project" in done.stdout
    assert "expected: a project for each cluster" in done.stdout


def test_what_is_unusual_is_told_beside_what_is_fine(folder: Path) -> None:
    edit(folder, "prod-eks", "nat: per_zone", "nat: single")
    done = kuber("validate", "prod-eks", "--project", str(folder))
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "Pulumi.prod-eks.yaml: fine",
        "    warning:  nat is single: when its zone fails, no zone reaches the internet",
    ]


def test_the_name_of_the_file_is_taken_for_the_stack() -> None:
    assert kuber("validate", "Pulumi.prod-eks.yaml").stdout == kuber("validate", "prod-eks").stdout


def test_a_day_that_is_none_is_wrong_use() -> None:
    done = kuber("validate", env={"KUBER_TODAY": "tomorrow"})
    assert done.returncode == 2 and done.stderr.startswith("KUBER_TODAY is 'tomorrow'")


def test_a_terminal_without_utf_8_gets_question_marks() -> None:
    done = kuber("plan", "prod-eks", env={"PYTHONIOENCODING": "latin-1"})
    assert done.returncode == 0 and "3?60" in done.stdout


def test_a_full_disk_is_told_without_a_traceback() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "kuber", "plan", "prod-eks"],
            cwd=PROJECT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1 and "No space left on device" in done.stderr and "Traceback" not in done.stderr


def test_a_control_plane_that_skips_a_minor_is_refused(folder: Path) -> None:
    edit(folder, "prod-eks", 'version: "1.35"', 'version: "1.34"')
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "Pulumi.prod-eks.yaml")
    git(folder, "commit", "--quiet", "--message=running")
    edit(folder, "prod-eks", 'version: "1.34"', 'version: "1.36"')
    done = kuber("validate", "prod-eks", "--project", str(folder))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "Pulumi.prod-eks.yaml:13: kubernetes.version: a control plane moves one minor at a time",
        "    found:    1.34 → 1.36",
        "    expected: 1.35",
        "    hint:     upgrade minor by minor, with the pools following",
    ]
    edit(folder, "prod-eks", 'version: "1.36"', 'version: "1.35"')
    assert kuber("validate", "prod-eks", "--project", str(folder)).returncode == 0


def test_the_step_is_judged_from_the_revision_that_is_named(folder: Path) -> None:
    edit(folder, "prod-eks", 'version: "1.35"', 'version: "1.34"')
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "Pulumi.prod-eks.yaml")
    git(folder, "commit", "--quiet", "--message=running")
    git(folder, "switch", "--quiet", "--create", "upgrade")
    edit(folder, "prod-eks", 'version: "1.34"', 'version: "1.36"')
    git(folder, "commit", "--quiet", "--all", "--message=upgrade")
    assert kuber("validate", "prod-eks", "--project", str(folder)).returncode == 0
    assert kuber("validate", "prod-eks", "--base", "main", "--project", str(folder)).returncode == 1


def test_a_revision_that_git_does_not_know_is_wrong_use() -> None:
    done = kuber("validate", "--base", "no-such-revision")
    assert done.returncode == 2 and "no-such-revision" in done.stderr


def test_problems_are_there_as_json(folder: Path) -> None:
    edit(folder, "prod-gke", "capacity: spot", "capacty: spot")
    done = kuber("validate", "prod-gke", "--json", "--project", str(folder))
    problems = json.loads(done.stdout)
    assert done.returncode == 1 and len(problems) == 3
    assert problems[0] == {
        "stack": "prod-gke",
        "file": "Pulumi.prod-gke.yaml",
        "line": 50,
        "path": "pools.workers-spot-n2d.capacty",
        "message": "unknown key",
        "found": '"capacty"',
        "expected": "one of capacity, labels, taints, machine_types, min, max, disk_gib, zones, version, disk_type, upgrade",
        "hint": "did you mean `capacity`?",
    }


def test_one_broken_file_keeps_none_of_the_others_from_being_checked(folder: Path) -> None:
    (folder / "Pulumi.prod-eks.yaml").write_text("config: [\n")
    done = kuber("validate", "--project", str(folder))
    assert done.returncode == 1
    assert "Pulumi.prod-eks.yaml:1: not YAML" in done.stdout and "Pulumi.prod-gke.yaml: fine" in done.stdout


def test_validating_loads_no_sdk() -> None:
    listed = (
        "import sys; sys.argv = ['kuber', 'validate']\n"
        "from kuber.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if name.split('.')[0].startswith(('pulumi', 'grpc'))])\n"
    )
    done = subprocess.run([sys.executable, "-c", listed], cwd=PROJECT, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
