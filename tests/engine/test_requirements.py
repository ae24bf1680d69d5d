"""A missing engine skips a test and says how to get one; where everything is required, it fails."""

from __future__ import annotations

import pytest

from tests.requirements import missing


def test_what_is_missing_skips_and_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBER_REQUIRE_ALL", raising=False)
    with pytest.raises(pytest.skip.Exception, match="the engine is missing: run `make tools`"):
        missing("the engine", "run `make tools`")


def test_what_is_missing_fails_where_everything_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBER_REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="the engine is missing: run `make tools`"):
        missing("the engine", "run `make tools`")
