"""`kuber review` of a one-line change with six stack files, and the writing of a report of 5,000 changes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.chart_cache import chart_cache, kind_of_charts
from tests.review.repository import EKS, MORE_CLUSTERS, Repository, replace

from . import machine, results
from .arguments import at_least_one
from .charts import charts_in_words
from .figures import cpu_seconds, peak_mb, wall_seconds
from .process_tree import MeasurementError, Usage, run

NAME = "review"
_COLD_GOAL_SECONDS, _CACHED_GOAL_SECONDS, _WRITING_GOAL_SECONDS = 10.0, 3.0, 2.0
_MEMORY_GOAL_MB = 400.0
_CHANGES = 5_000

_WRITE = """
import io, sys
from pathlib import Path
from tests.review.samples import many
from kuber.review.markdown import markdown
from kuber.review.page import page
from kuber.review.terminal import show
review = many({changes})
if {write}:
    import json
    Path({folder!r}, "review.html").write_text(page(review))
    Path({folder!r}, "review.md").write_text(markdown(review))
    Path({folder!r}, "review.json").write_text(json.dumps(review.document()))
    with open(Path({folder!r}, "review.txt"), "w") as file:
        show(review, file)
"""
"""Makes a review of many changes; with `write`, every report of it. Without, what is not writing: starting, and making it."""


def main() -> None:
    """Measure, and write the results; ends with 1 if a command fails."""
    parser = argparse.ArgumentParser(prog="python -m bench.review", description=__doc__)
    parser.add_argument("--runs", type=at_least_one, default=5, help="counted runs (default: 5)")
    parser.add_argument("--results", type=Path, default=results.FOLDER, help="folder of the results")
    options = parser.parse_args()
    try:
        _measure(options.runs, options.results)
    except MeasurementError as error:
        sys.exit(str(error))


def _measure(runs: int, folder: Path) -> None:
    described = machine.description()
    with TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        repository = Repository(scratch, chart_cache())
        repository.change(*MORE_CLUSTERS)
        repository.commit("six clusters")
        measured = {
            "nothing cached but rendered charts": _reviews(repository, scratch, runs, cold=True),
            "plans of the base cached": _reviews(repository, scratch, runs, cold=False),
            f"all reports of {_CHANGES:,} changes": _writing(scratch, runs, write=True),
            "the same without writing them": _writing(scratch, runs, write=False),
        }
    results.write(
        folder,
        NAME,
        _report(described, measured, runs),
        {
            "machine": described,
            "charts": kind_of_charts(),
            "runs": {what: [asdict(usage) for usage in usages] for what, usages in measured.items()},
        },
    )


def _reviews(repository: Repository, scratch: Path, runs: int, *, cold: bool) -> list[Usage]:
    """Reviews of another one-line change each, after one that isn't counted."""
    usages: list[Usage] = []
    first = 60 if cold else 60 + runs + 1  # a size that no review has seen
    for number in range(first, first + runs + 1):
        if cold:
            repository.forget_plans()
        repository.change(replace(EKS, f"max: {number}\n", f"max: {number + 1}\n"))
        command = [sys.executable, "-m", "kuber", "review", "--base", "HEAD", "--html", str(scratch / "review.html")]
        usages.append(run(command, repository.folder, repository.environment, scratch / "output.log"))
        _say("cold" if cold else "cached", usages[-1])
    return usages[1:]


def _writing(scratch: Path, runs: int, *, write: bool) -> list[Usage]:
    command = [sys.executable, "-c", _WRITE.format(changes=_CHANGES, write=write, folder=str(scratch))]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[1])}
    usages = [run(command, scratch, environment, scratch / "output.log") for _ in range(runs + 1)][1:]
    _say("writing" if write else "without", usages[-1])
    return usages


def _say(what: str, usage: Usage) -> None:
    print(
        f"{usage.wall_seconds:7.2f} s, {usage.cpu_seconds:7.2f} s CPU, {usage.peak_mb:4.0f} MB: {what}",
        file=sys.stderr,
        flush=True,
    )


def _report(described: dict[str, str], measured: dict[str, list[Usage]], runs: int) -> str:
    rows = [
        [what, f"{wall_seconds(usages):.2f}", f"{cpu_seconds(usages):.2f}", f"{peak_mb(usages):.0f}"]
        for what, usages in measured.items()
    ]
    cold, cached, written, unwritten = measured.values()
    writing = wall_seconds(written) - wall_seconds(unwritten)
    memory = max(peak_mb(usages) for usages in (cold, cached))
    return "\n\n".join(
        [
            "# `kuber review`",
            "Written by `python -m bench.review`; the [README](../README.md) tells how to read it. "
            f"Medians of {runs} runs; the charts are {charts_in_words()}.",
            machine.markdown(described),
            results.table(["one line changed, six stack files", "wall, s", "CPU, s", "peak memory, MB"], rows),
            f"Goal, at most {_COLD_GOAL_SECONDS:.0f} s with no plan cached: {_met(cold, _COLD_GOAL_SECONDS)}. "
            f"Goal, at most {_CACHED_GOAL_SECONDS:.0f} s with those of the base: {_met(cached, _CACHED_GOAL_SECONDS)}. "
            f"Goal, at most {_MEMORY_GOAL_MB:.0f} MB: {'met' if memory <= _MEMORY_GOAL_MB else 'not met'}.",
            f"Page, comment, terminal and JSON of {_CHANGES:,} changes are written in {writing:.2f} s. Goal, at most "
            f"{_WRITING_GOAL_SECONDS:.0f} s: {'met' if writing <= _WRITING_GOAL_SECONDS else 'not met'}.\n",
        ]
    )


def _met(usages: Sequence[Usage], goal_seconds: float) -> str:
    return results.met(wall_seconds(usages) <= goal_seconds)


if __name__ == "__main__":
    main()
