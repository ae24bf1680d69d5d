"""The engine is killed, its state is damaged, its disk is full: nothing is lost, nothing is there twice, and `up` goes on."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from kuber.rehearsal import processes
from kuber.rehearsal.cloud import Fault
from kuber.rehearsal.engine import EngineError
from kuber.rehearsal.events import Run, Step
from kuber.rehearsal.state_file import StateError, StateFile
from tests.engine.staging import Staged, staged_small
from tests.rehearsal.cluster import until

CLEAR = "--clear-pending-creates"
VPC = "aws:ec2/vpc:Vpc"
STEPS = 8
"""Resources of the small program that a cloud or the API server makes."""


LOCKED_OR_CUT_OFF = r"the stack is currently locked by 1 lock\(s\)|failed to load checkpoint: EOF"
"""The second where it was killed in the midst of its notes beside the state (docs/recovery.md, 5)."""


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory, engine_tools: Path) -> Iterator[Staged]:
    with staged_small(tmp_path_factory.mktemp("kill")) as made:
        yield made


@pytest.fixture
def small(empty: Staged) -> Iterator[Staged]:
    """The small program with nothing made yet; nothing is left of it afterwards."""
    yield empty
    empty.wipe()


@pytest.mark.parametrize("steps", range(1, STEPS + 1))
def test_killed_after_any_step_it_goes_on_where_it_was(small: Staged, steps: int) -> None:
    run = small.engine.up(small.stack, kill_at=steps)
    assert run.killed
    assert len([one for one in made_in(run) if one.status == "done"]) == steps
    assert len(small.stage.store.resources()) + len(small.objects()) == steps
    assert small.out_of_line() == []

    with pytest.raises(EngineError, match=LOCKED_OR_CUT_OFF):
        small.engine.up(small.stack)
    assert small.engine.recover(small.stack).locks == 1
    rest = small.engine.up(small.stack)
    assert len(made_in(rest)) == STEPS - steps
    assert small.engine.refresh(small.stack, CLEAR).changes == []
    assert small.engine.state_file(small.stack).pending() == []
    assert small.out_of_line() == []
    assert small.changes() == {}

    run = small.engine.destroy(small.stack, kill_at=steps)
    assert run.killed or steps == STEPS  # after the last one, it may be through before it is killed
    assert small.out_of_line() == []
    small.engine.recover(small.stack)
    small.engine.destroy(small.stack)
    assert small.left() == []


def test_a_bucket_that_was_made_and_never_heard_of_is_told_by_its_name_and_can_be_imported(small: Staged) -> None:
    kill_in_the_middle_of(small, "pages")
    with pytest.raises(EngineError, match=r"::pages: .*BucketAlreadyOwnedByYou"):
        small.engine.up(small.stack)

    import_pending(small, {"pages": "small-pages"})
    small.engine.up(small.stack)
    small.engine.refresh(small.stack, CLEAR)
    assert small.out_of_line() == []
    assert small.changes() == {}


def test_a_vpc_that_was_made_and_never_heard_of_is_found_by_hand_and_can_be_imported(small: Staged) -> None:
    kill_in_the_middle_of(small, "net-vpc")
    (made,) = small.stage.store.resources(type=VPC)
    assert "net-vpc" in small.begun()

    import_pending(small, {"net-vpc": made.id}, parents={"net-vpc": "net"})
    small.engine.up(small.stack)
    small.engine.refresh(small.stack, CLEAR)
    assert [one.id for one in small.stage.store.resources(type=VPC)] == [made.id]
    assert small.out_of_line() == []
    assert small.changes() == {}


def test_a_vpc_that_nobody_looked_for_stays_as_an_orphan_that_the_state_names(small: Staged) -> None:
    """What an id alone tells from others can't be found again by any program: `up` makes another."""
    kill_in_the_middle_of(small, "net-vpc")
    (lost,) = small.stage.store.resources(type=VPC)
    small.engine.up(small.stack)
    assert len(small.stage.store.resources(type=VPC)) == 2
    assert "net-vpc" in small.begun()

    small.stage.store.remove(VPC, lost.id)
    small.engine.refresh(small.stack, CLEAR)
    assert small.out_of_line() == []
    assert small.changes() == {}


