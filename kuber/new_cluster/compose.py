"""Puts a new stack file together, and sees that it would be right before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.scalarstring import DoubleQuotedScalarString as Quoted

from config.advice import advice
from config.cluster import ClusterSettings
from config.eks_addons import pinned_addons
from config.errors import KeyPath, Problem, StackFileError, key_path
from config.kubernetes import adoptable_minors
from config.release import release_names
from config.stack_file import name_problems, read, read_text, settings_class, stack_file_path
from kuber.project import stack_names
from kuber.validation import overlaps

from .draft import Draft
from .errors import InputError, RequestError
from .platforms import fill, heading
from .ranges import LENGTHS, Lengths, choose, taken_ranges
from .request import PRIVATE_ADDRESSES, Request, ensure_complete, option

_OF_ONE_CLUSTER = (
    ("bucket_gateway",),
    ("monitoring", "grafana_access"),
    ("storage", "machine_paths"),
)
"""What a standard stack says of names that only one cluster can have, or of its own machines."""
_PATTERNS = Path(__file__).parents[1] / "patterns"


@dataclass(frozen=True)
class NewStackFile:
    """What is to be written.

    Attributes:
        path: Where; there is no such file yet.
        text: The stack file; it may be used.
        notes: What was chosen for the user, a line each.
        warnings: What a careful person would want to be told of the cluster, a sentence each.
    """

    path: Path
    text: str
    notes: Sequence[str]
    warnings: Sequence[str]


def compose(request: Request, project: Path, today: date) -> NewStackFile:
    """A stack file that may be used, with ranges that no other stack file of the project names. Writes nothing.

    Args:
        request: What the user asks for.
        project: The project's folder.
        today: The day for which Kubernetes versions are judged.

    Raises:
        RequestError: options are missing or wrong, or there is such a stack already.
        InputError: a file that it is made from can't be used, or what would be written isn't right.
    """
    path = stack_file_path(request.name, project)
    for problem in name_problems(request.name):
        raise RequestError(problem.text(request.name))
    if path.exists():
        raise RequestError(f"{path.name} is there already, and stays as it is\n    expected: a name that is free")
    stacks = _other_stacks(project, today)
    platform = _platform(request, stacks)
    ensure_complete(request, platform)

    draft = Draft(_pattern(request, platform, project))
    fill(draft, request)
    _set_version(draft, request, today)
    _set_standard_stack(draft, request)
    _set_ranges(draft, request, stacks)
    text = draft.text(heading(draft.cluster))
    settings = _checked(text, draft, request, stacks, today)
    return NewStackFile(path, text, draft.notes, list(advice(settings, today)))


def _other_stacks(project: Path, today: date) -> dict[str, ClusterSettings]:
    """All stacks of the project: a range is only free if it is known what each of them uses."""
    try:
        return {name: read(name, project, today) for name in stack_names(project)}
    except StackFileError as error:
        raise InputError(
            f"{error.file} can't be used, so which address ranges are free can't be told: mend it first\n{error}"
        ) from None


def _platform(request: Request, stacks: Mapping[str, ClusterSettings]) -> str:
    if request.like is None:
        if request.platform is None:
            raise RequestError(
                f"what is {request.name} to be made of?\n"
                "    expected: --platform eks, gke or bare_metal; or --like STACK\n"
                f"    hint:     such as --like {next(iter(stacks), 'prod-eks')}"
            )
        return request.platform
    if request.like not in stacks:
        raise RequestError(f"--like {request.like}: no such stack\n    expected: one of {', '.join(stacks)}")
    platform = stacks[request.like].platform
    if request.platform not in (None, platform):
        raise RequestError(
            f"--platform {request.platform}: {request.like} is on {platform}\n    hint:     leave it out"
        )
    return platform


def _pattern(request: Request, platform: str, project: Path) -> str:
    if request.like:
        return stack_file_path(request.like, project).read_text(encoding="utf-8")
    return _PATTERNS.joinpath(f"stack-file.{platform}.yaml").read_text(encoding="utf-8")


def _set_version(draft: Draft, request: Request, today: date) -> None:
    """The control plane's version; what the pattern has for another version, or by an exception, isn't taken over."""
    cluster, kubernetes = draft.cluster, draft.cluster["kubernetes"]
    version = request.kubernetes or (kubernetes["version"] if request.like else _newest(cluster["platform"], today))
    if not (request.kubernetes or request.like):
        draft.notes.append(f"kubernetes.version: {version}, the newest that may be adopted")
    if version != kubernetes["version"]:
        draft.drop(cluster, "addons", f"`addons` of the pattern, which go with {kubernetes['version']}")
    draft.set(("kubernetes", "version"), Quoted(version), option("kubernetes"))
    draft.drop(
        kubernetes, "early_adoption", "`early_adoption` of the pattern: the exception was made for another cluster"
    )
    for name, pool in cluster.get("pools", {}).items():
        draft.drop(pool, "version", f"`version` of pool {name}: new pools start at the control plane's")


def _set_standard_stack(draft: Draft, request: Request) -> None:
    """The newest release for a pattern of ours; of another stack's parts all but what is that one cluster's."""
    cluster = draft.cluster
    if not request.like:
        draft.set(("release",), Quoted(release_names()[-1]), "the newest release")
        draft.notes.append("standard_stack.logging is off: `enabled: true` once it has Logstash's hosts")
        return
    for *above, key in _OF_ONE_CLUSTER:
        holder: CommentedMap = cluster.get("standard_stack") or CommentedMap()
        for part in above:
            holder = holder.get(part) or CommentedMap()
        path = key_path(("standard_stack", *above, key))
        draft.drop(holder, key, f"`{path}` of the pattern, which is {request.like}'s own")
    for mapping, key, path in list(_secrets(cluster, ())):
        draft.drop(mapping, key, f"`{key_path(path)}` of the pattern: a secret, encrypted for {request.like}")


def _secrets(mapping: CommentedMap, above: KeyPath) -> Iterator[tuple[CommentedMap, str, KeyPath]]:
    """Encrypted values, each with the mapping that it stands in."""
    for key, value in mapping.items():
        if isinstance(value, CommentedMap):
            if list(value) == ["secure"]:
                yield mapping, key, (*above, key)
            else:
                yield from _secrets(value, (*above, key))


def _newest(platform: str, today: date) -> str:
    minors = adoptable_minors(settings_class(platform).version_source, today)
    usable = [minor for minor in minors if platform != "eks" or minor in pinned_addons()]
    if not usable:
        raise InputError(
            f"the table of Kubernetes versions has none that may be adopted on {platform}\n"
            "    hint:     `kuber versions --refresh` brings it up to date"
        )
    return usable[-1]


def _set_ranges(draft: Draft, request: Request, stacks: Mapping[str, ClusterSettings]) -> None:
    network = draft.cluster["network"]
    lengths = LENGTHS[draft.cluster["platform"]]
    if request.like:  # as large as the pattern's
        lengths = _widest_first({key: IPv4Network(network[key]).prefixlen for key in lengths})
    taken = [*taken_ranges(stacks), *_given_ranges(draft.cluster)]
    for key, cidr in choose(lengths, request.from_range or PRIVATE_ADDRESSES, taken).items():
        draft.set(("network", key), str(cidr), option("from_range"))
        draft.notes.append(f"network.{key}: {cidr}")


def _widest_first(lengths: dict[str, int]) -> Lengths:
    return dict(sorted(lengths.items(), key=lambda item: item[1]))


def _given_ranges(cluster: Mapping[str, Any]) -> Iterable[IPv4Network]:
    """Ranges of the new cluster itself that are given; one that isn't a range is told later, with the others."""
    network, endpoint = cluster["network"], cluster.get("endpoint", {})
    for cidr in (network.get("service_cidr"), *endpoint.get("private_cidrs", {}).values()):
        try:
            if cidr:
                yield IPv4Network(cidr)
        except ValueError:
            continue


def _checked(
    text: str, draft: Draft, request: Request, stacks: Mapping[str, ClusterSettings], today: date
) -> ClusterSettings:
    """What would be written may be used, beside the others. Problems are told where the user gave what is wrong."""
    try:
        settings = read_text(request.name, text, today)
        problems = list(overlaps(request.name, settings, stacks))
        if not problems:
            return settings
    except StackFileError as error:
        problems = error.problems
    told = "\n".join(_at_origin(problem, draft, request.name) for problem in problems)
    raise InputError(f"{told}\nnothing was written")


def _at_origin(problem: Problem, draft: Draft, name: str) -> str:
    origin = draft.origin_of(problem.path)
    file = f"Pulumi.{name}.yaml, as it would be"
    return problem.text(file) if origin is None else replace(problem, line=None).text(origin)
