"""From a stack file to the settings of its cluster, or to a list of what is wrong with it.

There is one door, `load`: for the program under the engine, which gets its values from the engine, and for the command
line, which reads the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from .cluster import ClusterSettings
from .documentation import field_documentation
from .errors import KeyPath, Problem, StackFileError, shown
from .model import Settings
from .yaml_source import YamlSource, parse

CONFIG_KEY = "kuber:cluster"
_INSIDE = ("config", CONFIG_KEY)
TOP_LEVEL_KEYS = ("config", "encryptedkey", "encryptionsalt", "environment", "secretsprovider")
_STACK_NAME = re.compile(r"^[a-z][a-z0-9-]{1,28}[a-z0-9]$")


PLATFORMS = ("eks", "gke", "bare_metal")


def settings_class(platform: str) -> type[ClusterSettings]:
    """The class of a platform's settings; a plan of one platform doesn't pay for the others.

    Raises:
        ValueError: there is no such platform.
    """
    match platform:
        case "eks":
            from .eks import EksCluster

            return EksCluster
        case "gke":
            from .gke import GkeCluster

            return GkeCluster
        case "bare_metal":
            from .bare_metal import BareMetalCluster

            return BareMetalCluster
        case _:
            raise ValueError(f"unknown platform: {platform}")


def stack_file_path(stack: str, folder: Path) -> Path:
    """Where the engine keeps a stack's settings."""
    return folder / f"Pulumi.{stack}.yaml"


def read(stack: str, folder: Path, today: date | None = None) -> ClusterSettings:
    """The cluster of `Pulumi.<stack>.yaml` in a folder.

    Raises:
        StackFileError: the file can't be read, or says something that can't be.
    """
    source = read_source(stack_file_path(stack, folder))
    return _cluster(stack, cluster_value(source), source, today)


def read_text(stack: str, text: str, today: date | None = None) -> ClusterSettings:
    """The cluster of a stack file that isn't written yet.

    Raises:
        StackFileError: the text says something that can't be.
    """
    source = parse(text, stack_file_path(stack, Path()).name)
    return _cluster(stack, cluster_value(source), source, today)


def load(stack: str, value: Any, folder: Path | None = None, today: date | None = None) -> ClusterSettings:
    """The cluster from the value that the engine hands over; errors name lines where the stack file can be found.

    Args:
        stack: Name of the stack.
        value: What stands under `kuber:cluster`.
        folder: Folder of the stack file; the working folder unless given.
        today: The day for which exceptions and support are judged.

    Raises:
        StackFileError: the settings say something that can't be.
    """
    try:
        source = read_source(stack_file_path(stack, folder or Path.cwd()))
    except StackFileError:
        source = None
    return _cluster(stack, value, source, today)


def read_source(path: Path) -> YamlSource:
    """The YAML of a stack file.

    Raises:
        StackFileError: there is no such file, or it can't be read or parsed.
    """
    try:
        return parse(path.read_text(encoding="utf-8"), path.name)
    except FileNotFoundError:
        others = sorted(p.name.split(".")[1] for p in path.parent.glob("Pulumi.*.yaml"))
        close = get_close_matches(path.name.split(".")[1], others, n=1)
        raise StackFileError(
            path.name,
            [
                Problem(
                    message="there is no such stack file",
                    expected=f"a stack of this folder: {', '.join(others) or 'there are none'}",
                    hint=f"did you mean {close[0]}?" if close else "`kuber new-cluster` writes one",
                )
            ],
        ) from None
    except UnicodeDecodeError:
        raise StackFileError(path.name, [Problem(message="not text in UTF-8")]) from None
    except OSError as error:
        raise StackFileError(path.name, [Problem(message=f"can't be read: {error.strerror}")]) from None


def cluster_value(source: YamlSource) -> Any:
    """What stands under `kuber:cluster`; problems of the file around it are left to `_file_problems`."""
    config = source.value.get("config") if isinstance(source.value, dict) else None
    return config.get(CONFIG_KEY) if isinstance(config, dict) else None


def _cluster(stack: str, value: Any, source: YamlSource | None, today: date | None) -> ClusterSettings:
    problems = [*name_problems(stack), *(_file_problems(source) if source else ())]
    cluster = None
    if not problems:
        cluster, problems = _validated(value, today or date.today())
        problems = [problem.below(*_INSIDE) for problem in problems]
    if cluster is None or problems:
        file = f"Pulumi.{stack}.yaml"
        raise StackFileError(file, [_placed(problem, source) for problem in problems])
    return cluster


def _placed(problem: Problem, source: YamlSource | None) -> Problem:
    """The problem with its line, its path counted from the cluster's settings."""
    inside = problem.path[: len(_INSIDE)] == _INSIDE
    return Problem(
        path=problem.path[len(_INSIDE) :] if inside else problem.path,
        message=problem.message,
        found=problem.found,
        expected=problem.expected,
        hint=problem.hint,
        line=problem.line or (source.line_of(problem.path) if source else None),
    )


