"""The stacks that are measured: prod-eks with one on-demand pool and any number of spot pools."""

from __future__ import annotations

from pathlib import Path

from ruamel.yaml import YAML

from config.stack_file import CONFIG_KEY, stack_file_path
from config.standard_stack import StandardStackSettings

PROJECT = Path(__file__).resolve().parents[1]
_MODEL = "prod-eks"


def stack_name(spot_pools: int) -> str:
    """Name of the stack with so many spot pools."""
    return f"bench-{spot_pools}"


def make_project(folder: Path, spot_pools: int) -> str:
    """A project of one bench stack: the program by links, and the stack file; gives the stack's name."""
    for entry in PROJECT.iterdir():
        if not entry.name.startswith(".") and not entry.match("Pulumi.*.yaml"):
            (folder / entry.name).symlink_to(entry)
    stack = stack_name(spot_pools)
    _write_stack_file(stack_file_path(stack, folder), spot_pools)
    return stack


def _write_stack_file(path: Path, spot_pools: int) -> None:
    yaml = YAML()
    document = yaml.load(stack_file_path(_MODEL, PROJECT))
    cluster = document["config"][CONFIG_KEY]
    cluster["network"]["vpc_endpoints"] = ["s3"]
    cluster["standard_stack"] = {part: {"enabled": False} for part in StandardStackSettings().parts() if part != "base"}
    cluster["pools"] = {"system": {"machine_types": ["m7g.large"], "min": 3, "max": 6}} | {
        f"spot-{index}": {
            "capacity": "spot",
            "machine_types": ["m7i.2xlarge", "m6i.2xlarge", "m5.2xlarge"],
            "min": 0,
            "max": 20,
        }
        for index in range(spot_pools)
    }
    yaml.dump(document, path)
