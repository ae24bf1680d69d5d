"""Certificates as text."""

from __future__ import annotations

import base64
import re
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*")


def _invalid(message: str) -> PydanticCustomError:
    expected = "PEM certificates, from the first line to the last"
    return PydanticCustomError("secret", "{message}", {"message": message, "expected": expected})


def _certificates(text: object) -> object:
    """Certificates alone, each whole. What stands there is never shown: it may be a key that was pasted by mistake."""
    if not isinstance(text, str):
        return text
    if not text.strip() or _CERTIFICATE.sub("", text).strip():
        raise _invalid("not a certificate, or something beside it")
    for body in _CERTIFICATE.findall(text):
        try:
            der = base64.b64decode("".join(body.split()), validate=True)
        except ValueError:
            der = b""
        if not _is_whole(der):
            raise _invalid("not a whole certificate")
    return text


def _is_whole(der: bytes) -> bool:
    """Whether DER data is as long as its first bytes say (X.690, 8.1.3)."""
    if len(der) < 2 or der[0] != 0x30:
        return False
    if der[1] < 0x80:
        return len(der) == 2 + der[1]
    size = der[1] & 0x7F
    return len(der) == 2 + size + int.from_bytes(der[2 : 2 + size], "big")


Pem = Annotated[str, BeforeValidator(_certificates)]
"""One certificate or several, PEM."""
