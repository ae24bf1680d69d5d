"""`kuber review`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from config.today import today
from kuber.project import find_project, stack_of

from .errors import PROBLEM_FOUND, WRONG_USE, CommandError, UsageError
from .files import STANDARD_OUTPUT, ensure_writable, write

if TYPE_CHECKING:
    from kuber.progress import Progress
    from kuber.review.comparison import Measure
    from kuber.review.model import ClusterReview, Level, Rehearsed, Review
    from kuber.review.prices import PriceList

Forge = Literal["github", "gitlab"]
FailOn = Literal["high", "medium", "low", "never"]

_MARKER = "<!-- kuber review -->"
_PREVIEW = "-"
"""Names standard input in place of stacks."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked for.

    Attributes:
        stacks: Names of stacks, all of them if none is named; `-` alone is a preview on standard input.
        base: Git revision to compare with.
        engine: Ask the engine rather than compare plans.
        rehearse: Rehearse the clusters that change.
        prices: A price list's file.
        diffs: Show the manifests' differences on the terminal too.
        json_file, markdown_file, html_file: Where results go.
        post: Forge whose pull or merge request gets the review as a comment.
        page_url: Where the page will be, for the comment.
        fail_on: The least danger with which the command fails.
    """

    stacks: Sequence[str]
    base: str
    engine: bool
    rehearse: bool
    prices: Path | None
    diffs: bool
    json_file: Path | None
    markdown_file: Path | None
    html_file: Path | None
    post: Forge | None
    page_url: str
    fail_on: FailOn


def run(wanted: Wanted, project: Path | None) -> None:
    """Review a change, show it and hand it on; leave with 2 where a stack file is broken, with 1 where `--fail-on` says so."""
    folder = find_project(project)
    stacks = [_PREVIEW if one == _PREVIEW else stack_of(one) for one in wanted.stacks]
    _ensure_possible(wanted, stacks)
    from kuber.progress import progress_on
    from kuber.review.comparison import Measure

    prices = _prices(wanted.prices)
    measure = Measure(day=today(), prices=prices)
    with progress_on(sys.stderr) as progress:
        if stacks == [_PREVIEW] or wanted.engine:
            review = _by_the_engine(stacks, folder, measure, progress)
        else:
            review = _by_plans(wanted, stacks, folder, measure, progress)
    _hand_out(review, wanted)
    if review.broken:
        sys.exit(WRONG_USE)
    if _is_too_dangerous(review, wanted.fail_on) or not all(one.fine for one in review.rehearsals):
        sys.exit(PROBLEM_FOUND)


def _ensure_possible(wanted: Wanted, stacks: Sequence[str]) -> None:
    """What can't be done is told before the work.

    Raises:
        UsageError: options that don't go together, or a file that can't be written.
    """
    if _PREVIEW in stacks and len(stacks) > 1:
        raise UsageError("- stands for a preview on standard input, and goes with no names of stacks")
    if _PREVIEW in stacks and sys.stdin.isatty():
        raise UsageError("- reads a preview from standard input: pulumi preview --json --show-sames | kuber review -")
    if wanted.engine and (not stacks or _PREVIEW in stacks):
        raise UsageError("--engine asks the engine of stacks that are named: kuber review --engine prod-eks")
    if wanted.rehearse and (wanted.engine or _PREVIEW in stacks):
        raise UsageError("--rehearse goes with a comparison of revisions, not with the engine's preview")
    printed = [one for one in (wanted.json_file, wanted.markdown_file, wanted.html_file) if one == STANDARD_OUTPUT]
    if len(printed) > 1:
        raise UsageError("only one of --json, --markdown and --html can go to standard output")
    for file in (wanted.json_file, wanted.markdown_file, wanted.html_file):
        ensure_writable(file)


def _prices(file: Path | None) -> PriceList | None:
    from kuber.review.prices import PriceListError, read_prices

    try:
        return read_prices(file) if file else None
    except PriceListError as error:
        raise UsageError(str(error)) from None


def _by_plans(wanted: Wanted, stacks: Sequence[str], folder: Path, measure: Measure, progress: Progress) -> Review:
    from kuber.review.rehearsing import rehearsals
    from kuber.review.revision import UnknownStackError, review_against
    from kuber.revisions import RevisionError

    def rehearsed(clusters: Sequence[ClusterReview], commit: str) -> list[Rehearsed]:
        return rehearsals(clusters, commit, folder, progress)

    try:
        return review_against(
            wanted.base,
            folder,
            measure,
            progress,
            stacks=stacks,
            rehearsals=rehearsed if wanted.rehearse else None,
        )
    except UnknownStackError as error:
        raise UsageError(
            f"{error}, neither at {wanted.base} nor here\n    expected: one of {', '.join(error.there) or '(there are none)'}"
        ) from None
    except RevisionError as error:
        raise UsageError(
            f"--base {wanted.base}: {error}\n"
            "    hint:     a revision that git knows here; a shallow clone knows few: git fetch --unshallow"
        ) from None


def _by_the_engine(stacks: Sequence[str], folder: Path, measure: Measure, progress: Progress) -> Review:
    from kuber.review.engine_digest import PreviewError
    from kuber.review.engine_run import EngineRunError, review_by_engine
    from kuber.review.from_preview import review_of_preview

    try:
        if stacks == [_PREVIEW]:
            return review_of_preview(sys.stdin.buffer.read().decode("utf-8", "replace"), measure)
        return review_by_engine(stacks, folder, progress, measure)
    except PreviewError as error:
        raise UsageError(str(error)) from None
    except EngineRunError as error:
        raise CommandError(str(error)) from None


def _hand_out(review: Review, wanted: Wanted) -> None:
    from kuber.review.markdown import markdown

    told = {
        wanted.json_file: lambda: json.dumps(review.document(), indent=1, ensure_ascii=False) + "\n",
        wanted.markdown_file: lambda: markdown(review, page_url=wanted.page_url),
        wanted.html_file: lambda: _page(review),
    }
    for file, text in told.items():
        if file == STANDARD_OUTPUT:
            sys.stdout.write(text())
        elif file is not None:
            write(file, text())
    if STANDARD_OUTPUT not in told:
        from kuber.review.terminal import show

        show(review, sys.stdout, diffs=wanted.diffs)
    if wanted.post:
        _post(review, wanted.post, wanted.page_url)


def _page(review: Review) -> str:
    from kuber.review.page import page

    return page(review)


def _post(review: Review, forge: Forge, page_url: str) -> None:
    from kuber.review.forges import ForgeError, post
    from kuber.review.markdown import markdown

    try:
        url = post(
            forge,
            markdown(review, page_url=page_url),
            environment=os.environ,
            marker=_MARKER,
            shorter=lambda longest: markdown(review, longest=longest, page_url=page_url),
        )
    except ForgeError as error:
        raise CommandError(f"the review isn't in the {forge} comment: {error}") from None
    print(f"comment: {url}", file=sys.stderr)


def _is_too_dangerous(review: Review, fail_on: FailOn) -> bool:
    from kuber.review.model import LEVELS

    if fail_on == "never" or review.highest is None:
        return False
    level: Level = fail_on
    return LEVELS.index(review.highest) <= LEVELS.index(level)
