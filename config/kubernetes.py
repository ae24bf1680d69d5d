"""Which Kubernetes versions a cluster and its pools may run: adoption, skew between them, steps, and support dates.

The facts are a dated table in the repository (kubernetes_versions.yaml), so that a plan needs no network;
`kuber versions --refresh` brings it up to date.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from .errors import Problem, shown
from .model import Date, MinorVersion, Settings
from .yaml_source import parse

TABLE = Path(__file__).with_name("kubernetes_versions.yaml")
ADOPTED_FROM_PATCH = 2
"""A new minor is taken up at its patch 2: by then what the first users hit is mended."""

VersionSource = Literal["eks", "gke", "upstream"]


@dataclass(frozen=True, kw_only=True)
class MinorRelease:
    """What a platform offers of one Kubernetes minor.

    Attributes:
        patch: Newest patch known on the table's date, "1.35.4"; None where the platform doesn't offer the minor yet.
        standard_support_until: Last day without extra cost; None where not known.
        extended_support_until: Last day at all; None where not known or not offered.
    """

    patch: str | None = None
    standard_support_until: date | None = None
    extended_support_until: date | None = None

    @property
    def patch_level(self) -> int | None:
        """The 4 of 1.35.4."""
        return int(self.patch.split(".")[2]) if self.patch else None


@dataclass(frozen=True)
class VersionTable:
    """The minors of one platform, as known on a day.

    Attributes:
        node_skew: How many minors nodes may lag behind the control plane.
    """

    as_of: date
    node_skew: int
    minors: Mapping[str, MinorRelease]


@cache
def version_table(source: VersionSource) -> VersionTable:
    """The table of a platform, from the repository."""
    data = parse(TABLE.read_text(), TABLE.name).value
    platform = data["platforms"][source]
    return VersionTable(
        date.fromisoformat(str(platform["as_of"])),
        platform["node_skew"],
        {minor: _release(facts) for minor, facts in platform["minors"].items()},
    )


def _release(facts: Mapping[str, str]) -> MinorRelease:
    days = {key: date.fromisoformat(str(facts[key])) for key in facts if key.endswith("_until")}
    return MinorRelease(
        patch=facts.get("patch"),
        standard_support_until=days.get("standard_support_until"),
        extended_support_until=days.get("extended_support_until"),
    )


def minor_number(version: str) -> int:
    """The 35 of "1.35", "1.35.4" or "1.35.4-gke.1067000"."""
    return int(version.split(".")[1])


class EarlyAdoption(Settings):
    """Leave to run a minor before its patch 2: for whom, why, and until when."""

    version: MinorVersion
    reason: Annotated[str, Field(min_length=10)]
    """Why it can't wait."""
    approved_by: Annotated[str, Field(min_length=2)]
    """The person who answers for it."""
    expires: Date
    """Last day on which it holds."""


class KubernetesSettings(Settings):
    """The control plane's Kubernetes version."""

    version: MinorVersion
    """The minor, in quotes: "1.35". The platform picks the patch."""
    early_adoption: EarlyAdoption | None = None


def adoption_problems(kubernetes: KubernetesSettings, source: VersionSource, today: date) -> Iterator[Problem]:
    """Whether the control plane's minor is known and has reached patch 2.

    One that is out of support is warned of, and no error: a cluster that runs it can still be worked on.
    """
    table, version = version_table(source), kubernetes.version
    release = table.minors.get(version)
    if release is None:
        known = ", ".join(table.minors)
        yield Problem(
            path=("version",),
            message="unknown Kubernetes version",
            found=shown(version),
            expected=f"one of {known} (table of {table.as_of})",
            hint="`kuber versions --refresh` brings the table up to date",
        )
        return
    yield from _early_problems(kubernetes, release, table, today)


def may_be_adopted(minor: str, source: VersionSource, today: date) -> bool:
    """Whether a new cluster may run a minor on a day: no exception is needed for it, and its standard support lasts."""
    release = version_table(source).minors[minor]
    supported = release.standard_support_until is None or today <= release.standard_support_until
    return supported and not any(adoption_problems(KubernetesSettings(version=minor), source, today))


def adoptable_minors(source: VersionSource, today: date) -> list[str]:
    """The minors that a new cluster may run on a day, oldest first."""
    minors = sorted(version_table(source).minors, key=minor_number)
    return [minor for minor in minors if may_be_adopted(minor, source, today)]


def _early_problems(
    kubernetes: KubernetesSettings, release: MinorRelease, table: VersionTable, today: date
) -> Iterator[Problem]:
    if release.patch_level is not None and release.patch_level >= ADOPTED_FROM_PATCH:
        return
    version, exception = kubernetes.version, kubernetes.early_adoption
    if release.patch is None:
        yield Problem(
            path=("version",),
            message=f"Kubernetes {version} is not offered on this platform yet",
            found=shown(version),
            expected=f"one of {', '.join(minor for minor, one in table.minors.items() if one.patch)}",
            hint="`kuber versions --refresh` brings the table up to date",
        )
        return
    if exception is None or exception.version != version:
        yield Problem(
            path=("version",),
            message=f"Kubernetes {version} is not adopted before patch {ADOPTED_FROM_PATCH}",
            found=f"newest patch {release.patch} (table of {table.as_of})",
            expected=f"{version}.{ADOPTED_FROM_PATCH} or later on this platform",
            hint="wait, or state why not in `early_adoption` (version, reason, approved_by, expires)",
        )
    elif exception.expires < today:
        yield Problem(
            path=("early_adoption", "expires"),
            message=f"the exception of {exception.approved_by} ended on {exception.expires}",
            found=f"newest patch {release.patch} (table of {table.as_of})",
            expected=f"a later day, agreed anew, or a version with patch {ADOPTED_FROM_PATCH}",
        )


def skew_problem(pool_version: str, control_plane: str, node_skew: int) -> Problem | None:
    """Nodes never lead the control plane, and lag at most as far as the platform allows."""
    lag = minor_number(control_plane) - minor_number(pool_version)
    oldest = f"1.{minor_number(control_plane) - node_skew}"
    if 0 <= lag <= node_skew:
        return None
    what = "leads the control plane" if lag < 0 else f"lags the control plane by {lag} minors"
    return Problem(
        path=("version",),
        message=f"the pool {what}",
        found=shown(pool_version),
        expected=f"{oldest} to {control_plane}",
        hint="upgrade the control plane first" if lag < 0 else "move its work to a newer pool first",
    )


def step_problem(before: str, after: str) -> Problem | None:
    """A control plane moves one minor at a time, forward (Kubernetes documentation, "Version Skew Policy")."""
    step = minor_number(after) - minor_number(before)
    if step in (0, 1):
        return None
    return Problem(
        path=("kubernetes", "version"),
        message="a control plane moves one minor at a time" if step > 1 else "a control plane does not go back",
        found=f"{before} → {after}",
        expected=f"1.{minor_number(before) + 1}" if step > 1 else before,
        hint="upgrade minor by minor, with the pools following" if step > 1 else None,
    )
