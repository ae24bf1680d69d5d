"""filebeat on every node, which ships logs to Logstash."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from ..errors import Problem, shown
from ..model import Cidr, Name, Settings
from ..pem import Pem
from ..text import Text, invalid
from .part import ContainerResources, Duration, PartSettings, StorageSize

LOGSTASH_PORT = 5044
NOT_SHIPPED = "none"
"""The log format of pods whose logs stay on the node."""

_BEYOND_RE2 = re.compile(r"\(\?(<?[=!]|P=)|\\[1-9]")
"""What Python's regular expressions have and Go's haven't: a look around, and a reference back."""


def _regular_expression(text: str) -> str:
    try:
        re.compile(re.sub(r"\[:\w+:\]", "x", text))
    except re.error as error:
        raise invalid(f"not a regular expression: {error}") from None
    if _BEYOND_RE2.search(text):
        raise invalid("filebeat's regular expressions can't look around or refer back", expected="RE2 syntax")
    return text


RegularExpression = Annotated[str, Field(min_length=1), AfterValidator(_regular_expression)]
LogstashHost = Annotated[
    str,
    Text(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?", "a host such as logs.shop.example or logs.shop.example:5044"),
]
FieldName = Annotated[str, Text(r"[A-Za-z_@][A-Za-z0-9_@.-]*", "a field such as agent.id")]
SecretName = Annotated[str, Text(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", "the name of a Secret", 253)]


class ClientCertificate(Settings):
    """What filebeat shows Logstash: a certificate that cert-manager gets, or one that is there."""

    issuer: Name = "vault"
    """The ClusterIssuer that signs it."""
    secret: SecretName | None = None
    """A Secret of the type kubernetes.io/tls in system-logging, made by others, instead of a certificate from the issuer."""


class Logstash(Settings):
    """Where logs go."""

    hosts: Annotated[tuple[LogstashHost, ...], Field(strict=False)] = ()
    """Logstash's hosts, with a port where it isn't 5044; all are sent to at once."""
    cidrs: Annotated[tuple[Cidr, ...], Field(strict=False)] = ()
    """Where hosts that are names have their addresses; unless given, the hosts' ports may be reached anywhere outside the cluster."""
    certificate_authority: Pem | None = None
    """Who signs Logstash's certificates; unless given, the authorities that filebeat's image trusts."""
    client_certificate: ClientCertificate = ClientCertificate()
    """How Logstash knows filebeat."""
    workers: Annotated[int, Field(ge=1, le=16)] = 1
    """Connections to each host."""
    bulk_max_size: Annotated[int, Field(ge=1, le=16384)] = 2048
    """Events in one batch at most."""
    compression_level: Annotated[int, Field(ge=0, le=9)] = 3

    def addresses(self) -> list[tuple[str, int]]:
        """Hosts, each with its port."""
        split = [host.partition(":") for host in self.hosts]
        return [(name, int(port or LOGSTASH_PORT)) for name, _, port in split]

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        for index, (name, port) in enumerate(self.addresses()):
            if not 0 < port < 65536:
                yield Problem(path=("hosts", index), message="no such port", found=shown(port), expected="1 to 65535")
            if re.fullmatch(r"[\d.]+", name) and not _is_address(name):
                yield Problem(path=("hosts", index), message="not an address", found=shown(name))
            if (name, port) in self.addresses()[:index]:
                yield Problem(path=("hosts", index), message="named twice", found=shown(self.hosts[index]))


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


class Multiline(Settings):
    """Which lines belong to one event."""

    pattern: RegularExpression
    """Tells the lines."""
    negate: bool = False
    """Lines that do not match continue an event, not those that do."""
    match: Literal["after", "before"] = "after"
    """Whether they continue the line before them (`after`) or begin the one that follows (`before`)."""
    max_lines: Annotated[int, Field(ge=2, le=10000)] = 500
    """The rest of a longer event is dropped."""
    timeout: Duration = "5s"
    """After this an event is sent, whether its last line has come or not."""


class LogFormat(Settings):
    """How lines make events: lines of JSON, or several lines one event. Otherwise a line is an event."""

    json_lines: bool = False
    """Each line is a JSON object, which goes below the event's field `json`."""
    multiline: Multiline | None = None

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        if self.json_lines and self.multiline:
            yield Problem(
                path=("multiline",), message="a line of JSON is a whole event", expected="json_lines or multiline"
            )


class DropRule(Settings):
    """Events that aren't sent: those for which all of what is given here holds."""

    namespace: Annotated[str, Field(min_length=1)] | None = None
    container: Annotated[str, Field(min_length=1)] | None = None
    message: RegularExpression | None = None
    """Found anywhere in the line."""

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        if not (self.namespace or self.container or self.message):
            yield Problem(message="would drop everything", expected="namespace, container or message")


class LoggingSettings(PartSettings):
    """filebeat on every node, which ships each container's log to Logstash and keeps on disk what can't be sent yet."""

    needs: ClassVar[tuple[str, ...]] = ("certificates",)

    logstash: Logstash = Logstash()
    """Where logs go; `hosts` is needed."""
    queue_size: StorageSize = "10Gi"
    """Disk space of each node that events may take that Logstash doesn't take; when it is full, logs stay unread in their files."""
    host_path: Annotated[str, Text(r"(/[A-Za-z0-9._-]+){2,}", "a folder such as /var/lib/filebeat")] = (
        "/var/lib/filebeat"
    )
    """Folder on the node that holds the queue, and how far each file has been read."""
    registry_flush: Duration = "1s"
    """How long at most a position isn't written to disk; what was sent since then is sent again after a crash."""
    formats: dict[Name, LogFormat] = {
        "json": LogFormat(json_lines=True),
        "java": LogFormat(multiline=Multiline(pattern=r"^([[:space:]]|Caused by:)")),
        "dated": LogFormat(multiline=Multiline(pattern=r"^\[?\d{4}-\d{2}-\d{2}", negate=True)),
    }
    """Log formats by name; a pod picks one by the annotation `kuber.dev/log-format`, and `none` ships nothing of it."""
    drop: Annotated[tuple[DropRule, ...], Field(strict=False)] = ()
    """Events that aren't sent."""
    drop_fields: Annotated[tuple[FieldName, ...], Field(strict=False)] = (
        "agent.ephemeral_id",
        "agent.id",
        "ecs.version",
        "host.name",
        "input.type",
    )
    """Fields that no event needs."""
    fields: dict[Name, str] = {}
    """Fields that each event has below `fields`, beside cluster, environment and platform."""
    max_unavailable: Annotated[str, Text(r"[1-9]\d*%?", 'a number of nodes or a share such as "10%"')] = "10%"
    """Nodes on which filebeat may be replaced at once."""
    resources: ContainerResources = ContainerResources(cpu="100m", memory="256Mi", memory_limit="512Mi")
    """Of each node's filebeat."""

    def issuers_asked(self) -> Mapping[str, str]:
        client = self.logstash.client_certificate
        return {} if client.secret else {"filebeat, to Logstash": client.issuer}

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        if self.enabled and not self.logstash.hosts:
            yield Problem(
                path=("logstash", "hosts"),
                message="logs need somewhere to go",
                expected="Logstash's hosts",
                hint="or leave logging out: `enabled: false`",
            )
        if NOT_SHIPPED in self.formats:
            yield Problem(
                path=("formats", NOT_SHIPPED),
                message=f"`{NOT_SHIPPED}` says that a pod's logs aren't shipped",
                expected="another name",
            )
        for name in {"cluster", "environment", "platform"} & self.fields.keys():
            yield Problem(path=("fields", name), message="kuber sets this field itself", expected="another name")
