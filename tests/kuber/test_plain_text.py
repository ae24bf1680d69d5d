"""A text that is shown shows all that is in it, and moves nothing on a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuber.plain_text import plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("an ordinary text: é, 漢字, 🙂", "an ordinary text: é, 漢字, 🙂"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]8;;https://evil.example\x07here\x1b]8;;\x07", "\\x1b]8;;https://evil.example\\x07here\\x1b]8;;\\x07"),
        ("one\ntwo\ttab\rback", "one\\ntwo\\ttab\\rback"),
        ("over\x08\x08written", "over\\x08\\x08written"),
        ("\x9b31mred", "\\x9b31mred"),
        ("admin\u202egnp.exe", "admin\\u202egnp.exe"),
        ("\u2066isolated\u2069", "\\u2066isolated\\u2069"),
        ("a\u200bb\ufeffc\u00add", "a\\u200bb\\ufeffc\\xadd"),
        ("line\u2028separator", "line\\u2028separator"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("half\ud800", "half\\ud800"),
    ],
)
def test_what_is_not_seen_is_written_out(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_what_is_to_be_kept_is() -> None:
    assert plain("a\n\tb\x1b", keeping="\n\t") == "a\n\tb\\x1b"


@given(st.text(st.characters()))
def test_nothing_is_left_that_a_terminal_obeys_or_that_turns_the_writing(text: str) -> None:
    shown = plain(text)
    assert not [one for one in shown if unicodedata.category(one) in ("Cc", "Zl", "Zp", "Cs")]
    assert not [
        one
        for one in shown
        if unicodedata.bidirectional(one) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    ]
    assert plain(shown) == shown
    shown.encode()


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_what_can_be_seen_stays(text: str) -> None:
    assert plain(text) == text
