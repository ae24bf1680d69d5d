"""Writes what sources say into the table of Kubernetes versions; facts are corrected and added, never taken away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString as Quoted

from config.kubernetes import VersionSource, minor_number, version_table
from kuber.files import replace_file
from kuber.round_trip import dump, load, put

from .sources import Answer, version_order

_KEYS = ("patch", "build", "released", "standard_support_until", "extended_support_until")


@dataclass(frozen=True, kw_only=True)
class Change:
    """One fact of the table that is another now.

    Attributes:
        platform: Whose fact it is.
        minor: The Kubernetes minor; None for a fact about the platform's table.
        key: The fact's key in the table.
        before: What stood there; None for a new fact.
        after: What stands there now.
    """

    platform: VersionSource
    minor: str | None
    key: str
    before: str | None
    after: str

    def __str__(self) -> str:
        """The change on one line."""
        what = " ".join(part for part in (self.platform, self.minor, self.key) if part)
        return f"{what}: {self.before} → {self.after}" if self.before else f"{what}: {self.after} (new)"


def refresh_table(table: Path, answers: Mapping[VersionSource, Answer], today: date) -> list[Change]:
    """Bring the table's file up to date with what was said, and say what changed.

    Raises:
        OSError: the file can't be written; it is as it was.
    """
    document = load(table.read_text(encoding="utf-8"))
    changes: list[Change] = []
    for platform, answer in answers.items():
        changes += _update(document["platforms"][platform], platform, answer, today)
    replace_file(table, dump(document))
    version_table.cache_clear()
    return changes


def _update(platform: CommentedMap, name: VersionSource, answer: Answer, today: date) -> Iterator[Change]:
    minors = platform["minors"]
    oldest = min(map(minor_number, minors))
    for minor in sorted(answer.facts, key=minor_number):
        if minor_number(minor) < oldest:
            continue  # the table doesn't grow backwards
        news = list(_news(minors.get(minor, {}), answer.facts[minor]))
        if minor not in minors and news:
            put(minors, Quoted(minor), CommentedMap({key: Quoted(after) for key, _, after in news}))
        for key, before, after in news:
            put(minors[minor], key, Quoted(after))
            yield Change(platform=name, minor=minor, key=key, before=before, after=after)
    _cite(platform["sources"], answer.source, today)
    before = str(platform["as_of"])
    if before != today.isoformat():
        platform["as_of"] = Quoted(today.isoformat())
        yield Change(platform=name, minor=None, key="as_of", before=before, after=today.isoformat())


def _news(known: Mapping[str, Any], said: Mapping[str, str]) -> Iterator[tuple[str, str | None, str]]:
    """Facts that are new or other. A patch never goes back: a cloud's regions get a new one on different days."""
    goes_back = "patch" in known and "patch" in said and _older(said, known)
    for key in _KEYS:
        before, after = known.get(key), said.get(key)
        if after is None or str(before) == after or (goes_back and key in ("patch", "build")):
            continue
        yield key, None if before is None else str(before), after


def _older(said: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    said_version, known_version = (str(one.get("build") or one["patch"]) for one in (said, known))
    return version_order(said_version) < version_order(known_version)


def _cite(sources: CommentedSeq, source: str, today: date) -> None:
    """Name the source with the day, in place of the last time."""
    line = Quoted(f"{source}, {today}")
    for index, known in enumerate(sources):
        if str(known).startswith(f"{source}, "):
            sources[index] = line
            return
    sources.insert(0, line)
