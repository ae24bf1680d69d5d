"""Simulated Google Cloud. Errors are worded as the Google APIs' errors: "googleapi: Error 409: …, alreadyExists"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any

from kuber.rehearsal.cloud.kinds import Autoname, CloudError, Kind, Needs, Resource, Unique
from kuber.wire import UNKNOWN, Properties, secret

CLUSTER = "gcp:container/cluster:Cluster"
NODE_POOL = "gcp:container/nodePool:NodePool"
_NETWORK = "gcp:compute/network:Network"
_SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"
_ROUTER = "gcp:compute/router:Router"
_KEY_RING = "gcp:kms/keyRing:KeyRing"
_KEY = "gcp:kms/cryptoKey:CryptoKey"
_ACCOUNT = "gcp:serviceaccount/account:Account"
_API = "https://www.googleapis.com/compute/v1"
_NEWEST_VERSION = "1.35.4-gke.1000000"


def project_of(resource: Resource) -> str:
    """The project that a resource is in."""
    return resource.get("project") or resource.place.owner


def _region_of(resource: Resource) -> str:
    return resource.get("region") or resource.place.region


def _path(collection: str, *, regional: bool) -> Callable[[Resource], str]:
    def id_of(resource: Resource) -> str:
        scope = f"regions/{_region_of(resource)}" if regional else "global"
        return f"projects/{project_of(resource)}/{scope}/{collection}/{resource.get('name')}"

    return id_of


def _described(**more: Callable[[Resource], Any]) -> Callable[[Resource], Properties]:
    def outputs(resource: Resource) -> Properties:
        return {
            "selfLink": f"{_API}/{resource.record.id}",
            "project": project_of(resource),
            **{name: value(resource) for name, value in more.items()},
        }

    return outputs


def _created(resource: Resource) -> str:
    return resource.record.created_at.isoformat()


def _already(what: str) -> str:
    return f"googleapi: Error 409: The resource '{what}' already exists, alreadyExists"


def _not_found(what: str) -> str:
    return f"googleapi: Error 404: {what} '{{value}}' was not found, notFound"


def _in_use(what: str) -> str:
    return f"googleapi: Error 400: The {what} resource '{{id}}' is already being used by '{{user}}', resourceInUseByAnotherResource"


def _subnetwork(resource: Resource) -> Properties:
    cidr = resource.get("ipCidrRange")
    gateway = str(ip_network(cidr)[1]) if cidr not in (None, UNKNOWN) else UNKNOWN
    return _described(creationTimestamp=_created)(resource) | {
        "region": _region_of(resource),
        "gatewayAddress": gateway,
        "subnetworkId": int(resource.digits(15)),
        "fingerprint": resource.hex(12),
    }


def _ranges_are_apart(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """All ranges of a network's subnetworks lie beside each other, the secondary ones too."""
    own = _ranges(resource.inputs)
    for other in resource.all(_SUBNETWORK, network=resource.get("network")):
        for mine in own:
            for theirs in _ranges(other.inputs):
                if ip_network(mine).overlaps(ip_network(theirs)):
                    raise CloudError(
                        f"googleapi: Error 400: Invalid IPCidrRange: {mine} conflicts with existing subnetwork"
                        f" '{other.id}' in network, invalid"
                    )


def _ranges(inputs: Mapping[str, Any]) -> list[str]:
    secondary = inputs.get("secondaryIpRanges") or []
    ranges = [inputs.get("ipCidrRange"), *(one.get("ipCidrRange") for one in secondary if isinstance(one, Mapping))]
    return [one for one in ranges if isinstance(one, str) and one != UNKNOWN]


def _cluster_id(resource: Resource) -> str:
    location = resource.get("location") or resource.place.region
    return f"projects/{project_of(resource)}/locations/{location}/clusters/{resource.get('name')}"


def _cluster(resource: Resource) -> Properties:
    endpoint = resource.endpoint
    version = _full_version(resource.get("minMasterVersion"))
    return {
        "project": project_of(resource),
        "selfLink": f"https://container.googleapis.com/v1/{resource.record.id}",
        "endpoint": endpoint.url.removeprefix("https://")
        if endpoint
        else f"198.51.100.{1 + int(resource.hex(2), 16) % 254}",
        "masterAuth": {
            "clusterCaCertificate": endpoint.authority_data if endpoint else "",
            "clientCertificate": "",
            "clientKey": secret(""),
        },
        "masterVersion": version,
        "nodeVersion": version,
        "labelFingerprint": resource.hex(8),
        "location": resource.get("location") or resource.place.region,
    }


def _full_version(asked: Any) -> str:
    """What Google makes of "1.35": its newest patch."""
    if not asked or asked == UNKNOWN:
        return _NEWEST_VERSION
    return asked if "-gke." in asked else f"{asked}{'.4' if asked.count('.') == 1 else ''}-gke.1000000"


