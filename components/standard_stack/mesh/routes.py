"""Routes to one service: retries, timeouts, and requests that go to a test build by a header.

Linkerd answers 404 to what no route of a service matches, so each service with a route has one that takes all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from components.charts.manifests import Manifest
from config.standard_stack.mesh import MeshService, Retries, TestBuild, Timeouts

from ..base import REACHES_DEFAULT

GATEWAY_API = "gateway.networking.k8s.io/v1"
_RETRIED = "retried"


def routes(name: str, service: MeshService) -> list[Manifest]:
    """HTTPRoutes of a Service: one for all requests, and one for those that are retried."""
    timeouts = _timeout_annotations(service.timeouts)
    made = [_route(name, service, name, [], timeouts)]
    if service.retries:
        methods = [{"method": method} for method in service.retries.methods]
        made.append(
            _route(f"{name}-{_RETRIED}", service, name, methods, timeouts | _retry_annotations(service.retries))
        )
    return made


def test_namespaces(services: Mapping[str, MeshService], pod_security: str) -> list[Manifest]:
    """Namespaces of test builds, into which routes from the services' namespaces may lead.

    Args:
        services: By name.
        pod_security: Level that the namespaces enforce; that of the applications.
    """
    sources: dict[str, set[str]] = {}
    for service in services.values():
        for build in _builds(service).values():
            sources.setdefault(build.namespace, set()).add(service.namespace)
    return [one for name in sorted(sources) for one in _test_namespace(name, sorted(sources[name]), pod_security)]


def _test_namespace(name: str, sources: Iterable[str], pod_security: str) -> list[Manifest]:
    labels = {
        "kuber.dev/test-build": "true",
        REACHES_DEFAULT: "true",
        "pod-security.kubernetes.io/enforce": pod_security,
    }
    grant = {
        "from": [
            {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": source} for source in sources
        ],
        "to": [{"group": "", "kind": "Service"}],
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": labels, "annotations": {"linkerd.io/inject": "enabled"}},
        },
        {
            "apiVersion": GATEWAY_API,
            "kind": "ReferenceGrant",
            "metadata": {"name": "mesh-routes", "namespace": name},
            "spec": grant,
        },
    ]


def _route(
    name: str, service: MeshService, parent: str, matches: list[dict[str, Any]], annotations: dict[str, str]
) -> Manifest:
    """One route: requests with a build's header to that build, those without to the service.

    Each rule of a route repeats its matches: where two routes match, a method counts for more than a header (Gateway API,
    HTTPRouteRule).
    """
    rules = [
        {
            "matches": [{**one, "headers": [_header(service, value)]} for one in matches or [{}]],
            "backendRefs": [{"name": build.service or parent, "namespace": build.namespace, "port": service.port}],
        }
        for value, build in sorted(_builds(service).items())
    ]
    usual = {"backendRefs": [{"name": parent, "port": service.port}]} | ({"matches": matches} if matches else {})
    return {
        "apiVersion": GATEWAY_API,
        "kind": "HTTPRoute",
        "metadata": {
            "name": name,
            "namespace": service.namespace,
            **({"annotations": annotations} if annotations else {}),
        },
        "spec": {
            "parentRefs": [{"group": "", "kind": "Service", "name": parent, "port": service.port}],
            "rules": [*rules, usual],
        },
    }


def _builds(service: MeshService) -> Mapping[str, TestBuild]:
    return service.test_builds.builds if service.test_builds else {}


def _header(service: MeshService, value: str) -> dict[str, str]:
    assert service.test_builds is not None
    return {"type": "Exact", "name": service.test_builds.header, "value": value}


def _timeout_annotations(timeouts: Timeouts | None) -> dict[str, str]:
    given = timeouts.model_dump(exclude_none=True) if timeouts else {}
    return {f"timeout.linkerd.io/{name}": value for name, value in given.items()}


def _retry_annotations(retries: Retries) -> dict[str, str]:
    return {
        "retry.linkerd.io/http": ",".join(retries.on),
        "retry.linkerd.io/limit": str(retries.limit),
        **({"retry.linkerd.io/timeout": retries.timeout} if retries.timeout else {}),
    }
