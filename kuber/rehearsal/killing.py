"""When an engine is to be killed: between two known steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from kuber.rehearsal.events import Step
from kuber.rehearsal.gate import Gate
from kuber.rehearsal.state_file import StateFile

_HOSTS = frozenset({"", "pulumi", "pulumi-python"})
"""Who does steps that aren't counted: nobody (components), the engine itself, the host of dynamic resources."""


class KillPoint:
    """The moment when so many of a run's steps that change something are written in the state, and no further one has begun.

    The engine tells of a step before it writes its state, so that its events aren't enough. A stand-in's further steps are held
    by the gate. Those of a plugin that isn't one of the stand-ins are counted from the events, and what it has begun goes on.

    Args:
        gate: Before the stand-ins; counts from now on.
        state: Of the stack.
        stand_ins: Packages that are stood in for.
        steps: After how many; None if the next says it.
        losing: Name of a resource: instead, when its step has had its effect and isn't answered.
    """

    def __init__(
        self, gate: Gate, state: StateFile, stand_ins: Collection[str], *, steps: int | None, losing: str | None
    ) -> None:
        self._gate = gate
        self._state = state
        self._uncounted = _HOSTS.union(stand_ins)
        self._steps = steps
        self._losing = losing
        self._cut_off_before = self._begun()
        gate.admit(steps, losing=losing)

    def reached(self, so_far: Sequence[Step]) -> bool:
        """Whether it has come, with the steps that the engine has told of so far."""
        return self._enough(so_far) and self._written()

    def _enough(self, so_far: Sequence[Step]) -> bool:
        if self._steps is None:
            return self._gate.lost
        by_plugins = [step for step in so_far if step.changes and step.status == "done"]
        by_plugins = [step for step in by_plugins if step.package not in self._uncounted]
        return self._gate.answered + len(by_plugins) >= self._steps

    def _written(self) -> bool:
        begun = self._begun() - self._cut_off_before
        return not any(begun[call.urn] for call in self._gate.admitted if call.name != self._losing)

    def _begun(self) -> Counter[str]:
        """How many operations the state holds as begun, by URN; creates that were cut off once stay in it."""
        return Counter(pending.urn for pending in self._state.pending())
