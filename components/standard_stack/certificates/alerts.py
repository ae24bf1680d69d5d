"""When certificates need a person."""

from __future__ import annotations

from components.charts.manifests import Manifest

from ..alerts import Alert, alerts

_EXPIRY = "max by (namespace, name) (certmanager_certificate_expiration_timestamp_seconds)"
_RENEWAL = "max by (namespace, name) (certmanager_certificate_renewal_timestamp_seconds)"


def certificate_alerts() -> Manifest:
    """Alerts on cert-manager's metrics. Certificates live from hours to years, so lateness is judged by each one's own renewal."""
    return alerts(
        "certificates",
        Alert(
            name="CertificateExpiresSoon",
            expression=f"({_EXPIRY} - time() < 86400) and ({_EXPIRY} > 0) and ({_RENEWAL} < time() - 1800)",
            pending="5m",
            severity="critical",
            summary="Certificate {{ $labels.namespace }}/{{ $labels.name }} expires in {{ $value | humanizeDuration }}",
            action="It should have been renewed: `cmctl status certificate` shows which step fails.",
        ),
        Alert(
            name="CertificateRenewalOverdue",
            expression=f"(time() - {_RENEWAL} > 3600) and ({_RENEWAL} > 0)",
            pending="15m",
            severity="warning",
            summary="Certificate {{ $labels.namespace }}/{{ $labels.name }} should have been renewed "
            "{{ $value | humanizeDuration }} ago",
            action="`cmctl status certificate` shows which step fails.",
        ),
        Alert(
            name="CertificateNotReady",
            expression='max by (namespace, name) (certmanager_certificate_ready_status{condition="True"}) == 0',
            pending="30m",
            severity="warning",
            summary="Certificate {{ $labels.namespace }}/{{ $labels.name }} isn't ready",
            action="`kubectl describe` the Certificate, then its CertificateRequest, Order and Challenge.",
        ),
        Alert(
            name="CertificateIssuerNotReady",
            expression='max by (name) (certmanager_clusterissuer_ready_status{condition="True"}) == 0',
            pending="15m",
            severity="warning",
            summary="Issuer {{ $labels.name }} can't issue",
            action="`kubectl describe clusterissuer {{ $labels.name }}` tells what its authority answered.",
        ),
        Alert(
            name="AcmeRateLimited",
            expression='sum by (host) (increase(certmanager_http_acme_client_request_count{status="429"}[1h])) > 0',
            pending="0m",
            severity="warning",
            summary="{{ $labels.host }} refuses certificate orders: too many requests",
            action="Find what orders again and again: `kubectl get orders -A --sort-by=.metadata.creationTimestamp`.",
        ),
        Alert(
            name="CertManagerDown",
            expression='absent(up{namespace="system-certificates", job="cert-manager"} == 1)',
            pending="10m",
            severity="critical",
            summary="cert-manager isn't running: nothing is issued or renewed",
            action="Look at the pods of system-certificates.",
        ),
    )
