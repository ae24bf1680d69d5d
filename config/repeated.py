"""What stands twice in mappings of which a cloud knows each name and each value once."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import TypeVar

Value = TypeVar("Value", bound=Hashable)


def repeated(groups: Mapping[str, Mapping[str, Value]]) -> Iterator[tuple[str, str, str | None]]:
    """Group and name of each entry whose name or value an earlier one has, with that one's name where it is the value."""
    named: set[str] = set()
    owners: dict[Value, str] = {}
    for group, entries in groups.items():
        for name, value in entries.items():
            if name in named:
                yield group, name, None
            elif value in owners:
                yield group, name, owners[value]
            named.add(name)
            owners.setdefault(value, name)
