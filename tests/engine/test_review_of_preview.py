"""The review of the real engine's previews: its verdicts are what `up` then does, and no secret is shown."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest

from kuber.progress import NoProgress
from kuber.rehearsal.events import Step
from kuber.review import wording
from kuber.review.changes import by_urn, changes
from kuber.review.comparison import Measure
from kuber.review.engine_digest import PreviewError
from kuber.review.engine_run import EngineRunError, preview_text, review_by_engine
from kuber.review.from_preview import cluster_of_preview, review_of_preview
from kuber.review.markdown import markdown
from kuber.review.model import Change, ClusterReview, Review
from kuber.review.page import page
from kuber.review.terminal import show
from tests.engine.staging import Staged, StagedCluster, staged, staged_small
from tests.engine.test_preview_matches_plan import planned
from tests.engine.trees import charts_of, with_parts
from tests.support import EKS, TODAY, StackFile

MEASURE = Measure(day=TODAY)
CLUSTER = with_parts(EKS, "certificates", "metrics_api")

_HOLDING = """
secret = {{"apiVersion": "v1", "kind": "Secret", "metadata": {{"name": "pw"}}, "stringData": {{"pw": "hunter-{when}"}}}}
resource("kubernetes:core/v1:Secret", "pw", secret, inside)
template = {{"name": "small", "userData": pulumi.Output.secret("horse-{when}"), "description": "https://me:staple-{when}@host"}}
resource("aws:ec2/launchTemplate:LaunchTemplate", "template", template, pulumi.ResourceOptions(protect={protect}))
pulumi.export("password", pulumi.Output.secret("battery-{when}"))
"""
HOLDING, HOLDING_OTHERS = (_HOLDING.format(when=one, protect=one == "before") for one in ("before", "after"))
SECRETS = ("hunter", "horse", "staple", "battery")
IMPORTANT = 'resource("kubernetes:scheduling.k8s.io/v1:PriorityClass", "important", important, inside)'
VITAL = (
    'resource("kubernetes:scheduling.k8s.io/v1:PriorityClass", "vital", important, '
    'pulumi.ResourceOptions.merge(inside, pulumi.ResourceOptions(aliases=[pulumi.Alias(name="important")])))'
)


@contextmanager
def as_a_user(staged: Staged) -> Iterator[Path]:
    """The project's folder of a stage, and an environment in which `pulumi` is the engine and its login the stage's."""
    project = staged.engine.project
    shutil.copyfile(staged.engine.stack_settings(staged.stack), project / f"Pulumi.{staged.stack}.yaml")
    _, environment = staged.engine.command()
    with patch.dict(os.environ, environment, clear=True):
        yield project


def text_of(staged: Staged) -> str:
    with as_a_user(staged) as project:
        return preview_text(staged.stack, project, NoProgress())


def program_of(staged: Staged) -> Path:
    return staged.engine.project / "__main__.py"


def change_program(staged: Staged, *edits: tuple[str, str]) -> None:
    """Replace parts of the small program, each of which is there once."""
    program = program_of(staged)
    text = program.read_text(encoding="utf-8")
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    program.write_text(text, encoding="utf-8")


def operations(changed: Sequence[Change]) -> dict[str, str]:
    return {one.urn: one.operation for one in changed}


def done(steps: Sequence[Step]) -> dict[str, str]:
    """What an `up` did to each resource, a replacement being one thing."""
    found: dict[str, str] = {}
    for one in steps:
        if one.urn not in found or one.operation in ("replace", "create-replacement"):
            found[one.urn] = "replace" if "replace" in one.operation else one.operation
    return found


def shown(review: Review) -> str:
    """All that anybody gets to see."""
    terminal = io.StringIO()
    show(review, terminal, diffs=True)
    return "\n".join([terminal.getvalue(), markdown(review), page(review), json.dumps(review.document())])


def places(changed: Sequence[Change]) -> dict[str, Sequence[str]]:
    return {one.urn: one.component for one in changed}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, engine_tools: Path) -> Iterator[Staged]:
    """The small program, brought up with secrets in it."""
    with staged_small(tmp_path_factory.mktemp("review")) as made:
        program_of(made).write_text(program_of(made).read_text(encoding="utf-8") + HOLDING, encoding="utf-8")
        made.engine.up(made.stack)
        yield made


@pytest.fixture
def project(small: Staged) -> Iterator[Staged]:
    """The same, whose program is afterwards what it was."""
    original = program_of(small).read_text(encoding="utf-8")
    yield small
    program_of(small).write_text(original, encoding="utf-8")


def test_where_nothing_was_changed_the_review_says_so(small: Staged) -> None:
    review = review_of_preview(text_of(small), MEASURE)
    assert wording.headline(review) == wording.NO_CHANGE
    assert review.clusters[0].notes == []


def test_what_was_edited_by_hand_is_told(small: Staged) -> None:
    (bucket,) = small.stage.store.resources(type="aws:s3/bucket:Bucket")
    small.stage.store.edit(bucket.type, bucket.id, {"tags": {"greeting": "by hand"}})
    try:
        cluster = cluster_of_preview(text_of(small), MEASURE)
    finally:
        small.stage.store.edit(bucket.type, bucket.id, {"tags": {"greeting": "hello"}})
    assert cluster.notes == ["other than the state has them, as the refresh found: Bucket pages"]
    (found,) = cluster.changes
    assert [(one.path, one.before, one.after) for one in found.properties] == [("tags.greeting", "by hand", "hello")]


@pytest.mark.parametrize("streaming", [False, True])
def test_no_secret_of_a_preview_is_shown_and_that_it_changes_is(project: Staged, streaming: bool) -> None:
    change_program(project, (HOLDING, HOLDING_OTHERS))
    text = streamed_text(project) if streaming else text_of(project)
    assert "staple-after" in text, "the engine itself doesn't hide what isn't declared as a secret"
    review = review_of_preview(text, MEASURE)
    (cluster,) = review.clusters
    assert {one.label: sorted({told.path for told in one.properties}) for one in cluster.changes} == {
        "LaunchTemplate template": ["(option) protect", "description", "userData"],
        "Secret pw": ["data.pw"],
    }
    assert not [one for one in SECRETS if one in shown(review)]


def streamed_text(staged: Staged) -> str:
    """What users get who have the engine stream its events."""
    with as_a_user(staged) as project:
        command, environment = staged.engine.command("preview", "--json", "--stack", staged.stack)
        environment["PULUMI_ENABLE_STREAMING_JSON_PREVIEW"] = "true"
        told = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=True)
    return told.stdout


def test_a_preview_that_fails_is_told_as_such_and_its_stack_as_broken(project: Staged) -> None:
    program_of(project).write_text("raise ValueError('the password=hunter-1 is wrong')\n", encoding="utf-8")
    with pytest.raises(PreviewError, match=r"ValueError: the password=\[secret\] is wrong"):
        review_of_preview(text_of(project), MEASURE)
    with as_a_user(project) as folder:
        review = review_by_engine([project.stack], folder, NoProgress(), MEASURE)
    assert review.broken and "ValueError" in review.clusters[0].problem


def test_a_stack_that_nobody_made_is_an_error_with_what_to_do(small: Staged) -> None:
    with as_a_user(small) as folder, pytest.raises(EngineRunError) as caught:
        preview_text("nonesuch", folder, NoProgress())
    assert str(caught.value).splitlines() == [
        "the engine gave no preview of nonesuch; it says:",
        "    error: no stack named 'nonesuch' found",
        "    hint:     `pulumi stack ls` shows the stacks that your login has; `pulumi stack init` makes one",
    ]


@pytest.mark.parametrize(
    ("changed", "hint"),
    [
        ({"PULUMI_CONFIG_PASSPHRASE": None}, "set PULUMI_CONFIG_PASSPHRASE"),
        ({"PULUMI_CONFIG_PASSPHRASE": "another"}, "isn't this stack's"),
        ({"PULUMI_BACKEND_URL": None, "PULUMI_ACCESS_TOKEN": None}, "log in first: `pulumi login`"),
    ],
)
def test_who_is_not_logged_in_is_told_how(small: Staged, changed: dict[str, str | None], hint: str) -> None:
    with as_a_user(small) as folder:
        environment = {**os.environ, **changed}
        kept = {name: value for name, value in environment.items() if value is not None}
        with patch.dict(os.environ, kept, clear=True), pytest.raises(EngineRunError, match=hint):
            preview_text(small.stack, folder, NoProgress())


def test_without_an_engine_it_is_said_that_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineRunError, match="no `pulumi` is on PATH"):
        preview_text("dev", tmp_path, NoProgress())


def test_the_verdicts_are_what_up_then_does(project: Staged) -> None:
    """Last of the small program's: it is changed for good."""
    change_program(
        project,
        ('"10.0.1.0/24"', '"10.0.9.0/24"'),  # a subnet, and with its id what is in it
        ('"name": "colours"', '"name": "colors"'),
        ('"roof": "red"', '"roof": "green"'),
        (IMPORTANT, VITAL),
        ('{"greeting": greeting}}', '{"greeting": greeting, "more": "tags"}}'),
        ('{"text": greeting}', '{"text": greeting, "more": "text"}'),
        (HOLDING, ""),
    )
    program_of(project).write_text(
        program_of(project).read_text(encoding="utf-8") + HOLDING_OTHERS.replace("pw", "other-pw"), encoding="utf-8"
    )
    cluster = cluster_of_preview(text_of(project), MEASURE)
    renamed = [one for one in cluster.changes if wording.verb(one) == "rename"]
    assert [one.label for one in renamed] == ["PriorityClass vital"]
    run = project.engine.up(project.stack)
    noted = [one for one in cluster.changes if one.engine and one.engine.startswith("same")]
    expected = operations([one for one in cluster.changes if one not in (*renamed, *noted)])
    assert expected == done(run.changes)
    assert {*expected.values()} == {"create", "update", "replace", "delete"}
    first = {one.name: one.deletes_first for one in cluster.changes if one.operation == "replace"}
    steps = [(one.name, one.operation) for one in run.steps]
    for name, deletes_first in first.items():
        made, gone = steps.index((name, "create-replacement")), steps.index((name, "delete-replaced"))
        assert deletes_first == (gone < made), name


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, engine_tools: Path) -> Iterator[StagedCluster]:
    with charts_of(CLUSTER), staged(CLUSTER, tmp_path_factory.mktemp("review-of-cluster")) as made:
        made.engine.up(made.stack)
        yield made


