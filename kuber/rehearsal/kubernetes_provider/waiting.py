"""Waiting until an object is ready, or gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Event
from typing import Any

from kuber.rehearsal.api import Api, ApiError

from . import kinds
from .readiness import Surroundings, Verdict, rule_of

Object = dict[str, Any]

_FIRST_LOOK_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 0.5


class NotReadyError(Exception):
    """An object is there and isn't ready, or isn't gone.

    Attributes:
        live: The object as it was last seen.
        reasons: What it lacks, each in words.
    """

    def __init__(self, message: str, live: Object, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.live = live
        self.reasons = reasons


def until_ready(
    api: Api,
    live: Object,
    *,
    inputs: Mapping[str, Any],
    updated: bool,
    timeout_seconds: float,
    settle_seconds: float,
    cancelled: Event,
) -> Object:
    """Wait for an object as its kind has it (see `readiness`), and give it as it then is.

    `pulumi.com/skipAwait: "true"` among its annotations waits for nothing.

    Raises:
        NotReadyError: it took too long, it failed, or the operation was cancelled.
        ApiError: it can't be read, or is gone.
    """
    rule = rule_of(live)
    if rule is None or kinds.annotation(inputs, "skipAwait") == "true":
        return live
    around = Surroundings(api, updated, settle_seconds)
    limit = min(timeout_seconds, rule.most_seconds or timeout_seconds)
    seen = live

    def look(explain: bool) -> Verdict:
        return rule.judge(seen, around, explain)

    pause, end = _FIRST_LOOK_SECONDS, time.monotonic() + limit
    while not (verdict := look(False)).ready:
        name = f"{live['kind']} {kinds.object_id(live)}"
        if verdict.failed:
            raise NotReadyError(f"{name} failed", seen, verdict.reasons)
        if time.monotonic() >= end:
            raise NotReadyError(f"{name} wasn't ready within {limit:g} s", seen, look(True).reasons)
        if cancelled.wait(pause):
            raise NotReadyError(f"{name}: the wait for it was cancelled", seen, look(True).reasons)
        pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
        seen = _read(api, live)
    return seen


def check_ready(api: Api, live: Object, *, inputs: Mapping[str, Any]) -> None:
    """Judge an object as it is, for a refresh; only kinds that a refresh judges.

    Raises:
        NotReadyError: it isn't ready.
    """
    rule = rule_of(live)
    if rule is None or not rule.on_read or kinds.annotation(inputs, "skipAwait") == "true":
        return
    around = Surroundings(api, updated=True, settle_seconds=0, at_once=True)
    if not rule.judge(live, around, False).ready:
        verdict = rule.judge(live, around, True)
        raise NotReadyError(f"{live['kind']} {kinds.object_id(live)} isn't ready", live, verdict.reasons)


def until_gone(read: Callable[[], Object | None], live: Object, *, timeout_seconds: float, cancelled: Event) -> None:
    """Wait until an object isn't there any more, or another one of its name is.

    Raises:
        NotReadyError: it took too long, or the operation was cancelled.
        ApiError: the API server fails.
    """
    pause, end, seen = _FIRST_LOOK_SECONDS, time.monotonic() + timeout_seconds, live
    uid = live["metadata"].get("uid")
    while (found := read()) is not None and (uid is None or found["metadata"]["uid"] == uid):
        seen = found
        name = f"{seen['kind']} {kinds.object_id(seen)}"
        held = ", ".join(seen["metadata"].get("finalizers") or [])
        reasons = (f"finalizers that may hold it: {held}",) if held else ()
        if time.monotonic() >= end:
            raise NotReadyError(f"{name} wasn't gone within {timeout_seconds:g} s", seen, reasons)
        if cancelled.wait(pause):
            raise NotReadyError(f"{name}: the wait for its end was cancelled", seen, reasons)
        pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)


def _read(api: Api, live: Object) -> Object:
    meta = live["metadata"]
    found = api.get((live["apiVersion"], live["kind"]), meta.get("namespace"), meta["name"])
    if found is None:
        name = f"{live['kind']} {kinds.object_id(live)}"
        raise ApiError(f"{name} went away while it was waited for", status=404, reason="NotFound")
    return found
