"""Kubernetes objects as YAML that differs line by line: every text of several lines is a block of lines.

Libraries write such a text in quotes, on one line, as soon as a line ends in a space or holds a tab, as configuration files do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from .wording import plain

_WORD = r"[A-Za-z0-9_./@%+=,()-]"
_PLAIN = re.compile(
    rf"(?:--?)?[A-Za-z/]{_WORD}*(?:[ :]{_WORD}+)*"  # words, images, addresses, a program's options
    r"|[0-9]+(?:m|Ki|Mi|Gi|Ti|s|%)"  # quantities and durations that no reader takes for numbers
)
_OTHERWISE_READ = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""What YAML 1.1 takes for something else than a text, in any case."""


def yaml_lines(document: Mapping[str, Any]) -> list[str]:
    """The lines of a JSON object as YAML, keys sorted, lists as far to the left as their key, as kubectl has them."""
    lines: list[str] = []
    if document:
        _put_mapping(document, "", lines)
    return lines or ["{}"]


def _put_mapping(value: Mapping[str, Any], indent: str, lines: list[str]) -> None:
    for key in sorted(value):
        item, head = value[key], f"{indent}{_scalar(key)}:"
        if isinstance(item, Mapping) and item:
            lines.append(head)
            _put_mapping(item, indent + "  ", lines)
        elif isinstance(item, list) and item:
            lines.append(head)
            _put_list(item, indent, lines)
        else:
            _put_scalar(head, item, indent + "  ", lines)


def _put_list(value: list[Any], indent: str, lines: list[str]) -> None:
    for item in value:
        if isinstance(item, (Mapping, list)) and item:
            start = len(lines)
            if isinstance(item, list):
                _put_list(item, indent + "  ", lines)
            else:
                _put_mapping(item, indent + "  ", lines)
            lines[start] = f"{indent}- {lines[start][len(indent) + 2 :]}"
        else:
            _put_scalar(f"{indent}-", item, indent + "  ", lines)


def _put_scalar(head: str, value: Any, indent: str, lines: list[str]) -> None:
    if isinstance(value, str) and "\n" in value and value.strip("\n") and plain(value, keeping="\n\t") == value:
        ended = value.endswith("\n")
        told = value[:-1] if ended else value
        chomping = "-" if not ended else "+" if told.endswith("\n") else ""
        indentation = "2" if value[0] in " \n" else ""
        lines.append(f"{head} |{indentation}{chomping}")
        lines += [indent + line if line else "" for line in told.split("\n")]
    else:
        lines.append(f"{head} {_scalar(value)}")


def _scalar(value: Any) -> str:
    return _text(value) if isinstance(value, str) else json.dumps(value)


@lru_cache(maxsize=20_000)
def _text(value: str) -> str:
    if _PLAIN.fullmatch(value) and value.lower() not in _OTHERWISE_READ:
        return value
    return plain(json.dumps(value, ensure_ascii=False))