@dataclass(frozen=True)
class Both:
    """A change of the cluster's stack file, as the plans have it and as the engine does."""

    foreseen: Sequence[Change]
    seen: ClusterReview


def reviewed(cluster: StagedCluster, changed: StackFile, folder: Path) -> Both:
    with charts_of(changed):
        cluster.set(CLUSTER)
        before = planned(cluster.engine.project, cluster.stack, folder / "before.json")
        cluster.set(changed)
        after = planned(cluster.engine.project, cluster.stack, folder / "after.json")
        seen = cluster_of_preview(text_of(cluster), MEASURE)
    return Both(foreseen=changes(cluster.stack, by_urn(before), by_urn(after)), seen=seen)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(CLUSTER.set("pools.system.max", 9), id="a pool's maximum"),
        pytest.param(CLUSTER.set("pools.system.machine_types", ["m7g.2xlarge"]), id="a pool's machine types"),
        pytest.param(CLUSTER.set("pools.workers-spot.disk_gib", 200), id="a pool's disks"),
        pytest.param(CLUSTER.set("kubernetes.version", "1.36"), id="a minor of the control plane"),
        pytest.param(CLUSTER.set("endpoint.public_cidrs", {"office": "203.0.113.0/24"}), id="the endpoint opened"),
        pytest.param(CLUSTER.set("endpoint.private_cidrs.office-vpn", "10.250.0.0/16"), id="a range widened"),
        pytest.param(CLUSTER.set("logs", {"retention_days": 30}), id="logs kept for less time"),
        pytest.param(CLUSTER.without("pools.workers-spot"), id="a pool less"),
        pytest.param(with_parts(EKS, "certificates"), id="a part less"),
    ],
)
def test_the_review_of_a_preview_is_that_of_the_plans(
    cluster: StagedCluster, tmp_path: Path, changed: StackFile
) -> None:
    both = reviewed(cluster, changed, tmp_path)
    assert operations(both.seen.changes) == operations(both.foreseen) != {}
    assert [one.engine for one in both.seen.changes if one.engine] == []
    assert places(both.seen.changes) == places(both.foreseen)
    assert [pool.name for pool in both.seen.pools_before] == sorted(CLUSTER.read().pools)
    assert [pool.name for pool in both.seen.pools_after] == sorted(changed.read().pools)


def test_what_a_provider_adds_by_itself_the_engine_alone_sees(cluster: StagedCluster, tmp_path: Path) -> None:
    both = reviewed(cluster, CLUSTER.set("tags", {"owner": "platform", "cost-center": "web"}), tmp_path)
    foreseen, seen = operations(both.foreseen), operations(both.seen.changes)
    assert {urn: seen.get(urn) for urn in foreseen} == foreseen
    besides = [one for one in both.seen.changes if one.urn not in foreseen]
    assert {path.path for one in besides for path in one.properties} == {"tags.cost-center"}
    assert len(besides) > len(foreseen)
