"""The reference of stack files, docs/stack-files.md, made from the settings' classes like the schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic.fields import FieldInfo

from config.documentation import field_documentation
from config.model import Settings
from config.stack_file import PLATFORMS, settings_class

STACK_FILE_REFERENCE = "docs/stack-files.md"

_INTRODUCTION = """# Stack files

`Pulumi.<stack>.yaml` is one cluster, all of it under `config:` → `kuber:cluster:`. The stack's name is the
cluster's. Unknown keys are refused. This page is made by `kuber schema` from the settings' own documentation;
[the schema](../schema/stack-file.schema.json) tells editors the same.
"""
_TITLES = {
    "eks": "A cluster on AWS",
    "gke": "A cluster on Google Cloud",
    "bare_metal": "A cluster on machines of your own",
}


def stack_file_reference() -> str:
    """The page, as Markdown; the same bytes each time."""
    lines = [_INTRODUCTION]
    for platform in PLATFORMS:
        lines.append(f"\n## {_TITLES[platform]}: `platform: {platform}`\n")
        lines += _section(settings_class(platform), ())
    return "\n".join(lines) + "\n"


def _section(model: type[Settings], path: tuple[str, ...]) -> Iterator[str]:
    documentation = field_documentation(model)
    if path:
        yield f"\n### `{'.'.join(path)}`\n\n{' '.join((model.__doc__ or '').split())}\n"
    yield "| key | value | default | |\n|---|---|---|---|"
    for name, field in model.model_fields.items():
        if name != "platform":
            below = [one for one, _ in _models_in(field.annotation)]
            text = documentation.get(name) or (" ".join((below[0].__doc__ or "").split()) if below else "")
            yield f"| `{name}` | {_value(field)} | {_default(field)} | {_cell(text)} |"
    for name, field in model.model_fields.items():
        for below, suffix in _models_in(field.annotation):
            yield from _section(below, (*path, f"{name}{suffix}"))


def _models_in(annotation: Any, suffix: str = "") -> Iterator[tuple[type[Settings], str]]:
    """The settings below a field: directly, `.NAME` in a mapping by name, `[]` in a list."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        yield annotation, suffix
        return
    origin = getattr(annotation, "__origin__", None)
    mark = ".NAME" if origin is dict else "[]" if origin is tuple else ""
    for argument in get_args(annotation):
        yield from _models_in(argument, suffix + mark)


def _value(field: FieldInfo) -> str:
    """What kind of value a field takes, in the words of YAML."""
    return _cell(_kind(field.annotation))


def _kind(annotation: Any) -> str:
    arguments = [one for one in get_args(annotation) if one is not type(None)]
    origin = getattr(annotation, "__origin__", None)
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return "keys, see below"
    if origin is dict:
        return f"{_kind(arguments[1])}, by name"
    if origin is tuple:
        return f"list of {_kind(arguments[0])}"
    if str(origin) == "typing.Literal":
        return ", ".join(f"`{one}`" for one in arguments)
    if arguments:
        return _kind(arguments[0])
    return {"str": "text", "int": "whole number", "bool": "true or false", "IPv4Network": "address range"}.get(
        getattr(annotation, "__name__", ""), getattr(annotation, "__name__", "").removeprefix("IPv4").lower()
    )


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    default = field.default
    if isinstance(default, Settings):
        return "as below"
    if default is None or default in ((), {}):
        return ""
    shown = ", ".join(map(str, default)) if isinstance(default, tuple) else str(default)
    return f"`{shown.lower() if isinstance(default, bool) else shown}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
