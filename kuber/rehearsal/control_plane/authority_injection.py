"""A stand-in for cert-manager's injector: tells webhooks and aggregated APIs by whom what answers them is certified."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable

from kuber.rehearsal.api import Api, Kind, Object
from kuber.rehearsal.control_plane.following import Follower

KINDS: tuple[Kind, ...] = (
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    ("apiregistration.k8s.io/v1", "APIService"),
)

_FROM_CERTIFICATE = "cert-manager.io/inject-ca-from"
_FROM_SECRET = "cert-manager.io/inject-ca-from-secret"
_CERTIFICATE: Kind = ("cert-manager.io/v1", "Certificate")
_MANAGER = "kuber-rehearsal-cainjector"


class AuthorityInjection:
    """Fills in `caBundle` where an annotation asks cert-manager's injector for it, with the authority of the stand-in.

    As with cert-manager, nothing is filled in before the Certificate is there; that it has been issued, and that cert-manager
    runs, isn't asked. Where a bundle is another's, the API server won't trust the stand-in: that is noted.

    Args:
        api: The API server.
        certificate: The authority's, PEM.
        note: Told, once for each, of what the stand-in can't answer for.
    """

    def __init__(self, api: Api, certificate: bytes, note: Callable[[str], None]) -> None:
        self._api = api
        self._bundle = base64.b64encode(certificate).decode()
        self._note = note
        self.followers = [Follower(api, kind, self._changed_of(kind)) for kind in KINDS]

    def _changed_of(self, kind: Kind) -> Callable[[Object], bool]:
        return lambda one: self._changed(kind, one)

    def _changed(self, kind: Kind, one: Object) -> bool:
        annotations = one["metadata"].get("annotations", {})
        if _FROM_SECRET in annotations:
            return self._fill(kind, one)
        if source := annotations.get(_FROM_CERTIFICATE):
            namespace, _, name = source.partition("/")
            return self._api.get(_CERTIFICATE, namespace, name) is not None and self._fill(kind, one)
        name = one["metadata"]["name"]
        if any(client.get("caBundle", self._bundle) != self._bundle for client in _clients(one)):
            self._note(f"{kind[1]} {name} has a CA bundle of its own: the stand-in for its service can't answer for it")
        return True

    def _fill(self, kind: Kind, one: Object) -> bool:
        filled = copy.deepcopy(one)
        for client in _clients(filled):
            client["caBundle"] = self._bundle
        if filled != one:
            path = self._api.path(kind, None, one["metadata"]["name"])
            change = {"metadata": {"resourceVersion": one["metadata"]["resourceVersion"]}}
            change |= {field: filled[field] for field in ("webhooks", "spec") if field in filled}
            query = {"fieldManager": _MANAGER}
            self._api.request("PATCH", path, query, body=change, content_type="application/merge-patch+json")
        return True


def _clients(one: Object) -> list[Object]:
    """Where an object says which service answers and whom it is certified by; what is reached by URL isn't among them."""
    clients = [webhook["clientConfig"] for webhook in one.get("webhooks", [])] or [one.get("spec", {})]
    return [client for client in clients if client.get("service") and not client.get("insecureSkipTLSVerify")]
