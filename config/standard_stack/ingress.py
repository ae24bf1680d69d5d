"""How requests come in: NGINX or Traefik."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import AddressValueError, IPv4Address
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from ..errors import Problem, shown
from ..model import Name, NamedCidrs, Settings
from ..text import Text
from .part import ContainerResources, HostName, PartSettings

if TYPE_CHECKING:
    from ..cluster import ClusterSettings

HeaderName = Annotated[
    str,
    Text(
        r"[A-Za-z0-9][A-Za-z0-9-]*",
        "a header's whole name such as X-Internal-User: neither NGINX nor Traefik knows wildcards here",
        64,
    ),
]
HeaderValue = Annotated[
    str, Text(r"[ !#%-\[\]-~]+", "a header's value on one line, without \", $ and backslashes", 2000)
]
HeaderNames = Annotated[tuple[HeaderName, ...], Field(strict=False)]
LoadBalancerAddress = Annotated[
    str,
    Text(
        r"(\d{1,3}\.){3}\d{1,3}|eipalloc-[0-9a-f]+", "an address such as 10.40.15.10, or on EKS eipalloc-0a1b2c3d4e5f"
    ),
]
CertificateHost = Annotated[
    str,
    Text(r"(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]+", "a name such as shop.example or *.shop.example", 253),
]
ErrorCode = Annotated[int, Field(ge=400, le=599)]
Line = Annotated[str, Text(r"[^\x00-\x1f<>]+", "one line without < and >", 300)]

STANDARD_RESPONSE_HEADERS = {
    "X-XSS-Protection": "0",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
"""On every response, errors and redirects included (OWASP, "HTTP Security Response Headers Cheat Sheet")."""
HSTS_HEADER = "Strict-Transport-Security"
_PRELOAD_SECONDS = 31_536_000
_PROTOCOL_HEADERS = frozenset(
    {"connection", "content-length", "content-type", "host", "location", "transfer-encoding", "upgrade"}
)
_NO_PAGE = {444, 499}
"""NGINX's own, for connections that are closed without an answer."""


class IngressClassSettings(Settings):
    """One ingress class, with controllers and a load balancer of its own."""

    enabled: bool = True
    replicas: Annotated[int, Field(ge=2, le=50)] | None = None
    """How many controllers; 3 in production and 2 elsewhere unless given."""
    resources: ContainerResources = ContainerResources(cpu="250m", memory="256Mi", memory_limit="1Gi")
    """Of each controller."""
    source_ranges: NamedCidrs = {}
    """Who may reach the load balancer, by what they are; whoever has a route to it unless given. The internal one is always
    open to the cluster's own addresses."""
    addresses: Annotated[tuple[LoadBalancerAddress, ...], Field(strict=False)] = ()
    """Fixed addresses of the load balancer. EKS: allocations of elastic addresses (public) or private addresses (internal), one for
    each zone; elsewhere: one address that is reserved for it."""
    address_pool: Name | None = None
    """The pool of MetalLB that the address comes from; on own machines alone."""
    annotations: dict[str, str] = {}
    """More annotations of the load balancer's Service; they win over those that kuber sets."""


class HstsSettings(Settings):
    """Strict-Transport-Security on responses over TLS. Browsers keep to it as long as it says: it can't be taken back sooner."""

    enabled: bool = True
    max_age_seconds: Annotated[int, Field(ge=0)] = _PRELOAD_SECONDS
    include_subdomains: bool = False
    """Also for all names below the host's, whoever serves them."""
    preload: bool = False
    """Asks to be built into browsers; next to impossible to undo."""

    def conflicts(self) -> Iterator[Problem]:
        if self.preload and not (self.include_subdomains and self.max_age_seconds >= _PRELOAD_SECONDS):
            yield Problem(
                path=("preload",),
                message="browsers' lists refuse this",
                expected=f"`include_subdomains: true` and `max_age_seconds` of at least {_PRELOAD_SECONDS}",
                hint="https://hstspreload.org tells the rules",
            )

    @property
    def value(self) -> str:
        """The header's value."""
        parts = [f"max-age={self.max_age_seconds}"]
        return "; ".join([*parts, *["includeSubDomains"] * self.include_subdomains, *["preload"] * self.preload])


class ProxySettings(Settings):
    """How the ingress talks to services, unless a service says otherwise on its Ingress (docs/parts/ingress.md)."""

    connect_timeout_seconds: Annotated[int, Field(ge=1, le=75)] = 5
    read_timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    """Longest silence of a service while it answers; with Traefik, until its answer begins."""
    send_timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    """Longest silence while a request is sent to a service; NGINX alone."""
    body_size_mib: Annotated[int, Field(ge=1, le=10240)] = 10
    """Largest request. With Traefik it holds for all services: none can have more."""
    buffers: Annotated[int, Field(ge=4, le=256)] = 8
    """Buffers of a response; NGINX alone."""
    buffer_kib: Annotated[int, Field(ge=4, le=256)] = 16
    """Of each buffer, and of a response's headers; NGINX alone."""


