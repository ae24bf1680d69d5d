"""What is wrong, in the words of a stack file: unknown keys, and what pydantic found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic_core import ErrorDetails

from .documentation import field_documentation
from .errors import KeyPath, Problem, shown
from .model import Settings


def unknown_keys(mapping: Mapping[str, Any], known: tuple[str, ...]) -> Iterator[Problem]:
    """A problem for each key that isn't known, with what is spelt alike."""
    for key in mapping:
        if key not in known:
            yield _unknown_key((key,), known)


def _unknown_key(path: KeyPath, known: tuple[str, ...]) -> Problem:
    close = get_close_matches(str(path[-1]), known, n=1)
    return Problem(
        path=path,
        message="unknown key",
        found=shown(path[-1]),
        expected=f"one of {', '.join(known)}" if known else "no further keys",
        hint=f"did you mean `{close[0]}`?" if close else None,
    )


def from_pydantic(detail: ErrorDetails, model: type[Settings]) -> Problem:
    """A validation error in the words of a stack file."""
    path: KeyPath = tuple(part for part in detail["loc"] if part != "[key]")
    kind, context, found = detail["type"], detail.get("ctx", {}), shown(detail["input"])
    if kind == "extra_forbidden":
        return _refused_key(path, _model_at(model, path[:-1]), found)
    if kind == "missing":
        return Problem(path=path, message=f"`{path[-1]}` is missing", expected=_described(model, path))
    if kind == "kuber":
        return Problem(
            path=path,
            message=context["message"],
            found=None if isinstance(detail["input"], dict) else found,
            expected=context["expected"],
            hint=context["hint"],
        )
    if kind == "secret":
        return Problem(path=path, message=detail["msg"], expected=context["expected"])
    return Problem(path=path, message=_message(detail), found=found, expected=_expected(detail))


def _refused_key(path: KeyPath, model: type[Settings] | None, found: str) -> Problem:
    """A key that a model doesn't have: one of another platform, with the reason, or a misspelt one."""
    key = str(path[-1])
    if model and key in model.refused_keys:
        return Problem(path=path, message=model.refused_keys[key], found=found, hint=f"remove `{key}`")
    return _unknown_key(path, tuple(model.model_fields) if model else ())


_LIMITS = {
    "greater_than_equal": ("too small", "{ge} or more"),
    "less_than_equal": ("too large", "{le} or less"),
    "too_short": ("too few", "{min_length} or more"),
    "too_long": ("too many", "{max_length} at most"),
    "string_too_short": ("too short", "{min_length} characters or more"),
    "string_too_long": ("too long", "{max_length} characters at most"),
}


def _message(detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind in _LIMITS:
        return _LIMITS[kind][0]
    if kind.endswith(("_type", "_parsing")) or kind in ("literal_error", "union_tag_invalid", "union_tag_not_found"):
        return "not a value that this key takes"
    return detail["msg"][0].lower() + detail["msg"][1:]


_TYPES = {
    "string": "text (put numbers in quotes)",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "dict": "keys and values",
    "model": "keys and values",
    "list": "a list",
    "tuple": "a list",
}


def _expected(detail: ErrorDetails) -> str | None:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _LIMITS:
        return _LIMITS[kind][1].format(**context)
    if "expected" in context or "expected_tags" in context:
        return str(context.get("expected") or context.get("expected_tags")).replace("'", "")
    return next((text for name, text in _TYPES.items() if kind.startswith(name) and kind.endswith("_type")), None)


def _model_at(model: type[Settings], path: KeyPath) -> type[Settings] | None:
    """The settings' class at a key path; None where there is none."""
    current: Any = model
    for part in path:
        if isinstance(current, type) and issubclass(current, Settings):
            field = current.model_fields.get(str(part))
            current = field.annotation if field else None
        else:
            current = next((arg for arg in reversed(get_args(current)) if arg is not type(None)), None)
        while current is not None and not isinstance(current, type) and not hasattr(current, "__origin__"):
            current = next((arg for arg in get_args(current) if arg is not type(None)), None)
    models = [current, *get_args(current)]
    return next((m for m in models if isinstance(m, type) and issubclass(m, Settings)), None)


def _described(model: type[Settings], path: KeyPath) -> str | None:
    """The first sentence of a key's documentation."""
    parent = _model_at(model, path[:-1])
    text = field_documentation(parent).get(str(path[-1])) if parent else None
    return text.split(". ")[0].rstrip(".") if text else None
