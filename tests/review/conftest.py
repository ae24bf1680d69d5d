"""A repository that tests of a module share."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.review.recorded")

from tests.review.repository import Repository  # noqa: E402 - asserts of what is imported later are rewritten


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository(tmp_path_factory.mktemp("repository"))