class DefaultCertificate(Settings):
    """A certificate for Ingresses whose `tls` names no secret, and for hosts that no Ingress has; cert-manager gets it."""

    issuer: Name
    """A ClusterIssuer. One that solves challenges by HTTP can't be it: the controllers start with the certificate."""
    hosts: Annotated[tuple[CertificateHost, ...], Field(strict=False, min_length=1)]


class TlsSettings(Settings):
    """TLS of all hosts."""

    redirect: bool = True
    """From http to https, for hosts with TLS; with Traefik for all."""
    minimum_version: Literal["1.2", "1.3"] = "1.2"
    default_certificate: DefaultCertificate | None = None


class ErrorText(Settings):
    """What one error page says."""

    title: Line
    message: Line


class ErrorPagesSettings(Settings):
    """Standard pages instead of services' errors: HTML, or JSON for who accepts that. The status stays as it was."""

    enabled: bool = True
    codes: Annotated[tuple[ErrorCode, ...], Field(strict=False, min_length=1)] = (404, 500, 502, 503, 504)
    """Errors of services that are replaced."""
    except_hosts: Annotated[tuple[HostName, ...], Field(strict=False)] = ()
    """Hosts whose services' error pages pass as they are, such as an API's; NGINX alone."""
    company: Line = "Shop"
    """Who the pages say they are of."""
    support_url: (
        Annotated[str, Text(r"https://[^\s\"'<>\\]+", "an address such as https://help.shop.example")] | None
    ) = None
    """Where the pages point for help."""
    texts: dict[Annotated[str, Text(r"[45]\d\d", 'a status in quotes such as "503"')], ErrorText] = {}
    """Other texts than the standard ones, by status."""
    replicas: Annotated[int, Field(ge=2, le=10)] = 2
    resources: ContainerResources = ContainerResources(cpu="20m", memory="32Mi", memory_limit="64Mi")

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        for code in sorted(_NO_PAGE & set(self.codes)):
            yield Problem(path=("codes",), message="nobody is left who could read the page", found=str(code))
        for code in sorted(set(self.texts) - {str(one) for one in (404, *self.codes)}):
            yield Problem(
                path=("texts", code),
                message="there is no page of this status",
                expected=f"{code} among `codes`, or no text",
            )


