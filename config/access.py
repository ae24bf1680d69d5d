"""Who may do what in a cluster; alike on both clouds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .errors import Problem, shown
from .repeated import repeated


def access_problems(admins: Mapping[str, str], viewers: Mapping[str, str]) -> Iterator[Problem]:
    """Names and principals that stand twice: a cloud knows one entry for each."""
    groups = {"admins": admins, "viewers": viewers}
    for role, name, owner in repeated(groups):
        if owner is None:
            yield Problem(path=(role, name), message=f"{name} is among the admins already", expected="another name")
        else:
            yield Problem(
                path=(role, name),
                message=f"{owner} is the same principal",
                found=shown(groups[role][name]),
                expected="each principal once",
            )
