"""A rehearsal's result as people read it, on a terminal or in a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kuber.console import console_for

from .observation import Budget, Moved, Observed, PoolNodes, Waiting
from .result import Result, Step

OPERATIONS = ("create", "update", "replace", "delete", "same")
"""Of the engine, in the order in which they are shown; others follow."""
_SHOWN = 40
"""Lines of a list; more are only counted."""
_NAMED = 6
"""Names of what was left behind that are told of each kind."""


@dataclass(frozen=True)
class Line:
    """What is worth telling of a step, with the words of whoever said it."""

    text: str
    words: str = ""


@dataclass(frozen=True)
class LeftGroup:
    """What was left behind of one kind in one place, for one reason; `why` is "" for what isn't kept by design."""

    where: str
    kind: str
    names: list[str]
    why: str


@dataclass(frozen=True)
class LowBudget:
    """A budget at its lowest in the whole rehearsal, and in which step that was."""

    budget: Budget
    step: Step


def show(result: Result, file: TextIO) -> None:
    """Write the result; in colour on a terminal, plain elsewhere."""
    console = console_for(file)
    console.print(f"\n[bold]{escape(headline(result))}[/bold]: {_verdict(result)}, {result.seconds:.0f} s\n")
    for one in heading_lines(result):
        console.print(escape(one))
    console.print()
    console.print(_steps(result))
    _show_problems(result, console)
    for step in result.steps:
        _show_step(step, console)
    _show_budgets(result, console)
    _show_leftovers(result, console)
    for note in result.notes:
        console.print(f"[yellow]note:[/yellow] {escape(note)}")


def headline(result: Result) -> str:
    """What was rehearsed: "prod-eks: the working tree on main (1a2b3c4)"."""
    return f"{result.stack}: {result.change} on {result.base or 'nothing, a new cluster'}"


def heading_lines(result: Result) -> Iterator[str]:
    """What was real and what stood in."""
    yield f"Kubernetes provider: {result.kubernetes_provider}"
    yield f"Real: {'; '.join(result.real)}"
    yield f"Stand-ins: {'; '.join(result.stand_ins)}"
    if result.chaos:
        yield f"On request: {'; '.join(result.chaos)}"


def operation_names(result: Result) -> list[str]:
    """The operations that some step has, in their order."""
    there = {name for step in result.steps for name in step.operations}
    return [name for name in OPERATIONS if name in there] + sorted(there - set(OPERATIONS))


def low_budgets(result: Result) -> list[LowBudget]:
    """Each budget at its lowest, in whichever step; broken ones first, then those with the least room."""
    lowest: dict[str, LowBudget] = {}
    for step in result.steps:
        for one in step.observed.budgets if step.observed else ():
            known = lowest.get(one.name)
            if known is None or _badness(one) < _badness(known.budget):
                lowest[one.name] = LowBudget(one, step)
    return sorted(lowest.values(), key=lambda one: (*_badness(one.budget), one.budget.name))


def _badness(budget: Budget) -> tuple[bool, int]:
    return not budget.broken, budget.healthy - budget.desired


def left_groups(result: Result) -> list[LeftGroup]:
    """What destroy left behind, by place and kind; what isn't kept by design first."""
    groups: dict[tuple[bool, str, str, str], list[str]] = {}
    for one in result.leftovers:
        kind, _, name = one.what.partition(" ")
        groups.setdefault((bool(one.why), one.where, kind, one.why), []).append(name)
    return [
        LeftGroup(where=where, kind=kind, names=sorted(names), why=why)
        for (_, where, kind, why), names in sorted(groups.items())
    ]


def broken_line(low: LowBudget) -> str:
    """What to say of a budget that wasn't kept; "" of others. No budget holds up a loss of nodes."""
    if not low.budget.broken:
        return ""
    return f"{'fell below it' if low.step.loss else 'broken'}: {low.budget.why}"


def pool_line(pool: PoolNodes) -> str:
    """What came of a pool's nodes: "workers: 3 nodes, 3 new, 3 gone, now 3"."""
    changed = [f"{len(names)} {word}" for names, word in ((pool.added, "new"), (pool.removed, "gone")) if names]
    return f"{pool.pool or '(no pool)'}: {pool.before} {_plural('node', pool.before)}, {', '.join(changed)}, now {pool.after}"


def changed_pools(observed: Observed) -> list[PoolNodes]:
    """Pools whose nodes came or went."""
    return [pool for pool in observed.pools if pool.added or pool.removed]


def moved_line(moved: Moved) -> str:
    """How many pods of a workload moved, and why."""
    causes = ", ".join(f"{number} {cause}" for cause, number in moved.causes.items())
    return f"{moved.workload}: {moved.pods} {_plural('pod', moved.pods)} moved ({causes})"


