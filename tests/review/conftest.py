"""A repository that tests of a module share."""

from __future__ import annotations

import pytest

from tests.review.repository import Repository


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository(tmp_path_factory.mktemp("repository"))
