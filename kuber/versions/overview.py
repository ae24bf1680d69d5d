"""The table of Kubernetes versions as people and programs read it, with the stacks that run each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, TextIO

from config.cluster import CloudClusterSettings, ClusterSettings
from config.kubernetes import ADOPTED_FROM_PATCH, VersionSource, may_be_adopted, version_table

_NOTICE_DAYS = 90


@dataclass(frozen=True, kw_only=True)
class VersionRow:
    """One minor on one platform.

    Attributes:
        platform: As stack files name it.
        minor: "1.35".
        patch: Newest patch known; None where the platform doesn't offer the minor.
        adoptable: Whether a cluster may run it without an exception.
        standard_support_until: Last day without extra cost; None where not known.
        days_left: Days until then, below 0 when past; None where not known.
        extended_support_until: Last day at all; None where not known or not offered.
        stacks: Stacks whose control plane runs it; `stack/pool` for a pool with a version of its own.
    """

    platform: str
    minor: str
    patch: str | None
    adoptable: bool
    standard_support_until: date | None
    days_left: int | None
    extended_support_until: date | None
    stacks: Sequence[str]


def rows(
    platforms: Mapping[str, VersionSource], stacks: Mapping[str, ClusterSettings], today: date
) -> Iterator[VersionRow]:
    """All minors of the platforms, oldest first.

    Args:
        platforms: The platforms to show, with whose table holds for each.
        stacks: The settings of the project's stacks.
        today: The day for which adoption and support are judged.
    """
    for platform, source in platforms.items():
        running = _running({name: one for name, one in stacks.items() if one.platform == platform})
        for minor, release in version_table(source).minors.items():
            until = release.standard_support_until
            yield VersionRow(
                platform=platform,
                minor=minor,
                patch=release.patch,
                adoptable=may_be_adopted(minor, source, today),
                standard_support_until=until,
                days_left=(until - today).days if until else None,
                extended_support_until=release.extended_support_until,
                stacks=running.get(minor, []),
            )


def _running(stacks: Mapping[str, ClusterSettings]) -> dict[str, list[str]]:
    running: dict[str, list[str]] = {}
    for name, settings in stacks.items():
        control_plane = settings.kubernetes.version
        running.setdefault(control_plane, []).append(name)
        for pool_name, pool in settings.pools.items() if isinstance(settings, CloudClusterSettings) else ():
            minor = ".".join((pool.version or control_plane).split(".")[:2])
            if minor != control_plane:
                running.setdefault(minor, []).append(f"{name}/{pool_name}")
    return running


def as_json(table: Sequence[VersionRow], platforms: Mapping[str, VersionSource]) -> dict[str, Any]:
    """The table for programs; days as ISO 8601."""
    days = {platform: version_table(source).as_of.isoformat() for platform, source in platforms.items()}
    versions = [
        {key: value.isoformat() if isinstance(value, date) else value for key, value in asdict(row).items()}
        for row in table
    ]
    return {"format": 1, "as_of": days, "versions": versions}


def show(table: Sequence[VersionRow], platforms: Mapping[str, VersionSource], file: TextIO) -> None:
    """Write the table; in colour on a terminal, plain elsewhere."""
    from rich.table import Table

    from kuber.console import console_for

    console = console_for(file)
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("platform", "minor", "patch", "may be adopted", "standard support", "extended support", "stacks"):
        shown.add_column(column)
    before = None
    for row in table:
        if before not in (None, row.platform):
            shown.add_row()
        before = row.platform
        shown.add_row(
            row.platform,
            row.minor,
            row.patch or "-",
            "[green]yes[/green]" if row.adoptable else f"no: {_why_not(row)}",
            _support(row),
            str(row.extended_support_until or "-"),
            ", ".join(row.stacks),
        )
    console.print(shown)
    known = ", ".join(f"{platform} {version_table(source).as_of}" for platform, source in platforms.items())
    console.print(f"\nAs known on: {known}. `kuber versions --refresh` brings the table up to date.")


def _why_not(row: VersionRow) -> str:
    if row.patch is None:
        return "not offered"
    return "support ended" if row.days_left is not None and row.days_left < 0 else f"before patch {ADOPTED_FROM_PATCH}"


def _support(row: VersionRow) -> str:
    if row.standard_support_until is None or row.days_left is None:
        return "-"
    colour = "red" if row.days_left < 0 else "yellow" if row.days_left <= _NOTICE_DAYS else None
    left = f"{row.days_left} days left" if row.days_left >= 0 else "ended"
    text = f"{row.standard_support_until} ({left})"
    return f"[{colour}]{text}[/{colour}]" if colour else text
