"""Gets a file over HTTP: within a time and a size, and never from TLS down to none."""

from __future__ import annotations

import email.utils
import http.client
import ssl
import threading
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from .pinned import is_loopback
from .refusals import Refused, refusal

MAX_BYTES = 50 * 2**20
_SILENCE_SECONDS = 10
"""Longest wait for the next bytes; also how long Ctrl-C may take."""
_CHUNK_BYTES = 64 * 1024


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to TLS, or from this machine to this machine."""

    max_redirections = 5

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any) -> Any:  # noqa: PLR0917
        """The next request."""
        if urlsplit(newurl).scheme != "https" and not (is_loopback(req.full_url) and is_loopback(newurl)):
            raise urllib.error.URLError(f"it leads to {newurl}, which isn't https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(url: str, title: str, timeout_seconds: float, stop: threading.Event) -> bytes:
    """The content of a file.

    Args:
        url: https://…, or http://…
        title: What errors call it.
        timeout_seconds: For all of it.
        stop: Ends it when set.

    Raises:
        Refused: it isn't given, or not whole, or not in time, or is larger than MAX_BYTES.
    """
    until = time.monotonic() + timeout_seconds
    try:
        with _open(urllib.request.Request(url, headers=_HEADERS), timeout_seconds) as response:
            content = bytearray()
            while chunk := response.read(_CHUNK_BYTES):
                content += chunk
                if len(content) > MAX_BYTES:
                    raise Refused(
                        title, "other", f"{url} has more than {MAX_BYTES // 2**20} MiB", "is it the right file?"
                    )
                if time.monotonic() > until or stop.is_set():
                    raise TimeoutError("timed out")
            announced = response.headers.get("Content-Length")
            if announced and announced.isdigit() and int(announced) != len(content):
                raise http.client.IncompleteRead(bytes(content[:0]), int(announced) - len(content))
            return bytes(content)
    except urllib.error.HTTPError as error:
        with error:
            raise refusal(title, url, f"HTTP {error.code} {error.reason}", _retry_after(error)) from None
    except http.client.IncompleteRead as error:
        raise refusal(title, url, f"unexpected EOF, {error.expected} bytes early") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise refusal(title, url, str(getattr(error, "reason", None) or error)) from None


def retry_after(url: str) -> float | None:
    """Seconds that a server, which has refused just now, asks to wait; None where it doesn't say."""
    try:
        with _open(urllib.request.Request(url, method="HEAD", headers=_HEADERS), _SILENCE_SECONDS):
            return None
    except urllib.error.HTTPError as error:
        with error:
            return _retry_after(error)
    except (OSError, ValueError, http.client.HTTPException):
        return None


_HEADERS = {"User-Agent": "kuber", "Accept-Encoding": "identity"}


def _open(request: urllib.request.Request, timeout_seconds: float) -> Any:
    handlers: list[urllib.request.BaseHandler] = [
        _Redirects(),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
    ]
    if is_loopback(request.full_url):
        handlers.append(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener(*handlers).open(request, timeout=min(timeout_seconds, _SILENCE_SECONDS))


def _retry_after(error: urllib.error.HTTPError) -> float | None:
    """Seconds, from either form of the header (RFC 9110, 10.2.3)."""
    value = (error.headers.get("Retry-After") or "").strip()
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
