"""Who vouches for proxies: a root of the cluster's own, and under it an issuer that is renewed each day."""

from __future__ import annotations

from typing import Any

from components.charts.manifests import Manifest

from ..certificates.part import NAMESPACE as TRUST_NAMESPACE
from ..certificates.part import bundle

TRUST_ANCHOR = "mesh-trust-anchor"
"""The root: its Certificate and Secret where trust-manager reads, and the ClusterIssuer that signs with it."""
TRUST_ROOTS = "linkerd-identity-trust-roots"
"""The ConfigMap that Linkerd reads; trust-manager writes it."""
ISSUER = "linkerd-identity-issuer"
"""The Certificate with which Linkerd signs those of proxies."""
WEBHOOKS = ("linkerd-proxy-injector", "linkerd-sp-validator", "linkerd-policy-validator")
_SELF_SIGNED = "mesh-self-signed"
_CERTIFICATES_API = "cert-manager.io/v1"
_AUTHORITY = ["cert sign", "crl sign", "server auth", "client auth"]


def identity(namespace: str, further_trust_anchors: str | None) -> list[Manifest]:
    """Root, issuer, and the certificates of the webhooks.

    Args:
        namespace: Linkerd's.
        further_trust_anchors: Roots that proxies trust too, PEM.
    """
    sources: list[dict[str, Any]] = [{"secret": {"name": TRUST_ANCHOR, "key": "tls.crt"}}]
    if further_trust_anchors:
        sources.append({"inLine": further_trust_anchors})
    return [
        *_trust_anchor(),
        *_only_for(namespace),
        bundle(TRUST_ROOTS, sources, {"kubernetes.io/metadata.name": namespace}),
        _certificate(
            ISSUER,
            duration="48h",
            renew_before="25h",
            host="identity.linkerd.cluster.local",
            secret=ISSUER,
            usages=_AUTHORITY,
            is_authority=True,
        ),
        *(
            _certificate(
                webhook_certificate(name),
                duration="2160h",
                renew_before="720h",
                host=f"{name}.{namespace}.svc",
                secret=webhook_certificate(name),
                usages=["server auth"],
            )
            for name in WEBHOOKS
        ),
    ]


def webhook_certificate(service: str) -> str:
    """Name of the Certificate of a webhook, and of its Secret, which Linkerd expects so."""
    return f"{service}-k8s-tls"


def _trust_anchor() -> list[Manifest]:
    """The root. Its key stays when it is renewed, so that proxies that know the last one still trust what it signs."""
    at = {"namespace": TRUST_NAMESPACE}
    return [
        {
            "apiVersion": _CERTIFICATES_API,
            "kind": "Issuer",
            "metadata": {"name": _SELF_SIGNED, **at},
            "spec": {"selfSigned": {}},
        },
        {
            "apiVersion": _CERTIFICATES_API,
            "kind": "Certificate",
            "metadata": {"name": TRUST_ANCHOR, **at},
            "spec": {
                "secretName": TRUST_ANCHOR,
                "isCA": True,
                "commonName": "root.linkerd.cluster.local",
                "duration": "87600h",
                "renewBefore": "8760h",
                "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Never"},
                "usages": _AUTHORITY,
                "issuerRef": {"group": "cert-manager.io", "kind": "Issuer", "name": _SELF_SIGNED},
            },
        },
        {
            "apiVersion": _CERTIFICATES_API,
            "kind": "ClusterIssuer",
            "metadata": {"name": TRUST_ANCHOR},
            "spec": {"ca": {"secretName": TRUST_ANCHOR}},
        },
    ]


def _only_for(namespace: str) -> list[Manifest]:
    """Nobody else is signed for by the root: cert-manager itself lets every namespace use a ClusterIssuer."""
    expression = (
        f"request.namespace == '{namespace}' || object.spec.issuerRef.name != '{TRUST_ANCHOR}' || "
        "!has(object.spec.issuerRef.kind) || object.spec.issuerRef.kind != 'ClusterIssuer'"
    )
    rule = {
        "apiGroups": ["cert-manager.io"],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["certificates", "certificaterequests"],
    }
    api = "admissionregistration.k8s.io/v1"
    return [
        {
            "apiVersion": api,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": TRUST_ANCHOR},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [
                    {"expression": expression, "message": f"the issuer {TRUST_ANCHOR} signs for {namespace} alone"}
                ],
            },
        },
        {
            "apiVersion": api,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": TRUST_ANCHOR},
            "spec": {"policyName": TRUST_ANCHOR, "validationActions": ["Deny"]},
        },
    ]


def _certificate(
    name: str,
    *,
    duration: str,
    renew_before: str,
    host: str,
    secret: str,
    usages: list[str],
    is_authority: bool = False,
) -> Manifest:
    return {
        "apiVersion": _CERTIFICATES_API,
        "kind": "Certificate",
        "metadata": {"name": name},
        "spec": {
            "secretName": secret,
            "isCA": is_authority,
            "commonName": host,
            "dnsNames": [host],
            "duration": duration,
            "renewBefore": renew_before,
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "usages": usages,
            "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": TRUST_ANCHOR},
        },
    }
