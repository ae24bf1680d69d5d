"""Requests to one forge: what is tried again and after which time, and what never leaves the forge's own server.

No text that comes from here has the token in it, whatever a server says.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import urllib3
from pydantic import TypeAdapter, ValidationError
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from .addresses import joined, pool_for, server_of
from .answers import Answer, Content, document_of, status_line, words
from .credential import Credential
from .errors import ForgeError, TooLongError, UnsureError
from .patience import LONGEST_WAIT_SECONDS, PAUSES_SECONDS, Clock, retry_after, seconds_asked_for

_CONNECT_SECONDS, _ANSWER_SECONDS = 10, 30
_REDIRECTS = 3
_PAGES = 100
"""Of a hundred each: GitHub takes 2,500 comments of an issue, GitLab 5,000 of a merge request."""

_SHOWN = 300
"""Characters of what a server says."""

_LATER = "run the review again later"


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What would be right, and what to do, where a forge says no."""

    expected: str = ""
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A forge's API, and who asks it.

    Attributes:
        forge: Its name, for people.
        api: The address of its API.
        credential: The token.
        advise: What to say of a status and the words that come with it.
        headers: What each request carries beside the token.
        authority: A file with certificates to trust beside those of the machine; empty for none.
    """

    forge: str
    api: str
    credential: Credential
    advise: Callable[[int, str], Advice]
    headers: Mapping[str, str]
    authority: str = ""


@dataclass(frozen=True)
class _Again:
    """Why a try came to nothing, which is told if there is no other, and how many seconds the forge wants before one."""

    failure: ForgeError
    asked: float = 0.0


class Connection:
    """A forge's API, asked again where that may help.

    Args:
        server: The API.
        environment: For the proxy.
        clock: The time.
        answer_seconds: How long an answer is waited for.

    Raises:
        ForgeError: the proxy of the environment, or the authority's file, can't be used.
    """

    def __init__(
        self,
        server: Server,
        environment: Mapping[str, str],
        clock: Clock,
        *,
        answer_seconds: float = _ANSWER_SECONDS,
    ) -> None:
        self._server = server
        self._clock = clock
        self._patience = LONGEST_WAIT_SECONDS
        self._timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=answer_seconds)
        self._pool = pool_for(server.api, environment, authority=server.authority)

    def request(
        self, method: str, address: str, document: Any = None, *, shape: type[Content], once: bool = False
    ) -> Answer[Content]:
        """Ask, up to five times where the forge fails, can't be reached or is asked too often.

        Args:
            method: Of HTTP.
            address: Below the API's, or a whole one on the same server.
            document: Sent as JSON.
            shape: What the answer's JSON is read as, by pydantic.
            once: Whether asking twice would do twice what is asked for: then it isn't asked again once it may have been heard.

        Raises:
            UnsureError: with `once`: it may have been heard.
            TooLongError: the forge says so of what was sent.
            ForgeError: the forge says no, or nothing.
        """
        url = address if "://" in address else f"{self._server.api}{address}"
        body = None if document is None else json.dumps(document).encode()
        self._ensure_own(url, f"{method} {self._server.api}", "a further page is on another server")
        for pause in (*PAUSES_SECONDS, None):
            outcome = self._try(method, url, body, shape, once=once)
            if not isinstance(outcome, _Again):
                return outcome
            if pause is None or isinstance(outcome.failure, UnsureError) or outcome.asked > self._patience:
                raise outcome.failure
            self._patience -= outcome.asked
            self._clock.sleep(max(pause, outcome.asked))
        raise AssertionError("the last try returns or raises")

    def pages(
        self, address: str, shape: type[Content], following: Callable[[Mapping[str, str]], str]
    ) -> Iterator[Content]:
        """What is in a list that comes in pages, page by page.

        Args:
            address: Of the first page.
            shape: What a page's JSON is read as.
            following: The next page's address by the headers of one; empty after the last.

        Raises:
            ForgeError: the forge says no, or nothing, or has no last page.
        """
        for _ in range(_PAGES):
            answer = self.request("GET", address, shape=shape)
            yield answer.content
            address = following(answer.headers)
            if not address:
                return
        raise self.error(f"{self._server.forge} has pages without end", where=f"GET {address}")

    def error(self, what: str, *, where: str = "", found: str = "", advice: Advice | None = None) -> ForgeError:
        """What went wrong, without the token."""
        return self._error(ForgeError, what, where, found, advice or Advice())

    def _try(
        self, method: str, url: str, body: bytes | None, shape: type[Content], *, once: bool
    ) -> Answer[Content] | _Again:
        where, forge = f"{method} {url}", self._server.forge
        try:
            answer = self._send(method, url, body)
        except HTTPError as error:
            return self._unanswered(where, error, once=once)
        document = document_of(answer.data)
        said = words(document)
        found = status_line(answer.status, said)
        asked = seconds_asked_for(answer.status, answer.headers, said, self._clock.now())
        if asked is not None:
            limit = Advice(
                expected=f"at most {LONGEST_WAIT_SECONDS:g} s of waiting in a run", hint=f"{_LATER}: in {asked:.0f} s"
            )
            return _Again(self._error(ForgeError, f"{forge} is asked too often", where, found, limit), asked)
        if answer.status >= 500:
            kind = UnsureError if once else ForgeError
            asked = retry_after(answer.headers, self._clock.now()) or 0.0
            return _Again(self._error(kind, f"{forge} fails", where, found, Advice(hint=_LATER)), asked)
        if answer.status == 413 or (answer.status in (400, 422) and "too long" in said.lower()):
            raise self._error(TooLongError, f"the comment is too long for {forge}", where, found, Advice())
        if answer.status >= 300:
            advice = self._server.advise(answer.status, said)
            raise self._error(ForgeError, f"{forge} says no", where, found, advice)
        try:
            return Answer(TypeAdapter(shape).validate_python(document), answer.headers)
        except ValidationError:
            advice = Advice(
                expected=f"the JSON of {forge}'s API",
                hint="what answers may be a proxy or a login page: look at the address",
            )
            raise self._error(ForgeError, f"{forge} answers what isn't of its API", where, found, advice) from None

    def _send(self, method: str, url: str, body: bytes | None) -> urllib3.BaseHTTPResponse:
        """One request, repeated as it is where the server says that the thing has moved (GitHub, REST API: redirects)."""
        where = f"{method} {url}"
        for _ in range(_REDIRECTS + 1):
            answer = self._pool.request(
                method,
                url,
                body=body,
                headers={
                    **self._server.headers,
                    "Content-Type": "application/json",
                    **self._server.credential.headers(),
                },
                timeout=self._timeout,
                redirect=False,
            )
            location = answer.headers.get("Location")
            if answer.status not in (301, 302, 307, 308) or not location:
                return answer
            url = joined(url, location)
            self._ensure_own(url, where, f"{self._server.forge} redirects to another server")
        raise self.error(f"{self._server.forge} redirects without end", where=where)

    def _ensure_own(self, url: str, where: str, what: str) -> None:
        if server_of(url) == server_of(self._server.api):
            return
        raise self.error(
            f"{what}; the token was not sent there",
            where=where,
            found=server_of(url) or "what is no address",
            advice=Advice(expected=self._server.api, hint="if that is the right server, give its API's address"),
        )

    def _unanswered(self, where: str, error: HTTPError, *, once: bool) -> _Again:
        forge = self._server.forge
        if isinstance(error, SSLError) and error.args and isinstance(error.args[0], ssl.SSLCertVerificationError):
            hint = "for a certificate of your own authority, SSL_CERT_FILE names the file that has it"
            raise self.error(
                f"{forge} isn't trusted: its certificate can't be verified",
                where=where,
                found=error.args[0].verify_message,
                advice=Advice(hint=hint),
            ) from None
        never_sent = isinstance(error, (ConnectTimeoutError, ProxyError))
        kind = UnsureError if once and not never_sent else ForgeError
        hint = f"{_LATER}: if the comment was written after all, that one is found" if kind is UnsureError else _LATER
        return _Again(self._error(kind, f"{forge} doesn't answer", where, self._reason(error), Advice(hint=hint)))

    def _reason(self, error: HTTPError) -> str:
        if isinstance(error, ReadTimeoutError):
            return f"no answer within {self._timeout.read_timeout:g} s"
        if isinstance(error, ConnectTimeoutError) and not isinstance(error, NewConnectionError):
            return f"no connection within {_CONNECT_SECONDS} s"
        text = str(error.args[-1]) if error.args else ""
        return text.partition("): ")[2] or text  # what stands before it is urllib3's name of the connection

    def _error(self, kind: type[ForgeError], what: str, where: str, found: str, advice: Advice) -> ForgeError:
        without = self._server.credential.left_out_of
        return kind(
            what,
            where=without(where),
            found=without(found)[:_SHOWN],  # in this order: half of a token would not be found
            expected=without(advice.expected),
            hint=without(advice.hint),
        )
