"""What a test needs of the machine, beside Python."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


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
