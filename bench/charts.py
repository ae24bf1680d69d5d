"""The charts that a benchmark's program uses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from components.standard_stack.absence import UNVERIFIED_ALLOWED
from kuber.rehearsal.control_plane import find_programs
from kuber.rehearsal.engine import find_tools
from tests.chart_cache import chart_cache, kind_of_charts
from tests.requirements import path_with
from tests.standard_stack.rendered import stack_of
from tests.support import EKS


@contextmanager
def charts_at_hand() -> Iterator[None]:
    """All that prod-eks needs rendered before, and what this process starts finds it, whichever cache the charts are in."""
    stack_of(EKS)
    environment = {
        "PATH": path_with(find_programs()),
        "KUBER_TOOLS_BIN": str(find_tools()),
        "XDG_CACHE_HOME": str(chart_cache().folder.parent),
        UNVERIFIED_ALLOWED: "allow",
    }
    with patch.dict(os.environ, environment):
        yield


def charts_in_words() -> str:
    """Which charts they are, for people."""
    return {"real": "the real ones", "fixture": "the small ones of the tests"}[kind_of_charts()]