def _one_minor_at_a_time(resource: Resource, before: Mapping[str, Any] | None) -> None:
    if before is None:
        return
    old, new = before.get("minMasterVersion"), resource.get("minMasterVersion")
    if not old or new in (None, UNKNOWN):
        return
    step = _minor(new) - _minor(old)
    if step < 0:
        raise CloudError(
            f"googleapi: Error 400: Master cannot be downgraded from {_full_version(old)} to {_full_version(new)}, badRequest"
        )
    if step > 1:
        raise CloudError(
            f'googleapi: Error 400: Master cannot be upgraded to "{new}": cannot upgrade the master more than a minor version at a'
            " time, badRequest"
        )


def _minor(version: str) -> int:
    try:
        return int(version.split(".")[1])
    except (IndexError, ValueError):
        raise CloudError(f'googleapi: Error 400: Version "{version}" is invalid, badRequest') from None


def _is_unprotected(resource: Resource) -> None:
    if resource.get("deletionProtection", True):  # the provider's own default is to protect
        raise CloudError(
            "Cannot destroy cluster because deletion_protection is set to true. Set it to false to proceed"
        )


def _pool_id(resource: Resource) -> str:
    return f"{cluster_of(resource)}/nodePools/{resource.get('name')}"


def cluster_of(resource: Resource) -> str:
    """The id of a node pool's cluster, which may be named by its id or its name alone."""
    cluster = str(resource.get("cluster"))
    location = resource.get("location") or resource.place.region
    return cluster if "/" in cluster else f"projects/{project_of(resource)}/locations/{location}/clusters/{cluster}"


def _pool(resource: Resource) -> Properties:
    urls = [
        f"{_API}/projects/{project_of(resource)}/zones/{zone}/instanceGroupManagers/{group_name(resource, zone)}"
        for zone in resource.get("nodeLocations") or []
    ]
    cluster = resource.find(CLUSTER, id=cluster_of(resource))
    version = resource.get("version") or (cluster.outputs["masterVersion"] if cluster else _NEWEST_VERSION)
    return {
        "project": project_of(resource),
        "instanceGroupUrls": urls,
        "managedInstanceGroupUrls": urls,
        "version": version,
        "nodeCount": resource.get("nodeCount")
        or resource.record.outputs.get("nodeCount")
        or resource.get("initialNodeCount", 0),
        "maxPodsPerNode": resource.get("maxPodsPerNode")
        or (cluster.inputs.get("defaultMaxPodsPerNode") if cluster else None)
        or 110,
    }


def group_name(resource: Resource, zone: str) -> str:
    """The managed instance group of a pool in a zone; its instances' names begin with it."""
    cluster = cluster_of(resource).rpartition("/")[2]
    return f"gke-{cluster[:14]}-{str(resource.get('name'))[:20].rstrip('-')}-{resource.hex(8, zone)}"


def _pool_needs_its_cluster(resource: Resource, _: Mapping[str, Any] | None) -> None:
    cluster = cluster_of(resource)
    if UNKNOWN not in cluster and resource.find(CLUSTER, id=cluster) is None:
        raise CloudError(f"googleapi: Error 404: Not found: {cluster}., notFound")


def _account(resource: Resource) -> Properties:
    email = f"{resource.get('accountId')}@{project_of(resource)}.iam.gserviceaccount.com"
    return {
        "email": email,
        "member": f"serviceAccount:{email}",
        "name": f"projects/{project_of(resource)}/serviceAccounts/{email}",
        "uniqueId": resource.digits(21),
        "project": project_of(resource),
    }


def _etag(resource: Resource) -> Properties:
    return {"etag": f"BwY{resource.hex(8)}="}


def _binding(*properties: str, needs: tuple[Needs, ...] = ()) -> Kind:
    """A member's role on something: asking for it again changes nothing."""
    return Kind(
        id=lambda resource: "/".join(str(resource.get(one)) for one in (*properties, "role", "member")),
        outputs=_etag,
        global_=True,
        overwrites=True,
        unique=[Unique([*properties, "role", "member"], "")],
        needs=needs,
    )


def _named(length: int = 63) -> Autoname:
    return Autoname(property="name", length=length, lower=True)


_OF_NETWORK = Needs("network", _NETWORK, "id|name|selfLink", _not_found("Network"), _in_use("network"))

