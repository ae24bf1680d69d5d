"""Builds the programs that the engine tests run, from the Go modules pinned in the folders beside this file.

    python tools/build.py              build what is missing, into the user's cache
    python tools/build.py --force      build it anew, even where there is one
    python tools/build.py --print-bin  print the folder of the programs and build nothing; exit 1 if there is none

Nothing is built where a `pulumi` of the pinned version or a newer one is on PATH. A build goes to
$XDG_CACHE_HOME/kuber/tools/<key>/bin (~/.cache where that isn't set), the key being a hash of the pins, of how they are
built, and of the platform. It takes some minutes, 1 GB of downloads and caches, and Go.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
RECIPE_VERSION = 1
"""Raised when the way of building changes in a manner that RECIPE doesn't show."""

PLAIN_PROGRESS_SECONDS = 30
"""How often a running build says so where stderr isn't a terminal."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One program to build.

    Attributes:
        name: File name of the program.
        folder: Folder beside this file with the go.mod and go.sum that pin it.
        module: Go module that the program comes from; its version in go.mod is the program's.
        package: The program's package, relative to the module.
        ldflags: Linker flags beside -s -w; "{version}" stands for the version.
        beside: Files of the module that have to lie beside the program, executable.
    """

    name: str
    folder: str
    module: str
    package: str
    ldflags: str = ""
    beside: tuple[str, ...] = ()


RECIPE = (
    Tool(
        name="pulumi",
        folder="engine",
        module="github.com/pulumi/pulumi/pkg/v3",
        package="cmd/pulumi",
        ldflags="-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={version}",
    ),
    Tool(
        name="pulumi-language-python",
        folder="python-language-host",
        module="github.com/pulumi/pulumi/sdk/v3",
        package="python/cmd/pulumi-language-python",
        ldflags="-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={version}",
        beside=(
            "python/cmd/pulumi-language-python-exec",
            "python/dist/pulumi-resource-pulumi-python",
            "python/dist/pulumi-analyzer-policy-python",
        ),
    ),
)


class BuildError(Exception):
    """The programs can't be had; the message says why and what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Build what the arguments ask for; the exit code."""
    parser = argparse.ArgumentParser(description="Build the engine that the tests run, into the user's cache.")
    parser.add_argument("--force", action="store_true", help="build anew, even where there is one")
    parser.add_argument("--print-bin", action="store_true", help="print the folder of the programs, build nothing")
    options = parser.parse_args(arguments)
    try:
        if options.print_bin:
            print(existing_bin())
        else:
            ensure_built(force=options.force)
    except BuildError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; nothing half-built is kept")
        return 130
    return 0


def existing_bin() -> Path:
    """The folder of the programs, on PATH or in the cache.

    Raises:
        BuildError: there is none.
    """
    on_path, why_not = pulumi_on_path()
    if on_path:
        return on_path
    cached = cache() / key() / "bin"
    if not cached.exists():
        raise BuildError(f"{why_not}, and none has been built here: run `make tools`")
    return cached


def ensure_built(*, force: bool) -> None:
    """Build the programs if they aren't there; with `force` in any case.

    Raises:
        BuildError: Go is missing or too old, or a build failed.
    """
    on_path, why_not = pulumi_on_path()
    if on_path and not force:
        say(f"pulumi in {on_path} is {pinned(RECIPE[0])} or newer: using it, nothing to build")
        return
    target = cache() / key()
    target.parent.mkdir(parents=True, exist_ok=True)
    with lock(target.with_suffix(".lock")):
        if target.exists() and not force:
            say(f"tools are built: {target / 'bin'}")
            return
        check_go(why_not)
        building = target.with_suffix(".building")
        for leftover in (building, target.with_suffix(".old")):  # of a build that was killed
            shutil.rmtree(leftover, ignore_errors=True)
        try:
            build(building / "bin")
            if target.exists():
                target.rename(target.with_suffix(".old"))
            building.rename(target)
        finally:
            shutil.rmtree(building, ignore_errors=True)
            shutil.rmtree(target.with_suffix(".old"), ignore_errors=True)
    say(f"tools are built: {target / 'bin'}")


def build(bin_folder: Path) -> None:
    """Build every tool of the recipe into a folder, saying what and how long."""
    bin_folder.mkdir(parents=True)
    for number, tool in enumerate(RECIPE, start=1):
        version = pinned(tool)
        ldflags = f"-s -w {tool.ldflags.format(version=version)}".strip()
        package = f"{tool.module}/{tool.package}"
        command = ["go", "build", "-mod=readonly", "-trimpath", "-v", "-ldflags", ldflags]
        run_with_progress(
            [*command, "-o", str(bin_folder / tool.name), package],
            cwd=TOOLS / tool.folder,
            label=f"[{number}/{len(RECIPE)}] {tool.name} {version}",
        )
        if tool.beside:
            source = Path(go("list", "-mod=readonly", "-m", "-f", "{{.Dir}}", tool.module, cwd=TOOLS / tool.folder))
            for file in tool.beside:
                copy = shutil.copyfile(source / file, bin_folder / Path(file).name)
                copy.chmod(0o755)


def key(tools: Path = TOOLS) -> str:
    """What a build is stored under: it changes with each pin, with the recipe and with the platform."""
    digest = hashlib.sha256(f"{RECIPE_VERSION} {RECIPE} {platform.system()} {platform.machine()}".encode())
    for folder in sorted({tool.folder for tool in RECIPE}):
        for file in ("go.mod", "go.sum"):
            digest.update(hashlib.sha256((tools / folder / file).read_bytes()).digest())
    return digest.hexdigest()[:16]


