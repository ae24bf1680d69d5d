"""Who may do what in a cluster; alike on both clouds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .errors import Problem, shown


def access_problems(admins: Mapping[str, str], viewers: Mapping[str, str]) -> Iterator[Problem]:
    """Names and principals that stand twice: a cloud knows one entry for each."""
    names: set[str] = set()
    principals: dict[str, str] = {}
    for role, people in (("admins", admins), ("viewers", viewers)):
        for name, principal in people.items():
            if name in names:
                yield Problem(path=(role, name), message=f"{name} is among the admins already", expected="another name")
            elif principal in principals:
                yield Problem(
                    path=(role, name),
                    message=f"{principals[principal]} is the same principal",
                    found=shown(principal),
                    expected="each principal once",
                )
            names.add(name)
            principals.setdefault(principal, name)
