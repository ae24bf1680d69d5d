"""`kuber charts …`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from components.charts.cache import ChartCache
from components.charts.errors import ChartError
from config import release as releases
from config.errors import StackFileError
from config.release import Release, read_release, release_names
from config.stack_file import cluster_value, read_source, stack_file_path
from kuber.charts.fetching import Fetched, Fetching, fetch
from kuber.charts.pinned import PinnedFile, pinned_files
from kuber.charts.pulling import Patience
from kuber.console import console_for
from kuber.project import find_project, stack_names

from .errors import INTERRUPTED, PROBLEM_FOUND, UsageError, fail

Effort = tuple[int, float]
"""Files at a time, and seconds for each."""


def run_fetch(names: Sequence[str], all_releases: bool, mirror: str, effort: Effort, project: Path | None) -> None:
    """Fill the cache; leave with 1 where a file couldn't be had."""
    if mirror and not mirror.startswith(("oci://", "https://", "http://")):
        raise UsageError(f"--from {mirror} is no repository\n    expected: oci://registry/path or https://host/path")
    if names and all_releases:
        raise UsageError("--all is all releases: name some, or give --all")
    chosen = _chosen(names) if names else _chosen(release_names() if all_releases else _in_use(project))
    files = pinned_files(chosen)
    how = Fetching(cache=ChartCache(), jobs=effort[0], patience=Patience(timeout_seconds=effort[1]), mirror=mirror)
    done: list[Fetched] = []
    try:
        with (
            _progress(f"fetching for {_and([one.release for one in chosen])}", len(files)) as progress,
            closing(fetch(files, how, lambda file, line: progress.line(f"{file.title}: {line}"))) as fetched,
        ):
            for one in fetched:
                done.append(one)
                progress.done(_fetched_line(one))
    except KeyboardInterrupt:
        fail("interrupted; what is in the cache is whole", INTERRUPTED)
    _say_unlocked([one.file for one in done if one.entry])
    new, failed = sum(one.is_new for one in done), [one.error for one in done if one.error]
    print(f"{len(files)} files: {new} fetched, {len(files) - new - len(failed)} were there, {len(failed)} failed")
    _end(failed)


def run_import(folder: Path) -> None:
    """Take in what a folder holds; leave with 1 where something was refused."""
    from kuber.charts.importing import Imported, import_folder

    done: list[Imported] = []
    for one in import_folder(folder, pinned_files(_chosen(release_names())), ChartCache()):
        done.append(one)
        what = one.file.title if one.file and one.outcome == "taken" else one.path.name
        told = one.reason if one.outcome == "passed over" else _verified(one.entry and one.entry.verified, one.reason)
        print(f"{one.outcome:<12} {what:<44} {told}".rstrip())
    taken = [one for one in done if one.outcome == "taken"]
    refused = [one.error for one in done if one.error]
    passed_over = len(done) - len(taken) - len(refused)
    print(f"{len(done)} files and folders: {len(taken)} taken, {passed_over} passed over, {len(refused)} refused")
    if any(one.entry and not one.entry.verified for one in taken):
        print("Nothing tells whether the unverified ones are what was published: a plan warns, `pulumi up` refuses.")
    _end(refused)


def run_check(name: str | None, charts_only: bool) -> None:
    """Say what isn't locked; leave with 1 where something isn't."""
    from kuber.charts.locking import pins

    chosen = _chosen([name] if name else release_names())
    empty = [
        pin
        for release in chosen
        for pin in pins(release)
        if not pin.digest and not (charts_only and pin.section == "images")
    ]
    for pin in empty:
        print(f"{pin.release}  {pin.section:<7} {pin.name:<32} {pin.version}")
    if empty:
        fail(
            f"{len(empty)} entries aren't locked\n    hint:     `kuber charts lock` asks their registries",
            PROBLEM_FOUND,
        )
    print(f"{_and([one.release for one in chosen])}: everything is locked")


def run_lock(name: str | None, charts_only: bool, update: Sequence[str], recheck: bool, effort: Effort) -> None:
    """Fill digests; leave with 1 where one couldn't be learned."""
    from kuber.charts.locking import Pin, ask, pins, without_digests, write

    every, asked_for = _chosen(release_names()), {one.release for one in _chosen([name] if name else release_names())}
    known = [pin for release in every for pin in pins(release) if not (charts_only and pin.section == "images")]
    for one in update:
        if not any(pin.is_named([one]) for pin in known):
            raise UsageError(f"--update {one}: no release has a chart, a file of CRDs or an image of that name")

    def is_wanted(pin: Pin) -> bool:
        return pin.is_named(update) or (pin.release in asked_for and (recheck or not pin.digest))

    wanted = [pin for pin in known if is_wanted(pin)]
    if not wanted:
        print(f"{_and(sorted(asked_for))}: everything is locked")
        return
    how = Fetching(
        cache=ChartCache(),
        jobs=effort[0],
        patience=Patience(timeout_seconds=effort[1]),
        again=recheck or bool(update),
    )
    learned = []
    subjects = {pin.subject for pin in wanted}
    with (
        _progress("asking registries", len(subjects)) as progress,
        closing(
            ask(wanted, without_digests(every, update), how, lambda title, line: progress.line(f"{title}: {line}"))
        ) as answers,
    ):
        for one in answers:
            learned.append(one)
            progress.done(f"{'failed' if one.error else 'asked':<10} {one.pins[0].title:<56} {one.digest}".rstrip())
    changed = write(releases.RELEASES, learned)
    failed = [one.error for one in learned if one.error]
    for release in sorted({pin.release for pin in changed}):
        print(f"{release}: {sum(pin.release == release for pin in changed)} digests written to releases/{release}.yaml")
    if not changed:
        print("no digest was written")
    _end(failed)


