"""Builds the Go programs that kuber and its tests run, from the modules pinned in the folders beside this file.

    python tools/build.py              build what is missing, into the user's cache
    python tools/build.py --force      build everything anew, even where it is there
    python tools/build.py --print-bin  print the folder of the engine's programs and build nothing; exit 1 if there is none
    python tools/build.py --print etcd kwok    print the paths of tools, a line each, and build nothing; exit 1 if one isn't there

A tool isn't built where one of a version that will do is on PATH. Each is built by itself, to
$XDG_CACHE_HOME/kuber/tools/<tool>-<key>/bin (~/.cache where that isn't set), the key being a hash of its pins, of how it is
built, and of the platform: a new tool or another's pin makes none be built again. kuber/tools/bin beside these folders links
to what was built last, whatever its key: there kuber finds the programs that it doesn't find on PATH. Building all takes some
minutes, 4 GB of downloads and caches, and Go.
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
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
RECIPE_VERSION = 1
"""Raised when the way of building changes in a manner that RECIPE doesn't show."""

PLAIN_PROGRESS_SECONDS = 30
"""How often a running build says so where stderr isn't a terminal."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """One program to build.

    Attributes:
        name: File name of the program.
        folder: Folder beside this file with the go.mod and go.sum that pin it.
        module: Go module that the program comes from; its version in go.mod is the program's.
        package: The program's package, relative to the module; "" where it is the module itself.
        ldflags: Linker flags beside -s -w; "{version}" stands for the version, "{major}" and "{minor}" for its numbers.
        beside: Files of the module that have to lie beside the program, executable.
    """

    name: str
    folder: str
    module: str
    package: str
    ldflags: str = ""
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Tool:
    """What is found on PATH, or built, as one.

    Attributes:
        programs: The program that the tool is named for, and those that have to lie beside it.
        version_arguments: What makes it print its version.
        newer_will_do: Whether one that is found may be newer than the pinned version.
        found_in: Environment variable that may name a folder to look into before PATH.
        install: Where people get it from.
    """

    programs: tuple[Program, ...]
    version_arguments: tuple[str, ...] = ("version",)
    newer_will_do: bool = True
    found_in: str | None = None
    install: str

    @property
    def name(self) -> str:
        """The name that it is run by."""
        return self.programs[0].name

    @property
    def wanted(self) -> str:
        """The versions that will do: "v3.200.0 or newer"."""
        return f"{pinned(self.programs[0])} or newer" if self.newer_will_do else pinned(self.programs[0])


ENGINE = Tool(
    programs=(
        Program(
            name="pulumi",
            folder="engine",
            module="github.com/pulumi/pulumi/pkg/v3",
            package="cmd/pulumi",
            ldflags="-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={version}",
        ),
        Program(
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
    ),
    install="https://www.pulumi.com/docs/install/",
)
HELM = Tool(
    programs=(
        Program(
            name="helm",
            folder="helm",
            module="helm.sh/helm/v3",
            package="cmd/helm",
            # As helm's own Makefile has them: the Kubernetes that it takes a cluster for is the one of its client-go.
            ldflags=(
                "-X helm.sh/helm/v3/internal/version.version={version}"
                " -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1"
                " -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=35"
                " -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1"
                " -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=35"
            ),
        ),
    ),
    version_arguments=("version", "--short"),
    newer_will_do=False,  # what tests compare is rendered by it
    install="https://helm.sh/docs/intro/install/",
)
KUBECONFORM = Tool(
    programs=(
        Program(
            name="kubeconform",
            folder="kubeconform",
            module="github.com/yannh/kubeconform",
            package="cmd/kubeconform",
            ldflags="-X main.version={version}",
        ),
    ),
    version_arguments=("-v",),
    install="https://github.com/yannh/kubeconform/releases",
)
CRANE = Tool(
    programs=(
        Program(
            name="crane",
            folder="crane",
            module="github.com/google/go-containerregistry",
            package="cmd/crane",
            ldflags="-X github.com/google/go-containerregistry/cmd/crane/cmd.Version={version}",
        ),
    ),
    install="https://github.com/google/go-containerregistry/releases",
)
ETCD = Tool(
    programs=(Program(name="etcd", folder="etcd", module="go.etcd.io/etcd/server/v3", package=""),),
    version_arguments=("--version",),
    found_in="KUBEBUILDER_ASSETS",
    install="https://github.com/etcd-io/etcd/releases",
)


def _of_kubernetes(name: str) -> Tool:
    """A component of the control plane. All are of one version: a scheduler may not be newer than its API server."""
    return Tool(
        programs=(
            Program(
                name=name,
                folder="kubernetes",
                module="k8s.io/kubernetes",
                package=f"cmd/{name}",
                # Built from its module it has no version, and an API server serves what its version says.
                ldflags=(
                    "-X k8s.io/component-base/version.gitVersion={version}"
                    " -X k8s.io/component-base/version.gitMajor={major}"
                    " -X k8s.io/component-base/version.gitMinor={minor}"
                ),
            ),
        ),
        version_arguments=("--version",),
        newer_will_do=False,
        found_in="KUBEBUILDER_ASSETS",
        install="https://kubernetes.io/releases/download/#binaries",
    )


KUBE_APISERVER = _of_kubernetes("kube-apiserver")
KUBE_CONTROLLER_MANAGER = _of_kubernetes("kube-controller-manager")
KUBE_SCHEDULER = _of_kubernetes("kube-scheduler")
KWOK = Tool(
    programs=(
        Program(
            name="kwok",
            folder="kwok",
            module="sigs.k8s.io/kwok",
            package="cmd/kwok",
            ldflags="-X sigs.k8s.io/kwok/pkg/consts.Version={version}",
        ),
    ),
    version_arguments=("--version",),
    install="https://kwok.sigs.k8s.io/docs/user/installation/",
)
CONTROL_PLANE = (ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER, KWOK)
RECIPE = (HELM, ENGINE, KUBECONFORM, CRANE, *CONTROL_PLANE)


class BuildError(Exception):
    """The programs can't be had; the message says why and what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Build what the arguments ask for; the exit code."""
    parser = argparse.ArgumentParser(
        description="Build the programs that kuber and its tests run, into the user's cache."
    )
    parser.add_argument("--force", action="store_true", help="build everything anew, even where it is there")
    parser.add_argument(
        "--print-bin", action="store_true", help="print the folder of the engine's programs, build nothing"
    )
    parser.add_argument(
        "--print",
        nargs="+",
        metavar="TOOL",
        choices=[tool.name for tool in RECIPE],
        help="print the paths of tools, a line each, build nothing",
    )
    options = parser.parse_args(arguments)
    try:
        if options.print_bin:
            print(find(ENGINE).parent)
        elif options.print:
            print(*(find(tool) for tool in tools_named(options.print)), sep="\n")
        else:
            ensure_built(force=options.force)
    except BuildError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; nothing half-built is kept")
        return 130
    return 0


