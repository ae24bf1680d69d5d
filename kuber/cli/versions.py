"""`kuber versions`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from config.cluster import ClusterSettings
from config.errors import StackFileError
from config.kubernetes import TABLE, VersionSource, version_table
from config.stack_file import PLATFORMS, read, settings_class
from config.today import today
from kuber.project import ProjectNotFoundError, find_project, stack_names

from .errors import CommandError

if TYPE_CHECKING:
    from kuber.versions.refresh import Change
    from kuber.versions.sources import Answer


def run(platform: str | None, refresh: bool, as_json: bool, upstream_url: str | None, project: Path | None) -> None:
    """Show the table of Kubernetes versions, brought up to date first where that is asked for."""
    from kuber.versions import overview

    platforms: dict[str, VersionSource] = {
        one: settings_class(one).version_source for one in PLATFORMS if platform in (None, one)
    }
    stacks = _stacks(project)
    changes = _refresh(platforms, stacks, upstream_url) if refresh else None
    table = list(overview.rows(platforms, stacks, today()))
    if as_json:
        said = [asdict(change) for change in changes or ()]
        print(json.dumps(overview.as_json(table, platforms) | {"changes": said}, indent=2))
        return
    if changes is not None:
        lines = [f"  {change}" for change in changes] or ["  nothing: it was up to date"]
        print("\n".join(["Changed in config/kubernetes_versions.yaml:", *lines, ""]))
    overview.show(table, platforms, sys.stdout)


def _stacks(project: Path | None) -> dict[str, ClusterSettings]:
    """The settings of all stacks that can be read; outside a project there are none."""
    try:
        folder = find_project(project)
    except ProjectNotFoundError:
        return {}
    stacks: dict[str, ClusterSettings] = {}
    for name in stack_names(folder):
        try:
            stacks[name] = read(name, folder)
        except StackFileError:
            _tell(f"{name} is left out: its stack file can't be used; `kuber validate {name}` says why")
    return stacks


def _refresh(
    platforms: Mapping[str, VersionSource], stacks: Mapping[str, ClusterSettings], upstream_url: str | None
) -> list[Change]:
    """Ask each platform, and write down what is said.

    Raises:
        CommandError: no platform could be asked, or the table can't be written.
    """
    from kuber.versions.refresh import refresh_table
    from kuber.versions.sources import SourceError

    answers: dict[VersionSource, Answer] = {}
    for source in platforms.values():
        try:
            answers[source] = _ask(source, stacks, upstream_url)
        except SourceError as error:
            _tell(f"{source}: skipped: {error}")
    if not answers:
        raise CommandError("no platform could be asked; the table is as it was")
    try:
        return refresh_table(TABLE, answers, today())
    except OSError as error:
        raise CommandError(f"{TABLE}: can't be written: {error.strerror}") from None


def _ask(source: VersionSource, stacks: Mapping[str, ClusterSettings], upstream_url: str | None) -> Answer:
    from config.eks import EksCluster
    from config.gke import GkeCluster
    from kuber.versions.sources import UPSTREAM_URL, ask_eks, ask_gke, ask_upstream

    def tell(line: str) -> None:
        _tell(f"{source}: {line}")

    match source:
        case "eks":
            eks = next((one for one in stacks.values() if isinstance(one, EksCluster)), None)
            return ask_eks(eks.region if eks else None, tell)
        case "gke":
            gke = next((one for one in stacks.values() if isinstance(one, GkeCluster)), None)
            return ask_gke(gke.project.id if gke else None, gke.region if gke else None, tell)
        case "upstream":
            return ask_upstream(version_table(source).minors, upstream_url or UPSTREAM_URL, tell)


def _tell(line: str) -> None:
    print(line, file=sys.stderr)
