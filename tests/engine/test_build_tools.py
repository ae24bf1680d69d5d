"""`python tools/build.py`, with stand-ins for Go and the tools on PATH: nothing is compiled here."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).parents[2] / "tools"

STAND_IN_GO = """
import os, pathlib, sys, time
arguments = sys.argv[1:]
if arguments[0] == "env":
    print(os.environ.get("STAND_IN_GO_VERSION", "go1.99.0"))
elif arguments[0] == "list":
    module = pathlib.Path(os.environ["STAND_IN_MODULES"])
    for file in ("cmd/pulumi-language-python-exec", "dist/pulumi-resource-pulumi-python",
                 "dist/pulumi-analyzer-policy-python"):
        (module / "python" / file).parent.mkdir(parents=True, exist_ok=True)
        (module / "python" / file).write_text("#!/bin/sh")
    print(module)
elif arguments[0] == "build":
    print("example.com/compiled/package", file=sys.stderr, flush=True)
    if "STAND_IN_GO_ERROR" in os.environ:
        sys.exit(os.environ["STAND_IN_GO_ERROR"])
    output = pathlib.Path(arguments[arguments.index("-o") + 1])
    output.write_text(" ".join(arguments))
    time.sleep(float(os.environ.get("STAND_IN_GO_SECONDS", "0")))