def test_an_object_that_was_made_and_never_heard_of_is_told_by_its_name_and_can_be_imported(small: Staged) -> None:
    kill_in_the_middle_of(small, "colours")
    with pytest.raises(EngineError, match='configmaps "colours" already exists'):
        small.engine.up(small.stack)

    import_pending(small, {"colours": "default/colours"}, provider="objects")
    small.engine.up(small.stack)
    small.engine.refresh(small.stack, CLEAR)
    assert small.out_of_line() == []
    assert small.changes() == {}


def test_what_was_deleted_or_changed_and_never_heard_of_needs_nobody(small: Staged) -> None:
    small.engine.up(small.stack)
    small.configure("config:\n  small:greeting: good morning\n")
    kill_in_the_middle_of(small, "pages")
    small.engine.up(small.stack)
    assert small.changes() == {}
    for name in ("greeting", "net-a"):
        assert small.engine.destroy(small.stack, lose_answer_of=name).killed
        small.engine.recover(small.stack)
    small.engine.destroy(small.stack)
    assert small.left() == []


def test_importing_pending_creates_by_refresh_loses_them(small: Staged) -> None:
    """Of the engine that is pinned: why docs/recovery.md says `pulumi import`. When it holds no more, the runbook gets shorter."""
    kill_in_the_middle_of(small, "pages")
    small.engine.refresh(
        small.stack, f"--import-pending-creates={small.begun()['pages']}", "--import-pending-creates=small-pages"
    )
    assert "pages" not in small.begun()
    assert "pages" not in {one["urn"].rpartition("::")[2] for one in small.resources()}
    small.stage.store.remove("aws:s3/bucket:Bucket", "small-pages")


@pytest.mark.parametrize("kept", [0.0, 0.5], ids=["empty", "cut in half"])
def test_a_damaged_state_comes_back_from_the_copy_before_it(small: Staged, kept: float) -> None:
    state = killed_at_the_fifth_step(small)
    whole = state.path.read_bytes()
    state.path.write_bytes(whole[: int(len(whole) * kept)])
    small.engine.cancel(small.stack)
    with pytest.raises(EngineError, match="failed to load checkpoint"):
        small.engine.up(small.stack)

    recovery = small.engine.recover(small.stack)
    assert recovery.restored_from == state.path.with_name("dev.json.bak")
    assert "the state was damaged, and is now as in" in recovery.message
    begun = {pending.urn for pending in recovery.pending}
    known = {one["urn"] for one in state.resources()}
    assert {one.urn for one in small.stage.store.resources()} <= known | begun
    assert len(known) + len(begun) >= 5


def test_an_engine_killed_while_it_writes_its_notes_leaves_them_empty_and_recovery_removes_them(small: Staged) -> None:
    notes = killed_at_the_fifth_step(small).path.with_name("dev.json.attrs")
    notes.write_bytes(b"")
    with pytest.raises(EngineError, match="failed to load checkpoint: EOF"):
        small.engine.cancel(small.stack)

    recovery = small.engine.recover(small.stack)
    assert recovery.emptied == [notes]
    assert f"{notes} was left empty" in recovery.message
    assert recovery.restored_from is None
    small.engine.up(small.stack)
    assert small.out_of_line() == []
    assert small.changes() == {}


def test_an_object_that_was_made_and_never_heard_of_can_be_taken_over_by_one_up(small: Staged) -> None:
    kill_in_the_middle_of(small, "important")
    small.engine.at(environment={"PULUMI_K8S_UPSERT_EXISTING_OBJECTS": "true"}).up(small.stack)
    small.engine.up(small.stack)
    small.engine.refresh(small.stack, CLEAR)
    assert small.out_of_line() == []
    assert small.changes() == {}


def test_the_second_of_two_ups_is_refused_and_the_first_goes_on(small: Staged) -> None:
    small.faults.script = (Fault(effect="slow", type=VPC, seconds=15),)
    refused: list[str] = []

    def try_another(step: Step) -> None:
        if step.name == "net-vpc" and not refused:
            refused.append("")
            with pytest.raises(EngineError) as caught:
                small.engine.up(small.stack)
            refused.append(str(caught.value))

    run = small.engine.up(small.stack, on_step=try_another)
    assert "the stack is currently locked by 1 lock(s)" in refused[1]
    assert "created by" in refused[1]
    assert len(made_in(run)) == STEPS
    assert small.out_of_line() == []
    assert small.changes() == {}


