"""Takes out of a plan what looks like a secret but wasn't declared as one, before anything else sees it.

What the program declares as secret is masked in the plan already. This is for what isn't: a password in a URL or in an environment
variable, a key in a text, a Secret's data, also within base64. A mask tells whether two are alike, where both have one key.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

from kuber.plan.registration import UNKNOWN

from .properties import is_secret

Mask = Callable[[Any], str]

_KEYS = frozenset(
    {
        "accesskey",
        "apikey",
        "apitoken",
        "authtoken",
        "bearertoken",
        "clientsecret",
        "passphrase",
        "passwd",
        "password",
        "privatekey",
        "secretaccesskey",
        "secretkey",
        "token",
    }
)
"""Names of properties that hold a secret, without case and dashes."""

_VARIABLE = re.compile(
    r"(^|_)(PASS|PASSWD|PASSWORD|PASSPHRASE|TOKEN|SECRET|SECRET_KEY|PRIVATE_KEY|API_KEY|ACCESS_KEY|CREDENTIALS)$"
)
"""Names of environment variables that hold one."""

_URL = re.compile(r"(?P<before>[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@\"']*:)(?P<secret>[^\s/@\"']+)(?P<after>@)")
_PRIVATE_KEY = re.compile(
    r"(?P<before>)(?P<secret>-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z))(?P<after>)",
    re.S,
)
_BEARER = re.compile(r"(?P<before>\b(?:Bearer|Basic)\s+)(?P<secret>[A-Za-z0-9._~+/=-]{12,})(?P<after>)")
_QUOTED = re.compile(
    r"(?P<before>\"(?:access|auth|bearer|id|refresh|session)?_?token\"\s*:\s*\")(?P<secret>[^\"\s]+)(?P<after>\")", re.I
)
"""A token in JSON. Elsewhere the word alone says too little: a file's path and an audience are called so too."""

_ASSIGNED = re.compile(
    r"(?P<before>\b(?:password|passwd|passphrase|(?:api|auth|bearer)[_-]?token|client[_-]?secret|secret[_-]?(?:access[_-]?)?key|api[_-]?key|private[_-]?key)"
    r"[\"']?\s*[:=]\s*[\"']?)(?P<secret>(?!\$\{?[A-Za-z_])[^\s\"',;{}<\[]+)(?P<after>)",
    re.I,
)
_PATTERNS = (_PRIVATE_KEY, _URL, _BEARER, _QUOTED, _ASSIGNED)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")


def redacted(document: Mapping[str, Any], mask: Mask) -> dict[str, Any]:
    """A plan's document without what looks like a secret.

    Args:
        document: As `kuber plan --json` writes it.
        mask: Gives what is shown instead of a secret.
    """
    resources = [{**one, "inputs": _of_resource(one["inputs"], mask)} for one in document["resources"]]
    return {**document, "resources": resources, "outputs": _walk(document.get("outputs", {}), mask)}


def redacted_text(text: str, mask: Mask) -> str:
    """A text without what looks like a secret in it."""
    for pattern in _PATTERNS:
        text = pattern.sub(lambda found: f"{found['before']}{mask(found['secret'])}{found['after']}", text)
    return _BASE64.sub(lambda found: mask(found[0]) if _hides_secret(found[0]) else found[0], text)


def _of_resource(inputs: Mapping[str, Any], mask: Mask) -> dict[str, Any]:
    if inputs.get("kind") != "Secret":
        return _walk(inputs, mask)
    return {
        key: _all(value, mask) if key in ("data", "stringData") else _walk(value, mask) for key, value in inputs.items()
    }


def _walk(value: Any, mask: Mask) -> Any:
    match value:
        case str():
            return value if len(value) < 8 or is_secret(value) else redacted_text(value, mask)
        case {"name": str(name), "value": str(text), **others} if _VARIABLE.search(name.upper().replace("-", "_")):
            return {"name": name, "value": _all(text, mask), **{key: _walk(item, mask) for key, item in others.items()}}
        case Mapping():
            return {
                key: _all(item, mask) if isinstance(item, str) and _names_secret(key) else _walk(item, mask)
                for key, item in value.items()
            }
        case list():
            return [_walk(item, mask) for item in value]
        case _:
            return value


def _all(value: Any, mask: Mask) -> Any:
    """Every text of a value masked."""
    match value:
        case str() if value in ("", UNKNOWN) or is_secret(value) or value.startswith("$"):
            return value
        case str():
            return mask(value)
        case Mapping():
            return {key: _all(item, mask) for key, item in value.items()}
        case list():
            return [_all(item, mask) for item in value]
        case _:
            return value


def _names_secret(key: str) -> bool:
    return key.lower().replace("_", "").replace("-", "") in _KEYS


def _hides_secret(text: str) -> bool:
    """Whether a base64 text decodes to one with a secret in it."""
    try:
        plain = base64.b64decode(
            text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True
        ).decode()
    except (binascii.Error, ValueError):
        return False
    return any(pattern.search(plain) for pattern in _PATTERNS)