def name_problems(stack: str) -> Iterator[Problem]:
    """What is wrong with a stack's name."""
    if not _STACK_NAME.match(stack):
        yield Problem(
            message="a stack's name is its cluster's name",
            found=shown(stack),
            expected="3 to 30 small letters, digits and dashes, a letter first",
        )


def _file_problems(source: YamlSource) -> Iterator[Problem]:
    """What is wrong around the cluster's settings."""
    expected = f"`config:` with the cluster under `{CONFIG_KEY}:`"
    if not isinstance(source.value, dict):
        what = "the file is empty" if source.value is None else "the file holds no keys"
        yield Problem(message=what, found=shown(source.value), expected=expected)
        return
    yield from _unknown_keys(source.value, TOP_LEVEL_KEYS)
    config = source.value.get("config")
    if not isinstance(config, dict):
        yield Problem(path=("config",), message="holds no settings", found=shown(config), expected=expected)
        return
    yield from _encrypted(config, ("config",))
    foreign = {key: value for key, value in config.items() if not key.startswith("pulumi:")}
    yield from (problem.below("config") for problem in _unknown_keys(foreign, (CONFIG_KEY,)))
    if CONFIG_KEY not in config:
        yield Problem(path=("config",), message=f"`{CONFIG_KEY}` is missing", expected=expected)


def _encrypted(value: Any, path: KeyPath) -> Iterator[Problem]:
    """Encrypted values: the engine hands them over in the clear, and what stands here is shown in plans."""
    if isinstance(value, dict) and list(value) == ["secure"]:
        yield Problem(
            path=path,
            message="an encrypted value has no place here",
            expected="a plain value: it stands in plans, and is nothing secret",
        )
    elif isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _encrypted(item, (*path, key))


def _unknown_keys(mapping: Mapping[str, Any], known: tuple[str, ...]) -> Iterator[Problem]:
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


def _validated(value: Any, today: date) -> tuple[ClusterSettings | None, list[Problem]]:
    if not isinstance(value, dict):
        return None, [Problem(message="holds no settings", found=shown(value), expected="keys, `platform` among them")]
    platform = value.get("platform")
    if platform not in PLATFORMS:
        close = get_close_matches(str(platform), PLATFORMS, n=1)
        what = "unknown platform" if "platform" in value else "the platform is missing"
        hint = f"did you mean `{close[0]}`?" if close else None
        found = shown(platform) if "platform" in value else None
        return None, [
            Problem(path=("platform",), message=what, found=found, expected=f"one of {', '.join(PLATFORMS)}", hint=hint)
        ]
    model = settings_class(platform)
    try:
        cluster = model.model_validate(value)
    except ValidationError as error:
        return None, [_from_pydantic(detail, model) for detail in error.errors(include_url=False)]
    return cluster, [*cluster.conflicts(), *cluster.version_problems(today)]


def _from_pydantic(detail: ErrorDetails, model: type[Settings]) -> Problem:
    """A validation error in the words of a stack file."""
    path: KeyPath = tuple(part for part in detail["loc"] if part != "[key]")
    kind, context, found = detail["type"], detail.get("ctx", {}), shown(detail["input"])
    if kind == "extra_forbidden":
        return _unknown_key(path, _keys_at(model, path[:-1]))
    if kind == "missing":
        return Problem(path=path, message=f"`{path[-1]}` is missing", expected=_described(model, path))
    if kind == "kuber":
        looked_at = detail["input"].get(context["at"]) if context["at"] else detail["input"]
        return Problem(
            path=(*path, context["at"]) if context["at"] else path,
            message=context["message"],
            found=None if isinstance(looked_at, dict) else shown(looked_at),
            expected=context["expected"],
            hint=context["hint"],
        )
    return Problem(path=path, message=_message(detail), found=found, expected=_expected(detail))


def _message(detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind.endswith(("_type", "_parsing")) or kind in ("literal_error", "union_tag_invalid", "union_tag_not_found"):
        return "not a value that this key takes"
    return (
        "not of the right form" if kind == "string_pattern_mismatch" else detail["msg"][0].lower() + detail["msg"][1:]
    )


_TYPES = {
    "string": "text (put numbers in quotes)",
    "int": "a whole number",
    "bool": "true or false",
    "dict": "keys and values",
    "model": "keys and values",
    "list": "a list",
    "tuple": "a list",
}


def _expected(detail: ErrorDetails) -> str | None:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return f"text that matches {context['pattern']}"
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


def _keys_at(model: type[Settings], path: KeyPath) -> tuple[str, ...]:
    found = _model_at(model, path)
    return tuple(found.model_fields) if found else ()


def _described(model: type[Settings], path: KeyPath) -> str | None:
    """The first sentence of a key's documentation."""
    parent = _model_at(model, path[:-1])
    text = field_documentation(parent).get(str(path[-1])) if parent else None
    return text.split(". ")[0].rstrip(".") if text else None
