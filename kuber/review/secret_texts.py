"""Finds what looks like a secret within a text: in a URL, a line of a configuration file, a header, a key.

A name that tells of a secret makes one of what is assigned to it: `password = x`, `"apiToken": "x"`, `--client-secret=x`. What only
tells where a secret is found, `${PASSWORD}` or `passwordFile: x`, is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import takewhile
from typing import Any

Mask = Callable[[Any], str]
"""Gives what is shown instead of a secret."""

_WORDS = (
    r"pass(?:word|wd|phrase)|(?<!unexpected )(?<!invalid )token|(?<!proxy)[_-]pass|[_-]pwd"
    r"|(?:client|shared|app|cookie|hmac|signing|webhook|consumer|session|jwt)[_.-]?secret"
    r"|(?:api|secret|private|encryption|signing|account|access)[_.-]?key"
)
_NAME = re.compile(rf"(?:{_WORDS})(?:(?<!token)s)?$")
_VARIABLE = re.compile(r"(?:^|_)(?:pass|secret|credentials)$")
_END_OF_A_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ADDRESS = re.compile(r"(?:https?://[\w.-]+(?::\d+)?)?(?:/[a-z0-9._-]*)+")
"""Where a token or credentials are found, as a variable or a constant says under their name."""

_ASSIGNED = re.compile(r"(pass(?:word|wd|phrase)?|pwd|token|secret|key)\\*[\"']?[ \t]*(?::=|=>|[:=])[ \t]*")
"""The end of a name to which something is assigned; in a text in lower case, as that is quicker than to search without case."""
_LONGEST_BEGINNING = 20
"""Characters of a name before its end that tell whether it names a secret."""
_VALUE = re.compile(
    r"\"(?P<double>(?:[^\"\\]|\\.)+)|'(?P<single>(?:[^']|'')+)"
    r"|(?P<quote>\\+[\"'])(?P<nested>(?:(?!(?P=quote))(?:\\+[^\\]|[^\\]))+)"
    r"|[|>][0-9+-]{0,2}[ \t]*\n(?P<block>.+)"
    r"|(?P<bare>[^\s\"'\\][^\n]*)",
    re.S,
)
"""What is assigned: quoted, quoted within a quoted text, as a block of lines, or bare."""
_BEFORE_A_NAME = re.compile(r"[ \t]*(?:- |export |set )?[\w\"'.-]*")
_GOES_ON = re.compile(r"[\w-]$")
_FIRST_WORD = re.compile(r"\{\{.*?\}\}|\S+")
_STRUCTURE = re.compile(r"\{[ \t]*[\"']?[A-Za-z_]\w*[\"']?[ \t]*:|[|>][0-9+-]{0,2}$|\[secret\b|`[^`]*\$\{")
"""How a bare value begins that is a structure, computed, or a mask."""
_NO_SECRET = re.compile(
    r"(?:(?i:true|false|null|none|yes|no)|~|\*+|<[a-z][a-z _-]*>|\$\(\w+\)|\$\{[^{}]+\}|\$[A-Z_][A-Z0-9_]*|\{\{.*?\}\})"
    r"(?:[,;)}\]`]*|[ \t]+[#;].*)|\[secret(?: [^\]\s]*)?\]"
)
"""Values that say nothing, or where the secret is found; and masks."""

_PRIVATE_KEY = re.compile(
    r"(?P<secret>-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\Z))",
    re.S,
)
_URL = re.compile(r"://[^\s/:@\"']*:(?P<secret>[^\s/?#\"'\\]+|(?!\d+[/?#])[^\s\"'\\]+?)(?=@)")
_DATA_SOURCE = re.compile(r":(?P<secret>[^\s@\"']+)(?=@(?:tcp|unix)\()")
_HEADER = re.compile(
    r"(?:authorization\W{1,8}(?:bearer|basic|token|apikey)|\A[ \t]*bearer)[ \t]+(?P<secret>[^\s\"'\\]+)"
    r"|\bbearer[ \t]+(?P<found>(?=[^\s\"']*[0-9])[^\s\"'\\,]{12,})",
    re.I,
)
_KNOWN = re.compile(
    r"\b(?P<secret>gh[opsur]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|hv[sbr]\.[\w-]{20,}|xox[a-z]-[\w-]{10,}"
    r"|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*)"
)
"""Tokens of GitHub, GitLab, Vault and Slack, and JSON web tokens."""
_HASHED = re.compile(r"(?P<secret>\$(?:2[abxy]|apr1|5|6|argon2i?d?)\$[^\s\"':,]{20,})")
_PAIR = re.compile(
    rf"name[\"']?[ \t]*:[ \t]*[\"']?[\w.-]*(?i:{_WORDS}|secret)[\"']?[ \t]*,?\s*[\"']?value[\"']?[ \t]*:[ \t]*"
    r"(?:\"(?P<secret>(?:[^\"\\]|\\.)+)|'(?P<single>(?:[^']|'')+)|(?P<bare>[^\s\"'][^\n]*))"
)
"""A variable with its value."""
_SECRET_MANIFEST = re.compile(r"^[ \t-]*[\"']?kind[\"']?:[ \t]*[\"']?Secret[\"']?[ \t]*$", re.M)
_DATA = re.compile(
    r"^(?P<indent>[ \t]*)(?:- )?(?:data|stringData):[ \t]*\n(?P<secret>(?:(?P=indent)[ \t]+[^\n]*(?:\n|\Z)|[ \t]*\n)+)",
    re.M,
)

_LOOKED_FOR: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = (
    (("private key",), _PRIVATE_KEY),
    (("gh", "glpat-", "hv", "xox", "eyj"), _KNOWN),
    (("://",), _URL),
    (("@tcp(", "@unix("), _DATA_SOURCE),
    (("authorization", "bearer"), _HEADER),
    (("$2", "$5$", "$6$", "$apr1$", "$argon2"), _HASHED),
)
"""What is looked for, and only where one of some words stands, without case."""
_OF_NAMES = ("pass", "pwd", "token", "secret", "key")


def without_secrets(text: str, mask: Mask, *, whole_lines: bool) -> str:
    """A text with a mask in place of each secret in it.

    Args:
        text: It.
        mask: Gives what is shown instead.
        whole_lines: Whether it is a value, where all of a line that begins with a name is assigned to it, and not a sentence.
    """
    lowered = text.lower()
    for words, pattern in _LOOKED_FOR:
        if any(word in lowered for word in words):
            text = pattern.sub(lambda found: _masked(found, mask), text)
    if not any(word in lowered for word in _OF_NAMES):
        return text
    if "kind" in lowered and _SECRET_MANIFEST.search(text):
        text = _DATA.sub(lambda found: _masked(found, mask), text)
    return _assigned(_PAIR.sub(lambda found: _masked(found, mask), text), mask, whole_lines)


@lru_cache(maxsize=20_000)
def names_secret(name: str) -> bool:
    """Whether a property, a program's option or an environment variable of a name holds a secret itself."""
    last = re.split(r"[/.]", name)[-1]
    words = _END_OF_A_WORD.sub("_", last).lower().replace("-", "_")
    return bool(_NAME.search(words)) or (last.isupper() and bool(_VARIABLE.search(words)))


