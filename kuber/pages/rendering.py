"""Pages that stand by themselves: style, script and data are in the file, and a policy admits nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from kuber.plain_text import plain

_SHARED = Path(__file__).parent
_SCRIPTS = ("elements.js", "values.js", "listing.js", "filters.js")
"""The script that pages share, in this order; it does nothing until a page's own calls it."""

_IN_A_SCRIPT = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})
"""What would end an element of HTML, or a line of JavaScript, as JSON writes it otherwise."""


def render(template: Path, *, data: Any = None, **told: Any) -> str:
    """A page.

    Its policy admits its one style and its one script by their digests (Content Security Policy Level 3, section 2.3.1), and no
    text of the page to become markup or script (Trusted Types).

    Args:
        template: A template that extends `base.html.j2`. What is beside it with the same name, `page.css` and `page.js` beside
            `page.html.j2`, follows the shared style and script.
        data: JSON that the script is given; without it, the page has no script at all.
        told: What the template is given. Text is escaped, and what can't be seen in it, or would turn the direction of writing,
            is written out; so it is in `data`.
    """
    name = template.name.removesuffix(".html.j2")
    style = _text(_SHARED / "style.css") + _text(template.with_name(f"{name}.css"))
    script = "" if data is None else "".join(map(_text, (_SHARED / one for one in _SCRIPTS)))
    script += "" if data is None else _text(template.with_name(f"{name}.js"))
    return (
        _environment(template.parent)
        .get_template(template.name)
        .render(
            style=Markup(style),
            script=Markup(script),
            data=None if data is None else as_json(data),
            policy=_policy(style, script),
            **told,
        )
    )


def as_json(data: Any) -> Markup:
    """JSON that can stand in an element of HTML, whatever is in it."""
    return Markup(json.dumps(_seen(data), ensure_ascii=False, separators=(",", ":")).translate(_IN_A_SCRIPT))


def anchor(kind: str, identity: str) -> str:
    """The id of an element, alike on each page that shows the same thing: `change-0a1b2c3d4e5f`.

    Args:
        kind: What it is: `change`.
        identity: What tells it apart, such as its URN.
    """
    return f"{kind}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _seen(value: Any) -> Any:
    """A value whose texts show all that is in them; lines and tabs stay."""
    match value:
        case Markup():
            return value
        case str():
            return plain(value, keeping="\n\t")
        case Mapping():
            return {_seen(key): _seen(item) for key, item in value.items()}
        case list() | tuple():
            return [_seen(item) for item in value]
        case _:
            return value


def _policy(style: str, script: str) -> str:
    rules = [
        "default-src 'none'",
        f"style-src {_digest(style)}",
        f"script-src {_digest(script)}" if script else "script-src 'none'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
    return "; ".join(rules)


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _text(file: Path) -> str:
    """A file's text; nothing of one that a page doesn't have."""
    return file.read_text(encoding="utf-8") if file.exists() else ""


@cache
def _environment(folder: Path) -> Environment:
    return Environment(
        loader=FileSystemLoader([folder, _SHARED]),
        autoescape=True,
        finalize=_seen,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
