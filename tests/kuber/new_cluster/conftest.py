"""A bare-metal cluster to be made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kuber.new_cluster.commands import MACHINES, kubeconfig


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
