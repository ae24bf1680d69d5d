"""Nodes as they are needed, and some held ready."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ..errors import Problem
from ..kubernetes import minor_number
from ..machine_sizes import Room, node_room
from ..model import Instant, Name, Settings
from ..platforms import Capability, Feature
from ..release import read_release, release_names
from .part import ContainerResources, Cpu, Duration, Memory, PartSettings

if TYPE_CHECKING:
    from ..cluster import ClusterSettings
    from ..node_pools import CloudNodePool

_SCALER = ("replicas", "resources", "priorities", "scale_down", "max_node_provision_time")
"""Settings of the autoscaler itself."""


class Window(Settings):
    """A time for which more is held ready than usual."""

    start: Instant
    """Begin of holding, UTC: nodes take minutes to come, so well before the spike."""
    end: Instant
    """End of holding, UTC."""
    nodes: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Whole nodes held ready in it."""
    replicas: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Placeholders of the given size held ready in it."""

    @property
    def count(self) -> int:
        """Placeholders."""
        return self.nodes or self.replicas or 0

    @property
    def seconds(self) -> tuple[int, int]:
        """Start and end since 1970, UTC."""
        return _seconds(self.start), _seconds(self.end)


class Headroom(Settings):
    """Room held ready in a pool, by placeholders that give way to anything."""

    nodes: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Whole nodes; a placeholder is then as big as the smallest machine type of the pool."""
    replicas: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """Placeholders of the size that `cpu` and `memory` give."""
    cpu: Cpu | None = None
    """Processors of each placeholder, with `replicas`."""
    memory: Memory | None = None
    """Memory of each placeholder, with `replicas`."""
    windows: dict[Name, Window] = {}
    """Known spikes, by name: `{black-friday: {start: …, end: …, nodes: 20}}`."""

    @property
    def count(self) -> int:
        """Placeholders outside windows."""
        return self.nodes or self.replicas or 0

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        by_size = self.replicas is not None or self.cpu is not None or self.memory is not None
        if by_size == (self.nodes is not None):
            yield Problem(
                message="held ready are whole nodes or placeholders of a size",
                expected="either `nodes`, or `replicas` with `cpu` and `memory`",
            )
            return
        if by_size and None in (self.replicas, self.cpu, self.memory):
            yield Problem(message="a placeholder's size isn't whole", expected="`replicas`, `cpu` and `memory`")
        if self.count == 0 and not self.windows:
            yield Problem(message="nothing is held ready", expected="a number above 0, or windows")
        yield from self._window_problems("replicas" if by_size else "nodes")

    def _window_problems(self, unit: str) -> Iterator[Problem]:
        other = "nodes" if unit == "replicas" else "replicas"
        earlier: list[tuple[str, Window]] = []
        for name, window in self.windows.items():
            at = ("windows", name)
            if getattr(window, other) is not None or getattr(window, unit) is None:
                yield Problem(path=at, message="counts in another unit than the pool's headroom", expected=f"`{unit}`")
            elif window.count <= self.count:
                yield Problem(
                    path=(*at, unit),
                    message="no more than is held ready anyway",
                    found=str(window.count),
                    expected=f"more than {self.count}",
                )
            if window.seconds[1] <= window.seconds[0]:
                yield Problem(
                    path=(*at, "end"),
                    message="the window ends before it starts",
                    found=window.end,
                    expected=f"after {window.start}",
                )
            for other_name, one in earlier:
                if window.seconds[0] < one.seconds[1] and one.seconds[0] < window.seconds[1]:
                    yield Problem(
                        path=at, message=f"overlaps with {other_name}", expected="windows one after the other"
                    )
            earlier.append((name, window))


class ScaleDown(Settings):
    """When the autoscaler takes nodes away."""

    enabled: bool = True
    utilization_percent: Annotated[int, Field(ge=1, le=100)] = 50
    """A node of which less is asked for than this may go, if its pods fit elsewhere."""
    unneeded_time: Duration = "10m"
    """How long it must have been so."""
    delay_after_add: Duration = "10m"
    """How long after nodes were added none goes."""


