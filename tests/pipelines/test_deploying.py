"""What is on main goes to one cluster after another: the commands of all three pipelines, run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.pipelines import concourse, gitlab
from tests.pipelines.github import Runner
from tests.pipelines.workplace import STACKS, Approve, Outcome, Workplace, preview_of

Deploy = Callable[[Workplace, Approve], Outcome]


def on_github(workplace: Workplace, approve: Approve) -> Outcome:
    return Runner(workplace, {"ref": "refs/heads/main"}, approve=approve).run("kuber-deploy")


def on_gitlab(workplace: Workplace, approve: Approve) -> Outcome:
    return gitlab.run(workplace, gitlab.MAIN, approve)


def on_concourse(workplace: Workplace, approve: Approve) -> Outcome:
    without_vault = {f"{stack}.{job}.vault": "" for stack in STACKS for job in ("preview", "up")}
    return concourse.run(workplace, "deploy", concourse.settings(**without_vault), approve)


FORGES: dict[str, Deploy] = {"github": on_github, "gitlab": on_gitlab, "concourse": on_concourse}


@pytest.fixture(params=list(FORGES.values()), ids=list(FORGES))
def deploy(request: pytest.FixtureRequest) -> Deploy:
    return request.param


@pytest.fixture(params=[on_github, on_gitlab], ids=["github", "gitlab"])
def deploy_what_was_approved(request: pytest.FixtureRequest) -> Deploy:
    """Where a preview's digest is handed on to the job that waits for the approval."""
    return request.param


def always(stack: str) -> bool:
    return True


def test_clusters_are_changed_one_after_another_each_previewed_before_it_is_approved(
    workplace: Workplace, deploy: Deploy
) -> None:
    asked: list[list[str]] = []

    def approve(stack: str) -> bool:
        asked.append([stack, *workplace.calls("pulumi")[-1:]])
        return True

    outcome = deploy(workplace, approve)
    assert set(outcome.jobs.values()) == {"success"}, outcome.log
    assert asked == [[stack, f"pulumi preview {stack}"] for stack in STACKS]
    assert workplace.calls("pulumi") == [
        call
        for stack in STACKS
        for call in (f"pulumi preview {stack}", f"pulumi preview {stack}", f"pulumi up {stack}")
    ]


def test_stack_files_are_checked_and_the_change_reviewed_before_any_cluster_is_looked_at(
    workplace: Workplace, deploy: Deploy
) -> None:
    deploy(workplace, always)
    first = workplace.calls("make", "kuber", "pulumi")
    before = [
        " ".join(call.split()[:3]) for call in first[: first.index("pulumi preview prod-eks")] if "uses" not in call
    ]
    installed = ["make install", "kuber charts fetch"]  # for the review those of both sides, for a cluster its own
    assert before == [*installed, "kuber validate --base", "kuber review --base", *installed]


def test_what_the_engine_previews_is_told_as_a_review_before_up(workplace: Workplace, deploy: Deploy) -> None:
    deploy(workplace, always)
    calls = [call for call in workplace.calls("kuber", "pulumi") if not call.startswith("kuber charts")]
    assert all(
        calls[at - 1].startswith("kuber review - ") for at, call in enumerate(calls) if call.startswith("pulumi up")
    )


def test_a_preview_that_fails_keeps_its_cluster_and_all_that_follow_from_being_changed(
    workplace: Workplace, deploy: Deploy
) -> None:
    workplace.previews("prod-gke", {"steps": [], "diagnostics": [{"severity": "error", "message": "no"}]}, status=255)
    outcome = deploy(workplace, always)
    assert outcome.are("failure")
    assert "the preview failed" in outcome.log
    assert workplace.calls("pulumi")[3:] == ["pulumi preview prod-gke"]


def test_a_preview_that_fails_after_it_has_told_all_is_a_failure_too(workplace: Workplace, deploy: Deploy) -> None:
    workplace.previews("prod-eks", preview_of("prod-eks", "network"), status=1)
    assert deploy(workplace, always).are("failure")
    assert workplace.calls("pulumi") == ["pulumi preview prod-eks"]


