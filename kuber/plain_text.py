"""Texts that show all that is in them, whatever they are shown on."""

from __future__ import annotations

import re

_NOT_PRINTED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""What a terminal obeys, what turns the direction of writing, what can't be seen, and what UTF-8 doesn't have."""


def plain(text: str, *, keeping: str = "") -> str:
    r"""A text with every character that isn't seen written out: `\n`, `\x1b`, `\u202e`."""
    if text.isprintable():
        return text
    return _NOT_PRINTED.sub(lambda found: found[0] if found[0] in keeping else _written_out(found[0]), text)


def _written_out(character: str) -> str:
    known = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
    number = ord(character)
    if number < 0x100:
        return known.get(character, f"\\x{number:02x}")
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