def run_verify(name: str | None) -> None:
    """Read the cache; leave with 1 where a file isn't what it should be."""
    from kuber.charts.cached import Verified, verify

    files, cache = pinned_files(_chosen([name] if name else release_names())), ChartCache()
    found: list[Verified] = []
    with _progress("reading", len(files)) as progress:
        for file in files:
            found.append(verify(file, cache))
            progress.done(f"{found[-1].verdict:<11} {file.title:<44} {found[-1].detail}".rstrip())
    counted = [
        f"{sum(one.verdict == kind for one in found)} {kind}" for kind in dict.fromkeys(one.verdict for one in found)
    ]
    print(f"{len(found)} files: {', '.join(counted)}")
    if bad := [one for one in found if one.verdict in ("wrong", "damaged")]:
        fail(
            f"{len(bad)} files in {cache.folder} aren't what they should be: {', '.join(one.file.title for one in bad)}\n"
            "    hint:     `kuber charts fetch` gets them anew",
            PROBLEM_FOUND,
        )


def run_list(name: str | None, as_json: bool) -> None:
    """Show what releases pin, and what is here."""
    from rich.table import Table

    from kuber.charts import cached

    chosen, cache = _chosen([name] if name else release_names()), ChartCache()
    rows = cached.cached_files(pinned_files(chosen), cache)
    images = {(one.repository, one.tag): one.digest for release in chosen for one in release.images.values()}
    locked_images = sum(map(bool, images.values()))
    if as_json:
        facts = {"charts": cached.as_json(rows), "images": {"pinned": len(images), "locked": locked_images}}
        print(json.dumps({"format": 1, "cache": str(cache.folder), **facts}, indent=2))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("chart or CRDs", "version", "releases", "in cache", "verified", "locked"):
        table.add_column(column)
    table.add_column("size", justify="right")
    for row in rows:
        table.add_row(
            row.file.name if row.file.kind == "charts" else f"{row.file.name} (CRDs)",
            row.file.version,
            ", ".join(row.file.releases),
            _yes(row.entry is not None),
            _yes(row.verified) if row.entry else "-",
            _yes(not row.file.unlocked_in),
            "-" if row.size is None else _size(row.size),
        )
    console_for(sys.stdout).print(table)
    print(f"\n{len(images)} images, {locked_images} of them locked. The cache is {cache.folder}.")


@dataclass(frozen=True, kw_only=True)
class _Progress:
    """Takes lines that stay, and is told when one of all is done."""

    line: Callable[[str], None]
    advance: Callable[[], None]

    def done(self, line: str) -> None:
        """One is done: its line stays."""
        self.line(line)
        self.advance()


@contextmanager
def _progress(what: str, total: int) -> Iterator[_Progress]:
    """A bar below the lines on a terminal; lines alone elsewhere."""
    if not sys.stdout.isatty():
        yield _Progress(line=lambda line: print(line, flush=True), advance=lambda: None)
        return
    from rich.progress import Progress

    console = console_for(sys.stdout)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield _Progress(
            line=lambda line: console.print(line, markup=False, soft_wrap=True), advance=lambda: bar.advance(task)
        )


def _chosen(names: Sequence[str]) -> list[Release]:
    """Releases by name, oldest first.

    Raises:
        UsageError: there is no such release.
    """
    known = release_names()
    for name in names:
        if name not in known:
            raise UsageError(
                f"there is no release {name}\n    expected: one of {', '.join(known) or '(there are none)'}"
            )
    return [read_release(name) for name in known if name in names]


def _in_use(project: Path | None) -> list[str]:
    """Names of the releases that the project's stack files use; what else a stack file says doesn't matter here."""
    folder, names = find_project(project), set[str]()
    for stack in stack_names(folder):
        try:
            cluster = cluster_value(read_source(stack_file_path(stack, folder)))
        except StackFileError:
            cluster = None
        name = cluster.get("release") if isinstance(cluster, dict) else None
        if isinstance(name, str):
            names.add(name)
        else:
            print(
                f"{stack} is left out: its stack file tells no release; `kuber validate {stack}` says more",
                file=sys.stderr,
            )
    if not names:
        raise UsageError(f"no stack file in {folder} tells a release\n    hint:     name one, or give --all")
    return sorted(names)


def _fetched_line(one: Fetched) -> str:
    if one.entry is None:
        return f"{'failed':<10} {one.file.title}"
    notes = [_size(one.size), *([] if one.file.digest else ["not locked"])]
    if not one.entry.verified:
        notes.append("unverified: it came from elsewhere, and no digest tells that it is the same")
    return f"{'fetched' if one.is_new else 'was there':<10} {one.file.title:<44} {', '.join(notes)}"


def _say_unlocked(files: Sequence[PinnedFile]) -> None:
    if count := sum(not file.digest for file in files):
        print(f"{count} of them aren't locked: run `kuber charts lock`, so that nobody can change them unseen")


def _end(errors: Sequence[ChartError]) -> None:
    if errors:
        _fail_with(errors)


def _fail_with(errors: Sequence[ChartError]) -> NoReturn:
    fail("\n".join(str(error) for error in errors), PROBLEM_FOUND)


def _verified(is_verified: bool | None, reason: str) -> str:
    return "" if is_verified is None else "verified" if is_verified else f"unverified: {reason}"


def _yes(value: bool) -> str:
    return "[green]yes[/green]" if value else "[yellow]no[/yellow]"


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB" if size >= 1e3 else f"{size} B"
