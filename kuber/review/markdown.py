"""A review as Markdown for a forge's comment. What doesn't fit is counted, never dropped silently."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from . import wording
from .grouping import Group, groups
from .model import Entry, Manifest, Rehearsed, Review

LONGEST = 60_000
"""Characters; GitHub takes 65,536 of a comment's body, GitLab a million."""

_MARKUP = re.compile(r"([\\`*_\[\]|{}])")
_REFERENCE = re.compile(r"(?<!\w)([@#!~%$^])(?=[\w\"])")
"""What forges take for a person, an issue, a label or a formula, and would tell somebody of."""

_BADGES = {"high": "🔴 high", "medium": "🟠 medium", "low": "🟡 low"}
_DANGERS_SHARE, _SMALL_SHARE, _CHANGES_SHARE = 0.35, 0.15, 0.6
"""Of the room that is left: for dangers, for each of the small sections, and for changes beside manifests."""

_MORE = 80
"""Characters kept for the line that counts what doesn't fit."""

_LONGEST_DIFF = 6_000
"""Characters of one object's diff."""


def markdown(review: Review, *, longest: int = LONGEST, page_url: str = "") -> str:
    """The review in at most so many characters.

    Args:
        review: The review.
        longest: Characters; a few hundred are needed at least.
        page_url: Where the whole page is.
    """
    end = f"\n[The whole review]({page_url})\n" if page_url else ""
    head = _head(review)[: longest - len(end)]
    room = longest - len(head) - len(end)
    room -= len(dangers := _dangers(review, int(room * _DANGERS_SHARE)))
    rehearsals = _section(
        "What the rehearsal saw", map(_rehearsal, review.rehearsals), int(room * _SMALL_SHARE), "rehearsals"
    )
    notes = _section("Notes", _notes(review), int(room * _SMALL_SHARE), "notes")
    unknown = _section(
        "Unknown until apply, so nobody has checked it", _unknown(review), int(room * _SMALL_SHARE), "kinds"
    )
    noise = _noise(review)
    room -= sum(map(len, (rehearsals, notes, unknown, noise)))
    changes = _changes(review, int(room * (_CHANGES_SHARE if review.manifests else 1)))
    manifests = _section("Rendered manifests", map(_manifest, review.manifests), room - len(changes), "objects")
    return f"{head}{dangers}{changes}{noise}{manifests}{unknown}{rehearsals}{notes}{end}"


def text(value: str) -> str:
    """A text that Markdown shows as it is: no markup, no HTML, nobody mentioned."""
    return _MARKUP.sub(r"\\\1", _html(value))


def _html(value: str) -> str:
    """A text that HTML shows as it is, in which forges see nobody mentioned."""
    told = escape(_REFERENCE.sub("\\1\u200b", wording.plain(value)), quote=False)
    return told.replace("\u200b", "&#8203;")


def code(value: str) -> str:
    """A text as code, also in a cell of a table."""
    told = wording.plain(value).replace("|", "\\|") or " "
    fence = "`" * (1 + max((len(one) for one in re.findall(r"`+", told)), default=0))
    padding = " " if told[0] == "`" or told[-1] == "`" else ""
    return f"{fence}{padding}{told}{padding}{fence}"


