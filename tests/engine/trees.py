"""The project with other stack files, and the charts that its program needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from components.standard_stack.absence import UNVERIFIED_ALLOWED
from tests.chart_cache import chart_cache
from tests.requirements import control_plane, engine_tools, helm, path_with
from tests.standard_stack.rendered import rendered
from tests.support import StackFile

_ALWAYS = ("base",)


@contextmanager
def charts_of(*files: StackFile) -> Iterator[None]:
    """All charts of some stack files, rendered, from the cache that this run's tests have; for programs that are started within.

    A test without the engine or a control plane is skipped.
    """
    for file in files:
        rendered(file)
    environment = {
        "KUBER_TOOLS_BIN": str(engine_tools()),
        "PATH": f"{helm().parent}{os.pathsep}{path_with(control_plane())}",
        "XDG_CACHE_HOME": str(chart_cache().folder.parent),
        UNVERIFIED_ALLOWED: "allow",
    }
    with patch.dict(os.environ, environment):
        yield


def with_parts(file: StackFile, *kept: str) -> StackFile:
    """A stack file whose standard stack has only some parts, as it has them, beside those that no cluster is without."""
    settings = file.read().standard_stack
    own = file.value().get("standard_stack", {})
    parts = {name: own.get(name, {}) for name in settings.parts() if name in kept or name in _ALWAYS}
    return file.set(
        "standard_stack", parts | {name: {"enabled": False} for name in settings.parts() if name not in parts}
    )