def cache() -> Path:
    """The folder of all builds."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kuber" / "tools"


def pinned(tool: Tool) -> str:
    """The version of a tool as its go.mod has it: "v3.200.0".

    Raises:
        BuildError: go.mod doesn't name the module.
    """
    go_mod = TOOLS / tool.folder / "go.mod"
    found = re.search(rf"^\s*(?:require )?{re.escape(tool.module)} (v\S+)", go_mod.read_text(), re.MULTILINE)
    if not found:
        command = f"go get -tool {tool.module}/{tool.package}@VERSION"
        raise BuildError(f"{go_mod} requires no {tool.module}; add it: `{command}`")
    return found[1]


def pulumi_on_path() -> tuple[Path | None, str]:
    """The folder of a `pulumi` on PATH that is new enough and has its Python host beside it, or why there is none."""
    found = shutil.which("pulumi")
    if not found:
        return None, "no pulumi is on PATH"
    environment = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    said = subprocess.run([found, "version"], capture_output=True, text=True, env=environment).stdout.strip()
    if version_numbers(said) < version_numbers(pinned(RECIPE[0])):
        return None, f"the pulumi on PATH ({found}) is {said or 'of no known version'}, older than {pinned(RECIPE[0])}"
    folder = Path(found).resolve().parent
    if not (folder / "pulumi-language-python").exists():
        return None, f"the pulumi on PATH ({found}) has no pulumi-language-python beside it"
    return folder, ""


def check_go(why_not: str) -> None:
    """Make sure that there is a Go that can build all tools.

    Raises:
        BuildError: there is none, or it is too old and doesn't fetch a newer one by itself.
    """
    wanted = max((required_go(folder) for folder in {tool.folder for tool in RECIPE}), key=version_numbers)
    way_out = (
        f"install Go {wanted} or newer (https://go.dev/dl/), or Pulumi {pinned(RECIPE[0])} or newer"
        " (https://www.pulumi.com/docs/install/), and run `make tools` again"
    )
    if not shutil.which("go"):
        raise BuildError(f"Go is not installed, and {why_not}: {way_out}")
    there = go("env", "GOVERSION", cwd=TOOLS / RECIPE[0].folder)
    if version_numbers(there) < version_numbers(wanted):
        raise BuildError(f"Go is too old: {there} where {wanted} is needed: {way_out}")


def required_go(folder: str) -> str:
    """The oldest Go that a go.mod allows: "1.26"."""
    found = re.search(r"^go (\S+)$", (TOOLS / folder / "go.mod").read_text(), re.MULTILINE)
    return found[1] if found else "1.21"


def version_numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, to compare by: (3, 200, 0) of "v3.200.0-alpha.1"; () of what is no version."""
    found = re.match(r"(?:v|go)?(\d+(?:\.\d+)*)", version)
    return tuple(int(number) for number in found[1].split(".")) if found else ()


def go(*arguments: str, cwd: Path) -> str:
    """What a quick Go command prints.

    Raises:
        BuildError: it failed; the message holds what it said.
    """
    done = subprocess.run(["go", *arguments], cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        raise BuildError(f"`go {' '.join(arguments)}` failed in {cwd}:\n{done.stderr.strip()}")
    return done.stdout.strip()


def run_with_progress(command: list[str], *, cwd: Path, label: str) -> None:
    """Run `go build -v`, which writes a line per downloaded module and compiled package, and show how far it is.

    Raises:
        BuildError: it failed; the message holds the last lines it wrote.
    """
    started = time.monotonic()
    lines: list[str] = []
    with subprocess.Popen(command, cwd=cwd, stderr=subprocess.PIPE, text=True) as process:
        reader = threading.Thread(target=lambda: lines.extend(process.stderr or ()), daemon=True)
        reader.start()
        try:
            show_progress(process, lines, label, started)
        except BaseException:
            process.kill()
            raise
        reader.join()
    if process.returncode != 0:
        raise BuildError(f"{label}: `go build` failed in {cwd}:\n{''.join(lines[-20:]).rstrip()}")
    say(f"{label}: built in {elapsed(started)}")


def show_progress(process: subprocess.Popen[str], lines: list[str], label: str, started: float) -> None:
    """Say how far a build is until it ends: each second in place on a terminal, else as a line now and then."""
    interval = 1 if sys.stderr.isatty() else PLAIN_PROGRESS_SECONDS
    say(f"{label}: building, some minutes if nothing is cached")
    while True:
        try:
            process.wait(timeout=interval)
            break
        except subprocess.TimeoutExpired:
            downloaded = sum(line.startswith("go: downloading") for line in lines)
            how_far = f"{downloaded} modules downloaded, {len(lines) - downloaded} packages compiled"
            say(f"{label}: {how_far}, {elapsed(started)}", in_place=sys.stderr.isatty())


def elapsed(started: float) -> str:
    """The time since `started` (of time.monotonic), for people."""
    minutes, seconds = divmod(int(time.monotonic() - started), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def say(message: str, *, in_place: bool = False) -> None:
    """Write a line to stderr; on a terminal `in_place` leaves it to be overwritten by the next."""
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    print(f"{clear}{message}", end="" if in_place else "\n", file=sys.stderr, flush=True)


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold a lock that ends with this process, however it ends; wait for another build that holds it."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another build of the tools is under way: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
