"""The base of all settings, and the types that they share: address ranges, names, labels, taints, dates."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from .errors import KeyPath, Problem
from .text import Text, invalid


class Settings(BaseModel):
    """A part of a stack file: unknown keys are refused, nothing is converted silently, nothing changes later.

    What single fields can't tell, a model says in `conflicts`: problems that need several of its fields.
    """

    refused_keys: ClassVar[Mapping[str, str]] = {}
    """Keys that belong elsewhere, with the reason why not here; told instead of "unknown key"."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def conflicts(self) -> Iterator[Problem]:
        """Problems between fields, this model's own and those of the models below it."""
        for name in type(self).model_fields:
            yield from _conflicts_below(getattr(self, name), name)

    def secret_paths(self) -> Iterator[KeyPath]:
        """Key paths of the secrets that are given."""
        yield from _secrets_below(self)


def _secrets_below(value: object, *path: str | int) -> Iterator[KeyPath]:
    if isinstance(value, SecretText):
        yield path
    elif isinstance(value, Settings):
        for name in type(value).model_fields:
            yield from _secrets_below(getattr(value, name), *path, name)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _secrets_below(item, *path, key)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _secrets_below(item, *path, index)


def _conflicts_below(value: object, *path: str | int) -> Iterator[Problem]:
    if isinstance(value, Settings):
        yield from (problem.below(*path) for problem in value.conflicts())
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _conflicts_below(item, *path, key)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _conflicts_below(item, *path, index)


def _cidr(value: object) -> IPv4Network:
    if isinstance(value, IPv4Network):
        return value
    if not isinstance(value, str):
        raise invalid("not an address range", expected="an IPv4 range such as 10.20.0.0/16")
    try:
        return IPv4Network(value)
    except ValueError:
        pass
    try:
        wider = IPv4Network(value, strict=False)
    except ValueError:
        raise invalid("not an address range", expected="an IPv4 range such as 10.20.0.0/16") from None
    raise invalid("the range has host bits set", expected=str(wider))


def _address(value: object) -> IPv4Address:
    try:
        return value if isinstance(value, IPv4Address) else IPv4Address(value if isinstance(value, str) else "")
    except ValueError:
        raise invalid("not an address", expected="an IPv4 address such as 10.40.0.11") from None


def _date(value: object) -> date:
    text = str(value).removesuffix("T00:00:00Z")  # as the engine hands over an unquoted date
    try:
        if isinstance(value, date) or len(text) == len("2026-12-31"):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise invalid("not a date", expected="a date such as 2026-12-31")


_INSTANT_OF_THE_ENGINE = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) \+0000 UTC")
"""How the engine hands over a time that stands in a stack file without quotes."""


def _instant(value: object) -> object:
    try:
        if isinstance(value, str):
            text = _INSTANT_OF_THE_ENGINE.sub(r"\1T\2Z", value)
            if text.endswith("Z") and datetime.fromisoformat(text):
                return text
    except ValueError:
        pass
    raise invalid("not a time", expected="a time in UTC such as 2026-01-06T02:00:00Z")


def _text_schema(example: str, pattern: str | None = None) -> WithJsonSchema:
    schema: dict[str, Any] = {"type": "string", "examples": [example]}
    return WithJsonSchema(schema | ({"pattern": pattern} if pattern else {}))


Cidr = Annotated[
    IPv4Network,
    BeforeValidator(_cidr),
    PlainSerializer(str),
    _text_schema("10.20.0.0/16", r"^\d{1,3}(\.\d{1,3}){3}/\d{1,2}$"),
]
"""An IPv4 range without host bits."""

Address = Annotated[IPv4Address, BeforeValidator(_address), PlainSerializer(str), _text_schema("10.40.0.11")]
Date = Annotated[date, BeforeValidator(_date), PlainSerializer(str), _text_schema("2026-12-31")]
Instant = Annotated[str, BeforeValidator(_instant)]
"""A time in UTC: 2026-01-06T02:00:00Z."""

Name = Annotated[
    str, Text(r"[a-z]([a-z0-9-]*[a-z0-9])?", "at most 30 small letters, digits and dashes, a letter first", 30)
]
"""A name that every platform takes: small letters, digits and dashes, at most 30 characters."""

MinorVersion = Annotated[str, Text(r"1\.\d{2}", 'a minor in quotes, such as "1.35"')]
"""A Kubernetes minor such as "1.35". In quotes: a bare 1.30 is the number 1.3."""

LabelKey = Annotated[
    str,
    Text(
        r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?",
        "a label key such as workload or example.com/workload",
    ),
]
"""A Kubernetes label key, with or without a prefix (Kubernetes documentation, "Labels and Selectors")."""

LabelValue = Annotated[
    str,
    Text(
        r"([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?", "at most 63 letters, digits, dots, dashes and underscores", 63
    ),
]
Labels = dict[LabelKey, LabelValue]

NamedCidrs = dict[Name, Cidr]
"""Address ranges by what they are: `{office-vpn: 10.250.0.0/20}`."""


def reserved(key: LabelKey, *domains: str) -> bool:
    """Whether a label's prefix is one of the domains, or below one."""
    prefix = key.rpartition("/")[0]
    return any(prefix == domain or prefix.endswith(f".{domain}") for domain in domains)


@dataclass(frozen=True)
class SecretText:
    """A secret of a stack file, encrypted there by the engine; never shown.

    Attributes:
        value: In the clear while the engine runs the program; None where only the encrypted text is known.
    """

    value: str | None = field(repr=False)

    def __str__(self) -> str:
        return "[secret]"


def compose(text: Callable[..., str], *secrets: SecretText) -> SecretText:
    """A secret made of others, such as a file with passwords in it; its value isn't known where one of theirs isn't.

    Args:
        text: Takes the values of the secrets, in their order.
        secrets: What it is made of.
    """
    values = [one.value for one in secrets]
    return SecretText(None if None in values else text(*values))


def _secret(value: object) -> SecretText:
    match value:
        case SecretText():
            return value
        case str():
            return SecretText(value)
        case {"secure": str(), **others} if not others:
            return SecretText(None)
    raise PydanticCustomError("secret", "not a secret", {"expected": ENCRYPTED})


ENCRYPTED = "`secure:` and an encrypted text, as `pulumi config set --secret --path` writes it"

Secret = Annotated[
    SecretText,
    PlainValidator(_secret),
    WithJsonSchema(
        {
            "type": "object",
            "properties": {"secure": {"type": "string"}},
            "required": ["secure"],
            "additionalProperties": False,
        }
    ),
]
"""A secret, encrypted in the stack file: `{secure: v1:…}`."""


class Taint(Settings):
    """Keeps pods off a node unless they tolerate it."""

    key: LabelKey
    value: LabelValue = ""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = "NoSchedule"


Taints = Annotated[tuple[Taint, ...], Field(strict=False)]
