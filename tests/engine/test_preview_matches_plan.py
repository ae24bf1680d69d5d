"""`kuber plan` promises what `pulumi preview` does: here the real engine is asked, stack by stack."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config.release import release_names
from kuber.rehearsal.engine import Engine
from kuber.rehearsal.versions import tree_with
from tests.engine.digest import digest_differences
from tests.engine.json_diff import differences, report
from tests.engine.trees import charts_of
from tests.support import PROJECT, SHIPPED, StackFile

COMPARED = ("type", "name", "parent", "provider", "inputs", "unknown", "options")
EVERY_RELEASE = [
    pytest.param(file.set("release", release), id=f"{file.stack} at {release}")
    for file in SHIPPED
    for release in release_names()
]


@pytest.mark.usefixtures("engine_tools")
@pytest.mark.parametrize("file", EVERY_RELEASE)
def test_the_engine_registers_what_the_plan_says(file: StackFile, tmp_path: Path) -> None:
    tree = tree_with(PROJECT, tmp_path / "tree", file.stack, file.text)
    with charts_of(file), Engine(tree) as engine:
        plan = planned(tree, file.stack, tmp_path / "plan.json")
        preview = engine.preview(file.stack)

    names = ("plan", "engine")
    found = list(differences(by_urn(plan["resources"]), by_urn(preview.resources), names))
    found += differences(plan["outputs"], preview.outputs, names, "outputs")
    found += digest_differences(preview)
    stand_ins = ", ".join(preview.stand_ins)
    assert not found, f"{file.stack}: the plan and the engine (stand-ins for {stand_ins}) differ:\n{report(found)}"


def planned(project: Path, stack: str, file: Path) -> dict[str, Any]:
    """What `kuber plan STACK --json FILE` writes."""
    command = [sys.executable, "-m", "kuber", "plan", stack, "--strict", "--project", str(project), "--json", str(file)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, f"kuber plan {stack} failed:\n{done.stderr}"
    return json.loads(file.read_text(encoding="utf-8"))


def by_urn(resources: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What is compared of each resource, by URN; the stack itself, of which a plan need not speak, is left out."""
    return {
        resource["urn"]: {key: resource.get(key) for key in COMPARED}
        for resource in resources
        if resource["type"] != "pulumi:pulumi:Stack"
    }


def test_differences_are_told_by_place() -> None:
    plan = {"a": {"inputs": {"size": 1, "zones": ["x", "y"]}}, "b": {}}
    engine = {"a": {"inputs": {"size": True, "zones": ["x", "z"]}}, "c": {}}
    assert list(differences(plan, engine, ("plan", "engine"))) == [
        "a › inputs › size: plan 1, engine true",
        'a › inputs › zones[1]: plan "y", engine "z"',
        "b: only in plan: {}",
        "c: only in engine: {}",
    ]


def test_a_long_list_of_differences_is_cut() -> None:
    assert report([str(number) for number in range(25)]).splitlines()[-2:] == ["19", "… and 5 more"]
