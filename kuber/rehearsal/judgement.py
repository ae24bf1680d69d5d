"""What of all that was seen counts as broken."""

from __future__ import annotations

from .engine import EngineError
from .observation import Observed
from .result import Problem


def refused(step: str, error: EngineError) -> list[Problem]:
    """What an engine's failure comes from: a refusal for each resource, in the words of whoever refused it."""
    failed = error.run.failed if error.run else []
    if not failed:
        return [
            Problem(step=step, what="the engine failed", where=error.run.command if error.run else "", told=str(error))
        ]
    return [
        Problem(
            step=step,
            what="rejected by the API server" if one.type.startswith("kubernetes:") else "refused",
            where=f"{one.type} {one.name}",
            told=one.error,
        )
        for one in failed
    ]


def broken_in_change(step: str, seen: Observed) -> list[Problem]:
    """What our own actions may not do: break a disruption budget, or leave a workload without its pods."""
    return [
        *(
            Problem(
                step=step,
                what="disruption budget broken",
                where=one.name,
                told=f"{one.healthy} healthy of {one.expected}, {one.desired} desired: {one.why}",
            )
            for one in seen.budgets
            if one.broken
        ),
        *_missing_at_the_end(step, seen),
    ]


def broken_in_chaos(step: str, seen: Observed) -> list[Problem]:
    """What may not happen though nodes are lost: that of a workload no pod is left. No budget holds up a loss."""
    short = {one.workload: one for one in seen.short}
    return [
        Problem(
            step=step,
            what="nothing of it runs any more",
            where=one.workload,
            told=short[one.workload].why if one.workload in short else "",
        )
        for one in seen.outages
        if one.at_the_end
    ]


def _missing_at_the_end(step: str, seen: Observed) -> list[Problem]:
    short = [one for one in seen.short if not one.placeholder]
    told = {one.workload for one in seen.short}
    return [
        *(
            Problem(
                step=step,
                what="pods are missing at the end",
                where=f"{one.workload}: {one.ready} of {one.wanted} ready",
                told=one.why,
            )
            for one in short
        ),
        *(
            Problem(step=step, what="pods wait at the end", where=f"{one.workload}: {one.at_the_end}", told=one.why)
            for one in seen.waiting
            if one.at_the_end and not one.placeholder and one.workload not in told
        ),
    ]
