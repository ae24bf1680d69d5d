"""Where a token may go: one server, encrypted, through the proxy that the environment names."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import make_headers, parse_url

from .errors import ForgeError

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"http": 80, "https": 443}


def api_address(variable: str, environment: Mapping[str, str], default: str = "") -> str:
    """The address of a forge's API, without a slash at its end.

    Args:
        variable: What the environment calls it.
        environment: Environment variables.
        default: Where the environment has none.

    Raises:
        ForgeError: there is none, or a token can't be sent there safely.
    """
    address = (environment.get(variable) or default).strip().rstrip("/")
    expected = "an address as https://git.example.com/api"
    if not address:
        raise ForgeError(f"{variable} is not set", expected=expected)
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ForgeError(f"{variable} is no address", expected=expected) from None
    if "@" in parts.netloc:
        raise ForgeError(f"{variable} has a user or a password in it", expected=expected)
    if not server_of(address) or parts.query or parts.fragment:
        raise ForgeError(f"{variable} is no address of an API", found=address, expected=expected)
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise ForgeError(
            f"{variable} isn't encrypted: a token would be readable on its way",
            found=address,
            expected=expected,
            hint="use https; for a certificate of your own authority, SSL_CERT_FILE names the file that has it",
        )
    return address


def server_of(address: str) -> str:
    """The scheme, host and port that a request to an address goes to; empty for what is no address.

    They are read by urllib3, which also connects: for `https://one\\@other/`, others find another host than the one that it asks.
    """
    try:
        parts = parse_url(address)
    except HTTPError:
        return ""
    if not parts.host or parts.scheme not in _PORTS:
        return ""
    return f"{parts.scheme}://{parts.host}:{parts.port or _PORTS[parts.scheme]}"


def joined(address: str, location: str) -> str:
    """Where a Location header leads from an address; empty where it leads nowhere."""
    try:
        return urljoin(address, location)
    except ValueError:
        return ""


def pool_for(address: str, environment: Mapping[str, str], *, authority: str = "") -> urllib3.PoolManager:
    """Connections to a server, by the proxy that the environment has for it.

    Args:
        address: Of the server.
        environment: With `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`, in small or large letters.
        authority: A file with certificates to trust beside those of the machine.

    Raises:
        ForgeError: the file or the proxy can't be used.
    """
    context = ssl.create_default_context()
    if authority:
        try:
            context.load_verify_locations(cafile=authority)
        except OSError as error:  # also what ssl raises for a file without a certificate
            raise ForgeError(
                "the certificates of the server's authority can't be read", where=authority, found=str(error)
            ) from None
    options: dict[str, Any] = {"ssl_context": context, "retries": False, "maxsize": 1}
    proxy = _proxy(urlsplit(address), environment)
    if not proxy:
        return urllib3.PoolManager(**options)
    scheme, _, rest = (proxy if "://" in proxy else f"http://{proxy}").partition("://")
    user, _, place = rest.rpartition("@")  # before it is looked at as an address: a password may have a slash
    try:
        headers = make_headers(proxy_basic_auth=unquote(user)) if user else None
        return urllib3.ProxyManager(server_of(f"{scheme}://{place}"), proxy_headers=headers, **options)
    except (HTTPError, ValueError):
        raise ForgeError(
            "the proxy of the environment can't be used",
            expected="https_proxy=http://proxy.example.com:3128",
            hint="only HTTP proxies are known; no_proxy names servers that are reached without one",
        ) from None


def _proxy(server: SplitResult, environment: Mapping[str, str]) -> str:
    """The proxy for a server, empty for none. Small letters win over large ones, as with curl.

    This machine has none, whatever no_proxy says: what goes to it needn't be encrypted, and a proxy would read it.
    """

    def variable(name: str) -> str:
        return environment.get(name) or environment.get(name.upper()) or ""

    host = server.hostname or ""
    if host in _LOOPBACK:
        return ""
    for one in variable("no_proxy").replace(" ", ",").split(","):
        name = one.removeprefix("*").removeprefix(".").lower()
        if one == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return ""
    return variable(f"{server.scheme}_proxy") or variable("all_proxy")
