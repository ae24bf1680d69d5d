"""What `pulumi preview --json` writes is read: each resource's verdict, and why there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from kuber.review.engine_digest import (
    Digest,
    PreviewError,
    Verdict,
    digest_of,
    is_default_provider,
    read_preview,
    stack_of,
    steps_of_path,
)
from tests.review.previews import (
    DEFAULT_PROVIDER,
    ROOT,
    STACK,
    document,
    preview,
    replace,
    root,
    same,
    state,
    step,
    update,
    urn,
)

BUCKET = "aws:s3/bucket:Bucket"
LOGS = state(BUCKET, "logs", {"bucket": "logs"})
LOGS_NOW = state(BUCKET, "logs", {"bucket": "other-logs"})
OLD = LOGS | {"delete": True}


def digest(*steps: dict[str, Any], **others: Any) -> Digest:
    return digest_of(read_preview(preview(*steps, **others)))


def verdict(*steps: dict[str, Any], **others: Any) -> Verdict:
    (found,) = [one for one in digest(*steps, **others).verdicts if one.urn != ROOT]
    return found


def refused(text: str) -> str:
    with pytest.raises(PreviewError) as caught:
        read_preview(text)
    return str(caught.value)


def events(*told: Mapping[str, Any]) -> str:
    """As PULUMI_ENABLE_STREAMING_JSON_PREVIEW has the engine write, an event a line."""
    return "\n".join(json.dumps({"sequence": number, "timestamp": 1, **one}) for number, one in enumerate(told))


def begins(one: dict[str, Any]) -> dict[str, Any]:
    return {"resourcePreEvent": {"metadata": _metadata(one), "planning": True}}


def ends(one: dict[str, Any]) -> dict[str, Any]:
    return {"resOutputsEvent": {"metadata": _metadata(one), "planning": True}}


def _metadata(one: dict[str, Any]) -> dict[str, Any]:
    detailed = {path: {"diffKind": said["kind"]} for path, said in (one["detailedDiff"] or {}).items()}
    return {
        "op": one["op"],
        "urn": one["urn"],
        "old": one.get("oldState"),
        "new": one.get("newState"),
        "diffs": one.get("diffReasons", []),
        "keys": one.get("replaceReasons", []),
        "detailedDiff": detailed or None,
    }


SUMMARY = {"summaryEvent": {"maybeCorrupt": False, "resourceChanges": {"update": 1}}}


def test_what_is_written_before_and_after_the_document_is_left_aside() -> None:
    text = f"Logging in to {{it}}\nPreviewing…\n{preview(same(LOGS))}\nwritten after\n"
    assert stack_of(read_preview(text)) == STACK


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "standard input is empty"),
        ("  \n", "standard input is empty"),
        ("error: no stack named 'x' found", "this is no JSON\n    found:    error: no stack named 'x' found"),
        ("https://me:hunter2@host failed", "found:    https://me:[secret]@host failed"),
        (preview(same(LOGS))[:-20], "ends in the middle or is damaged"),
        ('{"version": 3, "deployment": {}}', "this is other JSON\n    found:    an object with deployment, version"),
        (json.dumps({"steps": [root()]}), "the engine's summary is missing"),
        (json.dumps({"changeSummary": {"same": 1}}), "the engine's summary is missing"),
    ],
)
def test_what_is_no_preview_is_refused_with_what_was_found(text: str, told: str) -> None:
    said = refused(text)
    assert told in said
    assert said.endswith("hint:     pulumi preview --json --show-sames --stack STACK | kuber review -")


def test_a_preview_that_failed_is_refused_in_the_engines_words_and_without_secrets() -> None:
    said = [
        {"severity": "error", "message": "error: Program failed:\npassword=hunter2 is wrong\n"},
        {
            "severity": "error",
            "message": "error: an unhandled error occurred: program exited with non-zero exit code: 1",
        },
    ]
    assert refused(preview(same(LOGS), diagnostics=said)) == (
        "the preview failed, so it doesn't tell what would happen; the engine says:\n"
        "    Program failed:\n    password=[secret] is wrong"
    )


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        (["same"], None),
        (["create"], "create"),
        (["update"], "update"),
        (["delete"], "delete"),
        (["import"], "create"),
        (["replace"], "replace"),
        (["import-replacement"], "replace"),
        (["create-replacement", "replace", "delete-replaced"], "replace"),
        (["delete-replaced", "replace", "create-replacement"], "replace"),
        (["delete", "create"], "replace"),
        (["same", "delete-replaced"], None),
        (["update", "delete-replaced"], "update"),
        (["delete-replaced"], None),
        (["remove-pending-replace"], None),
        (["delete-replaced", "remove-pending-replace"], "delete"),
    ],
)
def test_a_resource_has_one_verdict_whatever_steps_the_engine_takes(
    operations: Sequence[str], expected: str | None
) -> None:
    without_old, without_new = ("create", "import"), ("delete", "delete-replaced", "remove-pending-replace")
    steps = [step(op, None if op in without_old else OLD, None if op in without_new else LOGS_NOW) for op in operations]
    assert verdict(*steps).operation == expected


@pytest.mark.parametrize(
    ("operations", "first"),
    [
        (["replace"], None),
        (["create-replacement", "replace", "delete-replaced"], False),
        (["delete-replaced", "replace", "create-replacement"], True),
    ],
)
def test_which_of_the_two_comes_first_is_known_where_the_preview_tells(
    operations: Sequence[str], first: bool | None
) -> None:
    steps = [step(op, OLD, None if op == "delete-replaced" else LOGS_NOW) for op in operations]
    assert verdict(*steps).deletes_first is first


def test_what_an_earlier_replacement_left_is_no_change_of_the_resource() -> None:
    left = step("delete-replaced", OLD)
    assert digest(same(LOGS), left).cleared == [urn(BUCKET, "logs")]
    assert digest(left).cleared == [urn(BUCKET, "logs")]
    assert digest(step("delete-replaced", OLD), replace(OLD, LOGS_NOW, "bucket")).cleared == []


def test_an_imported_resource_is_known_to_be_there_already() -> None:
    found = verdict(step("import", None, LOGS))
    assert (found.operation, found.imported) == ("create", True)


def test_what_others_own_and_the_engines_own_providers_are_left_out() -> None:
    read = step("read", None, LOGS | {"external": True})
    default = step("create", None, state("pulumi:providers:aws", "default_7_11_0"))
    assert [one.urn for one in digest(read, step("discard", LOGS), default).verdicts] == [ROOT]


@pytest.mark.parametrize(
    ("one", "default"),
    [
        (DEFAULT_PROVIDER, True),
        (urn("pulumi:providers:pulumi-python", "default"), True),
        (urn("pulumi:providers:kubernetes", "prod-eks"), False),
        (urn("pulumi:providers:kubernetes", "defaults-of-ours"), False),
        (urn(BUCKET, "default"), False),
    ],
)
def test_a_provider_that_no_program_asked_for_is_told_apart_by_its_name(one: str, default: bool) -> None:
    assert is_default_provider(one) is default


def test_the_properties_that_differ_and_those_that_replace_are_told_by_path() -> None:
    found = verdict(step("replace", OLD, LOGS_NOW, differing=["tags.a"], replacing=["bucket"]))
    assert found.differing == {"tags.a": "update", "bucket": "update"}
    assert found.replacing == ["bucket"]


def test_where_a_provider_tells_no_paths_its_reasons_are_the_properties() -> None:
    found = verdict(step("replace", OLD, LOGS_NOW, diffReasons=["bucket", "tags"], replaceReasons=["bucket"]))
    assert (found.differing, found.replacing) == ({"bucket": "update", "tags": "update"}, ["bucket"])


def test_a_reason_that_a_path_tells_more_closely_is_told_once() -> None:
    found = verdict(
        step("replace", OLD, LOGS_NOW, replacing=["spec.selector"], replaceReasons=["spec"], diffReasons=["spec"])
    )
    assert (found.differing, found.replacing) == ({"spec.selector": "update"}, ["spec.selector"])


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("bucket", ("bucket",)),
        ("spec.containers[0].image", ("spec", "containers", 0, "image")),
        ('metadata.labels["app.kubernetes.io/name"]', ("metadata", "labels", "app.kubernetes.io/name")),
        ('["a \\"b\\""][12][3]', ('a "b"', 12, 3)),
    ],
)
def test_a_path_of_the_engine_is_a_place(path: str, steps: tuple[str | int, ...]) -> None:
    assert steps_of_path(path) == steps


def test_what_stays_and_is_not_told_of_is_counted() -> None:
    assert digest(same(LOGS)).untold == 0
    assert digest(changeSummary={"same": 12}).untold == 11


def test_a_refresh_tells_what_the_state_has_of_all() -> None:
    queue, role = state("aws:sqs/queue:Queue", "q"), state("aws:iam/role:Role", "r")
    looked_at = [step("refresh", one, one) for one in (LOGS, queue, role | {"external": True}, OLD)]
    found = digest(step("refresh", root()["oldState"]), *looked_at, root(), changeSummary={"same": 3})
    assert {*found.known} == {ROOT, LOGS["urn"], queue["urn"]}
    assert found.known[LOGS["urn"]] == LOGS
    assert (found.gone, found.drifted) == ([], [])
    assert [one.urn for one in found.verdicts] == [ROOT]


def test_what_a_refresh_did_not_find_is_made_anew_or_told_of_no_more() -> None:
    queue = state("aws:sqs/queue:Queue", "q")
    looked_at = [step("refresh", one, one) for one in (root()["oldState"], LOGS, queue)]
    assert digest(*looked_at, root(), step("create", None, LOGS)).gone == [LOGS["urn"], queue["urn"]]
    of_some = digest(*looked_at, root(), step("create", None, LOGS), changeSummary={"same": 2})
    assert of_some.gone == [LOGS["urn"]]


def test_what_a_refresh_found_otherwise_is_another_when_it_is_judged() -> None:
    queue = state("aws:sqs/queue:Queue", "q", {"fifo": True, "__defaults": []})
    looked_at = [step("refresh", one, one) for one in (root()["oldState"], LOGS, queue)]
    edited = LOGS | {"inputs": {"bucket": "logs", "tags": {"by": "hand"}}}
    unlike = queue | {"inputs": {"fifo": True, "__defaults": ["name"]}}
    found = digest(*looked_at, root(), update(edited, LOGS, "tags"), same(unlike))
    assert found.drifted == [LOGS["urn"]]


def test_warnings_are_told_once_and_without_secrets() -> None:
    said = [
        {"severity": "warning", "message": "warning: old\n"},
        {"severity": "warning", "message": "warning: old\n"},
        {"severity": "info", "message": "hello"},
        {"severity": "warning", "message": "warning: postgres://me:hunter2@host is slow"},
    ]
    assert digest(same(LOGS), diagnostics=said).warnings == ["old", "postgres://me:[secret]@host is slow"]


def test_a_state_that_may_be_damaged_is_told_of() -> None:
    assert digest(same(LOGS), maybeCorrupt=True).may_be_damaged
    assert not digest(same(LOGS)).may_be_damaged


def test_a_stream_of_events_says_what_the_document_says() -> None:
    one = update(LOGS, LOGS_NOW, "bucket")
    said = {"severity": "warning", "message": "<{%fg 3%}>old<{%reset%}>\n"}
    streamed = digest_of(
        read_preview(
            events(
                {"preludeEvent": {"config": {}}},
                {"diagnosticEvent": {**said, "ephemeral": True}},
                {"diagnosticEvent": said},
                begins(root()),
                begins(one),
                ends(one),
                SUMMARY | {"summaryEvent": {"maybeCorrupt": False, "resourceChanges": {"same": 1, "update": 1}}},
                {"cancelEvent": {}},
            )
        )
    )
    diagnostics = [{"severity": "warning", "message": "warning: old\n"}]
    assert streamed == digest(one, diagnostics=diagnostics, maybeCorrupt=False)


def test_a_stream_of_events_tells_what_a_refresh_found() -> None:
    queue, role = state("aws:sqs/queue:Queue", "q"), state("aws:iam/role:Role", "r")
    looked_at = [step("refresh", one, one) for one in (LOGS, queue, role)]
    found = [step("refresh", LOGS), step("refresh", queue, queue, differing=["fifo"]), step("refresh", role, role)]
    streamed = digest_of(
        read_preview(
            events(
                *map(begins, looked_at),
                *map(ends, found),
                begins(root()),
                begins(same(queue)),
                begins(same(role)),
                SUMMARY,
            )
        )
    )
    assert (streamed.gone, streamed.drifted) == ([LOGS["urn"]], [queue["urn"]])


def test_a_stream_that_was_cut_off_is_no_preview() -> None:
    whole = events(begins(root()), begins(update(LOGS, LOGS_NOW, "bucket")), SUMMARY)
    assert "the engine's summary is missing" in refused(whole[:-30])
    assert "the engine's summary is missing" in refused(events(begins(root()), {"cancelEvent": {}}))


def test_an_error_among_the_events_is_the_previews() -> None:
    said = {"diagnosticEvent": {"severity": "error", "message": "no such zone"}}
    assert "    no such zone" in refused(events(begins(root()), said, SUMMARY))


def test_nothing_of_a_document_is_changed_by_reading_it() -> None:
    told = document(update(LOGS, LOGS_NOW, "bucket"))
    assert read_preview(json.dumps(told)) == told
