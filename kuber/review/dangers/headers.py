"""Headers that the ingress no longer sends, hides or strips."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kuber.review.model import Danger
from kuber.review.renames import Resource

from .case import Case, at, danger, mapping

_DIRECTIVE = re.compile(r"\b(add_header|(?:proxy|grpc)_(?:hide|set)_header)\s+[\"']?([A-Za-z0-9-]+)[\"']?\s*([^;]*)")
_VERBS = {"add_header": "sends", "hide_header": "hides", "set_header": "strips"}


def headers(case: Case) -> Iterator[Danger]:
    """Headers that the ingress no longer handles, of either controller."""
    for change in case.changes:
        if not change.before or not change.after:
            continue
        if lost := sorted(_handled(change.before) - _handled(change.after)):
            yield danger(
                "header-dropped",
                "medium",
                change,
                f"The ingress no longer {', '.join(lost)}",
                "every host behind this ingress class changes at once: a header that protects browsers is missing, or an internal "
                "one leaks",
                "See who relies on it; a service can override a header for itself.",
            )


def _handled(resource: Resource) -> set[str]:
    """What is done to headers: `sends X-Frame-Options`, `hides Server`, `strips X-Internal-User`."""
    inputs = resource["inputs"]
    match resource["type"]:
        case "kubernetes:core/v1:ConfigMap":
            return {
                told
                for key, text in mapping(inputs.get("data")).items()
                if key.endswith("-snippets")
                for told in _told(text)
            }
        case "kubernetes:traefik.io/v1alpha1:Middleware":
            given = mapping(at(inputs, "spec", "headers"))
            responses = mapping(given.get("customResponseHeaders"))
            requests = mapping(given.get("customRequestHeaders"))
            return {
                *(f"{'sends' if value else 'hides'} {name}" for name, value in responses.items()),
                *(f"strips {name}" for name, value in requests.items() if not value),
                *(["sends Strict-Transport-Security"] if given.get("stsSeconds") else []),
            }
        case _:
            return set()


def _told(snippet: object) -> Iterator[str]:
    """What NGINX does to headers; a header of requests is stripped where it is set to nothing."""
    for directive, name, value in _DIRECTIVE.findall(snippet if isinstance(snippet, str) else ""):
        verb = _VERBS[directive.removeprefix("proxy_").removeprefix("grpc_")]
        if verb != "strips" or value.strip() in ('""', "''"):
            yield f"{verb} {name}"
