"""Times in stack files."""

from __future__ import annotations

import pytest

from tests.support import GKE


@pytest.mark.parametrize(
    "written",
    ["2026-01-06T02:00:00Z", "2026-01-06 02:00:00 +0000 UTC"],
    ids=["in a file", "as the engine hands it over"],
)
def test_a_time_is_the_same_from_the_file_and_from_the_engine(written: str) -> None:
    settings = GKE.set("maintenance", {"start": written}).read()
    assert getattr(settings, "maintenance").start == "2026-01-06T02:00:00Z"  # noqa: B009


@pytest.mark.parametrize(
    "written", ["2026-01-06T02:00:00", "2026-01-06 02:00:00 +0100 CET", "tomorrow", "2026-13-06T02:00:00Z"]
)
def test_what_is_no_time_in_utc_is_told(written: str) -> None:
    file = GKE.set("maintenance", {"start": written})
    assert "maintenance.start: not a time" in file.error()
    assert "a time in UTC such as 2026-01-06T02:00:00Z" in file.error()
