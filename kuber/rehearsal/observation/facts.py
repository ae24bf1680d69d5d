"""What was observed in a span of time, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class PoolNodes:
    """The nodes of a pool.

    Attributes:
        pool: Its name in the stack file; "" for nodes of none.
        before: Nodes at the beginning.
        added: Names of nodes that came.
        removed: Names of nodes that went.
        after: Nodes at the end.
    """

    pool: str
    before: int
    added: Sequence[str]
    removed: Sequence[str]
    after: int


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Pods of a workload that went although nobody meant the workload itself.

    Attributes:
        workload: "Deployment shop/checkout".
        pods: How many.
        causes: How many by cause: "evicted", "its node went", "preempted", "deleted".
    """

    workload: str
    pods: int
    causes: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The lowest availability that a PodDisruptionBudget had, by its own status.

    Attributes:
        name: "shop/checkout".
        healthy: Healthy pods when it was lowest (status.currentHealthy).
        desired: How many it asked for then (status.desiredHealthy).
        expected: How many pods there were to be then (status.expectedPods).
        allowed: The fewest disruptions that it allowed (status.disruptionsAllowed).
        broken: It was kept, and then fewer pods than it asks for were healthy, for what happened to pods.
        why: What had happened to its pods by then: "2 lost with their node".
    """

    name: str
    healthy: int
    desired: int
    expected: int
    allowed: int
    broken: bool
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Pods that waited longer than a while, for a node or to become ready.

    Attributes:
        workload: "Deployment shop/checkout", or the pod itself where it has none.
        pods: How many, for the same reason.
        longest_seconds: The longest of them.
        at_the_end: How many still wait.
        why: The scheduler's own message, or the kubelet's.
        placeholder: They only hold room ready (priority below zero) and may wait.
    """

    workload: str
    pods: int
    longest_seconds: float
    at_the_end: int
    why: str
    placeholder: bool = False


@dataclass(frozen=True, kw_only=True)
class Outage:
    """A workload that ran and then had no ready pod at all.

    Attributes:
        workload: "Deployment shop/checkout".
        seconds: For how long.
        wanted: How many pods it is to have.
        at_the_end: It has none yet.
    """

    workload: str
    seconds: float
    wanted: int
    at_the_end: bool


@dataclass(frozen=True, kw_only=True)
class Short:
    """A workload that at the end has fewer ready pods than it is to have.

    Attributes:
        workload: "DaemonSet system-logging/filebeat".
        ready: Ready pods.
        wanted: How many it is to have.
        why: The API server's or the scheduler's own words; "" where nobody said any.
        placeholder: Its pods only hold room ready.
    """

    workload: str
    ready: int
    wanted: int
    why: str
    placeholder: bool = False


@dataclass(frozen=True, kw_only=True)
class Warned:
    """A warning that a component of the cluster recorded as an Event.

    Attributes:
        reason: "FailedCreate".
        about: "ReplicaSet shop/checkout-5d8".
        message: The newest text.
        times: How often.
    """

    reason: str
    about: str
    message: str
    times: int


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What happened from one moment to another.

    Attributes:
        seconds: How long that was.
        pools: Nodes that came and went, by pool.
        moved: Pods that had to move.
        rolled: Pods that a new version of their workload replaced, by workload.
        budgets: Each disruption budget at its lowest.
        waiting: Pods that waited.
        outages: Workloads that had no ready pod for some time.
        short: Workloads that don't have their pods at the end.
        restarts: Restarts of containers.
        warnings: What components recorded.
    """

    seconds: float
    pools: Sequence[PoolNodes] = ()
    moved: Sequence[Moved] = ()
    rolled: Mapping[str, int] = field(default_factory=dict[str, int])
    budgets: Sequence[Budget] = ()
    waiting: Sequence[Waiting] = ()
    outages: Sequence[Outage] = ()
    short: Sequence[Short] = ()
    restarts: int = 0
    warnings: Sequence[Warned] = ()
