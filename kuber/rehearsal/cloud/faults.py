"""What goes wrong in a simulated cloud, by script."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from kuber.rehearsal.cloud.store import CloudStore

Operation = Literal["create", "read", "update", "delete", "*"]
Effect = Literal["fail", "throttle", "time_out", "slow", "report_failure", "lose_answer", "drift"]

_THROTTLED: Mapping[str, str] = {
    "aws": "ThrottlingException: Rate exceeded",
    "gcp": "googleapi: Error 429: Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute',"
    " rateLimitExceeded",
    "vault": "Error making API request. Code: 429. Errors: * request path rejected: rate limit quota exceeded",
}
_TIMED_OUT = "https response error StatusCode: 0, RequestID: , canceled, context deadline exceeded"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that goes wrong with calls of a kind.

    Effects: "fail" and "throttle" make nothing and say why; so does "time_out", in the words of a client that gave up; "slow" waits
    first; with "report_failure" the call takes effect, and the engine is told that it failed, with what there is now, so that the
    state keeps the resource (as bridged providers do when a resource doesn't become ready); with "lose_answer" it takes effect,
    and the engine is told nothing but the error; "drift" changes the resource behind the engine's back when the call is done.
    A provider has tried again and again by the time that it says "throttled", so here nothing is retried.

    Attributes:
        effect: What happens.
        operation: Of which calls; previews are never meant.
        type: Pattern of type tokens: "aws:eks/*".
        name: Pattern of the resource's name in the program.
        nth: The n-th such call alone, from 1.
        first: The first so many; if neither is given, every one.
        message: What is said; the effect's own words if empty.
        seconds: How long "slow" waits.
        changes: What "drift" changes, as `CloudStore.edit` takes it; None takes the resource away.
    """

    effect: Effect
    operation: Operation = "create"
    type: str = "*"
    name: str = "*"
    nth: int | None = None
    first: int | None = None
    message: str = ""
    seconds: float = 0
    changes: Mapping[str, Any] | None = field(default=None)

    def concerns(self, operation: str, resource_type: str, name: str) -> bool:
        """Whether a call is one of those that it counts."""
        return (
            self.operation in ("*", operation)
            and fnmatchcase(resource_type, self.type)
            and fnmatchcase(name, self.name)
        )

    def strikes(self, count: int) -> bool:
        """Whether it happens at the n-th of the calls that concern it."""
        if self.nth is not None:
            return count == self.nth
        return self.first is None or count <= self.first

    def said(self, package: str) -> str:
        """The message of a failure."""
        if self.message:
            return self.message
        match self.effect:
            case "throttle":
                return _THROTTLED.get(package, _THROTTLED["aws"])
            case "time_out" | "lose_answer":
                return _TIMED_OUT
            case _:
                return "InternalFailure: a fault by script"


class Faults:
    """A script of faults. Calls are counted in the store, so counting goes on in the next run.

    To stop an engine at an exact step there is `kuber.rehearsal.gate.Gate`.
    """

    def __init__(self, script: Sequence[Fault] = ()) -> None:
        self.script = tuple(script)

    def striking(self, store: CloudStore, operation: str, resource_type: str, name: str) -> list[Fault]:
        """Count a call, and give what happens to it."""
        return [
            fault
            for place, fault in enumerate(self.script)
            if fault.concerns(operation, resource_type, name) and fault.strikes(store.count(f"fault {place}: {fault}"))
        ]


def wait(faults: Sequence[Fault]) -> None:
    """Be as slow as some faults say."""
    time.sleep(sum(fault.seconds for fault in faults if fault.effect == "slow"))


def first(faults: Sequence[Fault], *effects: Effect) -> Fault | None:
    """The first fault with one of some effects."""
    return next((fault for fault in faults if fault.effect in effects), None)
