"""Objects as YAML: every reader has the same value of it, and a text of several lines differs line by line."""

from __future__ import annotations

import string
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from kuber.review.object_yaml import yaml_lines

AMBIGUOUS = [
    *(
        "",
        " ",
        "y",
        "No",
        "ON",
        "off",
        "true",
        "~",
        "null",
        "Null",
        "1",
        "-1",
        "1.5",
        "1e3",
        "0x1F",
        "0o7",
        "1_000",
        ".5",
    ),
    *(
        ".inf",
        ".NaN",
        "2026-11-22",
        "2026-11-22T10:00:00Z",
        "12:30",
        "1:2:3",
        "<<",
        "=",
        "---",
        "...",
        "--- a",
        "- a",
        "-",
    ),
    *(
        "? a",
        ": a",
        "a: b",
        "a #b",
        "#",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a",
        "[a",
        "]",
        "{a",
        "}",
        "'a'",
        '"a"',
    ),
    *(
        "a:",
        "a :b",
        "a,b",
        "--flag=true",
        "--flag",
        "-f",
        "100m",
        "1Gi",
        "50%",
        "5s",
        "10Mi",
        "1E",
        "1Ei",
        "nginx:1.27@sha256:0a",
    ),
    *(
        "/path",
        "a\nb",
        "a\n",
        "\na",
        "a\n\n",
        " a\nb",
        "a \nb",
        "a\tb\nc",
        "\ta\nb",
        "\n",
        "\n\n",
        "a\r\nb",
        "# a\nb",
        "---\na",
    ),
    *(
        "\x1b[31mred",
        "\u202eabc",
        "a\u2028b\nc",
        "\ufeffa",
        "\x85",
        "\u00a0",
        "é\nü",
        "𝕏\nb",
        "\x00",
        "\x7f",
        "a\n b\n  c\n",
    ),
]
TEXTS = (
    st.sampled_from(AMBIGUOUS)
    | st.text(st.characters(codec="utf-8"), max_size=12)
    | st.text(" \n\tab:#-|>'\"\\", max_size=12)
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(-1e6, 1e6).map(lambda one: round(one, 3))
    | TEXTS
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=12
)
DOCUMENTS = st.dictionaries(TEXTS, VALUES, max_size=4)


def read_by_1_1(text: str) -> Any:
    return yaml.safe_load(text)


def read_by_1_2(text: str) -> Any:
    reader = YAML(typ="safe", pure=True)
    reader.allow_duplicate_keys = False
    return reader.load(text)


@pytest.mark.parametrize("read", [read_by_1_1, read_by_1_2], ids=["YAML 1.1", "YAML 1.2"])
@given(document=DOCUMENTS)
@example(document={"a": "x\n\x85y"})
@settings(max_examples=250, deadline=None)
def test_every_reader_has_the_same_value(read: Any, document: dict[str, Any]) -> None:
    assert read("\n".join(yaml_lines(document)) + "\n") == document


@pytest.mark.parametrize("text", AMBIGUOUS, ids=repr)
@pytest.mark.parametrize("read", [read_by_1_1, read_by_1_2], ids=["YAML 1.1", "YAML 1.2"])
def test_a_text_that_looks_like_something_else_stays_a_text(read: Any, text: str) -> None:
    document = {"key": text, "list": [text, [text], {"a": text}], text: {"in": text}}
    assert read("\n".join(yaml_lines(document)) + "\n") == document


@given(DOCUMENTS)
@settings(max_examples=200, deadline=None)
def test_what_a_terminal_obeys_is_never_in_a_line(document: dict[str, Any]) -> None:
    for line in yaml_lines(document):
        assert not set(line) & {*map(chr, range(32)), "\x7f", "\x85", "\u2028", "\u2029", "\u202e", "\ufeff"} - {"\t"}


def test_an_object_is_written_as_kubectl_writes_it() -> None:
    document = {
        "spec": {
            "containers": [{"name": "web", "image": "nginx:1.27", "args": ["--port=80", "80"], "env": []}],
            "replicas": 3,
        },
        "kind": "Deployment",
        "data": {"a.conf": "user nginx;\n  worker 1;\t\n\nend \n", "key": "no"},
        "nested": [[1, 2], []],
    }
    assert yaml_lines(document) == [
        "data:",
        "  a.conf: |",
        "    user nginx;",
        "      worker 1;\t",
        "",
        "    end ",
        '  key: "no"',
        "kind: Deployment",
        "nested:",
        "- - 1",
        "  - 2",
        "- []",
        "spec:",
        "  containers:",
        "  - args:",
        "    - --port=80",
        '    - "80"',
        "    env: []",
        "    image: nginx:1.27",
        "    name: web",
        "  replicas: 3",
    ]


def test_an_empty_object_is_a_line_too() -> None:
    assert yaml_lines({}) == ["{}"]


@given(st.text(string.ascii_lowercase + " \t\n:#", min_size=1, max_size=60), st.data())
@settings(max_examples=200, deadline=None)
def test_a_line_more_in_a_text_is_at_most_a_line_more_and_its_head(text: str, data: st.DataObject) -> None:
    lines = text.split("\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    more = "\n".join([*lines[:at], "inserted", *lines[at:]])
    before, after = (yaml_lines({"data": one}) for one in (f"first\n{text}\nlast\n", f"first\n{more}\nlast\n"))
    assert [one for one in after if one not in before] == (["  inserted"] if "  inserted" not in before else [])
    assert len(after) == len(before) + 1
