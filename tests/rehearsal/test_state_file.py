"""The state of a stack in a backend's folder, whole and damaged."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from kuber.rehearsal.state_file import Pending, Recovery, StateError, StateFile

URN = "urn:pulumi:dev::shop::aws:s3/bucket:Bucket::pages"


@pytest.fixture
def state(tmp_path: Path) -> StateFile:
    made = StateFile(tmp_path, "shop", "dev")
    made.path.parent.mkdir(parents=True)
    return made


def content(**latest: Any) -> str:
    return json.dumps({"version": 3, "checkpoint": {"stack": "organization/shop/dev", "latest": latest}})


def copy_of(state: StateFile, place: str, text: str, *, age_seconds: int) -> Path:
    file = state.path.parents[2] / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    moment = 1_800_000_000 - age_seconds
    os.utime(file, (moment, moment))
    return file


def test_a_stack_without_a_state_has_nothing(state: StateFile) -> None:
    assert (state.resources(), state.pending(), state.locks(), state.restore()) == ([], [], [], None)
    state.path.write_text(json.dumps({"version": 3, "checkpoint": {"stack": "organization/shop/dev"}}))
    assert (state.resources(), state.pending()) == ([], [])


def test_what_was_begun_is_listed(state: StateFile) -> None:
    state.path.write_text(content(pending_operations=[{"resource": {"urn": URN}, "type": "creating"}]))
    assert state.pending() == [Pending(URN, "creating")]


def test_a_damaged_state_is_told(state: StateFile) -> None:
    state.path.write_text(content(resources=[])[:-5])
    with pytest.raises(StateError, match=r"dev\.json: damaged"):
        state.resources()


def test_a_damaged_state_comes_back_from_the_newest_whole_copy(state: StateFile) -> None:
    state.path.write_text("{")
    copy_of(state, "stacks/shop/dev.json.bak", "{", age_seconds=1)
    newer = copy_of(state, "backups/shop/dev/dev.2.json", content(resources=[{"urn": URN}]), age_seconds=2)
    copy_of(state, "history/shop/dev/dev-1.checkpoint.json", content(), age_seconds=3)
    copy_of(state, "backups/shop/other/other.3.json", content(), age_seconds=0)
    assert state.restore() == newer
    assert state.resources() == [{"urn": URN}]
    assert state.path.with_name("dev.json.damaged").read_text() == "{"
    assert state.restore() is None


def test_notes_that_a_kill_has_emptied_are_removed_and_others_stay(state: StateFile) -> None:
    whole, emptied = (state.path.with_name(f"{name}.attrs") for name in ("dev.json", "dev.json.bak"))
    whole.write_text('{"user.content_type": "text/plain"}')
    emptied.write_text("")
    assert state.remove_emptied_notes() == [emptied]
    assert whole.exists() and not emptied.exists()


def test_a_recovery_says_what_it_did_and_what_is_to_be_looked_at(state: StateFile) -> None:
    nothing = Recovery(locks=0, emptied=[], restored_from=None, pending=[])
    assert nothing.message == "nothing was to be mended"
    much = Recovery(locks=1, emptied=[state.path], restored_from=state.path, pending=[Pending(URN, "creating")])
    assert [line.partition(" ")[2][:12] for line in much.message.splitlines()] == [
        *("lock(s) of e", "was left emp", "state was da", "was cut off "),
    ]