def test_a_disk_that_is_full_cuts_the_state_and_with_room_again_the_engine_mends_it_itself(small: Staged) -> None:
    small.engine.up(small.stack)
    small.configure("config:\n  small:greeting: good morning\n")
    with up_with_half_the_room(small) as engine:
        until(lambda: is_damaged(small))
        resource.prlimit(engine.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert engine.wait(timeout=60) == 0
    assert small.out_of_line() == []
    assert small.changes() == {}


def test_an_engine_killed_on_a_full_disk_leaves_a_state_that_the_last_commands_copy_replaces(small: Staged) -> None:
    small.engine.up(small.stack)
    small.configure("config:\n  small:greeting: good morning\n")
    with up_with_half_the_room(small):
        until(lambda: is_damaged(small))
    small.engine.state_file(small.stack).remove_emptied_notes()
    small.engine.cancel(small.stack)
    with pytest.raises(EngineError, match=r"failed to load checkpoint: .*unexpected end of JSON input"):
        small.engine.up(small.stack)

    recovery = small.engine.recover(small.stack)
    assert recovery.restored_from
    assert recovery.restored_from.parent.name == "dev"
    assert recovery.restored_from.parents[2].name in {"backups", "history"}
    small.engine.up(small.stack)
    assert small.out_of_line() == []
    assert small.changes() == {}


def test_without_any_copy_of_a_damaged_state_the_error_says_where_to_look(small: Staged) -> None:
    small.engine.up(small.stack)
    state = small.engine.state_file(small.stack)
    whole = state.path.read_bytes()
    for copy in [*state.copies(), state.path]:
        copy.write_bytes(b"{")
    with pytest.raises(StateError, match=r"dev\.json: damaged, and the backend has no whole copy of it: take one from"):
        small.engine.recover(small.stack)
    state.path.write_bytes(whole)


@contextmanager
def up_with_half_the_room(small: Staged) -> Iterator[subprocess.Popen[bytes]]:
    """An `up` whose files may be half as large as the state: as on a full disk, writing ends in the middle."""
    most = small.engine.state_file(small.stack).path.stat().st_size // 2
    settings = small.engine.stack_settings(small.stack)
    up = ["up", "--yes", "--skip-preview", "--stack", small.stack, "--config-file", settings]
    words, environment = small.engine.command(*up)
    cramped = ["prlimit", f"--fsize={most}:unlimited", "--", *words]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        cramped,
        cwd=small.engine.project,
        env=environment,
        start_new_session=True,
        stdin=quiet,
        stdout=quiet,
        stderr=quiet,
    ) as engine:
        try:
            yield engine
        finally:
            for pid in processes.session_members(engine.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def is_damaged(small: Staged) -> bool:
    try:
        small.engine.state_file(small.stack).pending()
    except StateError:
        return True
    return False


def killed_at_the_fifth_step(small: Staged) -> StateFile:
    """The state that a killed `up` leaves, with whole notes beside it wherever the kill fell."""
    assert small.engine.up(small.stack, kill_at=5).killed
    state = small.engine.state_file(small.stack)
    state.remove_emptied_notes()
    return state


def kill_in_the_middle_of(small: Staged, name: str) -> None:
    """Kill `up` when a resource was made and the engine hasn't heard of it, and lift the lock."""
    assert small.engine.up(small.stack, lose_answer_of=name).killed
    assert small.engine.recover(small.stack).locks == 1


def import_pending(
    small: Staged, ids: Mapping[str, str], *, parents: Mapping[str, str] | None = None, provider: str | None = None
) -> None:
    """What docs/recovery.md says: `pulumi import --file` with what the state holds as begun, by name and id."""
    known = {one["urn"].rpartition("::")[2]: one["urn"] for one in small.engine.state_file(small.stack).resources()}
    named = {**(parents or {}), **({"provider": provider} if provider else {})}
    resources = [
        {
            "type": small.begun()[name].split("::")[2].rpartition("$")[2],
            "name": name,
            "id": id,
            **({"parent": parents[name]} if parents and name in parents else {}),
            **({"provider": provider} if provider else {}),
        }
        for name, id in ids.items()
    ]
    small.engine.import_resources(small.stack, resources, {name: known[name] for name in named.values()})


def made_in(run: Run) -> list[Step]:
    """The steps of a run by providers, not those of components and providers themselves."""
    return [step for step in run.changes if step.package]