def waiting_line(waiting: Waiting) -> str:
    """Who waited, for how long, and whether it still does."""
    still = f", {waiting.at_the_end} at the end" if waiting.at_the_end else ""
    held = "; they only hold room ready" if waiting.placeholder else ""
    pods = f"{waiting.pods} {_plural('pod', waiting.pods)}"
    return f"{waiting.workload}: {pods} waited up to {waiting.longest_seconds:.0f} s{still}{held}"


def _verdict(result: Result) -> str:
    count = len(result.problems)
    return "[green]nothing broke[/green]" if result.fine else f"[red]{count} {_plural('problem', count)}[/red]"


def _steps(result: Result) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    names = operation_names(result)
    table.add_column("step")
    table.add_column("", no_wrap=True)
    for column in ("seconds", *names):
        table.add_column(column, justify="right", no_wrap=True)
    colours = {"done": "green", "failed": "red", "skipped": "dim"}
    for step in result.steps:
        counts = [str(step.operations.get(name, "")) for name in names]
        colour = colours[step.outcome]
        table.add_row(escape(step.name), f"[{colour}]{step.outcome}[/{colour}]", f"{step.seconds:.1f}", *counts)
    return table


def _show_problems(result: Result, console: Console) -> None:
    if not result.problems:
        return
    console.print("\n[bold red]What broke[/bold red]")
    for one in result.problems:
        console.print(f"  [red]{escape(one.what)}[/red]: {escape(one.where)} [dim]({escape(one.step)})[/dim]")
        if one.told:
            console.print(Padding(escape(one.told), (0, 0, 0, 6), expand=False))


def _show_step(step: Step, console: Console) -> None:
    lines = list(step_lines(step))
    if not lines:
        return
    console.print(f"\n[bold]{escape(step.name)}[/bold]")
    for line in lines[:_SHOWN]:
        console.print(Padding(escape(line.text), (0, 0, 0, 2), expand=False))
        if line.words:
            console.print(Padding(f"[dim]{escape(line.words)}[/dim]", (0, 0, 0, 6), expand=False))
    if len(lines) > _SHOWN:
        console.print(f"  … and {len(lines) - _SHOWN} more, all in the JSON and the page")


def step_lines(step: Step) -> Iterator[Line]:
    """What is worth telling of a step."""
    yield from map(Line, step.notes)
    yield from (Line(f"replaced: {one}") for one in step.replaced)
    if step.observed:
        yield from _observed_lines(step.observed)


def _observed_lines(seen: Observed) -> Iterator[Line]:
    yield from (Line(f"nodes of {pool_line(one)}") for one in changed_pools(seen))
    yield from (Line(moved_line(one)) for one in seen.moved)
    for workload, number in seen.rolled.items():
        yield Line(f"{workload}: {number} {_plural('pod', number)} replaced by a new version")
    yield from (Line(waiting_line(one), one.why or "nobody said why") for one in seen.waiting)
    for one in seen.outages:
        state = "and has none yet" if one.at_the_end else "then again"
        yield Line(f"{one.workload}: no ready pod for {one.seconds:.1f} s, {state}")
    if seen.restarts:
        yield Line(f"{seen.restarts} {_plural('restart', seen.restarts)} of containers")
    for one in seen.warnings:
        times = "" if one.times == 1 else f", {one.times} times"
        yield Line(f"warning {one.reason} of {one.about}{times}", one.message)


def _show_budgets(result: Result, console: Console) -> None:
    lows = low_budgets(result)
    if not lows:
        return
    console.print("\n[bold]Disruption budgets at their lowest[/bold]")
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("  budget")
    for column in ("healthy", "desired", "of"):
        table.add_column(column, justify="right")
    table.add_column("in the step")
    table.add_column("")
    for low in lows[:_SHOWN]:
        one = low.budget
        told, colour = broken_line(low), "yellow" if low.step.loss else "red"
        figures = (str(one.healthy), str(one.desired), str(one.expected))
        table.add_row(f"  {escape(one.name)}", *figures, escape(low.step.name), f"[{colour}]{escape(told)}[/{colour}]")
    console.print(table)
    if len(lows) > _SHOWN:
        console.print(f"  … and {len(lows) - _SHOWN} more, with more room than these")


def _show_leftovers(result: Result, console: Console) -> None:
    if not result.leftovers:
        return
    console.print("\n[bold]What destroy left behind[/bold]")
    for group in left_groups(result):
        names = ", ".join(group.names[:_NAMED]) + (
            f" and {len(group.names) - _NAMED} more" if group.names[_NAMED:] else ""
        )
        line = Text(f"  {group.where}: {len(group.names)} {group.kind}, ")
        line.append(f"by design: {group.why}" if group.why else "not by design", style="" if group.why else "red")
        console.print(line, soft_wrap=True)
        console.print(Padding(escape(names), (0, 0, 0, 6), expand=False))


def _plural(word: str, number: int) -> str:
    return word if number == 1 else f"{word}s"
