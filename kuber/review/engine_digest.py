"""What `pulumi preview --json` writes, read: the engine's verdict on each resource, and what it says besides."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kuber.plan.registration import SECRET
from kuber.rehearsal.preview import errors_of, messages

from .model import Operation
from .properties import steps_of_path
from .redaction import redacted_text

State = Mapping[str, Any]
"""A resource as the engine's state has it: `urn`, `type`, `custom`, `inputs`, `outputs`, `parent`, `provider` and its options."""

_STACK_TYPE = "pulumi:pulumi:Stack"
_DEFAULT_PROVIDER = re.compile(r"::pulumi:providers:[^:]+::default(_\d[^:]*)?$")
"""Providers that no program asked for. The engine names them by the version of the SDK."""

_REPLACING = frozenset({"replace", "create-replacement", "import-replacement"})
_NOT_OURS = frozenset({"read", "read-replacement", "discard", "discard-replaced"})
"""Of what the program only reads and others own."""

_REFRESH = "refresh"
_LEFT = "delete-replaced"
"""Of the old one, when the new one is there; alone, of one that an earlier replacement has left."""

_OBJECT = re.compile(r"^\s*\{", re.MULTILINE)
_COLOUR = re.compile(r"<\{%[^%]*%\}>")
"""How the engine writes colours in its events."""

_HOW = (
    "    expected: what `pulumi preview --json` writes to standard output\n"
    "    hint:     pulumi preview --json --show-sames --stack STACK | kuber review -"
)


class PreviewError(Exception):
    """There is no preview to be read, or it failed; the text says what was found and what to do."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the engine will do with one resource.

    Attributes:
        urn: As it is called afterwards, or was called before.
        operation: What becomes of the thing itself; None if it stays as it is.
        before, after: Its state; None where it isn't there.
        imported: Whether it is there already and only comes into the state.
        differing: What is done to each property that differs ("add", "delete", "update"), by path; where a provider tells no more,
            the path is the property's name.
        replacing: The paths of those that replace it.
        deletes_first: Whether the old one goes before the new one is there; None if the preview doesn't tell.
    """

    urn: str
    operation: Operation | None
    before: State | None
    after: State | None
    imported: bool
    differing: Mapping[str, str]
    replacing: Sequence[str]
    deletes_first: bool | None

    @property
    def custom(self) -> bool:
        """Whether a provider makes it, or it is a provider; a component isn't."""
        return bool((self.after or self.before or {}).get("custom"))


@dataclass(frozen=True, kw_only=True)
class Digest:
    """A preview.

    Attributes:
        stack: Its stack.
        verdicts: Of each resource that it tells of, default providers and what is only read left out.
        known: What the state has of each resource where a refresh comes first, by URN; nothing where none does.
        gone: The URNs of resources that the state has and the refresh didn't find.
        drifted: The URNs of resources that the refresh found to be other than the state has them, as far as the preview tells.
        cleared: The URNs of what an earlier replacement has left, and this one takes away.
        warnings: What the engine and the program warn of, each once.
        untold: How many resources stay as they are without a word of what they are.
        may_be_damaged: Whether the engine says so of the state.
    """

    stack: str
    verdicts: Sequence[Verdict]
    known: Mapping[str, State]
    gone: Sequence[str]
    drifted: Sequence[str]
    cleared: Sequence[str]
    warnings: Sequence[str]
    untold: int
    may_be_damaged: bool


def read_preview(text: str) -> dict[str, Any]:
    """The engine's own document; a stream of its events (PULUMI_ENABLE_STREAMING_JSON_PREVIEW) is put together to one.

    Raises:
        PreviewError: it is none, or of a preview that failed or was cut off.
    """
    document = _parsed(text)
    if errors := errors_of(document):
        told = "\n".join(f"    {line}" for one in errors for line in without_secrets(one).splitlines())
        raise PreviewError(f"the preview failed, so it doesn't tell what would happen; the engine says:\n{told}")
    if not document.get("steps") or not document.get("changeSummary"):
        raise PreviewError(f"the preview was interrupted: the engine's summary is missing\n{_HOW}")
    return document


def stack_of(document: Mapping[str, Any]) -> str:
    """The stack that a preview is of."""
    return document["steps"][0]["urn"].split("::", 1)[0].removeprefix("urn:pulumi:")


