"""Takes out of a plan what looks like a secret but wasn't declared as one, before anything else sees it.

What the program declares as secret is masked in the plan already. This is for what isn't: a password in a URL or in an environment
variable, a key in a text, a Secret's data, also within JSON or base64. A mask tells whether two are alike, where both have one key.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from kuber.plan.registration import UNKNOWN

from .properties import is_secret
from .secret_texts import Mask, is_secret_value, names_secret, without_secrets

_BASE64 = re.compile(
    r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{12,}(?:(?<=[A-Za-z0-9+/_-]{60})\r?\n[ \t]*[A-Za-z0-9+/_-]+)*={0,2}"
)
"""A word that may be base64, or lines of it."""
_STANDARD = bytes.maketrans(b"-_", b"+/")
_READABLE = re.compile(rb"[\t\n\r\x20-\x7e]{8}")
_CREDENTIALS = re.compile(rb"[\x20-\x7e]+:[^\x00-\x1f]+")
_SCHEME = re.compile(r"(?:bearer|basic|token|apikey)\s+\S", re.I)
_SWITCH = re.compile(r"--?[\w.-]+")


def redacted(document: Mapping[str, Any], mask: Mask) -> dict[str, Any]:
    """A plan's document without what looks like a secret.

    Args:
        document: As `kuber plan --json` writes it.
        mask: Gives what is shown instead of a secret.
    """
    redaction = _Redaction(mask)
    resources = [{**one, "inputs": redaction.value(one["inputs"])} for one in document["resources"]]
    return {**document, "resources": resources, "outputs": redaction.value(document.get("outputs", {}))}


def redacted_text(text: str, mask: Mask) -> str:
    """What was said, such as an error or a warning, without what looks like a secret in it."""
    return _Redaction(mask, whole_lines=False).text(text)


class _Redaction:
    """Masks secrets; each text once, as many texts of a plan are alike."""

    def __init__(self, mask: Mask, *, whole_lines: bool = True) -> None:
        self._mask = mask
        self._whole_lines = whole_lines
        self._texts: dict[str, str] = {}

    def value(self, value: Any) -> Any:
        """A JSON value without secrets."""
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return self._mapping(value)
            case list():
                before = [None, *value]
                return [
                    self._masked(one, last[2:]) if _is_switch(last) and not _is_switch(one) else self.value(one)
                    for last, one in zip(before, value, strict=False)
                ]
            case _:
                return value

    def text(self, text: str) -> str:
        """A text without secrets."""
        if text not in self._texts:
            self._texts[text] = text if is_secret(text) else self._words(self._document(text))
        return self._texts[text]

    def _mapping(self, value: Mapping[str, Any]) -> dict[str, Any]:
        shown = {key: self._property(key, item) for key, item in value.items()}
        if value.get("kind") == "Secret":
            shown |= {key: self._masked(value[key]) for key in ("data", "stringData") if key in value}
        for name in (value.get("name"), value.get("key")):
            if "value" in value and isinstance(name, str) and (names_secret(name) or name.lower() == "authorization"):
                shown["value"] = self._masked(value["value"], name)
        return shown

    def _property(self, name: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self._mapping(value)
        if names_secret(name) and not (isinstance(value, list) and any(isinstance(one, Mapping) for one in value)):
            return self._masked(value, name)
        if name == "auth" and _are_credentials(value):  # as a registry's client has them
            return self._mask(value)
        if name.lower() == "authorization" and isinstance(value, str) and _SCHEME.match(value):
            return self._mask(value)
        return self.value(value)

    def _masked(self, value: Any, name: str = "") -> Any:
        """Every text of a value masked, and every number of a password."""
        match value:
            case str():
                return self._mask(value) if value != UNKNOWN and is_secret_value(name, value) else value
            case int() | float() if "pass" in name.lower() and not isinstance(value, bool):
                return self._mask(value)
            case Mapping():
                return {key: self._masked(item, name) for key, item in value.items()}
            case list():
                return [self._masked(item, name) for item in value]
            case _:
                return value

    def _document(self, text: str) -> str:
        """A text that holds JSON, without the secrets in that; any other as it is."""
        if text.lstrip()[:1] not in ("{", "["):
            return text
        try:
            held = json.loads(text)
        except ValueError:
            return text
        shown = self.value(held)
        if shown == held:
            return text
        separators = None if ": " in text else (",", ":")
        return json.dumps(shown, ensure_ascii=False, indent=2 if "\n" in text else None, separators=separators)

    def _words(self, text: str) -> str:
        text = without_secrets(text, self._mask, whole_lines=self._whole_lines)
        return _BASE64.sub(lambda found: self._mask(found[0]) if _hides_secret(found[0]) else found[0], text)


def _is_switch(value: Any) -> bool:
    """Whether an argument is a program's option that a secret follows."""
    return isinstance(value, str) and bool(_SWITCH.fullmatch(value)) and names_secret(value)


def _are_credentials(value: Any) -> bool:
    return isinstance(value, str) and any(_CREDENTIALS.fullmatch(one) for one in _decoded(value))


@lru_cache(maxsize=50_000)
def _hides_secret(word: str) -> bool:
    """Whether a word is base64, or ends in it, of a text with a secret."""
    if word.islower() or word.isupper():  # which base64 of what is looked for never is
        return False
    return any(
        _Redaction(lambda _: "").text(text) != text
        for start in range(4)
        for one in _decoded(word[start:])
        if _READABLE.search(one)
        for text in [one.decode(errors="replace")]
    )


def _decoded(word: str) -> list[bytes]:
    """What base64 decodes to; nothing where it is none."""
    plain = b"".join(word.encode(errors="replace").split()).rstrip(b"=").translate(_STANDARD)
    try:
        return [binascii.a2b_base64(plain[: len(plain) - (len(plain) % 4 == 1)] + b"===")]
    except binascii.Error:
        return []
