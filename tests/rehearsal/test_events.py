"""The engine's log of events as steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kuber.rehearsal.events import EventLog, Run, Step

BUCKET = "urn:pulumi:dev::shop::aws:s3/bucket:Bucket::pages"
PROVIDER = "urn:pulumi:dev::shop::pulumi:providers:aws::default::4711"


class Engine:
    """Writes a log as the engine does."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.told: list[Step] = []
        self.log = EventLog(file, self.told.append)

    def write(self, text: str) -> None:
        with self.file.open("a") as file:
            file.write(text)
        self.log.read()

    def event(self, kind: str, **content: Any) -> None:
        self.write(json.dumps({"sequence": 1, "timestamp": 1, kind: content}) + "\n")

    def step(self, kind: str, operation: str, urn: str = BUCKET, provider: str = PROVIDER, **more: Any) -> None:
        self.event(kind, metadata={"op": operation, "urn": urn, "type": "t", "provider": provider, **more})


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path / "up.events")


def test_before_the_engine_writes_there_are_no_steps(engine: Engine) -> None:
    engine.log.read()
    assert engine.log.steps == []


def test_a_step_is_told_as_it_begins_and_as_it_ends(engine: Engine) -> None:
    engine.step("resourcePreEvent", "update", diffs=["tags"])
    engine.step("resOutputsEvent", "update", detailedDiff={"tags.a": {}, "acl": {}})
    assert [(one.name, one.operation, one.status) for one in engine.told] == [
        ("pages", "update", "running"),
        ("pages", "update", "done"),
    ]
    (step,) = engine.log.steps
    assert (step.package, step.changed, step.changes) == ("aws", ("acl", "tags.a"), True)


def test_a_line_that_is_half_written_waits_for_its_rest(engine: Engine) -> None:
    line = json.dumps({"resourcePreEvent": {"metadata": {"op": "create", "urn": BUCKET, "type": "t"}}}) + "\n"
    engine.write(line[:40])
    assert engine.log.steps == []
    engine.write(line[40:])
    assert [one.status for one in engine.log.steps] == ["running"]


def test_what_a_refresh_found_is_the_operation_of_its_step(engine: Engine) -> None:
    engine.step("resourcePreEvent", "refresh")
    engine.step("resOutputsEvent", "delete")
    (step,) = engine.log.steps
    assert (step.operation, step.changes) == ("delete", True)


def test_a_failed_step_has_the_providers_words(engine: Engine) -> None:
    engine.step("resourcePreEvent", "create")
    engine.event(
        "diagnosticEvent", severity="error", urn=BUCKET, prefix="error: ", message="error: BucketAlreadyExists\n"
    )
    engine.event("diagnosticEvent", severity="debug", urn=BUCKET, message="noise")
    engine.step("resOpFailedEvent", "create")
    (step,) = engine.log.steps
    assert (step.status, step.error) == ("failed", "BucketAlreadyExists")
    assert [said.message for said in engine.log.diagnostics] == ["BucketAlreadyExists"]


def test_a_component_that_registers_nothing_is_done_when_the_engine_is(engine: Engine) -> None:
    engine.step("resourcePreEvent", "create", provider="")
    engine.log.finish()
    assert [(one.package, one.status) for one in engine.log.steps] == [("", "done")]


def test_the_language_hosts_last_word_is_no_error_where_the_program_told_one(engine: Engine) -> None:
    last = "an unhandled error occurred: program exited with non-zero exit code: 1"
    engine.event("diagnosticEvent", severity="error", message="no such pool")
    engine.event("diagnosticEvent", severity="error", message=last)
    engine.event("diagnosticEvent", severity="warning", message="mind the gap")
    run = Run(
        **{"command": "up", "stack": "dev", "stand_ins": (), "seconds": 1.0, "killed": False, "text": ""},
        steps=engine.log.steps,
        diagnostics=engine.log.diagnostics,
    )
    assert (run.errors, run.warnings) == (["no such pool"], ["mind the gap"])
