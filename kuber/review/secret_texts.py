"""Finds what looks like a secret within a text: in a URL, a configuration file, a header, a key, also within base64.

A name that tells of a secret makes one of what stands behind it: `password = x`, `"apiToken": "x"`, `--client-secret=x`. A value that
only says where the secret is found, `${PASSWORD}`, is none.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import takewhile
from typing import Any

Mask = Callable[[Any], str]
"""Gives what is shown instead of a secret."""

_WORDS = (
    r"pass(?:word|wd|phrase)|(?<!unexpected )(?<!invalid )token|[_-]pass|[_-]pwd"
    r"|(?:client|shared|app|cookie|hmac|signing|webhook|consumer|session|jwt)[_.-]?secret"
    r"|(?:api|secret|private|encryption|signing|account|access)[_.-]?key"
)
_ASSIGNED = re.compile(
    rf"(?:{_WORDS}|(?<![\w-])secret(?=[ \t]*=))\\*[\"']?[ \t]*(?::=|=>|[:=])[ \t]*(?:"
    r"\"(?P<double>(?:[^\"\\]|\\.)+)|'(?P<single>(?:[^']|'')+)"
    r"|(?P<quote>\\+[\"'])(?P<nested>(?:(?!(?P=quote))(?:\\+[^\\]|[^\\]))+)"
    r"|[|>][0-9+-]{0,2}[ \t]*\n(?P<block>(?:[ \t]+[^\n]*(?:\n|\Z)|\n)+)"
    r"|(?P<bare>[^\s\"'\\][^\n]*))",
    re.I | re.S,
)
"""A name with what is assigned to it: quoted, quoted within a quoted text, as a block of lines, or bare."""

_BEGINS_A_LINE = re.compile(r"[ \t]*(?:- |export |set )?[\w\"'.-]*")
_SPACED = re.compile(r"[ \t]=|[:=][ \t]")
_NO_SECRET = re.compile(
    r"(?:true|false|null|none|yes|no|~|\*+)\b|\*|\[secret\b|<(?:[a-z][a-z _-]*)>|\$\(|\$\{|\$[A-Z_][A-Z0-9_]*\b|\{\{"
    r"|\{[ \t]*[\"']?[A-Za-z_]\w*[\"']?[ \t]*:|[|>][0-9+-]{0,2}[ \t]*\Z",
)
