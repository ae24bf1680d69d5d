"""The review of the working tree against a git revision."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kuber.progress import Progress
from kuber.revisions import RevisionError, check_out, commit_of, files_at, files_here, merge_base

from .comparison import Measure, compared, review_of
from .model import ClusterReview, Rehearsed, Review
from .planning import Planned, Version, plans

HERE = "the working tree"

Rehearsals = Callable[[Sequence[ClusterReview], str], Sequence[Rehearsed]]
"""Rehearses clusters on a revision."""


def review_against(
    revision: str,
    project: Path,
    measure: Measure,
    progress: Progress,
    *,
    stacks: Sequence[str] = (),
    rehearsals: Rehearsals | None = None,
) -> Review:
    """What the working tree does to clusters, as seen from where it left a revision's history.

    Args:
        revision: Of git, such as `origin/main`.
        project: The project's folder.
        measure: By what it is judged.
        progress: Is told what is done.
        stacks: The clusters; all that there are before or after unless given.
        rehearsals: Rehearses those that change.

    Raises:
        RevisionError: git doesn't know the revision, or what a version requires can't be installed.
        UnknownStackError: a stack has no file before nor after.
    """
    with _base(project, revision) as base:
        head = Version(label=_here(project), folder=project, files=files_here(project))
        there = sorted({*base.stacks(), *head.stacks()})
        if unknown := [one for one in stacks if one not in there]:
            raise UnknownStackError(unknown[0], there)
        wanted = [one for one in there if not stacks or one in stacks]
        made = plans(
            [(one, version) for one in wanted for version in (base, head) if one in version.stacks()], progress
        )

        def planned(stack: str, version: Version) -> Planned | None:
            return made.get((stack, version.label))

        clusters = [compared(one, planned(one, base), planned(one, head), measure) for one in wanted]
        return review_of(
            base.label,
            head.label,
            clusters,
            prices=measure.prices,
            rehearsals=rehearsals(clusters, base_commit(project, revision)) if rehearsals else (),
        )


class UnknownStackError(Exception):
    """There is no such stack file, before or after.

    Attributes:
        stack: The one that was asked for.
        there: Those that there are.
    """

    def __init__(self, stack: str, there: Sequence[str]) -> None:
        self.stack, self.there = stack, there
        super().__init__(f"there is no stack {stack}")


def base_commit(project: Path, revision: str) -> str:
    """The commit at which the working tree's history left a revision's, abbreviated."""
    return commit_of(project, merge_base(project, revision))


@contextmanager
def _base(project: Path, revision: str) -> Iterator[Version]:
    """The project as it was there, in a folder of its own."""
    commit = base_commit(project, revision)
    with tempfile.TemporaryDirectory(prefix="kuber-review-") as temporary:
        folder = check_out(project, commit, Path(temporary) / "base")
        yield Version(label=f"{revision} ({commit})", folder=folder, files=files_at(project, commit))


def _here(project: Path) -> str:
    """`the working tree`, or the commit where nothing differs from it."""
    told = subprocess.run(["git", "-C", str(project), "status", "--porcelain", "."], capture_output=True, text=True)
    try:
        return HERE if told.stdout.strip() or told.returncode else f"HEAD ({commit_of(project, 'HEAD')})"
    except RevisionError:
        return HERE