"""

CONTROL_PLANE = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"]
ALL = sorted(["crane", "helm", "kubeconform", "pulumi", *CONTROL_PLANE])


@dataclass
class Machine:
    """A copy of tools/, with a PATH and a cache of its own."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def tools(self) -> Path:
        return self.folder / "tools"

    def install(self, name: str, program: str, folder: str = "path") -> None:
        """Put a stand-in for a program, written in Python, into a folder of the machine."""
        file = self.folder / folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!{sys.executable}\n{program}")
        file.chmod(0o755)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        environment = {
            "PATH": str(self.folder / "path"),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "STAND_IN_MODULES": str(self.folder / "modules"),
        }
        return subprocess.Popen(
            [sys.executable, str(self.tools / "build.py"), *arguments],
            env=environment | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def build(self, *arguments: str) -> tuple[int, str, str]:
        """Run build.py; its exit code, stdout and stderr."""
        process = self.start(*arguments)
        stdout, stderr = process.communicate(timeout=30)
        return process.returncode, stdout, stderr

    @property
    def cache(self) -> Path:
        return self.folder / "cache" / "kuber" / "tools"

    def built(self) -> list[str]:
        """The tools with a finished build, one a build."""
        builds = [path.parent.name for path in self.cache.glob("*/bin")]
        return sorted(name.rpartition("-")[0] for name in builds if "." not in name)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    shutil.copytree(TOOLS, tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    return Machine(tmp_path)


@pytest.fixture
def machine_with_go(machine: Machine) -> Machine:
    machine.install("go", STAND_IN_GO)
    return machine


def pin_anew(folder: Path) -> None:
    with (folder / "go.sum").open("a") as go_sum:
        go_sum.write("example.com/module v1.0.0 h1:AAAA=\n")


def load_build(tools: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_under_test", tools / "build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_build_has_the_programs_and_the_scripts_beside_them(machine_with_go: Machine) -> None:
    code, stdout, stderr = machine_with_go.build()
    assert (code, stdout) == (0, "")
    assert re.findall(r"^\[(.+): built in", stderr, re.MULTILINE) == [
        *("1/10] helm v3.20.2", "2/10] pulumi v3.259.0", "3/10] pulumi-language-python v3.79.0"),
        *("4/10] kubeconform v0.8.0", "5/10] crane v0.22.1", "6/10] etcd v3.6.5", "7/10] kube-apiserver v1.35.4"),
        *("8/10] kube-controller-manager v1.35.4", "9/10] kube-scheduler v1.35.4", "10/10] kwok v0.8.0"),
    ]
    code, stdout, _ = machine_with_go.build("--print-bin")
    bin_folder = Path(stdout.strip())
    assert code == 0
    assert {file.name for file in bin_folder.iterdir()} == {
        *("pulumi", "pulumi-language-python", "pulumi-language-python-exec"),
        *("pulumi-resource-pulumi-python", "pulumi-analyzer-policy-python"),
    }
    assert os.access(bin_folder / "pulumi-language-python-exec", os.X_OK)
    assert "version.Version=v3.259.0" in (bin_folder / "pulumi").read_text()


def test_links_lead_to_all_programs(machine_with_go: Machine) -> None:
    machine_with_go.build()
    links = machine_with_go.cache / "bin"
    assert {"helm", "pulumi", "pulumi-language-python-exec", "kubeconform", "crane"} < {
        link.name for link in links.iterdir()
    }
    assert "internal/version.version=v3.20.2" in (links / "helm").read_text()


def test_links_lead_to_what_was_built_last(machine_with_go: Machine) -> None:
    machine_with_go.build()
    links = machine_with_go.cache / "bin"
    before = {name: (links / name).resolve() for name in ("helm", "crane")}
    pins = machine_with_go.tools / "helm" / "go.sum"
    as_it_was = pins.read_text()
    pin_anew(pins.parent)
    machine_with_go.build()
    assert (links / "helm").resolve() != before["helm"]
    assert (links / "crane").resolve() == before["crane"]
    pins.write_text(as_it_was)
    _, _, stderr = machine_with_go.build()
    assert (links / "helm").resolve() == before["helm"]
    assert "/10]" not in stderr


def test_what_is_built_is_not_built_again_unless_forced(machine_with_go: Machine) -> None:
    machine_with_go.build()
    _, _, stderr = machine_with_go.build()
    assert "tools are built: " in stderr and "/10]" not in stderr
    code, _, stderr = machine_with_go.build("--force")
    assert code == 0 and "[1/10]" in stderr and "[10/10]" in stderr
    assert machine_with_go.built() == ALL


def test_a_changed_pin_builds_its_own_tool_alone(machine_with_go: Machine) -> None:
    machine_with_go.build()
    pin_anew(machine_with_go.tools / "kubeconform")
    _, _, stderr = machine_with_go.build()
    assert re.findall(r"(\S+) v\S+: built in", stderr) == ["kubeconform"]
    assert machine_with_go.built() == sorted([*ALL, "kubeconform"])


def test_a_changed_pin_of_either_module_builds_the_engine_anew(machine: Machine) -> None:
    build = load_build(machine.tools)
    keys = {build.key(build.ENGINE)}
    for folder in ("engine", "python-language-host"):
        pin_anew(machine.tools / folder)
        keys.add(build.key(build.ENGINE))
    assert len(keys) == 3


def test_helm_takes_a_cluster_for_the_kubernetes_of_its_client(machine: Machine) -> None:
    minor = re.search(r"k8s\.io/client-go v0\.(\d+)\.", (machine.tools / "helm" / "go.mod").read_text())
    ldflags = load_build(machine.tools).HELM.programs[0].ldflags
    assert minor and re.findall(r"k8sVersionMinor=(\d+)", ldflags) == [minor[1]] * 2


def test_a_killed_build_is_not_taken_for_done(machine_with_go: Machine) -> None:
    machine_with_go.environment["STAND_IN_GO_SECONDS"] = "2"
    process = machine_with_go.start()
    while not list(machine_with_go.cache.rglob("helm")):
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert machine_with_go.built() == []
    code, _, stderr = machine_with_go.build("--print-bin")
    assert code == 1 and "run `make tools`" in stderr

    machine_with_go.environment["STAND_IN_GO_SECONDS"] = "0"
    code, _, stderr = machine_with_go.build()
    assert code == 0 and "[1/10]" in stderr
    assert [path.name for path in machine_with_go.cache.iterdir() if path.suffix] == ["build.lock"]


def test_two_builds_at_once_make_one(machine_with_go: Machine) -> None:
    machine_with_go.environment["STAND_IN_GO_SECONDS"] = "0.2"
    processes = [machine_with_go.start(), machine_with_go.start()]
    said = [process.communicate(timeout=30)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted("[1/10]" in stderr for stderr in said) == [False, True]
    assert sum("another build of the tools is under way" in stderr for stderr in said) == 1


def test_without_go_the_error_says_how_to_get_it(machine: Machine) -> None:
    code, _, stderr = machine.build()
    assert code == 1
    assert stderr.startswith(
        "error: Go is not installed: install Go 1.26.0 or newer (https://go.dev/dl/), or the tools"
    )
    assert "\n  pulumi v3.259.0 or newer (https://www.pulumi.com/docs/install/): no pulumi is on PATH\n" in stderr
    assert "\n  helm v3.20.2 (https://helm.sh/docs/intro/install/): no helm is on PATH\n" in stderr
    assert machine.built() == []


def test_without_go_what_is_there_is_not_asked_for(machine: Machine) -> None:
    machine.install("helm", "print('v3.20.2+g8fb76d6')")
    _, _, stderr = machine.build()
    assert "helm on PATH" in stderr and "helm v3.20.2 (" not in stderr and "crane v0.22.1 or newer (" in stderr


def test_a_go_that_is_too_old_is_named(machine_with_go: Machine) -> None:
    machine_with_go.environment["STAND_IN_GO_VERSION"] = "go1.20.3"
    code, _, stderr = machine_with_go.build()
    assert code == 1 and "Go is too old: go1.20.3 where 1.26.0 is needed: install Go 1.26.0 or newer" in stderr


def test_a_failed_build_shows_what_go_said_and_leaves_nothing(machine_with_go: Machine) -> None:
    machine_with_go.environment["STAND_IN_GO_ERROR"] = "missing go.sum entry for module"
    code, _, stderr = machine_with_go.build()
    assert code == 1 and "missing go.sum entry for module" in stderr
    assert machine_with_go.built() == []


@pytest.mark.parametrize("version", ["v3.259.0", "v3.272.0", "v4.0.1"])
def test_a_pulumi_on_path_that_is_new_enough_is_used(machine_with_go: Machine, version: str) -> None:
    machine_with_go.install("pulumi", f"print('{version}')")
    machine_with_go.install("pulumi-language-python", "")
    code, _, stderr = machine_with_go.build()
    assert code == 0 and "v3.259.0 or newer: using it, nothing to build" in stderr
    assert machine_with_go.built() == [name for name in ALL if name != "pulumi"]
    assert machine_with_go.build("--print-bin")[:2] == (0, f"{machine_with_go.folder / 'path'}\n")


def test_a_pulumi_on_path_that_is_older_is_passed_over(machine_with_go: Machine) -> None:
    machine_with_go.install("pulumi", "print('v3.99.1')")
    machine_with_go.install("pulumi-language-python", "")
    code, _, stderr = machine_with_go.build("--print-bin")
    assert code == 1 and "is v3.99.1 where v3.259.0 or newer is needed" in stderr
    machine_with_go.build()
    assert Path(machine_with_go.build("--print-bin")[1]).is_relative_to(machine_with_go.cache)


@pytest.mark.parametrize("version", ["v3.20.1+ga2369ca", "v3.21.0+gb5d3e2c", "v4.0.1+g12500dd"])
def test_a_helm_on_path_of_another_version_is_passed_over(machine_with_go: Machine, version: str) -> None:
    machine_with_go.install("helm", f"print('{version}')")
    machine_with_go.build()
    assert "helm" in machine_with_go.built()


def test_nothing_is_built_where_all_is_on_path(machine: Machine) -> None:
    for name, version in {
        "pulumi": "v3.259.0",
        "helm": "v3.20.2+g8fb76d6",
        "kubeconform": "v0.8.0",
        "crane": "0.22.1",
        "etcd": "etcd Version: 3.6.5\\nGit SHA: a061450\\nGo Version: go1.24.7",
        "kube-apiserver": "Kubernetes v1.35.4",
        "kube-controller-manager": "Kubernetes v1.35.4",
        "kube-scheduler": "Kubernetes v1.35.4",
        "kwok": "kwok version v0.8.0 go1.26.0 (linux/amd64)",
    }.items():
        machine.install(name, f"print('{version}')")
    machine.install("pulumi-language-python", "")
    code, _, stderr = machine.build()
    assert code == 0 and stderr.count("nothing to build") == 9
    assert not machine.cache.exists()


def test_a_pulumi_on_path_without_its_python_host_is_passed_over(machine: Machine) -> None:
    machine.install("pulumi", "print('v3.272.0')")
    code, _, stderr = machine.build("--print-bin")
    assert code == 1 and "has no pulumi-language-python beside it" in stderr


def test_the_control_plane_is_of_one_kubernetes_and_serves_it(machine: Machine) -> None:
    build = load_build(machine.tools)
    for tool in (build.KUBE_APISERVER, build.KUBE_CONTROLLER_MANAGER, build.KUBE_SCHEDULER):
        assert build.pinned(tool.programs[0]) == "v1.35.4"
        assert not tool.newer_will_do


def test_a_control_planes_programs_are_built_with_their_version(machine_with_go: Machine) -> None:
    machine_with_go.build()
    flags = (machine_with_go.cache / "bin" / "kube-apiserver").read_text()
    package = "k8s.io/component-base/version"
    assert f"-X {package}.gitVersion=v1.35.4 -X {package}.gitMajor=1 -X {package}.gitMinor=35" in flags


def test_the_paths_of_tools_are_printed_in_the_order_asked_for(machine_with_go: Machine) -> None:
    machine_with_go.build()
    code, stdout, _ = machine_with_go.build("--print", "kwok", "etcd")
    assert code == 0
    assert [Path(line).name for line in stdout.splitlines()] == ["kwok", "etcd"]
    assert all(Path(line).is_relative_to(machine_with_go.cache) for line in stdout.splitlines())


def test_what_isnt_there_is_named_when_its_path_is_asked_for(machine: Machine) -> None:
    code, stdout, stderr = machine.build("--print", "kube-scheduler")
    assert (code, stdout) == (1, "")
    assert stderr == "error: no kube-scheduler is on PATH, and none has been built here: run `make tools`\n"
    assert "invalid choice: 'kubelet'" in machine.build("--print", "kubelet")[2]


def test_programs_in_kubebuilder_assets_come_before_those_on_path(machine: Machine) -> None:
    machine.environment["KUBEBUILDER_ASSETS"] = str(machine.folder / "assets")
    for folder in ("path", "assets"):
        machine.install("kube-scheduler", "print('Kubernetes v1.35.4')", folder)
    machine.install("etcd", "print('etcd Version: 3.6.6')")
    _, stdout, _ = machine.build("--print", "kube-scheduler", "etcd")
    assert stdout.split() == [str(machine.folder / "assets" / "kube-scheduler"), str(machine.folder / "path" / "etcd")]


def test_a_control_plane_of_another_version_is_passed_over(machine: Machine) -> None:
    machine.environment["KUBEBUILDER_ASSETS"] = str(machine.folder / "assets")
    machine.install("kube-apiserver", "print('Kubernetes v1.35.0')", "assets")
    code, _, stderr = machine.build("--print", "kube-apiserver")
    assert code == 1 and "is Kubernetes v1.35.0 where v1.35.4 is needed, and none has been built here" in stderr