KINDS: Mapping[str, Kind] = {
    _NETWORK: Kind(
        id=_path("networks", regional=False),
        outputs=_described(
            networkId=lambda resource: resource.digits(19), numericId=lambda resource: resource.digits(19)
        ),
        autoname=_named(),
        global_=True,
        unique=[Unique(["name"], _already("projects/{owner}/global/networks/{name}"))],
    ),
    _SUBNETWORK: Kind(
        id=_path("subnetworks", regional=True),
        outputs=_subnetwork,
        autoname=_named(),
        unique=[Unique(["name"], _already("projects/{owner}/regions/{region}/subnetworks/{name}"))],
        needs=[_OF_NETWORK],
        rules=[_ranges_are_apart],
    ),
    _ROUTER: Kind(
        id=_path("routers", regional=True),
        outputs=_described(creationTimestamp=_created),
        autoname=_named(),
        unique=[Unique(["name"], _already("projects/{owner}/regions/{region}/routers/{name}"))],
        needs=[_OF_NETWORK],
    ),
    "gcp:compute/routerNat:RouterNat": Kind(
        id=lambda resource: (
            f"{project_of(resource)}/{_region_of(resource)}/{resource.get('router')}/{resource.get('name')}"
        ),
        outputs=lambda resource: {"project": project_of(resource), "region": _region_of(resource)},
        autoname=_named(),
        unique=[
            Unique(["router", "name"], "googleapi: Error 400: NAT {name} already exists on router {router}, invalid")
        ],
        needs=[Needs("router", _ROUTER, "name|id|selfLink", _not_found("Router"), goes_too=True)],
    ),
    CLUSTER: Kind(
        id=_cluster_id,
        outputs=_cluster,
        autoname=_named(40),
        unique=[
            Unique(
                ["name", "location"],
                "googleapi: Error 409: Already exists: projects/{owner}/locations/{location}/clusters/{name}., alreadyExists",
            )
        ],
        needs=[
            _OF_NETWORK,
            Needs("subnetwork", _SUBNETWORK, "id|name|selfLink", _not_found("Subnetwork"), _in_use("subnetwork")),
        ],
        rules=[_one_minor_at_a_time],
        guard=_is_unprotected,
    ),
    NODE_POOL: Kind(
        id=_pool_id,
        outputs=_pool,
        autoname=_named(40),
        unique=[Unique(["cluster", "name"], "googleapi: Error 409: Already exists: {id}., alreadyExists")],
        needs=[Needs("cluster", CLUSTER, "id|name", "", goes_too=True)],  # GKE deletes a cluster's pools with it
        rules=[_pool_needs_its_cluster],
    ),
    _KEY_RING: Kind(
        id=lambda resource: (
            f"projects/{project_of(resource)}/locations/{resource.get('location')}/keyRings/{resource.get('name')}"
        ),
        outputs=lambda resource: {"project": project_of(resource)},
        autoname=_named(),
        global_=True,
        lasting=True,
        unique=[
            Unique(
                ["location", "name"],
                "googleapi: Error 409: KeyRing projects/{owner}/locations/{location}/keyRings/{name} already exists.",
            )
        ],
    ),
    _KEY: Kind(
        id=lambda resource: f"{resource.get('keyRing')}/cryptoKeys/{resource.get('name')}",
        outputs=lambda resource: {
            "purpose": resource.get("purpose", "ENCRYPT_DECRYPT"),
            "primaries": [{"name": f"{resource.record.id}/cryptoKeyVersions/1", "state": "ENABLED"}],
        },
        autoname=_named(),
        global_=True,
        lasting=True,
        unique=[
            Unique(["keyRing", "name"], "googleapi: Error 409: CryptoKey {keyRing}/cryptoKeys/{name} already exists.")
        ],
        needs=[Needs("keyRing", _KEY_RING, "id", _not_found("KeyRing"))],
    ),
    _ACCOUNT: Kind(
        id=lambda resource: (
            f"projects/{project_of(resource)}/serviceAccounts/"
            f"{resource.get('accountId')}@{project_of(resource)}.iam.gserviceaccount.com"
        ),
        outputs=_account,
        autoname=Autoname(property="accountId", length=30, lower=True),
        global_=True,
        unique=[
            Unique(
                ["accountId"],
                "googleapi: Error 409: Service account {accountId} already exists within project projects/{owner}., alreadyExists",
            )
        ],
    ),
    "gcp:serviceaccount/iAMMember:IAMMember": _binding(
        "serviceAccountId",
        needs=(Needs("serviceAccountId", _ACCOUNT, "name", _not_found("Service account"), goes_too=True),),
    ),
    "gcp:projects/iAMMember:IAMMember": _binding("project"),
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": _binding(
        "cryptoKeyId", needs=(Needs("cryptoKeyId", _KEY, "id", _not_found("CryptoKey")),)
    ),
    "gcp:dns/dnsManagedZoneIamMember:DnsManagedZoneIamMember": _binding("project", "managedZone"),
    "gcp:storage/bucketIAMMember:BucketIAMMember": _binding("bucket"),
}