def _head(review: Review) -> str:
    lines = [f"## {text(wording.headline(review))}", "", f"{code(review.base)} → {code(review.head)}"]
    if review.source == "engine":
        lines[-1] += ", as the engine sees it"
    told = [one for one in review.clusters if one.status not in ("same", "broken")]
    if told:
        paid = any(wording.money(one, review.currency) for one in told)
        lines += ["", f"| cluster | what happens | highest danger | nodes |{' a month |' if paid else ''}"]
        lines.append(f"|---|---|---|---|{'---|' if paid else ''}")
        for one in told:
            cells = [
                f"**{text(one.stack)}**",
                text(wording.what(one)),
                _BADGES[one.highest] if one.highest else "none found",
                text(wording.nodes(one).removeprefix("nodes ")),
                *([text(wording.money(one, review.currency).removesuffix(" a month"))] if paid else ()),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    if same := [one.stack for one in review.clusters if one.status == "same"]:
        lines += ["", f"No change: {text(wording.stacks(same, review))}."] if told else []
    for one in review.clusters:
        if one.status == "broken":
            lines += ["", f"**{text(one.stack)} can't be planned:**", "", _fenced(one.problem, "text")]
    return "\n".join(lines) + "\n"


def _dangers(review: Review, room: int) -> str:
    rows = [
        f"| {_BADGES[one.level]} | {text(one.what)} | {text(wording.stacks(one.stacks, review))} | {text(one.reason)} "
        f"| {text(one.advice)} |\n"
        for one in review.dangers
    ]
    head = "\n### Dangers\n\n| level | what | where | why | what to do |\n|---|---|---|---|---|\n"
    kept, left = _fitting(rows, room - len(head) - _MORE)
    rest = f"\n… and {wording.plural(left, 'more danger')} that don't fit here.\n" if left else ""
    return f"{head}{''.join(kept)}{rest}" if rows else ""


def _changes(review: Review, room: int) -> str:
    """The changes by component; of each component as many as there is room for."""
    found = groups(review)
    head = "\n### Changes\n\n"
    room -= len(head)
    told: list[str] = []
    for at, one in enumerate(found):
        tail = f"\n… and {wording.plural(len(found) - at, 'more component')} with changes that don't fit here.\n"
        shown = _group(one, review, room - len(tail))
        if not shown:
            told.append(tail)
            break
        told.append(shown)
        room -= len(shown)
    return head + "".join(told) if found else ""


def _group(group: Group, review: Review, room: int) -> str:
    """What happens in one component; nothing if there isn't room for its heading."""
    is_open = any(one in group.counts for one in ("delete", "replace"))
    head = (
        f"<details{' open' if is_open else ''}><summary><b>{_html(group.component)}</b>: "
        f"{wording.counts(group.counts)}</summary>\n\n"
    )
    end = "\n</details>\n"
    counted = [
        f"- {one.operation} {text(wording.counted(one))} ({text(wording.stacks(one.stacks, review))})\n"
        for one in group.counted
    ]
    room -= len(head) + len(end) + _MORE
    if room < 0:
        return ""
    entries = ["".join(f"{line}\n" for line in _entry(one, review)) for one in group.entries]
    kept, left = _fitting([*entries, *counted], room)
    more = f"- … and {left:,} more that don't fit here\n" if left else ""
    return f"{head}{''.join(kept)}{more}{end}"


def _entry(entry: Entry, review: Review) -> Iterator[str]:
    change = entry.change
    yield f"- **{wording.verb(change)}** {code(change.label)} ({text(wording.stacks(entry.stacks, review))})"
    for line in wording.lines(change):
        if not line.path:
            yield f"  - {text(line.values[0])}"
            continue
        sign = {"added": "added ", "removed": "removed "}.get(line.sign, "")
        remark = f", **{line.remark}**" if line.remark else ""
        yield f"  - {code(line.path)}: {sign}{' → '.join(code(one) for one in line.values)}{remark}"


def _manifest(manifest: Manifest) -> str:
    names = _html(f"{manifest.what} ({', '.join(manifest.stacks)})")
    lines, left = _fitting(manifest.diff.splitlines(keepends=True), _LONGEST_DIFF)
    more = f"\n\n… and {wording.plural(left, 'more line')} that don't fit here." if left else ""
    return f"<details><summary>{manifest.operation} {names}</summary>\n\n{_fenced(''.join(lines), 'diff')}{more}\n\n</details>\n"


def _unknown(review: Review) -> Iterator[str]:
    for one, stacks in wording.unknowns(review):
        yield f"- {text(one)}: {text(wording.stacks(stacks, review))}\n"


def _notes(review: Review) -> Iterator[str]:
    for one, stacks in wording.notes(review):
        yield f"- {text(wording.stacks(stacks, review))}: {text(one)}\n"


def _noise(review: Review) -> str:
    told = wording.noise(review)
    where = ", ".join(f"{number:,} in {name}" for name, number in wording.noise_by_component(review)[:10])
    return f"\nFolded: {text(told)} ({text(where)}).\n" if told else ""


def _rehearsal(one: Rehearsed) -> str:
    lines = [f"- **{text(one.stack)}**: {'nothing broke' if one.fine else '**something broke**'}; {text(one.summary)}"]
    lines += [f"  - {text(problem)}" for problem in one.problems]
    if one.stand_ins:
        lines.append(f"  - stand-ins: {text('; '.join(one.stand_ins))}")
    return "\n".join(lines) + "\n"


def _section(title: str, items: Iterable[str], room: int, what: str) -> str:
    """A section with the items that fit; the others are counted."""
    told = list(items)
    head = f"\n### {title}\n\n"
    kept, left = _fitting(told, room - len(head) - _MORE)
    if not told:
        return ""
    rest = f"\n… and {left:,} more {what} that don't fit here.\n" if left else ""
    return f"{head}{''.join(kept)}{rest}"


def _fitting(items: Sequence[str], room: int) -> tuple[list[str], int]:
    """The first items for which there is room, and how many are left."""
    kept: list[str] = []
    for one in items:
        room -= len(one)
        if room < 0:
            break
        kept.append(one)
    return kept, len(items) - len(kept)


def _fenced(value: str, language: str) -> str:
    told = wording.plain(value, keeping="\n\t").rstrip("\n")
    fence = "`" * max(3, 1 + max((len(one) for one in re.findall(r"`+", told)), default=0))
    return f"{fence}{language}\n{told}\n{fence}"
