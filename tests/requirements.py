"""What a test needs of the machine, beside Python."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from kuber.rehearsal.control_plane import ControlPlaneMissingError, Programs, find_programs
from kuber.rehearsal.engine import EngineMissingError, find_tools
from tests.support import SHARED
from tools import build


def missing(what: str, how: str) -> NoReturn:
    """Skip the test for want of something, or fail where nothing may be skipped (KUBER_REQUIRE_ALL=1, as CI has it).

    Args:
        what: What is missing: "the real Pulumi engine".
        how: Why it isn't there and how to get it: "no pulumi is on PATH: run `make tools`".
    """
    reason = f"{what} is missing: {how}"
    if os.environ.get("KUBER_REQUIRE_ALL") == "1":
        pytest.fail(f"{reason} (KUBER_REQUIRE_ALL=1 turns this skip into a failure)", pytrace=False)
    pytest.skip(reason)


def helm() -> Path:
    """The `helm` of the pinned version, for what is compared to the letter; without it, the test is skipped."""
    return _built(build.HELM)


def kubeconform() -> Path:
    """The program that checks objects against JSON schemas; without it, the test is skipped."""
    return _built(build.KUBECONFORM)


def crane() -> Path:
    """The client of OCI registries, itself one by `crane registry serve`; without it, the test is skipped."""
    return _built(build.CRANE)


def engine_tools() -> Path:
    """The folder of the real engine's programs; without one, the test is skipped."""
    try:
        return find_tools()
    except EngineMissingError as error:
        missing("the real Pulumi engine", str(error))


def control_plane() -> Programs:
    """The programs of a real control plane, and kwok; without one of them, the test is skipped."""
    try:
        return find_programs()
    except ControlPlaneMissingError as error:
        missing("a real control plane", str(error))


def path_with(programs: Programs) -> str:
    """PATH with a control plane's programs in it, for what runs with another cache than the one that they are in."""
    folders = {str(getattr(programs, name).parent): None for name in programs.__dataclass_fields__}
    return os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)])


def nginx() -> Path:
    """The web server that runs configurations which the program writes; without it, the test is skipped."""
    return _installed("nginx", "nginx")


def nginx_with_njs() -> Path:
    """The web server with its scripting module; without either, the test is skipped."""
    module = Path("/usr/lib/nginx/modules/ngx_http_js_module.so")
    if not module.exists():
        missing(module.name, f"no {module}: install it, in Debian the package libnginx-mod-http-js")
    return nginx()


def promtool() -> Path:
    """Prometheus's own checker of rules and settings; without it, the test is skipped."""
    return _installed("promtool", "prometheus")


def amtool() -> Path:
    """Alertmanager's own checker of settings and routes; without it, the test is skipped."""
    return _installed("amtool", "prometheus-alertmanager")


def chromium() -> Path:
    """A browser that shows pages without a screen; without it, the test is skipped."""
    return _installed("chromium", "chromium")


def shared(path: str) -> Path:
    """A file or folder of facts beside the project: "upstream/charts"; without it, the test is skipped."""
    found = SHARED / path
    if not found.exists():
        missing(path, f"it is not in the folder {SHARED.name} beside the project")
    return found


def _built(tool: build.Tool) -> Path:
    """A program that `make tools` sees to."""
    try:
        return build.find(tool)
    except build.BuildError as error:
        missing(tool.name, str(error))


def _installed(name: str, package: str) -> Path:
    """A program that comes with the system, servers' among them, which aren't on everybody's PATH."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"]))
    if not found:
        missing(name, f"no {name} is on PATH: install it, in Debian the package {package}")
    return Path(found)
