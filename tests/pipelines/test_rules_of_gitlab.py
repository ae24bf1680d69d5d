"""What must hold of GitLab's pipeline, whoever edits it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.pipelines.gitlab import FILE, MAIN, MERGE_REQUEST, jobs_of, rule_of
from tests.pipelines.workplace import STACKS, read_yaml
from tests.support import SHIPPED

DOCUMENT = read_yaml(FILE)
JOBS = jobs_of(DOCUMENT)
OTHER_BRANCH = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "mine", "CI_DEFAULT_BRANCH": "main"}


def of(variables: dict[str, str]) -> set[str]:
    return {name for name, job in JOBS.items() if rule_of(job, variables)}


def ups() -> list[dict[str, Any]]:
    return [JOBS[f"up {stack}"] for stack in STACKS]


def test_a_merge_request_has_the_review_alone_and_another_branch_nothing() -> None:
    assert of(MERGE_REQUEST) == {"review a merge request"}
    assert of(OTHER_BRANCH) == set()


def test_only_jobs_of_the_default_branch_get_identity_tokens_each_for_one_audience() -> None:
    with_tokens = {name for name, job in JOBS.items() if job.get("id_tokens")}
    assert with_tokens == {f"{job} {stack}" for job in ("preview", "up") for stack in STACKS}
    assert with_tokens < of(MAIN)
    audiences = [about["aud"] for about in JOBS["up prod-eks"]["id_tokens"].values()]
    assert audiences == ["sts.amazonaws.com", "kuber-google", "kuber-vault"]


def test_the_image_is_the_project_s_own_to_name() -> None:
    assert re.findall(r"^\s*image:.*$", FILE.read_text(), re.M) == ["  image: $KUBER_IMAGE"]


def test_no_long_lived_key_is_known() -> None:
    assert not re.search(r"ACCESS_KEY|SECRET_KEY|VAULT_TOKEN|PASSPHRASE|password", FILE.read_text())


def test_every_stack_file_has_its_stage_in_the_order_of_the_others() -> None:
    assert DOCUMENT["stages"] == ["review", *STACKS]
    assert set(STACKS) == {file.stack for file in SHIPPED}
    for stack in STACKS:
        for job in ("preview", "up"):
            assert (JOBS[f"{job} {stack}"]["stage"], JOBS[f"{job} {stack}"]["variables"]["STACK"]) == (stack, stack)


def test_no_preview_overtakes_the_stage_before_it() -> None:
    assert not [stack for stack in STACKS if "needs" in JOBS[f"preview {stack}"]]


def test_up_is_started_by_hand_and_whatever_follows_waits() -> None:
    for stack, job in zip(STACKS, ups(), strict=True):
        rule = rule_of(job, MAIN)
        assert rule and (rule["when"], rule["allow_failure"]) == ("manual", False)
        assert job["environment"]["name"] == stack
        assert job["needs"] == [f"preview {stack}"]


@pytest.mark.parametrize("stack", STACKS)
def test_a_cluster_is_worked_on_by_one_job_at_a_time_which_is_never_cut_off_or_tried_again(stack: str) -> None:
    assert {JOBS[f"{job} {stack}"]["resource_group"] for job in ("preview", "up")} == {stack}
    assert DOCUMENT["default"]["interruptible"] is False and DOCUMENT["default"]["retry"] == 0
    assert not {"interruptible", "retry"} & set(JOBS[f"up {stack}"])


def test_each_job_ends_at_a_time() -> None:
    assert all("timeout" in job for job in JOBS.values())


def test_jobs_with_credentials_take_nothing_from_a_cache() -> None:
    assert {name for name, job in JOBS.items() if "cache" in job} == {
        "review a merge request",
        "review what was merged",
    }
