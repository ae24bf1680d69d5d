"""Things go wrong in the middle of `up`: it says what, and the next one goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kuber.rehearsal.cloud import Fault
from kuber.rehearsal.engine import EngineError
from tests.engine.proxy import Effect, Proxy, Trouble
from tests.engine.staging import ProxiedStage, Staged, staged_small


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory, engine_tools: Path) -> Iterator[Staged]:
    with staged_small(tmp_path_factory.mktemp("faults"), ProxiedStage) as made:
        yield made


@pytest.fixture
def small(empty: Staged) -> Iterator[Staged]:
    """The small program with nothing made yet; nothing is left of it afterwards."""
    yield empty
    proxy_of(empty).trouble(None)
    empty.wipe()


def proxy_of(small: Staged) -> Proxy:
    assert isinstance(small.stage, ProxiedStage)
    return small.stage.proxy


def converges(small: Staged) -> None:
    small.engine.up(small.stack)
    assert small.out_of_line() == []
    assert small.changes() == {}


@pytest.mark.parametrize(
    ("effect", "says"),
    [("429", "too many requests"), ("500", "etcdserver: request timed out"), ("reset", "colours|greeting|important")],
)
def test_an_api_server_in_trouble_is_told_and_the_next_up_goes_on(small: Staged, effect: Effect, says: str) -> None:
    proxy_of(small).trouble(Trouble(effect=effect, after=1))
    with pytest.raises(EngineError, match=says) as caught:
        small.engine.up(small.stack)
    print(caught.value)
    assert proxy_of(small).struck > 0
    assert small.out_of_line() == []

    proxy_of(small).trouble(None)
    converges(small)


def test_a_slow_api_server_only_takes_its_time(small: Staged) -> None:
    proxy_of(small).trouble(Trouble(effect="slow", seconds=3))
    run = small.engine.up(small.stack)
    assert proxy_of(small).struck == 3
    assert max(step.seconds for step in run.changes if step.package == "kubernetes") >= 2.5
    proxy_of(small).trouble(None)
    converges(small)


def test_an_answer_that_is_lost_on_its_way_leaves_an_object_that_the_next_up_names(small: Staged) -> None:
    proxy_of(small).trouble(Trouble(effect="reset after", times=1))
    with pytest.raises(EngineError) as caught:
        small.engine.up(small.stack)
    (failed,) = caught.value.run.failed if caught.value.run else []
    proxy_of(small).trouble(None)
    with pytest.raises(EngineError, match=f'"{failed.name}" already exists'):
        small.engine.up(small.stack)

    small.engine.at(environment={"PULUMI_K8S_UPSERT_EXISTING_OBJECTS": "true"}).up(small.stack)
    converges(small)


def test_an_api_server_that_is_away_leaves_everything_as_it_was(small: Staged) -> None:
    small.engine.up(small.stack)
    before = small.resources()
    proxy_of(small).go_away()
    try:
        with pytest.raises(EngineError, match=r"(?i)unreachable|can't be reached|refused"):
            small.engine.up(small.stack)
        with pytest.raises(EngineError):
            small.engine.destroy(small.stack)
        assert [one["urn"] for one in small.resources()] == [one["urn"] for one in before]
    finally:
        proxy_of(small).come_back()
    converges(small)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault(effect="throttle", type="aws:ec2/subnet:Subnet", first=1), "Throttl|RequestLimitExceeded|Rate exceeded"),
        (Fault(effect="time_out", type="aws:eks/cluster:Cluster", nth=1), "deadline exceeded"),
        (Fault(effect="fail", type="aws:ec2/vpc:Vpc", nth=1, message="VpcLimitExceeded: 5"), "VpcLimitExceeded"),
        (Fault(effect="report_failure", type="aws:eks/cluster:Cluster", nth=1), "InternalFailure"),
    ],
    ids=["throttled", "timed out", "refused", "made and reported as failed"],
)
def test_a_cloud_in_trouble_is_told_and_the_next_up_goes_on(small: Staged, fault: Fault, says: str) -> None:
    small.faults.script = (fault,)
    with pytest.raises(EngineError, match=says):
        small.engine.up(small.stack)
    assert small.out_of_line() == []
    converges(small)


def test_a_bucket_whose_answer_the_cloud_lost_is_told_by_its_name(small: Staged) -> None:
    small.faults.script = (Fault(effect="lose_answer", type="aws:s3/bucket:Bucket", nth=1),)
    with pytest.raises(EngineError, match="deadline exceeded"):
        small.engine.up(small.stack)
    with pytest.raises(EngineError, match="BucketAlreadyOwnedByYou"):
        small.engine.up(small.stack)
    resource = {"type": "aws:s3/bucket:Bucket", "name": "pages", "id": "small-pages"}
    small.engine.import_resources(small.stack, [resource], {})
    converges(small)
