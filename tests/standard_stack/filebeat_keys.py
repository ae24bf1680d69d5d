"""Keys that filebeat 9 documents, as far as a configuration of ours may use them.

Facts from Elastic's reference (elastic.co/docs/reference/beats/filebeat, read for 9.5), each group with the page that has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

DOCUMENTED: Mapping[str, tuple[str, ...]] = {
    "configuration-general-options": ("name", "fields.*", "processors", "filebeat.registry.flush"),
    "configuration-path": ("path.data",),
    "configuration-autodiscover": (
        "filebeat.autodiscover.providers.type",
        "filebeat.autodiscover.providers.node",
        "filebeat.autodiscover.providers.scope",
        "filebeat.autodiscover.providers.cleanup_timeout",
        "filebeat.autodiscover.providers.add_resource_metadata.namespace.enabled",
        "filebeat.autodiscover.providers.add_resource_metadata.node.include_labels",
        "filebeat.autodiscover.providers.add_resource_metadata.deployment",
        "filebeat.autodiscover.providers.add_resource_metadata.cronjob",
        "filebeat.autodiscover.providers.templates.condition",
        "filebeat.autodiscover.providers.templates.config",
    ),
    "configuration-autodiscover-hints": ("filebeat.autodiscover.providers.hints.enabled",),
    "configuring-internal-queue": ("queue.disk.path", "queue.disk.max_size"),
    "logstash-output": tuple(
        f"output.logstash.{key}" for key in ("hosts", "loadbalance", "worker", "bulk_max_size", "compression_level")
    ),
    "configuration-ssl": tuple(
        f"output.logstash.ssl.{key}"
        for key in (
            "enabled",
            "verification_mode",
            "supported_protocols",
            "certificate_authorities",
            "certificate",
            "key",
        )
    ),
    "release notes of 9.4.3": ("output.logstash.ssl.certificate_reload.enabled",),
    "http-endpoint": ("http.enabled", "http.host", "http.port"),
    "configuration-logging": ("logging.level", "logging.to_stderr", "logging.metrics.enabled"),
}
INPUT: Mapping[str, tuple[str, ...]] = {
    "filebeat-input-filestream": (
        "type",
        "id",
        "paths",
        "file_identity.native",
        "prospector.scanner.symlinks",
        "prospector.scanner.fingerprint.enabled",
        "close.on_state_change.removed",
        "parsers.container.stream",
        "parsers.container.format",
        "parsers.ndjson.target",
        "parsers.ndjson.add_error_key",
        "parsers.ndjson.ignore_decoding_error",
    ),
    "multiline-examples": tuple(
        f"parsers.multiline.{key}" for key in ("type", "pattern", "negate", "match", "max_lines", "timeout")
    ),
}
CONDITIONS = ("equals", "regexp", "and", "or", "not")
"""defining-processors, "Conditions"."""
PROCESSORS: Mapping[str, tuple[str, ...]] = {"drop_event": ("when",), "drop_fields": ("fields", "ignore_missing")}


def paths(value: Any, above: str = "") -> Iterator[str]:
    """Dotted keys of a configuration's leaves; elements of a list count as what the list stands under."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from paths(item, f"{above}.{key}" if above else key)
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for item in value:
            yield from paths(item, above)
    else:
        yield above


def undocumented(configuration: Mapping[str, Any]) -> list[str]:
    """Keys of a filebeat.yml that its reference doesn't have."""
    known = [key for keys in DOCUMENTED.values() for key in keys]
    inputs = [key for keys in INPUT.values() for key in keys]
    wrong: list[str] = []
    for key in paths(configuration):
        if "templates.config." in key:
            wrong += [] if key.partition("templates.config.")[2] in inputs else [key]
        elif "templates.condition." in key:
            wrong += [] if _is_condition(key.partition("templates.condition.")[2]) else [key]
        elif key.startswith("processors."):
            wrong += [] if _is_processor(key.removeprefix("processors.")) else [key]
        elif not any(key == one or (one.endswith(".*") and key.startswith(one[:-1])) for one in known):
            wrong.append(key)
    return wrong


def _is_condition(key: str) -> bool:
    first, _, rest = key.partition(".")
    return first in CONDITIONS and (_is_condition(rest) if first in ("and", "or", "not") else bool(rest))


def _is_processor(key: str) -> bool:
    name, _, rest = key.partition(".")
    option, _, condition = rest.partition(".")
    return option in PROCESSORS.get(name, ()) and (option != "when" or _is_condition(condition))
