"""Rules of a part, held against time series by Prometheus's own tool."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.requirements import promtool
from tests.standard_stack.rendered import Objects


def rule_groups(objects: Objects, part: str) -> list[dict[str, Any]]:
    """Groups of the rules that a part brings itself: `kuber.<part>`."""
    found = [one for one in objects.part(part) if one["kind"] == "PrometheusRule"]
    groups = [group for one in found for group in one["spec"]["groups"] if group["name"].startswith("kuber.")]
    assert groups, f"{part} brings no rules of its own"
    return groups


def assert_rules(objects: Objects, part: str, tests: list[dict[str, Any]]) -> None:
    """Run tests in promtool's unit-test format ("Unit Testing for Rules" in Prometheus's documentation) on a part's rules.

    Args:
        tests: The file's `tests`; each rule of the part should fire in one and stay silent in another.
    """
    program = promtool()
    with tempfile.TemporaryDirectory() as folder:
        rules, unit_tests = Path(folder, "rules.yaml"), Path(folder, "tests.yaml")
        rules.write_text(json.dumps({"groups": rule_groups(objects, part)}))
        unit_tests.write_text(json.dumps({"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": tests}))
        for command in (["check", "rules", str(rules)], ["test", "rules", str(unit_tests)]):
            done = subprocess.run([program, *command], capture_output=True, text=True)
            assert done.returncode == 0, f"promtool {' '.join(command[:2])}:\n{done.stdout}{done.stderr}"
