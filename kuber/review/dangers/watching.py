"""What is watched less or kept for less time: logs, metrics and what was measured; and keys that change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kuber.review.model import Change, Danger
from kuber.review.renames import Resource

from .case import Case, at, danger, mappings, of_cluster, texts

_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[a-zA-Z]*)")
_UNITS = {
    **{"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000},
    **{f"{prefix}B": 1000**power for power, prefix in enumerate(("", "K", "M", "G", "T", "P"))},
    **{f"{prefix}iB": 1024**power for power, prefix in enumerate(("", "K", "M", "G", "T", "P"))},
}
_LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
_ROTATED = "one key protects everything for good"


def watching(case: Case) -> Iterator[Danger]:
    """Logs and metrics that are no longer written, or are kept for less time."""
    for change in case.changes:
        if _loses_flow_logs(change):
            yield danger(
                "flow-log-off",
                "medium",
                change,
                "Flow logs are switched off",
                "nobody can tell afterwards who talked with whom",
                "Keep them, or say why not.",
            )
        for path in (("enabledClusterLogTypes",), ("loggingConfig", "enableComponents")):
            if lost := _lost(change, *path):
                yield danger(
                    "log-type-dropped",
                    "high" if "audit" in lost or "APISERVER" in lost else "medium",
                    change,
                    f"The control plane no longer logs {', '.join(lost)}",
                    "what happened can't be found out afterwards; CIS benchmarks ask for all of them",
                    "Keep them; what costs is their retention.",
                )
        if lost := _lost(change, "monitoringConfig", "enableComponents"):
            yield danger(
                "google-metrics-dropped",
                "low",
                change,
                f"Google no longer measures {', '.join(lost)}",
                "dashboards and alerts in Google Cloud that show it stay empty",
                "See that nobody looks at them.",
            )
        yield from _kept_shorter(change)


def keys(case: Case) -> Iterator[Danger]:
    """Encryption that goes, or gets another key; keys that are no longer rotated."""
    for change in case.changes:
        if not change.before or not change.after:
            continue
        for path, told in (
            (("encryptionConfig",), "secrets"),
            (("databaseEncryption",), "secrets"),
            (("kmsKeyId",), "it"),
        ):
            before, after = (at(change.inputs(when), *path) for when in ("before", "after"))
            if before and before != after:
                yield _another_key(change, told, gone=not after or at(after, "state") == "DECRYPTED")
        yield from _rotated_less(change)


def alerts(case: Case) -> Iterator[Danger]:
    """Alerts that nothing raises any more, and what is no longer measured; of all objects of a cluster together."""
    staying = {name for one in case.after.values() for name in _alerts(one)}
    changed = [one for one in case.changes if one.before and not one.retained and not case.goes_with_its_namespace(one)]
    rules = {one.urn: _alerts(one.before) - staying for one in changed if one.before}
    if lost := sorted({name for names in rules.values() for name in names}):
        yield _together(
            case,
            "alerts-dropped",
            [one for one in changed if rules[one.urn]],
            f"{len(lost)} alert{'s are' if len(lost) > 1 else ' is'} no longer raised",
            f"nobody is told any more of {_some(lost)}",
        )
    monitors = [one for one in changed if one.operation == "delete" and one.kind in ("ServiceMonitor", "PodMonitor")]
    if monitors:
        yield _together(
            case,
            "metrics-dropped",
            monitors,
            f"{len(monitors)} thing{'s are' if len(monitors) > 1 else ' is'} no longer measured",
            f"{_some([one.name for one in monitors])}: alerts and dashboards of it stay silent",
        )


def _together(case: Case, rule: str, changes: list[Change], what: str, reason: str) -> Danger:
    """A danger of one object, or of several of a cluster."""
    advice = "See that nothing else is needed to know of it."
    if len(changes) == 1:
        return danger(rule, "low", changes[0], what, reason, advice)
    return of_cluster(case, rule, "low", what, reason, advice)


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _alerts(resource: Resource) -> set[str]:
    if not resource["type"].endswith(":PrometheusRule"):
        return set()
    groups = mappings(at(resource["inputs"], "spec", "groups"))
    return {str(one["alert"]) for group in groups for one in mappings(group.get("rules")) if "alert" in one}


def _loses_flow_logs(change: Change) -> bool:
    if change.type == "aws:ec2/flowLog:FlowLog":
        return change.operation == "delete" and not change.retained
    logged = [bool(change.inputs(when).get("logConfig")) for when in ("before", "after")]
    return change.type == "gcp:compute/subnetwork:Subnetwork" and bool(change.after) and logged == [True, False]


def _lost(change: Change, *path: str) -> list[str]:
    """Items of a list that it has no longer, of a resource that stays."""
    before, after = (at(change.inputs(when), *path) for when in ("before", "after"))
    if not change.after or not (after is None or isinstance(after, list)):
        return []
    return sorted({*texts(before)} - {*texts(after)})


def _rotated_less(change: Change) -> Iterator[Danger]:
    told = ""
    if at(change.inputs("before"), "enableKeyRotation") is True and not change.inputs("after").get("enableKeyRotation"):
        told = _ROTATED
    periods = [change.inputs(when).get("rotationPeriod") for when in ("before", "after")]
    if periods[0] and not periods[1]:
        told = _ROTATED
    elif _less(*periods):
        days = [f"{(_amount(one) or 0) / 86400:g}" for one in periods]
        told = f"every {days[1]} days instead of every {days[0]}"
    if told:
        yield danger(
            "key-not-rotated",
            "medium",
            change,
            f"{change.label} is {'no longer rotated' if told == _ROTATED else 'rotated less often'}",
            told,
            "Keep the rotation on." if told == _ROTATED else "Keep the shorter period.",
        )


def _another_key(change: Change, told: str, *, gone: bool) -> Danger:
    return danger(
        "encryption-changes",
        "high",
        change,
        f"{change.label} {'loses its encryption key' if gone else 'gets another encryption key'}",
        f"{told} would lie there unencrypted by a key of yours"
        if gone
        else f"{told} is encrypted anew; the old key is still needed for what was written before",
        "Keep the old key until all is written anew, and see whether the cloud can change it at all without a new cluster.",
    )


def _kept_shorter(change: Change) -> Iterator[Danger]:
    if not change.before or not change.after:
        return
    for path in (("retentionInDays",), ("spec", "retention"), ("spec", "retentionSize")):
        before, after = (at(change.inputs(when), *path) for when in ("before", "after"))
        for_good = change.type == _LOG_GROUP and not before  # as CloudWatch has it, also by 0
        if _less(after, before) or (for_good and after and _amount(after) is not None):
            yield danger(
                "retention-lowered",
                "medium",
                change,
                f"{change.label} keeps less",
                f"{path[-1]}: {'for good' if for_good else before} becomes {after}; what is older is deleted, and can't be had back",
                "Copy what is still needed first; rules and audits may ask for the longer time.",
            )


def _less(one: Any, other: Any) -> bool:
    """Whether there are two amounts, and the first is less."""
    if not one or not other:
        return False
    amounts = _amount(one), _amount(other)
    return amounts[0] is not None and amounts[1] is not None and amounts[0] < amounts[1]


def _amount(value: Any) -> float | None:
    """Days, seconds or bytes, as the unit has it: `1d12h`, `85GiB`, 30; None of what isn't known."""
    if isinstance(value, (int, float)):
        return float(value)
    told = list(_DURATION.finditer(value)) if isinstance(value, str) else []
    return sum(float(one["number"]) * _UNITS.get(one["unit"], 1) for one in told) if told else None
