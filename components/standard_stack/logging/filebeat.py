"""filebeat's own configuration, filebeat.yml (elastic.co/docs/reference/beats/filebeat)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from config.node_pools import POOL_LABEL, ZONE_LABEL
from config.standard_stack.logging import NOT_SHIPPED, DropRule, LogFormat, LoggingSettings, Logstash

from ..site import Site

LOG_FORMAT = "kuber.dev/log-format"
"""A pod's annotation that picks one of the log formats."""
STATE_FOLDER = "/usr/share/filebeat/data"
CERTIFICATE_FOLDER = "/etc/filebeat/certificate"
AUTHORITY_FILE = "/etc/filebeat/authority/ca.crt"
STATS_PORT = 5066
"""Where filebeat answers how it is doing, as JSON."""

_ANNOTATION = f"kubernetes.annotations.{LOG_FORMAT}"


def filebeat_yml(site: Site) -> dict[str, Any]:
    """The configuration.

    Pods pick a log format by name, by an annotation. filebeat's own hints, `co.elastic.logs/*`, stay off: by `raw` and `processors`
    whoever may annotate a pod could have filebeat read any file that it can, or run a script.
    """
    settings = site.stack.logging
    return {
        "name": "${NODE_NAME}",
        "path.data": STATE_FOLDER,
        "filebeat.registry.flush": settings.registry_flush,
        "filebeat.autodiscover": {"providers": [_pods_of_the_node(settings)]},
        "fields": {
            "cluster": site.name,
            "environment": site.environment,
            "platform": site.settings.platform,
            **settings.fields,
        },
        "processors": _processors(settings),
        "queue.disk": {"path": f"{STATE_FOLDER}/queue", "max_size": f"{settings.queue_size}B"},
        "output.logstash": _logstash(settings.logstash),
        "http": {"enabled": True, "host": "0.0.0.0", "port": STATS_PORT},
        "logging": {"level": "info", "to_stderr": True, "metrics.enabled": False},
    }


def _pods_of_the_node(settings: LoggingSettings) -> dict[str, Any]:
    picked = [{"equals": {_ANNOTATION: name}} for name in sorted({*settings.formats, NOT_SHIPPED})]
    formats = sorted(settings.formats.items())
    return {
        "type": "kubernetes",
        "node": "${NODE_NAME}",
        "scope": "node",
        "hints.enabled": False,
        "cleanup_timeout": "5m",  # what a pod wrote last is read after it is gone
        "add_resource_metadata": {
            "namespace": {"enabled": False},
            "node": {"include_labels": [POOL_LABEL, ZONE_LABEL]},
            "deployment": False,  # their names would take rights on replica sets and jobs
            "cronjob": False,
        },
        "templates": [
            *({"condition": {"equals": {_ANNOTATION: name}}, "config": [_input(one)]} for name, one in formats),
            {"condition": {"not": {"or": picked}}, "config": [_input(LogFormat())]},
        ],
    }


def _input(log_format: LogFormat) -> dict[str, Any]:
    """Reads one container's log."""
    return {
        "type": "filestream",
        "id": "container-${data.kubernetes.container.id}",
        "paths": ["/var/log/containers/*-${data.kubernetes.container.id}.log"],
        # A fingerprint, the default, needs the first 1024 bytes: the log of a job that says less would never be read.
        "file_identity.native": {},
        "prospector.scanner.symlinks": True,
        "prospector.scanner.fingerprint.enabled": False,
        "close.on_state_change.removed": False,  # kubelet removes files that may not have been read to their end
        "parsers": [{"container": {"stream": "all", "format": "auto"}}, *_parsers(log_format)],
    }


def _parsers(log_format: LogFormat) -> list[dict[str, Any]]:
    if log_format.json_lines:
        return [{"ndjson": {"target": "json", "add_error_key": True, "ignore_decoding_error": True}}]
    if several := log_format.multiline:
        keys = ("pattern", "negate", "match", "max_lines", "timeout")
        return [{"multiline": {"type": "pattern", **{key: getattr(several, key) for key in keys}}}]
    return []


def _processors(settings: LoggingSettings) -> list[dict[str, Any]]:
    dropped: list[dict[str, Any]] = [{"drop_event": {"when": _condition(rule)}} for rule in settings.drop]
    if settings.drop_fields:
        dropped.append({"drop_fields": {"fields": list(settings.drop_fields), "ignore_missing": True}})
    return dropped


def _condition(rule: DropRule) -> Mapping[str, Any]:
    conditions: Sequence[Mapping[str, Any]] = [
        {kind: {field: value}}
        for kind, field, value in (
            ("equals", "kubernetes.namespace", rule.namespace),
            ("equals", "kubernetes.container.name", rule.container),
            ("regexp", "message", rule.message),
        )
        if value
    ]
    return {"and": conditions} if len(conditions) > 1 else conditions[0]


def _logstash(logstash: Logstash) -> dict[str, Any]:
    authority = {"ssl.certificate_authorities": [AUTHORITY_FILE]} if logstash.certificate_authority else {}
    return {
        "hosts": [f"{name}:{port}" for name, port in logstash.addresses()],
        "loadbalance": True,
        "worker": logstash.workers,
        "bulk_max_size": logstash.bulk_max_size,
        "compression_level": logstash.compression_level,
        "ssl.enabled": True,
        "ssl.verification_mode": "full",
        "ssl.supported_protocols": ["TLSv1.2", "TLSv1.3"],
        **authority,
        "ssl.certificate": f"{CERTIFICATE_FOLDER}/tls.crt",
        "ssl.key": f"{CERTIFICATE_FOLDER}/tls.key",
        "ssl.certificate_reload.enabled": True,  # a renewed one is used without a restart
    }