def test_an_up_that_fails_keeps_all_that_follow_from_being_looked_at(workplace: Workplace, deploy: Deploy) -> None:
    workplace.up_fails("prod-eks")
    assert deploy(workplace, always).are("failure")
    assert workplace.calls("pulumi")[-1] == "pulumi up prod-eks"
    assert not [call for call in workplace.calls("pulumi") if "cancel" in call or "prod-eks" not in call]


def test_a_stack_file_that_is_wrong_keeps_every_cluster_from_being_looked_at(
    workplace: Workplace, deploy: Deploy
) -> None:
    workplace.validate_fails()
    assert deploy(workplace, always).are("failure")
    assert workplace.calls("pulumi") == []


def test_without_an_approval_nothing_is_changed_and_nothing_goes_on(workplace: Workplace, deploy: Deploy) -> None:
    deploy(workplace, lambda stack: stack == "prod-eks")
    assert [call for call in workplace.calls("pulumi") if "up" in call] == ["pulumi up prod-eks"]
    assert workplace.calls("pulumi")[-1] == "pulumi preview prod-gke"


def test_a_cluster_on_which_nothing_changes_is_passed_by(workplace: Workplace, deploy: Deploy) -> None:
    workplace.previews("prod-eks", preview_of("prod-eks"))
    outcome = deploy(workplace, always)
    assert not outcome.are("failure"), outcome.log
    assert [call for call in workplace.calls("pulumi") if " up " in call] == [
        "pulumi up prod-gke",
        "pulumi up colo-london",
    ]


def test_on_github_nobody_is_asked_to_approve_nothing(workplace: Workplace) -> None:
    for stack in STACKS:
        workplace.previews(stack, preview_of(stack))
    asked: list[str] = []
    outcome = on_github(workplace, lambda stack: bool(asked.append(stack)))
    assert (asked, outcome.are("failure")) == ([], [])
    assert outcome.are("skipped") == [f"{stack} / up" for stack in STACKS]


def test_what_changes_after_the_approval_is_not_done(workplace: Workplace, deploy_what_was_approved: Deploy) -> None:
    def approve(stack: str) -> bool:
        workplace.previews(stack, preview_of(stack, "network", "and-more"))
        return True

    outcome = deploy_what_was_approved(workplace, approve)
    assert "what would be done now isn't what was approved, so nothing was done" in outcome.log
    assert workplace.calls("pulumi") == ["pulumi preview prod-eks", "pulumi preview prod-eks"]


def test_a_replacement_in_the_place_of_an_update_is_not_done(
    workplace: Workplace, deploy_what_was_approved: Deploy
) -> None:
    def approve(stack: str) -> bool:
        workplace.previews(stack, preview_of(stack, "network", operation="replace"))
        return True

    assert deploy_what_was_approved(workplace, approve).are("failure")
    assert "pulumi up prod-eks" not in workplace.calls("pulumi")


def test_a_run_by_hand_on_another_branch_changes_nothing(workplace: Workplace) -> None:
    outcome = Runner(workplace, {"ref": "refs/heads/mine"}).run("kuber-deploy")
    assert set(outcome.jobs.values()) == {"skipped"}
    assert workplace.calls() == []


def test_what_the_engine_wrote_stays_on_the_machine(workplace: Workplace, deploy: Deploy) -> None:
    """The preview's JSON holds more than a log may show: nothing of it is printed, kept as an artifact, or left behind."""
    for stack in STACKS:
        document = preview_of(stack, "network")
        document["steps"][1]["newState"]["inputs"] = {"password": "correct horse"}
        workplace.previews(stack, document)
    outcome = deploy(workplace, always)
    assert not outcome.are("failure")
    assert "correct horse" not in outcome.log
    kept = [
        file for folder in (workplace.folder / "build", workplace.home) for file in folder.rglob("*") if file.is_file()
    ]
    assert kept and not [file for file in kept if "correct horse" in file.read_text(encoding="utf-8")]
