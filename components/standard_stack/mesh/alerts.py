"""When the mesh needs a person."""

from __future__ import annotations

from components.charts.manifests import Manifest

from ..alerts import Alert, alerts

_INJECTOR = "linkerd-proxy-injector.linkerd.io"
_UNANSWERED = (
    f'sum(increase(apiserver_admission_webhook_fail_open_count{{name="{_INJECTOR}"}}[15m])) > 0 or '
    f'sum(increase(apiserver_admission_webhook_rejection_count{{name="{_INJECTOR}",error_type="calling_webhook_error"}}[15m])) > 0'
)


def mesh_alerts() -> Manifest:
    """Alerts on the control plane's metrics, the proxies' and the API server's."""
    return alerts(
        "mesh",
        Alert(
            name="MeshIssuerExpiresSoon",
            expression='min(issuer_cert_ttl_seconds{namespace="system-mesh"}) < 72000',
            pending="15m",
            severity="critical",
            summary="The mesh's issuer expires in {{ $value | humanizeDuration }}: then no proxy gets a certificate",
            action="It is renewed 25 hours before: look at the Certificate linkerd-identity-issuer in system-mesh.",
        ),
        Alert(
            name="MeshProxyCertificatesExpireSoon",
            expression="count by (namespace) (identity_cert_expiration_timestamp_seconds - time() < 14400)",
            pending="15m",
            severity="critical",
            summary="{{ $value }} proxies of {{ $labels.namespace }} haven't renewed their certificates",
            action="They do so 7 hours before the end: look at the pods linkerd-identity, and at the proxies' logs.",
        ),
        Alert(
            name="MeshControlPlaneDown",
            expression='kube_deployment_status_replicas_available{namespace="system-mesh", deployment=~"linkerd-.+"} == 0',
            pending="5m",
            severity="critical",
            summary="{{ $labels.deployment }} has no pod that is ready",
            action="Look at its pods: `kubectl -n system-mesh describe deployment {{ $labels.deployment }}`.",
        ),
        Alert(
            name="MeshInjectionFails",
            expression=_UNANSWERED,
            pending="0m",
            severity="warning",
            summary="The API server couldn't ask the injector: pods started without a proxy, or not at all",
            action="Look at linkerd-proxy-injector and its certificate; then restart pods that lack a proxy.",
        ),
    )
