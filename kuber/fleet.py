"""What is said of all clusters together."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML

from config.cluster import ClusterSettings
from config.standard_stack.monitoring import GrafanaAccess

INTERNAL_AUTHORITY = "KUBER_INTERNAL_CA"
"""Environment variable of Grafana: the authority that signs the ingresses' certificates, PEM."""


class SameHostError(Exception):
    """Two clusters' Prometheus are to be reached under one name."""


def grafana_data_sources(clusters: Mapping[str, ClusterSettings]) -> str:
    """Grafana's provisioning file with a data source for each cluster that lets Grafana read; empty where none does.

    Credentials are references to Grafana's environment (its documentation, "Provision Grafana"). A data source keeps its uid, by
    which dashboards name it, as long as its cluster keeps its name.

    Raises:
        SameHostError: two clusters name the same host.
    """
    found = {name: one.standard_stack.monitoring for name, one in sorted(clusters.items())}
    sources = [
        _data_source(name, one.grafana_access, one.prometheus.scrape_interval)
        for name, one in found.items()
        if one.enabled and one.grafana_access
    ]
    if not sources:
        return ""
    by_url: dict[str, str] = {}
    for one in sources:
        if (other := by_url.setdefault(one["url"], one["name"])) != one["name"]:
            raise SameHostError(
                f"{other} and {one['name']} are to be read at the same address\n"
                f"    found:    {one['url']}\n"
                "    expected: a `standard_stack.monitoring.grafana_access.host` of its own for each"
            )
    out = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[attr-defined]
    yaml.width = 4096
    yaml.dump({"apiVersion": 1, "prune": True, "datasources": sources}, out)
    return "\n".join([*_heading(sources), out.getvalue()])


def _data_source(cluster: str, access: GrafanaAccess, interval: str) -> dict[str, Any]:
    prefix = f"KUBER_{cluster.upper().replace('-', '_')}"
    json_data: dict[str, Any] = {"httpMethod": "POST", "prometheusType": "Prometheus", "timeInterval": interval}
    secure: dict[str, str] = {}
    source: dict[str, Any] = {
        "name": cluster,
        "uid": f"kuber-{cluster}",
        "type": "prometheus",
        "access": "proxy",
        "url": f"https://{access.host}",
        "editable": False,
        "jsonData": json_data,
        "secureJsonData": secure,
    }
    if access.issuer == "vault":
        json_data["tlsAuthWithCACert"] = True
        secure["tlsCACert"] = f"${{{INTERNAL_AUTHORITY}}}"
    if access.basic_auth:
        source |= {"basicAuth": True, "basicAuthUser": f"${{{prefix}_USER}}"}
        secure["basicAuthPassword"] = f"${{{prefix}_PASSWORD}}"
    else:
        json_data |= {"tlsAuth": True, "serverName": access.host}
        secure["tlsClientCert"] = f"${{{prefix}_CLIENT_CERTIFICATE}}"
        secure["tlsClientKey"] = f"${{{prefix}_CLIENT_KEY}}"
    return source


def _heading(sources: list[dict[str, Any]]) -> list[str]:
    """Which variables Grafana's environment must have."""
    texts = [text for one in sources for text in (one.get("basicAuthUser"), *one["secureJsonData"].values()) if text]
    variables = sorted({text.strip("${}") for text in texts})
    return [
        "# Written by `kuber fleet grafana`, for Grafana's folder provisioning/datasources.",
        "# Grafana's environment must have:",
        *(f"#   {one}" for one in variables),
    ]