def digest_of(document: Mapping[str, Any]) -> Digest:
    """What the engine's document says."""
    steps = [one for one in document["steps"] if not is_default_provider(one["urn"])]
    # A refresh has ended when the stack itself is looked at for another reason.
    begins = next((at for at, one in enumerate(steps) if _is_stack(one["urn"]) and one["op"] != _REFRESH), 0)
    refreshed = [*steps[:begins], *(one for one in steps[begins:] if one["op"] == _REFRESH)]
    planned: dict[str, list[Mapping[str, Any]]] = {}
    for step in steps[begins:]:
        if step["op"] not in _NOT_OURS | {_REFRESH}:
            planned.setdefault(step["urn"], []).append(step)
    verdicts = [_verdict(urn, own) for urn, own in planned.items()]
    known = {one["urn"]: one["oldState"] for one in refreshed if _is_ours(one.get("oldState"))}
    shown = sum(one["op"] == "same" for one in steps[begins:])
    untold = max(0, document["changeSummary"].get("same", 0) - shown)
    gone = {one["urn"] for one in refreshed if one["op"] == "delete"}
    drifted = {one["urn"] for one in refreshed if one["op"] == "update"}
    return Digest(
        stack=stack_of(document),
        verdicts=verdicts,
        known=known,
        gone=sorted(gone | set(_not_found(known, verdicts, whole=not untold))),
        drifted=sorted(drifted | set(_not_as_known(known, verdicts))),
        cleared=sorted(urn for urn, own in planned.items() if _is_clearing(own)),
        warnings=list(dict.fromkeys(without_secrets(one) for one in messages(document, "warning"))),
        untold=untold,
        may_be_damaged=bool(document.get("maybeCorrupt")),
    )


def _not_found(known: Mapping[str, State], verdicts: Sequence[Verdict], *, whole: bool) -> Iterator[str]:
    """What must have been gone when the refresh looked: it is made anew, or nothing more is said of it where all else is told of.

    The engine's document has each refresh as it begins, not with what came of it (pulumi, backend/display/json.go).
    """
    made = {one.urn for one in verdicts if one.before is None}
    met = {urn for one in verdicts for urn in (one.urn, (one.before or {}).get("urn"))}
    for urn, state in known.items():
        if state.get("custom") and (urn in made or (whole and urn not in met)):
            yield urn


def _not_as_known(known: Mapping[str, State], verdicts: Sequence[Verdict]) -> Iterator[str]:
    for one in verdicts:
        state = known.get((one.before or {}).get("urn", ""))
        if one.before and state and _inputs(state) != _inputs(one.before):
            yield one.before["urn"]


def _inputs(state: State) -> Mapping[str, Any]:
    return {key: value for key, value in (state.get("inputs") or {}).items() if not key.startswith("__")}


def _is_ours(state: State | None) -> bool:
    """Whether a state is of something that the program makes: not of others, nor the old one of a replacement that was cut off."""
    return bool(state) and not state.get("external") and not state.get("delete")


def is_default_provider(urn: str) -> bool:
    """Whether it is a provider that the engine makes by itself."""
    return _DEFAULT_PROVIDER.search(urn) is not None


def without_secrets(text: str) -> str:
    """A text without what looks like a secret in it."""
    return redacted_text(text, lambda _: SECRET)


def _verdict(urn: str, steps: Sequence[Mapping[str, Any]]) -> Verdict:
    """From all steps that the engine has for one resource, as a replacement has up to three."""
    operations = [one["op"] for one in steps]
    telling = next((one for one in steps if one["op"] in _REPLACING), None) or _last(steps, but=_LEFT)
    differing, replacing = _differing(telling)
    return Verdict(
        urn=urn,
        operation=_operation(operations),
        before=next((one["oldState"] for one in steps if one.get("oldState")), None),
        after=telling.get("newState"),
        imported="import" in operations,
        differing=differing,
        replacing=replacing,
        deletes_first=_deletes_first(operations),
    )


def _operation(operations: Sequence[str]) -> Operation | None:
    """What becomes of a resource. Only "same" and what the engine does with its own notes leave it as it is."""
    if _REPLACING.intersection(operations) or {"create", "delete"}.issubset(operations):
        return "replace"
    if {"create", "import"}.intersection(operations):
        return "create"
    if "update" in operations:
        return "update"
    if "delete" in operations or {_LEFT, "remove-pending-replace"}.issubset(operations):
        return "delete"
    return None


def _is_clearing(steps: Sequence[Mapping[str, Any]]) -> bool:
    operations = [one["op"] for one in steps]
    return _LEFT in operations and _operation(operations) in (None, "update")


