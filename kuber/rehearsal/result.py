"""What a rehearsal found, as plain values: for people, for programs, and for a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from .observation import Observed

FORMAT = 1
"""Of the JSON document."""

Outcome = Literal["done", "failed", "skipped"]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something that broke.

    Attributes:
        step: The step in which it did.
        what: In a few words: "rejected by the API server".
        where: What it is about: a resource, a budget, a workload.
        told: The words of whoever refused; "" where there are none.
    """

    step: str
    what: str
    where: str
    told: str = ""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a rehearsal.

    Attributes:
        name: "apply the working tree".
        seconds: How long it took.
        outcome: Whether it was done, failed, or was left out because one before it failed.
        operations: How many resources the engine created, updated, replaced, deleted and left as they were.
        replaced: Resources that were replaced: "aws:eks/nodeGroup:NodeGroup prod-eks-system".
        observed: What happened in the cluster meanwhile.
        notes: What else is to be known.
        loss: Nodes were taken away on request, which no disruption budget holds up.
    """

    name: str
    seconds: float
    outcome: Outcome
    operations: Mapping[str, int] = field(default_factory=dict[str, int])
    replaced: Sequence[str] = ()
    observed: Observed | None = None
    notes: Sequence[str] = ()
    loss: bool = False


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """Something that is still there when all is destroyed.

    Attributes:
        where: "simulated cloud", "API server" or "state of the engine".
        what: "aws:kms/key:Key prod-eks-secrets".
        why: Why it is kept by design; "" where it isn't meant to be there.
    """

    where: str
    what: str
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a rehearsal found.

    Attributes:
        stack: The stack.
        base: What was there before: "main (1a2b3c4)"; "" for nothing, a new cluster.
        change: What was rehearsed: "the working tree".
        chaos: What was done to the cluster on request.
        started: When, in UTC, ISO 8601.
        seconds: How long it took.
        kubernetes_provider: Which provider made the objects: the real one with its version, or the stand-in.
        stand_ins: What stood in for the real thing, each with what it doesn't do.
        real: What was the real thing, with its version.
        steps: The steps in their order.
        problems: All that broke; none means that the change may be applied as far as this can tell.
        leftovers: What `destroy` left behind.
        notes: What else is to be known.
    """

    stack: str
    base: str
    change: str
    chaos: Sequence[str]
    started: str
    seconds: float
    kubernetes_provider: str
    stand_ins: Sequence[str]
    real: Sequence[str]
    steps: Sequence[Step]
    problems: Sequence[Problem]
    leftovers: Sequence[Leftover] = ()
    notes: Sequence[str] = ()

    @property
    def fine(self) -> bool:
        """Nothing broke."""
        return not self.problems

    def document(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {"format": FORMAT, "fine": self.fine, **asdict(self)}
