"""The stages by which kwok plays the kubelets, with delays."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

_STAGES = Path(__file__).with_name("stages.yaml")


def write_stages(file: Path, *, ready_seconds: float, complete_seconds: float, delete_seconds: float) -> None:
    """Write the stages for kwok.

    Args:
        file: Where to.
        ready_seconds: From a pod being on a node until it is ready.
        complete_seconds: From then on until a pod of a Job has done its work.
        delete_seconds: From a pod's being deleted until it is gone, whatever its grace period.
    """
    delays = {"pod-ready": ready_seconds, "pod-complete": complete_seconds, "pod-delete": delete_seconds}
    stages = list(yaml.safe_load_all(_STAGES.read_text()))
    for stage in stages:
        if stage["metadata"]["name"] in delays:
            stage["spec"]["delay"]["durationMilliseconds"] = round(delays[stage["metadata"]["name"]] * 1000)
    file.write_text("\n---\n".join(map(json.dumps, stages)))
