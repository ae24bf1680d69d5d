"""A review on a terminal, or plain where it is piped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kuber.console import console_for

from . import wording
from .grouping import Group, groups
from .model import ClusterReview, Danger, Entry, Level, Operation, Review

_LEVEL_STYLES: dict[Level, str] = {"high": "bold red", "medium": "yellow", "low": "cyan"}
_OPERATION_STYLES: dict[Operation, str] = {"delete": "red", "replace": "magenta", "create": "green", "update": "yellow"}


def show(review: Review, file: TextIO, *, diffs: bool = False) -> None:
    """Write the review.

    Args:
        review: The review.
        file: Where to.
        diffs: Also the manifests' differences.
    """
    console = console_for(file)
    console.print(f"[bold]{escape(wording.headline(review))}[/bold]\n{escape(wording.compared(review))}\n")
    for one in review.clusters:
        _show_cluster(one, review, console)
    _show_dangers(review, console)
    _show_changes(review, console)
    _show_manifests(review, console, diffs)
    _show_rest(review, console)


def _show_cluster(cluster: ClusterReview, review: Review, console: Console) -> None:
    style = "red" if cluster.status == "broken" else "dim" if cluster.status == "same" else "bold"
    console.print(f"[{style}]{escape(cluster.stack)}[/{style}]: {escape(wording.outcome(cluster, review.currency))}")
    if cluster.problem:
        for line in cluster.problem.splitlines():
            console.print(f"    {escape(wording.plain(line))}", soft_wrap=True)


def _show_dangers(review: Review, console: Console) -> None:
    if not review.dangers:
        return
    console.print("\n[bold]Dangers[/bold]")
    for one in review.dangers:
        console.print(
            f"\n{_danger(one, review)}\n"
            f"    why:  {escape(wording.plain(one.reason))}\n"
            f"    do:   {escape(wording.plain(one.advice))}"
        )


def _danger(danger: Danger, review: Review) -> str:
    style = _LEVEL_STYLES[danger.level]
    where = wording.where(danger)
    where = f"  [dim]{escape(where)}[/dim]" if where else ""
    return (
        f"[{style}]{danger.level:<6}[/{style}] {escape(wording.plain(danger.what))} "
        f"({escape(wording.stacks(danger.stacks, review))}){where}"
    )


def _show_changes(review: Review, console: Console) -> None:
    if review.entries:
        console.print("\n[bold]Changes[/bold]")
    for one in groups(review):
        console.print(f"\n[bold]{escape(wording.plain(one.component))}[/bold]  [dim]{wording.counts(one.counts)}[/dim]")
        console.print("\n".join(_group_lines(one, review)), soft_wrap=True)
    if told := wording.noise(review):
        where = ", ".join(f"{number:,} in {name}" for name, number in wording.noise_by_component(review))
        console.print(f"\n[dim]Folded: {escape(told)} ({escape(wording.plain(where))})[/dim]")


def _group_lines(group: Group, review: Review) -> Iterator[str]:
    for one in group.entries:
        yield from _entry_lines(one, review)
    for one in group.counted:
        where = escape(wording.stacks(one.stacks, review))
        yield f"  {_verb(one.operation, one.operation)} {escape(wording.counted(one))} ({where})"


def _entry_lines(entry: Entry, review: Review) -> Iterator[str]:
    change = entry.change
    where = escape(wording.stacks(entry.stacks, review))
    yield f"  {_verb(change.operation, wording.verb(change))} {escape(wording.plain(change.label))} ({where})"
    for line in wording.lines(change):
        told = escape(" → ".join(line.values))
        if not line.path:
            yield f"      [dim]{told}[/dim]"
            continue
        sign = {"added": "[green]+[/green] ", "removed": "[red]-[/red] "}.get(line.sign, "")
        remark = f"  [magenta]{escape(line.remark)}[/magenta]" if line.remark else ""
        yield f"      {sign}{escape(line.path)}: {told}{remark}"


def _verb(operation: Operation, verb: str) -> str:
    style = _OPERATION_STYLES[operation]
    return f"[{style}]{verb:<7}[/{style}]"


def _show_manifests(review: Review, console: Console, diffs: bool) -> None:
    if not review.manifests:
        return
    if not diffs:
        console.print(
            f"\n[dim]Rendered manifests that differ: {len(review.manifests):,}; --diff shows them, and so does --html FILE[/dim]"
        )
        return
    console.print("\n[bold]Rendered manifests[/bold]")
    for one in review.manifests:
        where = escape(wording.stacks(one.stacks, review))
        console.print(f"\n{_verb(one.operation, one.operation)} {escape(wording.plain(one.what))} ({where})")
        for line in one.diff.splitlines():
            style = "green" if line.startswith("+") else "red" if line.startswith("-") else "dim"
            console.print(f"[{style}]{escape(wording.plain(line, keeping=chr(9)))}[/{style}]", soft_wrap=True)


def _show_rest(review: Review, console: Console) -> None:
    if found := wording.unknowns(review):
        console.print("\n[bold]Unknown until apply[/bold], so nobody has checked it")
        table = Table.grid(padding=(0, 2))
        for told, stacks in found:
            table.add_row(f"  {escape(told)}", f"[dim]{escape(wording.stacks(stacks, review))}[/dim]")
        console.print(table)
    for one in review.rehearsals:
        verdict = "[green]nothing broke[/green]" if one.fine else "[bold red]something broke[/bold red]"
        console.print(
            f"\n[bold]Rehearsal of {escape(one.stack)}[/bold]: {verdict}; {escape(wording.plain(one.summary))}"
        )
        for problem in one.problems:
            console.print(f"    {escape(wording.plain(problem))}")
        if one.stand_ins:
            console.print(f"    [dim]stand-ins: {escape(wording.plain('; '.join(one.stand_ins)))}[/dim]")
    for told, stacks in wording.notes(review):
        console.print(
            f"\n[yellow]note:[/yellow] {escape(wording.stacks(stacks, review))}: {escape(wording.plain(told))}"
        )
