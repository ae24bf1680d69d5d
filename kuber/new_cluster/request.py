"""What the user asks for, and whether it is enough."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from ipaddress import IPv4Network
from pathlib import Path

from .errors import RequestError

PRIVATE_ADDRESSES = IPv4Network("10.0.0.0/8")


@dataclass(frozen=True, kw_only=True)
class Request:
    """The options of `kuber new-cluster`; None or empty where one isn't given.

    Attributes:
        name: The stack's name.
        platform: eks, gke or bare_metal.
        like: The stack whose file is the pattern; None for the platform's own pattern.
        environment: production, stage or development.
        kubernetes: The control plane's minor, "1.36"; on bare metal the one that is there.
        from_range: Where a cloud's address ranges are taken from; PRIVATE_ADDRESSES unless given.
        admins: Principals with all rights, by what they are for.
        private_cidrs: Ranges that reach the API server, by name.
        region: Region of a cloud.
        zones: Zones of the region.
        account_id: AWS account.
        project_id: Google Cloud project.
        project_number: Its number.
        site: The data centre.
        inventory: CSV file of machines.
        kubeconfig: Kubeconfig by which the cluster is reached now.
        context: The context of it.
        machines_cidr: Range of the machines' addresses.
        pods_cidr: Range of the pods' addresses.
        services_cidr: Range of services' addresses.
        load_balancers_cidr: Range for load balancers.
    """

    name: str
    platform: str | None = None
    like: str | None = None
    environment: str | None = None
    kubernetes: str | None = None
    from_range: IPv4Network | None = None
    admins: Mapping[str, str] | None = None
    private_cidrs: Mapping[str, str] | None = None
    region: str | None = None
    zones: Sequence[str] = ()
    account_id: str | None = None
    project_id: str | None = None
    project_number: str | None = None
    site: str | None = None
    inventory: Path | None = None
    kubeconfig: Path | None = None
    context: str | None = None
    machines_cidr: str | None = None
    pods_cidr: str | None = None
    services_cidr: str | None = None
    load_balancers_cidr: str | None = None

    def given(self) -> set[str]:
        """The fields that were given."""
        return {field.name for field in fields(self) if getattr(self, field.name)}


_GENERAL = {"name", "platform", "like", "environment", "kubernetes"}
_MACHINES = (
    *("inventory", "kubeconfig", "context", "kubernetes"),
    *("machines_cidr", "pods_cidr", "services_cidr", "load_balancers_cidr"),
)
"""Facts of a cluster that exists: none can be chosen for it, or taken over from another one."""
_REQUIRED: Mapping[str, Sequence[str]] = {
    "eks": ("environment", "region", "account_id", "admins", "private_cidrs"),
    "gke": ("environment", "region", "project_id", "project_number", "admins", "private_cidrs"),
    "bare_metal": ("environment", "site", *_MACHINES),
}
_REQUIRED_WITH_PATTERN: Mapping[str, Sequence[str]] = {"eks": (), "gke": (), "bare_metal": _MACHINES}
"""Two clusters may share an account or a project, but no machine."""
_OPTIONAL: Mapping[str, Sequence[str]] = {
    "eks": ("zones", "from_range"),
    "gke": ("zones", "from_range"),
    "bare_metal": (),
}

_ZONES_BY_ACCOUNT = "us-west-1"
"""An account has two of its three zones, and which two differs (AWS documentation, "Availability Zones")."""

_EXAMPLES: Mapping[str, str | Sequence[str]] = {
    "environment": "stage",
    "region": "eu-west-1",
    "zones": ("us-west-1a", "us-west-1c"),
    "account_id": "210987654321",
    "project_id": "shop-stage-7f3a",
    "project_number": "481516234299",
    "admins": "platform-team=arn:aws:iam::210987654321:role/platform-admin",
    "private_cidrs": "office-vpn=10.250.0.0/20",
    "site": "london",
    "inventory": "machines.csv",
    "kubeconfig": "~/.kube/config",
    "context": "london",
    "kubernetes": "1.36",
    "machines_cidr": "10.41.0.0/20",
    "pods_cidr": "10.46.0.0/16",
    "services_cidr": "10.47.0.0/16",
    "load_balancers_cidr": "10.41.15.0/24",
}
_GKE_EXAMPLES = {"region": "europe-west1", "admins": "platform-team=group:platform@example.com"}


def option(field: str) -> str:
    """The option of a field: `admins` is given by `--admin`."""
    return "--" + {"admins": "admin", "private_cidrs": "private-cidr", "zones": "zone"}.get(
        field, field.replace("_", "-")
    )


def ensure_complete(request: Request, platform: str) -> None:
    """All that the platform needs is given, and nothing that it doesn't have.

    Args:
        request: What the user asks for.
        platform: The platform that was given, or that of the pattern.

    Raises:
        RequestError: options are missing, or foreign; the text names all of them, with an example.
    """
    foreign = request.given() - _GENERAL - {*_REQUIRED[platform], *_OPTIONAL[platform]}
    if foreign:
        has = [option(field) for field in (*_REQUIRED[platform], *_OPTIONAL[platform])]
        raise RequestError(
            f"{platform} has no {_listed(sorted(foreign))}\n    expected: of {', '.join(has)}",
        )
    required = (_REQUIRED_WITH_PATTERN if request.like else _REQUIRED)[platform]
    if request.project_id or request.project_number:
        required = [*required, "project_id", "project_number"]  # they belong together
    hint = ""
    if platform == "eks" and request.region == _ZONES_BY_ACCOUNT:
        required = [*required, "region", "zones"]
        hint = (
            f"\n    hint:     an account has two zones of {_ZONES_BY_ACCOUNT}: "
            f"`aws ec2 describe-availability-zones --region {_ZONES_BY_ACCOUNT}` names them"
        )
    missing = [field for field in dict.fromkeys(required) if field not in request.given()]
    if missing:
        raise RequestError(
            f"a new cluster on {platform} needs {_listed(missing)} too\n"
            f"    expected: such as\n{_example(request, platform, required)}"
            f"{hint if 'zones' in missing else ''}"
        )


def _listed(fields_: Sequence[str]) -> str:
    return ", ".join(option(field) for field in fields_)


def _example(request: Request, platform: str, required: Sequence[str]) -> str:
    """A command line that would do, with what was given already."""
    examples = {**_EXAMPLES, **(_GKE_EXAMPLES if platform == "gke" else {})}
    start = f"--like {request.like}" if request.like else f"--platform {platform}"
    words = [f"      kuber new-cluster {request.name} {start}"]
    for field in dict.fromkeys(required):
        value = getattr(request, field) or examples[field]
        for shown in _as_typed(value):
            words.append(f"        {option(field)} {shown if shown.startswith('~') else shlex.quote(shown)}")
    return " \\\n".join(words)


def _as_typed(value: object) -> list[str]:
    """The values of an option, one for each time that it stands; of named ones the first is enough."""
    match value:
        case Mapping():
            return [f"{name}={one}" for name, one in value.items()][:1]
        case tuple() | list():
            return [str(one) for one in value]
        case _:
            return [str(value)]


def named_values(values: Sequence[str], field: str) -> dict[str, str]:
    """`NAME=VALUE` options as a mapping.

    Raises:
        RequestError: one has no name or no value, or a name stands twice.
    """
    found: dict[str, str] = {}
    for value in values:
        name, _, rest = value.partition("=")
        if not name or not rest:
            raise RequestError(
                f"{option(field)} {value}: has no {'name' if rest or not name else 'value'}\n"
                f"    expected: NAME=VALUE, such as {_EXAMPLES[field]}"
            )
        if name in found:
            raise RequestError(f"{option(field)}: `{name}` stands twice\n    expected: each name once")
        found[name] = rest
    return found
