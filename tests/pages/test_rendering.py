"""What all pages have in common."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from kuber.pages.rendering import anchor, as_json, render

TEMPLATE = """{% extends "base.html.j2" %}
{% block title %}{{ name }}{% endblock %}
{% block body %}<main id="main"><p>{{ name }}</p></main>{% endblock %}
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A page of its own, with a style and a script."""
    tmp_path.joinpath("thing.css").write_text("p { margin: 1px; }\n")
    tmp_path.joinpath("thing.js").write_text("document.title = given().name;\n")
    file = tmp_path / "thing.html.j2"
    file.write_text(TEMPLATE)
    return file


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_policy_admits_the_one_style_and_the_one_script_and_nothing_else(template: Path) -> None:
    text = render(template, data={"name": "x"}, name="x")
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text.replace("&#39;", "'"))
    [style] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    [script] = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["style-src"] == f"'{_digest(style)}'"
    assert rules["script-src"] == f"'{_digest(script)}'"
    assert style.endswith("p { margin: 1px; }\n") and script.endswith("given().name;\n")


def test_a_page_without_data_has_no_script_and_may_run_none(template: Path) -> None:
    text = render(template, name="x").replace("&#39;", "'")
    assert "<script" not in text
    assert "script-src 'none'" in text


@pytest.mark.parametrize("hostile", ["</script><script>alert(1)</script>", "<!--", "a & b", "\u2028\u2029"])
def test_data_can_not_end_its_element(hostile: str) -> None:
    written = as_json({"name": hostile})
    assert not re.search("[<>&\u2028\u2029]", written)
    assert json.loads(written)["name"] in (hostile, "\\u2028\\u2029")


def test_texts_are_escaped_and_show_all_that_is_in_them(template: Path) -> None:
    text = render(template, data={"\u202ekey": ["\x1b"]}, name="<b>\u202e\n")
    assert "<p>&lt;b&gt;\\u202e\n</p>" in text
    assert '{"\\\\u202ekey":["\\\\x1b"]}' in text


def test_a_name_that_a_template_was_not_given_is_an_error(template: Path) -> None:
    with pytest.raises(UndefinedError):
        render(template)


def test_an_anchor_is_the_same_each_time_and_tells_things_apart() -> None:
    assert anchor("change", "urn:a") == anchor("change", "urn:a") != anchor("change", "urn:b")
    assert re.fullmatch(r"change-[0-9a-f]{12}", anchor("change", "urn:<a>"))