class AutoscalingSettings(PartSettings):
    """The cluster autoscaler (GKE has its own), and headroom: nodes held ready before they are needed. Own machines have neither."""

    replicas: Annotated[int, Field(ge=1, le=3)] = 2
    """How many; one works, the others wait."""
    resources: ContainerResources = ContainerResources(cpu="100m", memory="400Mi", memory_limit="800Mi")
    """Of each."""
    priorities: dict[Name, Annotated[int, Field(ge=1, le=1000)]] = {}
    """Pools that are tried earlier (higher) or later than others: spot pools have 50 and on-demand pools 10 unless given."""
    scale_down: ScaleDown = ScaleDown()
    max_node_provision_time: Duration = "10m"
    """How long a node may take to come before another pool is tried."""
    headroom: dict[Name, Headroom] = {}
    """Room held ready, by pool."""

    def priority(self, pool_name: str, pool: CloudNodePool) -> int:
        """The higher, the earlier the pool gets a node more."""
        return self.priorities.get(pool_name, 50 if pool.capacity == "spot" else 10)

    def problems_on(self, cluster: ClusterSettings) -> Iterator[Problem]:
        if Capability.AUTOSCALING not in cluster.capabilities:
            for field in sorted({*_SCALER, "headroom"} & self.model_fields_set):
                yield Problem(
                    path=(field,),
                    message="own machines can't be made when they are needed",
                    expected=f"no `{field}` on bare metal",
                    hint="room held ready is a machine more in the inventory",
                )
            return
        if Feature.AUTOSCALER in cluster.brings:
            for field in (field for field in _SCALER if field in self.model_fields_set):
                yield Problem(path=(field,), message="the platform has its own autoscaler", expected=f"no `{field}`")
        for field, names in (("priorities", self.priorities), ("headroom", self.headroom)):
            for name in names:
                if name not in cluster.pools:
                    yield Problem(
                        path=(field, name),
                        message="no pool of this cluster",
                        expected=f"one of {', '.join(cluster.pools)}",
                    )
        if self.headroom and not cluster.standard_stack.base.enabled:
            yield Problem(
                path=("headroom",), message="base brings the priority of placeholders", expected="`base` enabled"
            )
        yield from self._room_problems(cluster)
        yield from self._image_problems(cluster)

    def _room_problems(self, cluster: ClusterSettings) -> Iterator[Problem]:
        for name, headroom in self.headroom.items():
            pool: CloudNodePool | None = cluster.pools.get(name)  # pyright: ignore[reportAssignmentType] - a cloud's
            if pool is None:
                continue
            room = pool_room(pool)
            if headroom.nodes is not None and room is None:
                yield Problem(
                    path=("headroom", name, "nodes"),
                    message=f"the size of {', '.join(pool.machine_types)} isn't known here",
                    expected="`replicas` with `cpu` and `memory`",
                )
            at_windows = {("headroom", name, "windows", of): window.count for of, window in headroom.windows.items()}
            for at, count in {("headroom", name): headroom.count, **at_windows}.items():
                nodes = count if headroom.nodes is not None else _nodes_for(headroom, count, room)
                if nodes > pool.max:
                    yield Problem(
                        path=at,
                        message="more than the pool may have",
                        found=f"{nodes} nodes",
                        expected=f"at most max, {pool.max}",
                    )

    def _image_problems(self, cluster: ClusterSettings) -> Iterator[Problem]:
        if (
            Feature.AUTOSCALER not in cluster.brings
            and cluster.release in release_names()
            and not autoscaler_image(cluster)
        ):
            version = cluster.kubernetes.version
            yield Problem(
                path=("enabled",),
                message=f"release {cluster.release} has no cluster autoscaler for Kubernetes {version}",
                expected=f"an image cluster-autoscaler-{version} in the release, or of the minor before",
            )

    def advice(self, cluster: ClusterSettings, day: date) -> Iterator[str]:
        image = autoscaler_image(cluster)
        if Feature.AUTOSCALER not in cluster.brings and Capability.AUTOSCALING in cluster.capabilities and image:
            minor = image.rpartition("-")[2]
            if minor != cluster.kubernetes.version:
                yield f"the cluster autoscaler is of {minor}: release {cluster.release} has none of {cluster.kubernetes.version}"
        for pool, headroom in self.headroom.items():
            for name, window in headroom.windows.items():
                if _moment(window.end).date() < day:
                    yield f"headroom of {pool}: the window {name} is over since {window.end}; it may be removed"


def autoscaler_image(cluster: ClusterSettings) -> str | None:
    """The image, by its name in the release, of the autoscaler for a cluster: of its minor, or of the one before; None without."""
    newest = minor_number(cluster.kubernetes.version)
    names = [f"cluster-autoscaler-1.{minor}" for minor in (newest, newest - 1)]
    return next((name for name in names if name in read_release(cluster.release).images), None)


def pool_room(pool: CloudNodePool) -> Room | None:
    """What fits each node of a pool, whichever of its machine types it is; None where a type's size isn't known."""
    rooms = [node_room(machine_type) for machine_type in pool.machine_types]
    known = [room for room in rooms if room is not None]
    if len(known) < len(rooms):
        return None
    return Room(min(room.cpu_millis for room in known), min(room.memory_mib for room in known))


def _nodes_for(headroom: Headroom, count: int, room: Room | None) -> int:
    """Nodes that placeholders of a size take at least; 0 where that can't be told."""
    if room is None or headroom.cpu is None or headroom.memory is None:
        return 0
    cpu = float(headroom.cpu[:-1]) / 1000 if headroom.cpu.endswith("m") else float(headroom.cpu)
    memory = int(headroom.memory[:-2]) * (1024 if headroom.memory.endswith("Gi") else 1)
    on_each = min(int(room.cpu_millis / max(cpu * 1000, 1)), room.memory_mib // max(memory, 1))
    return -(-count // on_each) if on_each else 0


def _moment(instant: str) -> datetime:
    return datetime.fromisoformat(instant)


def _seconds(instant: str) -> int:
    return int(_moment(instant).timestamp())