class IngressSettings(PartSettings):
    """How requests come in: controllers of the ingress classes `public` and `internal`, and what holds for all they serve."""

    needs: ClassVar[tuple[str, ...]] = ("load_balancers",)

    flavour: Literal["nginx", "traefik"] = "nginx"
    """F5 NGINX Ingress Controller, or Traefik."""
    public: IngressClassSettings = IngressClassSettings()
    """Reachable from the internet."""
    internal: IngressClassSettings = IngressClassSettings()
    """Reachable from the company's own networks."""
    default_class: Literal["public", "internal"] | None = None
    """The class of Ingresses that name none; those aren't served unless given."""
    response_headers: dict[HeaderName, HeaderValue | None] = {}
    """On every response, beside the standard ones; another value for a standard one, or `null` to drop it."""
    service_headers: HeaderNames | None = None
    """Response headers for which a service's own answer stands, the ingress's filling in; X-Frame-Options and Referrer-Policy unless
    given. Of all others the ingress's value alone is sent. NGINX alone: with Traefik the ingress's value always stands."""
    hidden_response_headers: HeaderNames = (
        "X-Powered-By",
        "Server",
        "X-AspNet-Version",
        "X-AspNetMvc-Version",
        "X-Runtime",
        "X-Internal-Service",
        "X-Internal-Trace",
        "X-Internal-User",
    )
    """Never leave the cluster: whole names."""
    stripped_request_headers: HeaderNames = (
        "X-Internal-Auth",
        "X-Internal-Roles",
        "X-Internal-Service",
        "X-Internal-User",
    )
    """Services trust these, so clients may not send them: whole names."""
    hsts: HstsSettings = HstsSettings()
    proxy: ProxySettings = ProxySettings()
    tls: TlsSettings = TlsSettings()
    error_pages: ErrorPagesSettings = ErrorPagesSettings()

    @property
    def classes(self) -> dict[Literal["public", "internal"], IngressClassSettings]:
        """The classes that the cluster has."""
        both: dict[Literal["public", "internal"], IngressClassSettings] = {
            "public": self.public,
            "internal": self.internal,
        }
        return {name: one for name, one in both.items() if one.enabled}

    @property
    def headers(self) -> dict[str, str]:
        """Headers of every response, standard ones and others; without HSTS."""
        named = {name.lower(): (name, value) for name, value in STANDARD_RESPONSE_HEADERS.items()}
        named |= {name.lower(): (name, value) for name, value in self.response_headers.items()}
        return {name: value for name, value in named.values() if value is not None}

    def issuers_asked(self) -> Mapping[str, str]:
        certificate = self.tls.default_certificate
        return {"hosts without one of their own": certificate.issuer} if certificate else {}

    def conflicts(self) -> Iterator[Problem]:
        if not self.enabled:
            return
        yield from super().conflicts()
        if not self.classes:
            yield Problem(
                path=("internal", "enabled"),
                message="there is no ingress class left",
                hint="`enabled: false` of the ingress itself leaves it out",
            )
        if self.default_class and self.default_class not in self.classes:
            yield Problem(path=("default_class",), message="isn't enabled", found=shown(self.default_class))
        yield from self._header_problems()
        if self.flavour == "traefik":
            yield from self._nginx_alone()

    def problems_on(self, cluster: ClusterSettings) -> Iterator[Problem]:
        """A certificate without who gets it; addresses that the platform can't give."""
        if self.tls.default_certificate and not cluster.standard_stack.certificates.enabled:
            yield Problem(
                path=("tls", "default_certificate"),
                message="needs cert-manager",
                expected="`certificates` enabled",
            )
        for name, one in self.classes.items():
            problems = [
                *_address_problems(name, one, cluster),
                *_in_tree_problems(name, one, cluster),
                *_pool_problems(one, cluster),
            ]
            yield from (problem.below(name) for problem in problems)

    def _header_problems(self) -> Iterator[Problem]:
        for name in self.response_headers:
            if name.lower() == HSTS_HEADER.lower():
                yield Problem(path=("response_headers", name), message="has settings of its own", expected="`hsts`")
        for field in ("response_headers", "hidden_response_headers", "stripped_request_headers"):
            for name in getattr(self, field):
                if name.lower() in _PROTOCOL_HEADERS:
                    yield Problem(path=(field,), message="HTTP itself needs this header", found=shown(name))

    def _nginx_alone(self) -> Iterator[Problem]:
        given = {
            ("service_headers",): self.service_headers is not None,
            ("error_pages", "except_hosts"): bool(self.error_pages.except_hosts),
            **{
                ("proxy", name): name in self.proxy.model_fields_set
                for name in ("send_timeout_seconds", "buffers", "buffer_kib")
            },
        }
        for path in (path for path, there in given.items() if there):
            yield Problem(path=path, message="Traefik can't do this", expected="`flavour: nginx`, or this left out")


def _address_problems(name: str, one: IngressClassSettings, cluster: ClusterSettings) -> Iterator[Problem]:
    if not one.addresses:
        return
    on_eks, public = cluster.platform == "eks", name == "public"
    kind = "allocations of elastic addresses (eipalloc-…)" if on_eks and public else "addresses such as 10.40.15.10"
    number = len(cluster.spread_over) if on_eks else 1
    if len(one.addresses) != number or not all(_is_of_kind(text, on_eks and public) for text in one.addresses):
        expected = f"{number} {kind}, one for each zone" if on_eks else "one address such as 10.40.15.10"
        yield Problem(
            path=("addresses",),
            message="not what a load balancer of this platform takes",
            found=", ".join(one.addresses),
            expected=expected,
        )


def _in_tree_problems(name: str, one: IngressClassSettings, cluster: ClusterSettings) -> Iterator[Problem]:
    in_tree = cluster.platform == "eks" and not cluster.standard_stack.load_balancers.aws_controller
    if in_tree and name == "internal" and one.addresses:
        yield Problem(
            path=("addresses",),
            message="without AWS's controller, internal load balancers have no fixed addresses",
            expected="`load_balancers.aws_controller: true`, or this left out",
        )


def _is_of_kind(text: str, allocation: bool) -> bool:
    if text.startswith("eipalloc-"):
        return allocation
    try:
        return bool(IPv4Address(text)) and not allocation
    except AddressValueError:
        return False


def _pool_problems(one: IngressClassSettings, cluster: ClusterSettings) -> Iterator[Problem]:
    if one.address_pool and cluster.platform != "bare_metal":
        yield Problem(
            path=("address_pool",),
            message="a cloud's load balancers have no pool",
            expected="`addresses`, or this left out",
        )
