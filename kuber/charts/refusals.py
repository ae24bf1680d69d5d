"""Why a registry or a server didn't give a file, and how to go on: told from what helm, crane and HTTP say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal
from urllib.parse import urlsplit

from components.charts.errors import ChartError

Cause = Literal[
    "missing", "forbidden", "busy", "broken", "cut off", "unreachable", "certificate", "slow", "disk", "other"
]

_STATUS = re.compile(r"(?:: |status code |HTTP )([45]\d\d)\b")
_SAID: Sequence[tuple[Cause, re.Pattern[str]]] = [
    ("disk", re.compile(r"no space left on device|disk quota exceeded", re.I)),
    ("forbidden", re.compile(r"credential not found|unauthorized|\bdenied\b|invalid_?token", re.I)),
    ("unreachable", re.compile(r"no such host|name or service not known|server misbehaving|name resolution", re.I)),
    ("unreachable", re.compile(r"connection refused|network is unreachable|no route to host|proxyconnect", re.I)),
    ("certificate", re.compile(r"x509:|\btls: |certificate verify failed|ssl", re.I)),
    ("cut off", re.compile(r"unexpected EOF|connection reset|broken pipe|\bEOF$|remote end closed", re.I)),
    ("slow", re.compile(r"i/o timeout|deadline exceeded|timed out|Client\.Timeout|handshake timeout", re.I)),
    ("busy", re.compile(r"toomanyrequests", re.I)),
    ("missing", re.compile(r"not found\b|MANIFEST_UNKNOWN|NAME_UNKNOWN", re.I)),
]
"""What Go's network library, helm, crane and Python say, the more telling first: "basic credential not found" is no 404."""

_PROXY = "behind a proxy, set HTTPS_PROXY"
_AIR_GAP = f"{_PROXY}; without a network, `kuber charts import DIR` takes charts from a folder"
_TOLD: Mapping[Cause, tuple[str, str]] = {
    "missing": (
        "{source} doesn't have it{code}",
        "the release's version or repository is wrong (some versions begin with v), or it was withdrawn",
    ),
    "forbidden": ("{source} refuses access{code}", "{log_in}"),
    "busy": (
        "{source} is asked too often{code}",
        "try again later, or with --jobs 1; a log-in often raises the limit",
    ),
    "broken": ("{source} is broken at the moment{code}", "try again later"),
    "cut off": ("{source} broke off before the end", "try again; if it stays, a proxy may cut the connection"),
    "unreachable": ("{source} can't be reached from here", "{air_gap}"),
    "certificate": (
        "the certificate of {source} isn't trusted here",
        "behind a proxy that opens TLS, let SSL_CERT_FILE name a file with its authority",
    ),
    "slow": ("{source} gave no answer in time", "--timeout allows more; {air_gap}"),
    "disk": ("no space is left on the disk", "make some, then run it again; what is in the cache is whole"),
    "other": ("{source} gave nothing{code}", ""),
}
"""Reason and hint for each cause."""


class Refused(ChartError):  # noqa: N818 - the word for what a server did
    """A file that isn't given.

    Attributes:
        cause: What kind of refusal it is.
        retry_after: Seconds that the server asks to wait; None where it doesn't say.
    """

    def __init__(self, title: str, cause: Cause, reason: str, hint: str, retry_after: float | None = None) -> None:
        super().__init__(title, reason, hint)
        self.cause: Cause = cause
        self.retry_after = retry_after


def refusal(title: str, source: str, said: str, retry_after: float | None = None) -> Refused:
    """What a failed attempt means.

    Args:
        title: What was wanted.
        source: From where: oci://…, https://…, or an image's repository.
        said: What the tool or the server said.
        retry_after: Seconds that the server asks to wait.
    """
    status = _STATUS.search(said)
    cause = _cause_of_status(int(status[1])) if status else _cause_of_text(said)
    facts = {
        "source": source,
        "code": f" ({status[1]})" if status else "",
        "log_in": _log_in(source),
        "air_gap": _AIR_GAP if "://" in source else _PROXY,
    }
    reason, hint = (text.format_map(facts) for text in _TOLD[cause])
    return Refused(title, cause, f"{reason}\n    found:    {said.strip()}", hint, retry_after)


def _cause_of_status(status: int) -> Cause:
    match status:
        case 404 | 410:
            return "missing"
        case 401 | 403 | 407:
            return "forbidden"
        case 429:
            return "busy"
        case 408:
            return "slow"
        case _:
            return "broken" if status >= 500 else "other"


def _cause_of_text(said: str) -> Cause:
    causes: list[Cause] = [cause for cause, pattern in _SAID if pattern.search(said)]
    return causes[0] if causes else "other"


def _log_in(source: str) -> str:
    """How to log in there. Registries say 401 or 403 also for what doesn't exist."""
    address = urlsplit(source)
    if address.scheme in ("http", "https"):
        return "no log-in is given there: get the file by hand and `kuber charts import` it, or take it --from an OCI registry"
    command = (
        f"helm registry login {address.netloc}" if address.scheme else f"crane auth login {source.partition('/')[0]}"
    )
    return f"`{command}`; some registries also say so for a repository that doesn't exist"
