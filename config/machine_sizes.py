"""How much room a machine type has for pods, for the families whose sizes follow a rule.

Others (storage, graphics, burstable below large, metal) are left out: who holds such machines ready says processors and memory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_EC2 = re.compile(r"(?P<kind>[cmrt])(?P<generation>\d)[a-z-]*\.(?P<times>\d*)(?P<size>large|xlarge)")
_EC2_GIB_PER_CPU = {"c": 2.0, "m": 4.0, "r": 8.0, "t": 4.0}
_EC2_OLD_GIB_PER_CPU = {"c": 1.875, "m": 3.75, "r": 7.5}
"""Up to generation 4."""
_GCE = re.compile(r"(?P<family>[a-z]+\d+[a-z]*)-(?P<kind>standard|highmem|highcpu)-(?P<cpus>\d+)(-lssd)?")
_GCE_CUSTOM = re.compile(r"[a-z]+\d+[a-z]*-custom-(?P<cpus>\d+)-(?P<mib>\d+)")
_GCE_GIB_PER_CPU: Mapping[str, float] = {"standard": 4.0, "highmem": 8.0, "highcpu": 1.0}
_GCE_LEAST_GIB_PER_CPU: Mapping[str, float] = {"standard": 3.5, "highmem": 6.5, "highcpu": 0.9}
"""Of N1 and the C4 families, which have less in some sizes."""
_GCE_WITH_LESS = ("n1", "c4", "c4a", "c4d")

_KEPT_CPUS, _CPU_SHARE = 0.6, 0.92
_KEPT_GIB, _MEMORY_SHARE = 2.0, 0.85
"""What the kubelet, the kernel and each node's own pods take, rounded up: more than EKS reserves (255 MiB and 11 MiB a pod) and GKE
(25 % of the first 4 GiB, 20 % of the next 4, 10 % of the next 8, 6 % above), with 500m and 1 GiB for DaemonSets."""


@dataclass(frozen=True)
class Room:
    """Room for pods.

    Attributes:
        cpu_millis: Thousandths of a processor.
        memory_mib: Memory.
    """

    cpu_millis: int
    memory_mib: int


def node_room(machine_type: str) -> Room | None:
    """What one pod can ask for so that it fits an empty node of the type beside the node's own pods, and two of it don't.

    None where the type's size follows no rule, or is too small for one.
    """
    size = machine_size(machine_type)
    if size is None:
        return None
    cpus, gib = size
    room = Room(int((cpus * _CPU_SHARE - _KEPT_CPUS) * 1000), int((gib * _MEMORY_SHARE - _KEPT_GIB) * 1024))
    return room if room.cpu_millis > 0 and room.memory_mib > 0 else None


def machine_size(machine_type: str) -> tuple[int, float] | None:
    """Processors and GiB of a machine type; None where its size follows no rule."""
    if found := _EC2.fullmatch(machine_type):
        cpus = 2 if found["size"] == "large" else 4 * int(found["times"] or 1)
        old = int(found["generation"]) <= 4 and found["kind"] in _EC2_OLD_GIB_PER_CPU
        ratios = _EC2_OLD_GIB_PER_CPU if old else _EC2_GIB_PER_CPU
        return cpus, cpus * ratios[found["kind"]]
    if found := _GCE_CUSTOM.fullmatch(machine_type):
        return int(found["cpus"]), int(found["mib"]) / 1024
    if found := _GCE.fullmatch(machine_type):
        ratios = _GCE_LEAST_GIB_PER_CPU if found["family"] in _GCE_WITH_LESS else _GCE_GIB_PER_CPU
        return int(found["cpus"]), int(found["cpus"]) * ratios[found["kind"]]
    return None
