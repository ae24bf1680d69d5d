"""What makes a cluster another one than its pattern, platform by platform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.scalarstring import DoubleQuotedScalarString as Quoted
from ruamel.yaml.scalarstring import LiteralScalarString as Literal

from kuber.round_trip import flow, remove

from .draft import Draft
from .existing_cluster import read_existing_cluster
from .inventory import read_inventory
from .request import Request, option

_OTHER_LETTERS: Mapping[str, str] = {
    "ca-central-1": "abd",
    "ap-northeast-1": "acd",
    "europe-west1": "bcd",
    "us-east1": "bcd",
}
"""All other regions have zones a to c (AWS documentation, "Availability Zones"; Google Cloud's, "Regions and zones"); what
an account has in us-west-1, it must say itself."""


def default_zones(platform: str, region: str) -> list[str]:
    """Three zones of a region, by the cloud's usual letters."""
    dash = "" if platform == "eks" else "-"
    return [f"{region}{dash}{letter}" for letter in _OTHER_LETTERS.get(region, "abc")]


def fill(draft: Draft, request: Request) -> None:
    """Put what the user gave into the draft.

    Raises:
        InputError: the inventory or the kubeconfig can't be used.
    """
    draft.set(("environment",), request.environment, option("environment"))
    match draft.cluster["platform"]:
        case "eks":
            _fill_eks(draft, request)
        case "gke":
            _fill_gke(draft, request)
        case _:
            _fill_bare_metal(draft, request)


def heading(cluster: CommentedMap) -> str:
    """The first line of a stack file, in words: "Stage on AWS, eu-west-1."."""
    environment = str(cluster["environment"]).capitalize()
    match cluster["platform"]:
        case "eks":
            return f"{environment} on AWS, {cluster['region']}."
        case "gke":
            return f"{environment} on Google Cloud, {cluster['region']}."
        case _:
            return f"{environment} on our own machines, {cluster['site']}."


def _fill_eks(draft: Draft, request: Request) -> None:
    before = draft.cluster["account_id"]
    if request.account_id and request.account_id != before:
        draft.set(("account_id",), Quoted(request.account_id), option("account_id"))
        for principals in draft.cluster["access"].values():
            for name, principal in principals.items():
                principals[name] = principal.replace(f"::{before}:", f"::{request.account_id}:")
    _fill_cloud(draft, request)


def _fill_gke(draft: Draft, request: Request) -> None:
    draft.set(("project", "id"), request.project_id, option("project_id"))
    if request.project_number:
        draft.set(("project", "number"), Quoted(request.project_number), option("project_number"))
    _fill_cloud(draft, request)
    access = draft.cluster["access"]
    people = [*access["admins"].values(), *access.get("viewers", {}).values()]
    groups = [one for one in people if one.startswith("group:")]
    if request.admins and groups:
        domain = groups[0].rpartition("@")[2]
        draft.set(("access", "security_group"), f"gke-security-groups@{domain}", option("admins"))
    elif not groups:
        remove(access, "security_group")


def _fill_cloud(draft: Draft, request: Request) -> None:
    cluster = draft.cluster
    platform, before = cluster["platform"], list(cluster["zones"])
    moved = request.region is not None and request.region != cluster["region"]
    draft.set(("region",), request.region, option("region"))
    zones = list(request.zones) or (default_zones(platform, cluster["region"]) if moved else before)
    if zones != before:
        draft.set(("zones",), flow(zones), option("zones") if request.zones else option("region"))
        _move_pools(cluster, before, zones)
    if moved and not request.zones:
        draft.notes.append(f"zones {', '.join(zones)}: the usual ones; {option('zones')} names others")
    _replace(draft, request, ("access", "admins"), request.admins)
    _replace(draft, request, ("endpoint", "private_cidrs"), request.private_cidrs)


def _replace(draft: Draft, request: Request, path: tuple[str, str], given: Mapping[str, str] | None) -> None:
    """Set what was given for all that the pattern has, and say what of another stack's is gone by that."""
    if not given:
        return
    before = draft.cluster[path[0]].get(path[1], {})
    dropped = [name for name, value in before.items() if given.get(name) != value]
    if request.like and dropped:
        draft.notes.append(
            f"left out: {', '.join(dropped)} of {'.'.join(path)} of the pattern: "
            f"{option(path[1])} stands for all of them"
        )
    draft.set_all(path, given, option(path[1]))


def _move_pools(cluster: CommentedMap, before: Sequence[str], zones: Sequence[str]) -> None:
    """Pools that are in some zones alone go to those at the same places."""
    places = dict(zip(before, zones, strict=False))
    for pool in cluster["pools"].values():
        kept = [places[zone] for zone in pool.get("zones") or () if zone in places]
        if kept:
            pool["zones"] = flow(kept)
        else:
            remove(pool, "zones")


def _fill_bare_metal(draft: Draft, request: Request) -> None:
    draft.set(("site",), request.site, option("site"))
    draft.set(("network", "machines_cidr"), request.machines_cidr, option("machines_cidr"))
    draft.set(("network", "pods_cidr"), request.pods_cidr, option("pods_cidr"))
    draft.set(("network", "services_cidr"), request.services_cidr, option("services_cidr"))
    draft.set(("network", "load_balancers_cidr"), request.load_balancers_cidr, option("load_balancers_cidr"))
    if request.kubeconfig and request.context:
        _fill_provisioner(draft, request.kubeconfig, request.context)
    if request.inventory:
        _fill_machines(draft, request.inventory)


def _fill_provisioner(draft: Draft, kubeconfig: Path, context: str) -> None:
    existing = read_existing_cluster(kubeconfig, context)
    plugin = CommentedMap(api_version=existing.plugin.api_version, command=existing.plugin.command)
    if existing.plugin.args:
        plugin["args"] = flow(existing.plugin.args)
    if existing.plugin.env:
        plugin["env"] = flow(existing.plugin.env)
    origin = f"{kubeconfig}, context {context}"
    draft.set(("provisioner", "server"), existing.server, origin)
    draft.set(("provisioner", "certificate_authority"), Literal(existing.certificate_authority), origin)
    draft.set_all(("provisioner", "exec"), plugin, origin)


def _fill_machines(draft: Draft, inventory: Path) -> None:
    lines = read_inventory(inventory)
    known = draft.cluster.get("pools", {})
    names = dict.fromkeys(line.settings["pool"] for line in lines if "pool" in line.settings)
    pools = {name: known.get(name) or CommentedMap(labels=flow({"workload": name})) for name in names}
    draft.set_all(("pools",), pools, str(inventory))
    draft.set_all(("machines",), {line.name: flow(line.settings) for line in lines}, str(inventory))
    for line in lines:
        draft.origins["machines", line.name] = f"{inventory}:{line.line}"
        if "pool" in line.settings:
            draft.origins.setdefault(("pools", line.settings["pool"]), f"{inventory}:{line.line}")
