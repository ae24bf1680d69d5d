"""The store of the simulated clouds: it outlives whoever uses it."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kuber.rehearsal.cloud import CloudStore, CloudStoreError, Record

KEY = "aws:kms/key:Key"


def made(store: CloudStore, id: str, **inputs: object) -> Record:
    with store.transaction():
        new = store.add(package="aws", type=KEY, place="1/eu", name=id, urn=f"urn::{id}", inputs=inputs)
        return store.complete(new, id, {**inputs, "arn": f"arn:{id}"})


def test_what_was_written_is_there_in_another_store_of_the_same_file(store: CloudStore) -> None:
    key = made(store, "k", tags={"a": "b"})
    again = CloudStore(store.file)
    assert again.resources() == [key]
    assert again.seed == store.seed
    assert (key.inputs, key.outputs) == ({"tags": {"a": "b"}}, {"tags": {"a": "b"}, "arn": "arn:k"})


def test_what_was_written_outlives_a_process_that_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "killed.sqlite"
    program = f"""
import os, signal
from pathlib import Path
from kuber.rehearsal.cloud import CloudStore
store = CloudStore(Path({str(file)!r}))
with store.transaction():
    new = store.add(package="aws", type={KEY!r}, place="1", name="k", urn="urn", inputs={{}})
    store.complete(new, "whole", {{}})
with store.transaction():
    store.add(package="aws", type={KEY!r}, place="1", name="k", urn="urn", inputs={{}})
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [one.id for one in CloudStore(file).resources()] == ["whole"]


def test_only_the_user_may_read_it(store: CloudStore) -> None:
    made(store, "k")
    beside = store.file.parent.glob(f"{store.file.name}*")
    assert {stat.S_IMODE(os.stat(file).st_mode) for file in beside} == {0o600}


@pytest.mark.parametrize(
    "content", [b"not a database, but a text of some length" * 40, b"SQLite format 3\0" + b"?" * 4000]
)
def test_a_broken_file_is_told_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.sqlite"
    file.write_bytes(content)
    with pytest.raises(CloudStoreError) as told:
        CloudStore(file)
    assert str(file) in str(told.value)
    assert "without it the simulated cloud starts empty" in str(told.value)


def test_a_damaged_page_in_the_middle_is_found_when_it_is_opened(tmp_path: Path) -> None:
    file = tmp_path / "damaged.sqlite"
    store = CloudStore(file)
    for number in range(200):
        made(store, f"key-{number}", description="x" * 300)
    store.close()
    content = bytearray(file.read_bytes())
    assert len(content) > 40000
    content[8192:32768] = b"\xff" * (32768 - 8192)
    file.write_bytes(content)
    with pytest.raises(CloudStoreError, match="is broken"):
        CloudStore(file)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CloudStoreError, match="can't be opened: No such file"):
        CloudStore(tmp_path / "nowhere" / "clouds.sqlite")


def test_a_change_behind_the_engines_back_goes_deep_and_leaves_the_rest(store: CloudStore) -> None:
    made(store, "k", tags={"a": "1", "b": "2"}, description="d")
    key = store.edit(KEY, "k", {"tags": {"a": "3", "b": None}, "arn": "another"})
    assert key.inputs == {"tags": {"a": "3"}, "description": "d"}
    assert key.outputs == {"tags": {"a": "3"}, "description": "d", "arn": "another"}


def test_what_is_taken_away_is_no_longer_found_and_its_name_is_free(store: CloudStore) -> None:
    made(store, "k")
    store.remove(KEY, "k")
    assert (store.find(KEY, "k"), store.resources()) == (None, [])
    assert [one.deleted for one in store.history("urn::k")] == [True]
    made(store, "k")


def test_what_is_not_there_is_told_with_what_is(store: CloudStore) -> None:
    made(store, "k")
    with pytest.raises(CloudStoreError, match="has no aws:kms/key:Key 'x'; there are: k"):
        store.edit(KEY, "x", {})
    with pytest.raises(CloudStoreError, match="there are: k"):
        store.remove(KEY, "x")


def test_nothing_of_a_transaction_that_fails_stays(store: CloudStore) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction():
        made(store, "k")
        raise ZeroDivisionError
    assert store.resources() == []


def test_many_threads_may_write(store: CloudStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        records = list(pool.map(lambda number: made(store, f"key-{number}"), range(100)))
        counts = list(pool.map(lambda _: store.count("calls"), range(100)))
    assert sorted(one.number for one in records) == list(range(1, 101))
    assert sorted(counts) == list(range(1, 101))
