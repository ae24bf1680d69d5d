"""From a stack file to the settings of its cluster, or to a list of what is wrong with it.

`load` is for the program, which gets its values from the engine; `read` for the command line, which has the file; `read_text` for a
file that isn't written yet. All three check the same, in `_cluster`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from .cluster import ClusterSettings
from .complaints import from_pydantic, unknown_keys
from .errors import KeyPath, Problem, StackFileError, key_path, shown
from .model import ENCRYPTED
from .today import today
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


def read(stack: str, folder: Path, day: date | None = None) -> ClusterSettings:
    """The cluster of `Pulumi.<stack>.yaml` in a folder.

    Raises:
        StackFileError: the file can't be read, or says something that can't be.
    """
    source = read_source(stack_file_path(stack, folder))
    return _cluster(stack, cluster_value(source), source, day)


def read_text(stack: str, text: str, day: date | None = None) -> ClusterSettings:
    """The cluster of a stack file that isn't written yet.

    Raises:
        StackFileError: the text says something that can't be.
    """
    source = parse(text, stack_file_path(stack, Path()).name)
    return _cluster(stack, cluster_value(source), source, day)


def load(stack: str, value: Any, folder: Path | None = None, day: date | None = None) -> ClusterSettings:
    """The cluster from the value that the engine hands over; errors name lines where the stack file can be found.

    Args:
        stack: Name of the stack.
        value: What stands under `kuber:cluster`.
        folder: Folder of the stack file; the working folder unless given.
        day: The day for which exceptions and support are judged; today unless given.

    Raises:
        StackFileError: the settings say something that can't be.
    """
    try:
        source = read_source(stack_file_path(stack, folder or Path.cwd()))
    except StackFileError:
        source = None
    return _cluster(stack, value, source, day)


def read_source(path: Path) -> YamlSource:
    """The YAML of a stack file.

    Raises:
        StackFileError: there is no such file, or it can't be read or parsed.
    """
    text = _text_of(path)
    try:
        return parse(text, path.name)
    except StackFileError as error:
        raise StackFileError(path.name, [_placed(problem, None) for problem in error.problems]) from None


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
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


def _cluster(stack: str, value: Any, source: YamlSource | None, day: date | None) -> ClusterSettings:
    problems = [*name_problems(stack), *(_file_problems(source) if source else ())]
    cluster = None
    if not problems:
        cluster, problems = _validated(value, day or today())
        written = cluster_value(source) if source else value
        problems = _with_misplaced_secrets(problems, written, list(cluster.secret_paths()) if cluster else [], source)
        problems = [problem.below(*_INSIDE) for problem in problems]
    if cluster is None or problems:
        file = f"Pulumi.{stack}.yaml"
        raise StackFileError(file, [_placed(problem, source) for problem in problems])
    return cluster


def _placed(problem: Problem, source: YamlSource | None) -> Problem:
    """The problem with its line, its path counted from the cluster's settings."""
    inside = problem.path[: len(_INSIDE)] == _INSIDE
    return replace(
        problem,
        path=problem.path[len(_INSIDE) :] if inside else problem.path,
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
    yield from unknown_keys(source.value, TOP_LEVEL_KEYS)
    config = source.value.get("config")
    if not isinstance(config, dict):
        yield Problem(path=("config",), message="holds no settings", found=shown(config), expected=expected)
        return
    foreign = {key: value for key, value in config.items() if not key.startswith("pulumi:")}
    yield from (problem.below("config") for problem in unknown_keys(foreign, (CONFIG_KEY,)))
    if CONFIG_KEY not in config:
        yield Problem(path=("config",), message=f"`{CONFIG_KEY}` is missing", expected=expected)


def _with_misplaced_secrets(
    problems: list[Problem], written: Any, secrets: list[KeyPath], source: YamlSource | None
) -> list[Problem]:
    """Problems, with those of encrypted values where a plain one belongs, and of secrets that stand in the clear.

    Args:
        problems: What was found; at an encrypted value it is said better here.
        written: The settings as the file has them.
        secrets: Where secrets stand that the settings take.
        source: The file; None where only the engine's values are known, which are in the clear.
    """
    encrypted = {path for path in _encrypted(written, ()) if path not in secrets}
    takes_secrets = {problem.path for problem in problems if problem.expected == ENCRYPTED}
    misplaced = [
        Problem(
            path=path,
            message="an encrypted value has no place here",
            expected="a plain value: it stands in plans, and is nothing secret",
        )
        for path in sorted(encrypted - takes_secrets, key=str)
    ]
    clear = [
        Problem(
            path=path, message="a secret in the clear", expected=ENCRYPTED, hint=f"`{_set_secret(path)}` encrypts it"
        )
        for path in secrets
        if source and isinstance(_at(written, path), str)
    ]
    rest = [p for p in problems if not any(p.path[: len(path)] == path for path in encrypted - takes_secrets)]
    return [*rest, *misplaced, *clear]


def _set_secret(path: KeyPath) -> str:
    return f"pulumi config set --secret --path '{CONFIG_KEY}.{key_path(path)}'"


def _at(value: Any, path: KeyPath) -> Any:
    for key in path:
        value = value[key]
    return value


def _encrypted(value: Any, path: KeyPath) -> Iterator[KeyPath]:
    """Where encrypted values stand."""
    if isinstance(value, dict) and list(value) == ["secure"]:
        yield path
    elif isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _encrypted(item, (*path, key))


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
        return None, [from_pydantic(detail, model) for detail in error.errors(include_url=False)]
    return cluster, [*cluster.conflicts(), *cluster.version_problems(today)]
