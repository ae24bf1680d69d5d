"""Changes with the review that is expected of them: each a base, a head, and what a reviewer is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.review.repository import Edit, Repository


@dataclass(frozen=True)
class Recorded:
    """One change.

    Attributes:
        name: What it is.
        edits: What it writes otherwise.
        verdicts: What happens to each cluster.
        dangers: Level and rule of the dangers, each once.
        stacks: The clusters that are reviewed; all of them unless given.
        before: What the base has otherwise than the project.
        code: Exit code.
        whole: Whether the whole report is held against a recorded one; of long ones the verdicts and dangers say enough.
    """

    name: str
    edits: Sequence[Edit]
    verdicts: Mapping[str, str]
    dangers: Sequence[str] = ()
    stacks: Sequence[str] = ()
    before: Sequence[Edit] = ()
    code: int = 0
    whole: bool = True


def each(*cases: Recorded) -> pytest.MarkDecorator:
    """A test for each change."""
    return pytest.mark.parametrize("case", [pytest.param(one, id=one.name) for one in cases])


def check(case: Recorded, repository: Repository, snapshot: Any) -> None:
    """Have a change reviewed as a user does, and hold what is said against what is expected."""
    repository.reset()
    if case.before:
        repository.change(*case.before)
        repository.commit("the base")
    repository.change(*case.edits)

    reviewed = repository.review(*case.stacks)

    assert reviewed.code == case.code, reviewed.told
    assert {stack: reviewed.outcome(stack) for stack in case.verdicts} == case.verdicts
    assert sorted(set(reviewed.dangers)) == sorted(case.dangers)
    if case.whole:
        assert reviewed.text == snapshot
