"""Simulated Vault: auth methods, mounts, policies and roles of the Kubernetes auth method."""

from __future__ import annotations

from collections.abc import Mapping

from kuber.rehearsal.cloud.kinds import Autoname, Kind, Needs, Resource, Unique

_AUTH = "vault:index/authBackend:AuthBackend"


def _path(resource: Resource) -> str:
    return str(resource.get("path") or resource.get("type")).strip("/")


def _of_backend() -> Needs:
    return Needs(
        "backend",
        _AUTH,
        "path",
        'Error making API request. Code: 404. Errors: * no handler for route "auth/{value}/config". route entry not found.',
        goes_too=True,
    )


KINDS: Mapping[str, Kind] = {
    _AUTH: Kind(
        id=_path,
        outputs=lambda resource: {
            "accessor": f"auth_{resource.get('type')}_{resource.hex(8)}",
            "path": _path(resource),
        },
        unique=[Unique(["path"], "Error making API request. Code: 400. Errors: * path is already in use at {path}/")],
    ),
    "vault:index/mount:Mount": Kind(
        id=lambda resource: str(resource.get("path")).strip("/"),
        outputs=lambda resource: {"accessor": f"{resource.get('type')}_{resource.hex(8)}"},
        unique=[Unique(["path"], "Error making API request. Code: 400. Errors: * existing mount at {path}/")],
    ),
    "vault:index/policy:Policy": Kind(
        id=lambda resource: resource.get("name"),
        autoname=Autoname(property="name", length=512),
        unique=[Unique(["name"], "")],
        overwrites=True,  # a PUT
    ),
    "vault:kubernetes/authBackendConfig:AuthBackendConfig": Kind(
        id=lambda resource: f"auth/{resource.get('backend', 'kubernetes')}/config",
        unique=[Unique(["backend"], "")],
        needs=[_of_backend()],
        overwrites=True,
    ),
    "vault:kubernetes/authBackendRole:AuthBackendRole": Kind(
        id=lambda resource: f"auth/{resource.get('backend', 'kubernetes')}/role/{resource.get('roleName')}",
        unique=[Unique(["backend", "roleName"], "")],
        needs=[_of_backend()],
        overwrites=True,
    ),
}