def find(tool: Tool) -> Path:
    """A tool's program, with those that belong to it in the same folder: on PATH or in the cache.

    Raises:
        BuildError: there is none.
    """
    on_path, why_not = program_on_path(tool)
    if on_path:
        return on_path
    built = build_folder(tool) / "bin" / tool.name
    if not built.exists():
        raise BuildError(f"{why_not}, and none has been built here: run `make tools`")
    return built


def tools_named(names: Iterable[str]) -> list[Tool]:
    """The tools that go by some names, in the order of the names."""
    by_name = {tool.name: tool for tool in RECIPE}
    return [by_name[name] for name in names]


def ensure_built(*, force: bool) -> None:
    """Build the tools that aren't there, and link to them; with `force` all of them.

    Raises:
        BuildError: Go is missing or too old, or a build failed.
    """
    to_build: dict[Tool, str] = {}
    for tool in RECIPE:
        on_path, why_not = program_on_path(tool)
        if on_path and not force:
            say(f"{tool.name} on PATH ({on_path}) is {tool.wanted}: using it, nothing to build")
        else:
            to_build[tool] = why_not or "it is there, and is to be built by --force"
    if not to_build:
        return
    cache().mkdir(parents=True, exist_ok=True)
    with lock(cache() / "build.lock"):
        missing = {tool: why_not for tool, why_not in to_build.items() if force or not build_folder(tool).exists()}
        if missing:
            check_go(missing)
        for tool in to_build:
            if tool in missing:
                build(tool)
            link(tool)
    say(f"tools are built: {links()}")


