"""However broken a stack file is, its reader gets errors that can be read, never a traceback."""

from __future__ import annotations

import copy
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

import config
from config.cluster import ClusterSettings
from tests.support import EKS, PROJECT, SHIPPED, TODAY

FILE = "Pulumi.dev.yaml"
DOCUMENTS = [yaml.safe_load(file.text) for file in SHIPPED]

UNSHOWABLE = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's control characters, halves of characters, and separators of lines."""


def nested(depth: int) -> Any:
    value: Any = "x"
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


ODD_TEXT = st.text(st.characters(exclude_categories=UNSHOWABLE), max_size=20) | st.sampled_from(
    ["ключ", "📦", "‮", "{}", "yes", "1.35"]
)
ODD_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-1, 0, 2**63, 10**30, 10**400]),
    st.floats(),
    st.dates(),
    st.datetimes(),
    ODD_TEXT,
    st.recursive(ODD_TEXT, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_TEXT, inner, max_size=3)),
    st.integers(40, 60).map(nested),
)
ODD_YAML = st.sampled_from(
    [
        "\t",
        "!!bool perhaps",
        '!!int ""',
        "!!float abc",
        "!!timestamp abc",
        "!!binary abc",
        "!!set {a, b}",
        "!!python/object:os.system [ls]",
        "!secret abc",
        "*nowhere",
        "&a [*a]",
        "<<",
        "=",
        "? [a, b]\n: c",
        "0x" + "f" * 5000,
        "9" * 5000,
        "1e999",
        ".nan",
        "-.inf",
        "2026-02-30",
        "0001-01-01T00:00:00+23:00",
        '"\\ud800"',
        '"\\UFFFFFFFF"',
        "[" * 300,
        "{a: " * 300,
        "--- a",
        "%YAML 9.9",
        "{secure: AAABAGc1}",
        "| text",
        "'",
        '"',
        "\u0000",
        "\ufeff",
    ]
)

quick = settings(derandomize=True, deadline=None, max_examples=200, database=None)


@given(document=st.sampled_from(DOCUMENTS), data=st.data())
@quick
def test_values_of_any_kind_at_any_place(document: Any, data: st.DataObject) -> None:
    document = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 3))):
        _mutate(document, data)
    assert_read_or_told(yaml.safe_dump(document, allow_unicode=True, sort_keys=False).encode())


@given(text=st.sampled_from([file.text for file in SHIPPED]), data=st.data())
@quick
def test_lines_lost_doubled_indented_or_cut(text: str, data: st.DataObject) -> None:
    lines = text.splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 3))):
        number = data.draw(st.integers(0, len(lines) - 1))
        line = lines[number]
        column = data.draw(st.integers(0, len(line)))
        lines[number] = data.draw(
            st.sampled_from(["", line * 2, f"\t{line}", f" {line}", line[column:], line[:column], line.upper()])
        )
    assert_read_or_told("".join(lines).encode())


@given(odd=ODD_YAML, data=st.data())
@quick
def test_any_yaml_in_place_of_a_value(odd: str, data: st.DataObject) -> None:
    lines = data.draw(st.sampled_from(SHIPPED)).text.splitlines()
    number = data.draw(st.sampled_from([n for n, line in enumerate(lines) if ": " in line and "#" not in line]))
    key, _, _ = lines[number].partition(": ")
    lines[number] = f"{key}: {odd}"
    assert_read_or_told("\n".join(lines).encode())


@given(text=ODD_TEXT | ODD_YAML | st.text(alphabet="ab:-[]{}&*!|>%@` \n#?", max_size=60))
@example(EKS.text[: len(EKS.text) // 2])
@example(EKS.text * 2)
@example("config: &a {kuber:cluster: *a}")
@quick
def test_any_text(text: str) -> None:
    assert_read_or_told(text.encode("utf-8", "surrogatepass"))


@given(content=st.binary(max_size=80))
@settings(derandomize=True, deadline=None, max_examples=60, database=None)
def test_any_bytes(content: bytes) -> None:
    assert_read_or_told(content)


@pytest.mark.parametrize("key", ['"a\\nb"', '"\\e[31mred"', '"\\u2028"'])
def test_control_characters_never_reach_the_terminal(key: str) -> None:
    assert_read_or_told(EKS.replacing("region:", f"{key}:").text.encode())


def test_a_small_file_that_grows_by_its_aliases_is_refused() -> None:
    pairs = zip("abcdefgh", "bcdefghi", strict=True)
    grown = "".join(f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in pairs)
    assert_read_or_told(f"a: &a [x]\n{grown}".encode())


READ = """
import sys, config
from pathlib import Path
try:
    config.read("dev", Path(sys.argv[1]))
except config.StackFileError as error:
    print(error)
"""


@pytest.mark.parametrize("deep", ["[", "{a: ", "- ", "? "], ids=["lists", "mappings", "items", "keys"])
def test_a_file_nested_without_end_is_refused(deep: str, tmp_path: Path) -> None:
    """In a process of its own: what overruns the stack of a parser in C ends the process."""
    (tmp_path / FILE).write_text(deep * 100_000)
    done = subprocess.run([sys.executable, "-c", READ, str(tmp_path)], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr}"
    assert done.stdout.startswith(f"{FILE}: ") or done.stdout.startswith(f"{FILE}:1: ")


def assert_read_or_told(content: bytes) -> None:
    """The file is read, or its problems are told: each one block of text that a terminal can show, at a line of the file."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, FILE).write_bytes(content)
        try:
            assert isinstance(config.read("dev", Path(folder), TODAY), ClusterSettings)
            return
        except config.StackFileError as error:
            told = error
    assert told.problems
    text = str(told)
    heads = [line for line in text.split("\n") if not line.startswith("    ")]
    assert len(heads) == len(told.problems) and all(head.startswith(FILE) for head in heads), text
    assert not {unicodedata.category(character) for character in text.replace("\n", "")} & set(UNSHOWABLE), ascii(text)
    last = content.decode(errors="replace").count("\n") + 1
    assert all(1 <= problem.line <= last for problem in told.problems if problem.line is not None), text


def _mutate(document: Any, data: st.DataObject) -> None:
    """Drop, replace, rename, add or repeat something somewhere in the document."""
    parent = data.draw(st.sampled_from(list(_containers(document))))
    value = data.draw(ODD_VALUES)
    if isinstance(parent, list):
        parent.insert(data.draw(st.integers(0, len(parent))), value)
        return
    key = data.draw(st.sampled_from(sorted(parent))) if parent else "new"
    match data.draw(st.sampled_from(["drop", "replace", "rename", "add"])):
        case "drop":
            parent.pop(key, None)
        case "replace":
            parent[key] = value
        case "rename":
            parent[data.draw(ODD_TEXT) or key.upper()] = parent.pop(key, None)
        case _:
            parent[data.draw(ODD_TEXT)] = value


def _containers(value: Any) -> Any:
    if isinstance(value, dict | list):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from _containers(item)
