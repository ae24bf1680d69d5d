"""Linkerd, for services that ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from ..errors import Problem
from ..model import Name, Settings
from ..pem import Pem
from ..text import Text
from .base import NamespaceName
from .part import ContainerResources, PartSettings

if TYPE_CHECKING:
    from ..cluster import ClusterSettings

ServiceName = Annotated[
    str, Text(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", "a Service: at most 63 small letters, digits and dashes")
]
RouteDuration = Annotated[str, Text(r"\d{1,5}(ms|s|m|h)", "a time such as 300ms, 5s or 1m")]
RetriedStatus = Annotated[
    str,
    Text(
        r"5xx|gateway-error|[1-5]\d\d(-[1-5]\d\d)?", "5xx, gateway-error (502 to 504), a code, or codes such as 500-504"
    ),
]
HeaderName = Annotated[
    str, Text(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", "a header's name in small letters, such as x-test-build", 100)
]


class Retries(Settings):
    """What a caller's proxy asks once more, before the caller hears of a failure."""

    on: Annotated[tuple[RetriedStatus, ...], Field(strict=False, min_length=1)] = ("gateway-error",)
    """Answers that count as failures."""
    limit: Annotated[int, Field(ge=1, le=5)] = 1
    """How often at most, for one request."""
    timeout: RouteDuration | None = None
    """After what time an unanswered request counts as failed, and is asked again."""
    methods: Annotated[
        tuple[Literal["GET", "HEAD", "OPTIONS", "PUT", "DELETE"], ...], Field(strict=False, min_length=1)
    ] = ("GET", "HEAD")
    """Those that can be asked twice without harm. POST and PATCH never are: HTTP doesn't call them idempotent (RFC 9110, 9.2.2)."""


class Timeouts(Settings):
    """After what time a caller's proxy gives up."""

    request: RouteDuration | None = None
    """From the first byte of a request to the last of its answer, retries included."""
    response: RouteDuration | None = None
    """For the answer alone."""
    idle: RouteDuration | None = None
    """Without a byte in either direction."""


class TestBuild(Settings):
    """A build of a pull request, running in a namespace of its own."""

    namespace: NamespaceName
    """Made here, and gone with this line."""
    service: ServiceName | None = None
    """The Service in it; that of the same name unless given."""


class TestBuilds(Settings):
    """Requests with a header go to a test build; all others to the service as ever."""

    header: HeaderName = "x-test-build"
    """Its value names the build. Services hand it on with the requests that they make for a request."""
    builds: dict[Name, TestBuild]
    """By the header's value: `{pr-123: {namespace: test-pr-123}}`."""


class MeshService(Settings):
    """How proxies treat requests to one Service. Only callers with a proxy are affected."""

    namespace: NamespaceName = "default"
    port: Annotated[int, Field(ge=1, le=65535)]
    """The Service's port that takes HTTP."""
    retries: Retries | None = None
    timeouts: Timeouts | None = None
    test_builds: TestBuilds | None = None
    """On stage and development clusters only."""

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        if not (self.retries or self.timeouts or self.test_builds):
            yield Problem(
                message="nothing is said of the service",
                expected="retries, timeouts or test_builds",
                hint="a service is in the mesh by an annotation of its pods, and needs no entry here",
            )


class MeshSettings(PartSettings):
    """Linkerd in high availability. Services opt in: pods with the annotation `linkerd.io/inject: enabled` get a proxy."""

    needs: ClassVar[tuple[str, ...]] = ("certificates",)

    enabled: bool = False
    services: dict[ServiceName, MeshService] = {}
    """Retries, timeouts and test builds, by the Service that requests are for."""
    injection: Literal["cni", "init"] = "cni"
    """How a pod's traffic is led through its proxy: by a plugin on each node, or by a container of the pod with NET_ADMIN, which
    namespaces of the level baseline or restricted refuse."""
    cni_bin_folder: Annotated[str, Text(r"(/[A-Za-z0-9._-]+)+", "an absolute path such as /opt/cni/bin")] | None = None
    """Where nodes have their network plugins; the platform's usual place unless given."""
    webhook_failure_policy: Literal["ignore", "fail"] = "ignore"
    """What happens to new pods while no injector answers: they start without a proxy, or no application's pod starts at all."""
    further_trust_anchors: Pem | None = None
    """Roots that proxies trust beside the cluster's own: the last one while it is being replaced, or other clusters'."""
    replicas: Annotated[int, Field(ge=1, le=5)] = 3
    """Of each program of the control plane."""
    proxy: ContainerResources = ContainerResources(cpu="100m", memory="32Mi", memory_limit="256Mi")
    """Of the proxies; a pod says otherwise by `config.linkerd.io/proxy-cpu-request` and its kind."""
    controller: ContainerResources = ContainerResources(cpu="100m", memory="64Mi", memory_limit="256Mi")
    """Of each container of the control plane."""
    cni: ContainerResources = ContainerResources(cpu="10m", memory="32Mi", memory_limit="128Mi")
    """Of each container of the plugin's pods."""

    def problems_on(self, cluster: ClusterSettings) -> Iterator[Problem]:
        level = cluster.standard_stack.base.default_namespace.pod_security
        if self.injection == "init" and level != "privileged":
            yield Problem(
                path=("injection",),
                message="pods of `default` may not have NET_ADMIN, so none with a proxy would start",
                found=f"init, and base.default_namespace.pod_security {level}",
                expected="cni, or the level privileged",
            )
        for name, service in self.services.items():
            if service.test_builds and cluster.environment == "production":
                yield Problem(
                    path=("services", name, "test_builds"),
                    message="requests of a production cluster don't go to test builds",
                    hint="remove it, or say it on a stage cluster",
                )