def is_secret_value(name: str, value: str) -> bool:
    """Whether a value of such a name is a secret, and not empty, nor an address or a reference where it is found."""
    if not value.strip() or _NO_SECRET.fullmatch(value):
        return False
    return not (name.lower().endswith(("credentials", "token")) and _ADDRESS.fullmatch(value))


def _masked(found: re.Match[str], mask: Mask) -> str:
    """All that a pattern found, with the secret in it masked."""
    group = str(found.lastgroup)
    value, start, end = found[group], found.start(group) - found.start(), found.end(group) - found.start()
    return found[0][:start] + mask(value) + found[0][end:] if is_secret_value("", value) else found[0]


def _assigned(text: str, mask: Mask, whole_lines: bool) -> str:
    """A text with what is assigned to names of secrets masked."""
    told, at, lowered = [], 0, _lowered(text)
    for name in _ASSIGNED.finditer(lowered):
        if name.start() < at or not _tells_of_secret(lowered, name):
            continue
        if found := _VALUE.match(text, name.end()):
            start, value = _assigned_value(text, name.start(), found, whole_lines)
            if is_secret_value(name[1], value) and not (found["bare"] and _STRUCTURE.match(value)):
                told += [text[at:start], mask(value)]
                at = start + len(value)
    return "".join([*told, text[at:]])


def _tells_of_secret(lowered: str, name: re.Match[str]) -> bool:
    """Whether a name that ends so is one of a secret; the word `secret` alone is where nothing but its value can follow."""
    beginning = lowered[max(0, name.start() - _LONGEST_BEGINNING) : name.start()]
    if name[1] == "secret" and "=" in name[0] and not _GOES_ON.search(beginning):
        return True
    return _NAME.search(beginning + name[1]) is not None


def _assigned_value(text: str, name: int, found: re.Match[str], whole_lines: bool) -> tuple[int, str]:
    """Where the value of a name starts, and the value."""
    group = str(found.lastgroup)
    start, value = found.start(group), found[group]
    line = text.rfind("\n", 0, name) + 1
    if group == "bare":
        whole = whole_lines and _BEFORE_A_NAME.fullmatch(text, line, name)
        return start, value.rstrip() if whole else _FIRST_WORD.match(value)[0]  # type: ignore[index]
    if group == "block":
        indent = _indent(text[line:name])
        lines = takewhile(lambda one: not one.strip() or _indent(one) > indent, value.splitlines(keepends=True))
        block = "".join(lines)
        return start + len(block) - len(block.lstrip()), block.strip()
    return start, value


def _lowered(text: str) -> str:
    """In lower case, each character where it was."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else "".join(one.lower() if one.isascii() else one for one in text)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))
