"""Machines that a cloud starts for a node pool."""

from __future__ import annotations

from dataclasses import dataclass

from config.machine_sizes import machine_size
from config.machine_types import architecture

_SIZES = {
    "nano": (2, 0.5),
    "micro": (2, 1.0),
    "small": (2, 2.0),
    "medium": (2, 4.0),
    "large": (2, 8.0),
    "xlarge": (4, 16.0),
}
"""Processors and GiB: of T3 and E2 up to medium, beyond that of families whose sizes follow no rule that we know."""
_GIB_PER_CPU = 4.0


@dataclass(frozen=True)
class Machine:
    """What a machine type has, as Kubernetes writes it.

    Attributes:
        cpu: "4".
        memory: "16384Mi".
        architecture: "amd64" or "arm64".
    """

    cpu: str
    memory: str
    architecture: str


def machine(machine_type: str) -> Machine:
    """A machine of an EC2 instance type or a Compute Engine machine type; a guess by its size where the family follows no rule."""
    cpus, gib = machine_size(machine_type) or _guess(machine_type)
    try:
        arm = architecture(machine_type) == "arm64"
    except ValueError:
        arm = False
    return Machine(str(cpus), f"{int(gib * 1024)}Mi", "arm64" if arm else "amd64")


def _guess(machine_type: str) -> tuple[int, float]:
    size = machine_type.rpartition("." if "." in machine_type else "-")[2]
    times = size.removesuffix("xlarge")
    if not times.isdigit():
        return _SIZES.get(size, _SIZES["xlarge"])
    cpus = int(times) * (4 if times != size else 1)
    return cpus, cpus * _GIB_PER_CPU
