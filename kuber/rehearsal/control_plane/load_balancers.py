"""A stand-in for controllers of load balancers: services and ingresses get addresses."""

from __future__ import annotations

import ipaddress
import zlib

from kuber.rehearsal.api import Api, Kind, Object
from kuber.rehearsal.control_plane.following import Follower

_SERVICE: Kind = ("v1", "Service")
_INGRESS: Kind = ("networking.k8s.io/v1", "Ingress")
_ADDRESSES = ipaddress.IPv4Network("203.0.113.0/24")
"""For documentation (RFC 5737): it leads nowhere."""
_WANTED = "metallb.io/loadBalancerIPs"


class LoadBalancers:
    """Gives each Service of type LoadBalancer an address, and each Ingress that of the first such Service.

    It is the address that a Service asks for (MetalLB's annotation, or `loadBalancerIP`), else an address out of the block for
    documentation, or a host name where the Service is one of AWS's controller. That a controller runs isn't asked.

    Args:
        api: The API server.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self.services = Follower(api, _SERVICE, self._service_changed)
        self.followers = [self.services, Follower(api, _INGRESS, self._ingress_changed)]

    def _service_changed(self, service: Object) -> bool:
        if service["spec"].get("type") == "LoadBalancer" and not _address(service):
            self._tell(_SERVICE, service, _address_for(service))
        return True

    def _ingress_changed(self, ingress: Object) -> bool:
        if _address(ingress):
            return True
        addresses = [_address(service) for _, service in sorted(self.services.objects.items())]
        address = next(filter(None, addresses), None)
        if address:
            self._tell(
                _INGRESS, ingress, [{key: one[key] for key in ("ip", "hostname") if key in one} for one in address]
            )
        return bool(address)

    def _tell(self, kind: Kind, one: Object, address: list[Object]) -> None:
        metadata = one["metadata"]
        change = {"status": {"loadBalancer": {"ingress": address}}}
        self._api.merge(kind, metadata["namespace"], metadata["name"], change, "status")


def _address(one: Object) -> list[Object]:
    return one.get("status", {}).get("loadBalancer", {}).get("ingress", [])


def _address_for(service: Object) -> list[Object]:
    metadata, spec = service["metadata"], service["spec"]
    wanted = metadata.get("annotations", {}).get(_WANTED) or spec.get("loadBalancerIP", "")
    if wanted:
        return [{"ip": one.strip()} for one in wanted.split(",")]
    number = zlib.crc32(metadata["uid"].encode())
    if "aws" in spec.get("loadBalancerClass", "") or any("aws-load" in key for key in metadata.get("annotations", {})):
        return [{"hostname": f"{metadata['name'][:20]}-{number:08x}.elb.example.com"}]
    return [{"ip": str(_ADDRESSES[1 + number % (_ADDRESSES.num_addresses - 2)])}]
