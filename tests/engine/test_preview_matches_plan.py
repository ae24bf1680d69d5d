"""`kuber plan` promises what `pulumi preview` does: here the real engine is asked, stack by stack."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from kuber.rehearsal.engine import Engine

PROJECT = Path(__file__).parents[2]
STACKS = ("prod-eks", "prod-gke", "colo-london")
COMPARED = ("type", "name", "parent", "provider", "inputs", "unknown", "options")
SHOWN_DIFFERENCES = 20


@pytest.mark.usefixtures("engine_tools")
@pytest.mark.parametrize("stack", STACKS)
def test_the_engine_registers_what_the_plan_says(stack: str, tmp_path: Path) -> None:
    plan = planned(stack, tmp_path / "plan.json")
    with Engine(PROJECT) as engine:
        preview = engine.preview(stack)

    found = list(differences(by_urn(plan["resources"]), by_urn(preview.resources)))
    found += differences(plan["outputs"], preview.outputs, "outputs")
    more = f"\n… and {len(found) - SHOWN_DIFFERENCES} more" if len(found) > SHOWN_DIFFERENCES else ""
    assert not found, (
        f"{stack}: the plan and the engine (with stand-ins for {', '.join(preview.stand_ins)}) differ:\n"
        + "\n".join(islice(found, SHOWN_DIFFERENCES))
        + more
    )


def planned(stack: str, file: Path) -> dict[str, Any]:
    """What `kuber plan STACK --json FILE` writes."""
    command = [sys.executable, "-m", "kuber", "plan", stack, "--json", str(file)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, f"kuber plan {stack} failed:\n{done.stderr}"
    return json.loads(file.read_text(encoding="utf-8"))


def by_urn(resources: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What is compared of each resource, by URN; the stack itself is left out, since only an engine has it for sure."""
    return {
        resource["urn"]: {key: resource.get(key) for key in COMPARED}
        for resource in resources
        if resource["type"] != "pulumi:pulumi:Stack"
    }


def differences(plan: Any, engine: Any, path: str = "") -> Iterator[str]:
    """Where two JSON values differ, one line a place, in order."""
    if isinstance(plan, Mapping) and isinstance(engine, Mapping):
        for key in sorted({*plan, *engine}):
            inner = f"{path} › {key}" if path else key
            if key not in engine:
                yield f"{inner}: only in the plan: {short(plan[key])}"
            elif key not in plan:
                yield f"{inner}: only in the engine: {short(engine[key])}"
            else:
                yield from differences(plan[key], engine[key], inner)
    elif isinstance(plan, list) and isinstance(engine, list) and len(plan) == len(engine):
        for index, (planned_item, engine_item) in enumerate(zip(plan, engine, strict=True)):
            yield from differences(planned_item, engine_item, f"{path}[{index}]")
    elif plan != engine or isinstance(plan, bool) != isinstance(engine, bool):
        yield f"{path}: plan {short(plan)}, engine {short(engine)}"


def short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"


def test_differences_are_told_by_place() -> None:
    plan = {"a": {"inputs": {"size": 1, "zones": ["x", "y"]}}, "b": {}}
    engine = {"a": {"inputs": {"size": True, "zones": ["x", "z"]}}, "c": {}}
    assert list(differences(plan, engine)) == [
        "a › inputs › size: plan 1, engine true",
        'a › inputs › zones[1]: plan "y", engine "z"',
        "b: only in the plan: {}",
        "c: only in the engine: {}",
    ]
