"""How the engine's work grows with the number of objects: first `up`, preview, and an `up` that changes nothing.

The engine is the real one. Its states are in a folder, and then in a bucket that takes longer over each write. The Kubernetes
provider and the bucket are stand-ins in the bench's own process, whose CPU isn't counted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from kuber.rehearsal.engine import Engine
from kuber.rehearsal.provider import StandInProvider

from . import machine, results
from .arguments import at_least_one, sizes
from .bucket import Bucket
from .figures import Growth, cpu_seconds, growth, wall_seconds
from .process_tree import MeasurementError, Usage, run_apart
from .programs import copy_program

NAME = "growth"
_EXPONENT_GOAL = 1.1
_QUIET_COMMANDS = ("preview", "up again")


@dataclass(frozen=True)
class Runs:
    """One stack of a size, once from nothing.

    Attributes:
        usages: By command: "up", "preview", "up again".
        writes: How often the state was written by the first `up`; None where it is in a folder.
    """

    usages: dict[str, Usage]
    writes: int | None


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--runs", type=at_least_one, default=5, help="counted runs of each size (default: 5)")
    parser.add_argument(
        "--slow-runs", type=at_least_one, help="those with slow writes, which mostly wait (default: as many)"
    )
    parser.add_argument(
        "--sizes", type=sizes, default=[100, 300, 900], help="numbers of objects (default: 100,300,900)"
    )
    parser.add_argument(
        "--write-ms", type=at_least_one, default=100, help="added to each write of a state (default: 100)"
    )
    parser.add_argument("--results", type=Path, default=results.FOLDER, help="folder of the results")
    options = parser.parse_args()
    if len(options.sizes) < 2:
        parser.error("growth is between two sizes at least")
    try:
        _measure(options.runs, options.slow_runs or options.runs, options.sizes, options.write_ms, options.results)
    except MeasurementError as error:
        sys.exit(str(error))


def _measure(runs: int, slow_runs: int, of_sizes: Sequence[int], write_ms: int, folder: Path) -> None:
    described = machine.description()
    in_folder: dict[int, list[Runs]] = {}
    in_bucket: dict[int, list[Runs]] = {}
    for size in (0, *of_sizes):
        for _ in range(runs):
            in_folder.setdefault(size, []).append(_runs(size, None))
        for _ in range(slow_runs):
            in_bucket.setdefault(size, []).append(_runs(size, write_ms / 1000))
    results.write(
        folder,
        NAME,
        _report(described, of_sizes, write_ms, in_folder, in_bucket),
        {
            "machine": described,
            "write_ms": write_ms,
            "folder": {size: [asdict(one) for one in of] for size, of in in_folder.items()},
            "bucket": {size: [asdict(one) for one in of] for size, of in in_bucket.items()},
        },
    )


def _runs(size: int, write_seconds: float | None) -> Runs:
    """From nothing to a second `up`; the states are in a folder where no time is given."""
    stack = f"objects-{size}"
    with ExitStack() as stage:
        project = copy_program("objects", Path(stage.enter_context(TemporaryDirectory())))
        (project / f"Pulumi.{stack}.yaml").write_text(f"config:\n  objects:objects: {size}\n")
        bucket = None if write_seconds is None else stage.enter_context(Bucket(write_seconds=write_seconds))
        engine = stage.enter_context(
            Engine(
                project,
                providers=[StandInProvider("kubernetes")],
                environment={} if bucket is None else bucket.environment,
            )
        )
        settings = engine.stack_settings(stack)
        of_stack = ["--stack", stack, "--config-file", str(settings)]
        up = ["up", "--yes", "--skip-preview", *of_stack]
        usages: dict[str, Usage] = {}
        writes = None
        for name, words in (("up", up), ("preview", ["preview", *of_stack]), ("up again", up)):
            before = bucket.requests["put"] if bucket else 0
            usages[name] = run_apart(*_split(engine.command(*words), project), project / "output.log")
            if bucket and name == "up":
                writes = bucket.requests["put"] - before
        where = "a folder" if bucket is None else "a bucket"
        shown = ", ".join(
            f"{name} {one.cpu_seconds:.1f} s CPU {one.wall_seconds:.1f} s" for name, one in usages.items()
        )
        print(f"{size:4} objects, states in {where}: {shown}", file=sys.stderr, flush=True)
        return Runs(usages, writes)


def _split(command: tuple[list[str], dict[str, str]], folder: Path) -> tuple[list[str], Path, dict[str, str]]:
    words, environment = command
    return words, folder, environment


def _of(runs: Sequence[Runs], command: str) -> list[Usage]:
    return [one.usages[command] for one in runs]


def _report(
    described: dict[str, str],
    of_sizes: Sequence[int],
    write_ms: int,
    in_folder: dict[int, list[Runs]],
    in_bucket: dict[int, list[Runs]],
) -> str:
    rows: list[list[str]] = []
    for size in of_sizes:
        here, there = in_folder[size], in_bucket[size]
        rows.append(
            [
                str(size),
                *(
                    figure
                    for command in ("up", *_QUIET_COMMANDS)
                    for figure in (
                        f"{cpu_seconds(_of(here, command)):.1f}",
                        f"{wall_seconds(_of(here, command)):.1f}",
                        f"{wall_seconds(_of(there, command)):.1f}",
                    )
                ),
                str(there[0].writes),
            ]
        )
    header = ["objects"] + [
        f"{command}: {what}"
        for command in ("first `up`", "preview", "`up` again")
        for what in ("CPU, s", "wall, s", "wall with slow writes, s")
    ]
    smaller, larger = of_sizes[-2:]
    growths = {command: _growth(in_folder, command, smaller, larger) for command in ("up", *_QUIET_COMMANDS)}
    slowed = {command: _growth(in_bucket, command, smaller, larger) for command in ("up", *_QUIET_COMMANDS)}
    reached = all(_exponent(one[command]) <= _EXPONENT_GOAL for one in (growths, slowed) for command in _QUIET_COMMANDS)
    exponents = [
        [name, *(text for one in (growths, slowed) for text in (_shown(one[command]), f"{one[command].plain:.2f}"))]
        for command, name in (("up", "first `up`"), ("preview", "preview"), ("up again", "`up` again"))
    ]
    return "\n\n".join(
        [
            "# How the engine's work grows with the number of objects",
            "Written by `python -m bench.growth`; the [README](../README.md) tells how to read it. "
            f"Medians of {len(in_folder[0])} runs, with slow writes of {len(in_bucket[0])}. "
            "The engine is the real one; the Kubernetes provider and the bucket are stand-ins. "
            f"Each write of a state to the bucket takes {write_ms} ms more.",
            machine.markdown(described),
            results.table([*header, "writes"], rows),
            f"Growth exponents of CPU from {smaller} to {larger} objects, above an empty stack's and of all:",
            results.table(["", "folder, above", "folder, all", "bucket, above", "bucket, all"], exponents),
            f"Goal, at most {_EXPONENT_GOAL} for a preview and an `up` that changes nothing: {results.met(reached)}.\n",
        ]
    )


def _growth(by_size: dict[int, list[Runs]], command: str, smaller: int, larger: int) -> Growth:
    return growth({size: cpu_seconds(_of(runs, command)) for size, runs in by_size.items()}, smaller, larger)


def _exponent(one: Growth) -> float:
    """The one that the goal is held against: that without the cost of starting, where it can be told."""
    return one.plain if one.above_start is None else one.above_start


def _shown(one: Growth) -> str:
    return "-" if one.above_start is None else f"{one.above_start:.2f}"


if __name__ == "__main__":
    main()