def _deletes_first(operations: Sequence[str]) -> bool | None:
    if _LEFT not in operations or "create-replacement" not in operations:
        return None  # told by `--show-replacement-steps` alone
    return operations.index(_LEFT) < operations.index("create-replacement")


def _differing(step: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """What differs, by path, and the paths that replace."""
    detailed = step.get("detailedDiff") or {}
    kinds = {path: one["kind"] for path, one in detailed.items()}
    differing = {path: kind.removesuffix("-replace") for path, kind in kinds.items()}
    replacing = [path for path, kind in kinds.items() if kind.endswith("-replace")]
    for name in step.get("replaceReasons") or ():
        if not any(is_at_or_below(steps_of_path(path), steps_of_path(name)) for path in replacing):
            replacing.append(name)
    for name in (*(step.get("diffReasons") or ()), *replacing):
        if not any(is_at_or_below(steps_of_path(path), steps_of_path(name)) for path in differing):
            differing[name] = "update"
    return differing, replacing


def is_at_or_below(place: Sequence[str | int], other: Sequence[str | int]) -> bool:
    """Whether a place is another, or within it."""
    return tuple(place[: len(other)]) == tuple(other)


def _last(steps: Sequence[Mapping[str, Any]], *, but: str) -> Mapping[str, Any]:
    return next((one for one in reversed(steps) if one["op"] != but), steps[-1])


def _is_stack(urn: str) -> bool:
    return urn.split("::", 3)[2] == _STACK_TYPE


def _parsed(text: str) -> dict[str, Any]:
    """The JSON in a text, what else stands before and after it left aside."""
    start = _OBJECT.search(text)
    if not text.strip():
        raise PreviewError(
            "no preview: standard input is empty; the engine writes its errors to standard error, so see there\n" + _HOW
        )
    if not start:
        raise PreviewError(f"no preview: this is no JSON\n    found:    {_first_line(text)}\n{_HOW}")
    try:
        document, _ = json.JSONDecoder().raw_decode(text, start.start())
    except ValueError as error:
        raise PreviewError(f"no preview: its JSON ends in the middle or is damaged: {error}\n{_HOW}") from None
    if "sequence" in document:
        return _from_events(text[start.start() :])
    if not {"steps", "diagnostics", "changeSummary"}.intersection(document):
        keys = ", ".join(sorted(document)[:8]) or "nothing"
        raise PreviewError(f"no preview: this is other JSON\n    found:    an object with {keys}\n{_HOW}")
    return document


def _from_events(text: str) -> dict[str, Any]:
    """The document that the engine would have written, from its events, one a line."""
    document: dict[str, Any] = {"steps": [], "diagnostics": []}
    refreshing: dict[str, int] = {}
    for event in _events(text):
        if (before := event.get("resourcePreEvent")) and before.get("planning"):
            step = _from_event(before["metadata"])
            if step["op"] == _REFRESH:
                refreshing[step["urn"]] = len(document["steps"])
            document["steps"].append(step)
        elif (after := event.get("resOutputsEvent")) and (
            at := refreshing.pop(after["metadata"]["urn"], None)
        ) is not None:
            step = _from_event(after["metadata"])
            found = "delete" if step["newState"] is None else "update" if step["detailedDiff"] else _REFRESH
            document["steps"][at] = {**step, "op": found}
        elif (said := event.get("diagnosticEvent")) and not said.get("ephemeral"):
            document["diagnostics"].append({**said, "message": _COLOUR.sub("", said["message"])})
        elif summary := event.get("summaryEvent"):
            document["changeSummary"] = summary["resourceChanges"]
            document["maybeCorrupt"] = summary["maybeCorrupt"]
    return document


def _events(text: str) -> Iterator[Mapping[str, Any]]:
    for line in text.splitlines():
        if line.startswith("{"):
            try:
                yield json.loads(line)
            except ValueError:  # the last one, cut off: the summary is missing then
                return


def _from_event(about: Mapping[str, Any]) -> dict[str, Any]:
    detailed = {path: {"kind": one["diffKind"]} for path, one in (about.get("detailedDiff") or {}).items()}
    return {
        "op": about["op"],
        "urn": about["urn"],
        "oldState": about.get("old"),
        "newState": about.get("new"),
        "diffReasons": about.get("diffs"),
        "replaceReasons": about.get("keys"),
        "detailedDiff": detailed,
    }


def _first_line(text: str) -> str:
    return without_secrets(text.strip().splitlines()[0])[:120]
