"""A control plane and simulated clouds for the tests in this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kuber.rehearsal.api import Api
from kuber.rehearsal.cloud import CloudStore
from kuber.rehearsal.control_plane import ControlPlane
from tests import requirements
from tests.rehearsal.clouds import Small
from tests.rehearsal.cluster import namespace, until


@pytest.fixture(scope="module")
def control_plane() -> Iterator[ControlPlane]:
    """A real control plane without nodes, the same for all tests of a module; where its programs are missing, they are skipped."""
    requirements.control_plane()
    with ControlPlane() as control_plane:
        yield control_plane


@pytest.fixture
def space(api: Api, request: pytest.FixtureRequest) -> str:
    """A namespace of the test's own, in the cluster that its module calls `api`."""
    name = request.node.name.replace("_", "-")[:50].strip("-")
    api.create(namespace(name))
    until(lambda: api.get(("v1", "ServiceAccount"), name, "default"))
    return name


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CloudStore]:
    """A simulated cloud with nothing in it."""
    store = CloudStore(tmp_path / "clouds.sqlite")
    yield store
    store.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    """A small project under the real engine, with simulated clouds; without an engine, the test is skipped."""
    requirements.engine_tools()
    small = Small(tmp_path)
    with small.engine:
        yield small
    small.store.close()