def build(tool: Tool) -> None:
    """Build a tool in a folder of its own, which takes the place of the last build's when all is there."""
    target = build_folder(tool)
    building, old = target.with_suffix(".building"), target.with_suffix(".old")
    for leftover in (building, old):  # of a build that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        (building / "bin").mkdir(parents=True)
        for program in tool.programs:
            build_program(program, building / "bin")
        if target.exists():
            target.rename(old)
        building.rename(target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def build_program(program: Program, bin_folder: Path) -> None:
    """Build one program into a folder, saying what and how long."""
    programs = [program for tool in RECIPE for program in tool.programs]
    version = pinned(program)
    major, minor, *_ = version_numbers(version)
    ldflags = f"-s -w {program.ldflags.format(version=version, major=major, minor=minor)}".strip()
    package = f"{program.module}/{program.package}".rstrip("/")
    command = ["go", "build", "-mod=readonly", "-trimpath", "-v", "-ldflags", ldflags]
    run_with_progress(
        [*command, "-o", str(bin_folder / program.name), package],
        cwd=TOOLS / program.folder,
        label=f"[{programs.index(program) + 1}/{len(programs)}] {program.name} {version}",
    )
    if program.beside:
        folder = TOOLS / program.folder
        source = Path(go("list", "-mod=readonly", "-m", "-f", "{{.Dir}}", program.module, cwd=folder))
        for file in program.beside:
            copy = shutil.copyfile(source / file, bin_folder / Path(file).name)
            copy.chmod(0o755)


def link(tool: Tool) -> None:
    """Let the links lead to a tool's build, also where they led to that of another pin."""
    links().mkdir(exist_ok=True)
    for file in (build_folder(tool) / "bin").iterdir():
        new = links() / f".{file.name}.new"
        new.unlink(missing_ok=True)
        new.symlink_to(Path("..") / file.relative_to(cache()))
        new.replace(links() / file.name)


def build_folder(tool: Tool) -> Path:
    """Where a tool's build is, or goes."""
    return cache() / f"{tool.name}-{key(tool)}"


def key(tool: Tool) -> str:
    """What a build is stored under: it changes with each pin, with the recipe and with the platform."""
    digest = hashlib.sha256(f"{RECIPE_VERSION} {tool.programs} {platform.system()} {platform.machine()}".encode())
    for program in tool.programs:
        for file in ("go.mod", "go.sum"):
            digest.update(hashlib.sha256((TOOLS / program.folder / file).read_bytes()).digest())
    return digest.hexdigest()[:16]


def cache() -> Path:
    """The folder of all builds."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kuber" / "tools"


def links() -> Path:
    """The folder that links to the programs of the last build of each tool."""
    return cache() / "bin"


def pinned(program: Program) -> str:
    """The version of a program as its go.mod has it: "v3.200.0".

    Raises:
        BuildError: go.mod doesn't name the module.
    """
    go_mod = TOOLS / program.folder / "go.mod"
    found = re.search(rf"^\s*(?:require )?{re.escape(program.module)} (v\S+)", go_mod.read_text(), re.MULTILINE)
    if not found:
        command = f"go get -tool {program.module}/{program.package}".rstrip("/") + "@VERSION"
        raise BuildError(f"{go_mod} requires no {program.module}; add it: `{command}`")
    return found[1]


def program_on_path(tool: Tool) -> tuple[Path | None, str]:
    """A tool's program on PATH, if its version will do and what belongs to it lies beside it, or why there is none."""
    first = os.environ.get(tool.found_in) if tool.found_in else None
    found = (shutil.which(tool.name, path=first) if first else None) or shutil.which(tool.name)
    if not found:
        return None, f"no {tool.name} is on PATH"
    environment = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    asked = [found, *tool.version_arguments]
    said = subprocess.run(asked, capture_output=True, text=True, env=environment).stdout.strip()
    there, pin = version_numbers(said), version_numbers(pinned(tool.programs[0]))
    if there != pin and not (tool.newer_will_do and there > pin):
        version = said if there else "of no known version"
        return None, f"the {tool.name} on PATH ({found}) is {version} where {tool.wanted} is needed"
    program = Path(found)
    if others := tool.programs[1:]:
        program = program.resolve()
        for other in others:
            if not (program.parent / other.name).exists():
                return None, f"the {tool.name} on PATH ({found}) has no {other.name} beside it"
    return program, ""


def check_go(missing: Mapping[Tool, str]) -> None:
    """Make sure that there is a Go that can build some tools, given with why each has to be built.

    Raises:
        BuildError: there is no Go, or it is too old and doesn't fetch a newer one by itself.
    """
    folders = {program.folder for tool in missing for program in tool.programs}
    strictest = max(sorted(folders), key=lambda folder: version_numbers(required_go(folder)))
    wanted = required_go(strictest)
    instead = "".join(f"\n  {tool.name} {tool.wanted} ({tool.install}): {why}" for tool, why in missing.items())
    way_out = f"install Go {wanted} or newer (https://go.dev/dl/), or the tools themselves, and run `make tools` again{instead}"
    if not shutil.which("go"):
        raise BuildError(f"Go is not installed: {way_out}")
    there = go("env", "GOVERSION", cwd=TOOLS / strictest)
    if version_numbers(there) < version_numbers(wanted):
        raise BuildError(f"Go is too old: {there} where {wanted} is needed: {way_out}")


def required_go(folder: str) -> str:
    """The oldest Go that a go.mod allows: "1.26"."""
    found = re.search(r"^go (\S+)$", (TOOLS / folder / "go.mod").read_text(), re.MULTILINE)
    return found[1] if found else "1.21"


def version_numbers(version: str) -> tuple[int, ...]:
    """The numbers of the first version in a text, to compare by: (3, 200, 0) of "v3.200.0-alpha.1"; () if there is none."""
    found = re.search(r"\b(?:v|go)?(\d+(?:\.\d+)+)", version)
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
