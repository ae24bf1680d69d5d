"""A token, which nothing but a request's header shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from .errors import ForgeError

_TOKEN = re.compile(r"[\x21-\x7e]+")
"""What can stand in a header; with anything else, the error of the HTTP library would show it."""


@dataclass(frozen=True, kw_only=True)
class Credential:
    """A token and the header that it is sent in.

    Attributes:
        header: The header's name.
        token: The token.
        scheme: What stands before it there: "Bearer ".
    """

    header: str
    token: SecretStr
    scheme: str = ""

    def headers(self) -> dict[str, str]:
        """What a request carries."""
        return {self.header: f"{self.scheme}{self.token.get_secret_value()}"}

    def left_out_of(self, text: str) -> str:
        """A text without the token."""
        return text.replace(self.token.get_secret_value(), "[secret]")


def token_in(environment: Mapping[str, str], variable: str, *, hint: str) -> SecretStr:
    """The token that a variable of the environment holds, without white space around it.

    Raises:
        ForgeError: there is none, or it can't be one.
    """
    token = environment.get(variable, "").strip()
    if not token:
        raise ForgeError(f"there is no token: {variable} is not set", hint=hint)
    if not _TOKEN.fullmatch(token):
        raise ForgeError(f"{variable} is no token: it has spaces, line breaks or other letters than ASCII's", hint=hint)
    return SecretStr(token)
