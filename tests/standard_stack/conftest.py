"""Charts aren't on every machine: what is rendered in these tests is judged by them, and goes on with what was imported from folders."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from components.standard_stack.absence import UNVERIFIED_ALLOWED


@pytest.fixture(autouse=True)
def charts_from_folders(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(UNVERIFIED_ALLOWED, "allow")
    yield
