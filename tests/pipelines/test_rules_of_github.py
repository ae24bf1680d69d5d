"""What must hold of the workflows of GitHub Actions, whoever edits them."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest

from tests.pipelines.github import FILES, workflow
from tests.pipelines.workplace import STACKS
from tests.support import SHIPPED

NAMES = [file.stem for file in FILES]


def jobs() -> list[tuple[str, dict[str, Any]]]:
    return [(f"{name}/{job}", about) for name in NAMES for job, about in workflow(name)["jobs"].items()]


def steps() -> list[tuple[str, dict[str, Any]]]:
    return [(name, step) for name, job in jobs() for step in job.get("steps", [])]


def test_each_action_is_pinned_by_the_digest_of_a_commit_beside_its_version() -> None:
    used = [
        line.strip().removeprefix("- ") for file in FILES for line in file.read_text().splitlines() if "uses:" in line
    ]
    others = [line for line in used if "uses: ./" not in line]
    assert others and all(
        re.fullmatch(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in others
    ), others
    by_action: dict[str, set[str]] = {}
    for line in others:
        by_action.setdefault(line.partition("@")[0], set()).add(line)
    assert all(len(pins) == 1 for pins in by_action.values()), "one version of each action"


def test_no_workflow_has_a_right_that_a_job_does_not_name() -> None:
    assert all(workflow(name)["permissions"] == {} for name in NAMES)
    assert {name: job["permissions"] for name, job in jobs()} == {
        "kuber-review/review": {"contents": "read", "pull-requests": "write"},
        "kuber-deploy/review": {"contents": "read"},
        **{f"kuber-deploy/{stack}": {"contents": "read", "id-token": "write"} for stack in STACKS},
        "kuber-stack/preview": {"contents": "read", "id-token": "write"},
        "kuber-stack/up": {"contents": "read", "id-token": "write"},
    }


def test_no_text_that_somebody_else_chose_is_put_into_a_script() -> None:
    assert not [name for name, step in steps() if "${{" in step.get("run", "")]


def test_pull_requests_run_with_the_rights_of_their_own_side() -> None:
    assert workflow("kuber-review")["on"] == "pull_request"
    assert not [
        file for file in FILES if re.search(r"^\s*(- )?(pull_request_target|workflow_run)", file.read_text(), re.M)
    ]


def test_only_a_passphrase_may_be_a_secret_and_no_key_of_a_cloud_is_known() -> None:
    texts = "\n".join(file.read_text() for file in FILES)
    assert set(re.findall(r"secrets\.(\w+)", texts)) == {"PULUMI_CONFIG_PASSPHRASE"}
    assert not re.search(r"ACCESS_KEY|SECRET_KEY|credentials_json|VAULT_TOKEN|secrets: inherit", texts)


def test_no_checkout_leaves_its_token_behind() -> None:
    checkouts = [step for _, step in steps() if step.get("uses", "").startswith("actions/checkout")]
    assert len(checkouts) == 4
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_jobs_with_credentials_take_nothing_from_a_cache() -> None:
    with_cache = {name for name, step in steps() if step.get("uses", "").startswith("actions/cache")}
    assert with_cache == {"kuber-review/review", "kuber-deploy/review"}


def test_clusters_are_deployed_one_at_a_time_and_never_cut_off() -> None:
    document = workflow("kuber-deploy")
    assert document["concurrency"] == {"group": "kuber-deploy", "cancel-in-progress": False}
    groups = {stack: document["jobs"][stack]["concurrency"] for stack in STACKS}
    assert groups == {stack: {"group": f"kuber-stack-{stack}", "cancel-in-progress": False} for stack in STACKS}
    assert workflow("kuber-review")["concurrency"]["cancel-in-progress"] is True


def test_every_stack_file_has_its_job_which_waits_for_the_one_before() -> None:
    jobs = workflow("kuber-deploy")["jobs"]
    assert {name for name, job in jobs.items() if "uses" in job} == {file.stack for file in SHIPPED} == set(STACKS)
    for before, stack in pairwise(STACKS):
        assert before in jobs[stack]["needs"]
    assert all(jobs[stack]["with"]["stack"] == stack for stack in STACKS)


def test_up_waits_for_the_approval_of_an_environment_that_previews_do_not_have() -> None:
    jobs = workflow("kuber-stack")["jobs"]
    assert jobs["up"]["environment"] == "${{ inputs.stack }}"
    assert jobs["preview"]["environment"] == "${{ inputs.stack }}-preview"


def test_each_job_ends_at_a_time_and_up_before_its_credentials_do() -> None:
    assert all("timeout-minutes" in job for _, job in jobs() if "steps" in job)
    up = workflow("kuber-stack")["jobs"]["up"]
    (aws,) = [step for step in up["steps"] if step.get("uses", "").startswith("aws-actions/")]
    assert up["timeout-minutes"] * 60 < aws["with"]["role-duration-seconds"]


@pytest.mark.parametrize("job", ["preview", "up"])
def test_a_cloud_without_a_role_is_not_logged_in_to(job: str) -> None:
    steps = workflow("kuber-stack")["jobs"][job]["steps"]
    conditions = {step["uses"].partition("@")[0]: step["if"] for step in steps if "if" in step}
    assert conditions == {
        "aws-actions/configure-aws-credentials": "vars.AWS_ROLE_ARN != ''",
        "google-github-actions/auth": "vars.GOOGLE_WORKLOAD_IDENTITY_PROVIDER != ''",
    }
