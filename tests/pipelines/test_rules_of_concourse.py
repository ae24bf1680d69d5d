"""What must hold of Concourse's pipelines and tasks, whoever edits them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.pipelines.concourse import (
    FOLDER,
    FROM_THE_CREDENTIAL_MANAGER,
    VARIABLE,
    get_of,
    settings,
    task_file,
    task_of,
)
from tests.pipelines.workplace import STACKS, read_yaml
from tests.support import SHIPPED

PIPELINES = ("deploy", "review")
TASKS = sorted((FOLDER / "tasks").glob("*.yml"))


def jobs(pipeline: str) -> dict[str, dict[str, Any]]:
    return {job["name"]: job for job in read_yaml(FOLDER / f"{pipeline}.yml")["jobs"]}


def test_each_job_takes_what_has_passed_the_one_before_it() -> None:
    names = [f"{job}-{stack}" for stack in STACKS for job in ("preview", "up")]
    assert list(jobs("deploy")) == ["review", *names]
    assert [get_of(job).get("passed") for job in jobs("deploy").values()] == [
        None,
        ["review"],
        *([one] for one in names[:-1]),
    ]
    assert set(STACKS) == {file.stack for file in SHIPPED}


def test_a_person_starts_each_up_and_nothing_else() -> None:
    by_hand = [name for name, job in jobs("deploy").items() if not get_of(job).get("trigger")]
    assert by_hand == [f"up-{stack}" for stack in STACKS]


@pytest.mark.parametrize("stack", STACKS)
def test_a_cluster_is_worked_on_by_one_job_at_a_time_which_is_never_tried_again(stack: str) -> None:
    for name in (f"preview-{stack}", f"up-{stack}"):
        job = jobs("deploy")[name]
        assert job["serial"] is True and job["serial_groups"] == [stack]
        assert "timeout" in task_of(job) and "attempts" not in task_of(job)


@pytest.mark.parametrize("stack", STACKS)
def test_previews_and_ups_have_roles_of_their_own(stack: str) -> None:
    for kind in ("preview", "up"):
        params = task_of(jobs("deploy")[f"{kind}-{stack}"])["params"]
        assert params["STACK"] == stack
        roles = [params[name] for name in ("AWS_ROLE_ARN", "GOOGLE_SERVICE_ACCOUNT", "VAULT_ROLE")]
        assert roles == [f"(({stack}.{kind}.{cloud}))" for cloud in ("aws", "google", "vault")]


def test_identity_tokens_name_the_job_and_are_for_one_audience_each() -> None:
    sources = read_yaml(FOLDER / "deploy.yml")["var_sources"]
    assert all(one["type"] == "idtoken" and one["config"]["subject_scope"] == "job" for one in sources)
    assert [one["config"]["audience"] for one in sources] == [["sts.amazonaws.com"], ["kuber-google"], ["kuber-vault"]]


def test_a_review_gets_no_identity_token() -> None:
    assert "var_sources" not in read_yaml(FOLDER / "review.yml")
    texts = [str(job) for job in (jobs("deploy")["review"], *jobs("review").values())]
    assert not [text for text in texts if ":token))" in text or "PULUMI" in text]


@pytest.mark.parametrize("task", TASKS, ids=lambda file: file.stem)
def test_each_task_has_its_image_by_digest_and_no_variable_in_its_script(task: Any) -> None:
    document = read_yaml(task)
    assert document["image_resource"]["version"] == {"digest": "((digest))"}
    assert "((" not in str(document["run"])


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_each_task_s_file_is_there_and_takes_what_it_is_given(pipeline: str) -> None:
    for job in jobs(pipeline).values():
        step = task_of(job)
        assert task_file(step) in TASKS
        assert set(step["params"]) <= set(read_yaml(task_file(step))["params"])
        assert set(step["vars"]) == {"repository", "digest"}


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_each_variable_has_a_value_in_the_settings_unless_it_is_a_secret(pipeline: str) -> None:
    used = set(VARIABLE.findall((FOLDER / f"{pipeline}.yml").read_text()))
    of_an_instance = {"branch", "request"} if pipeline == "review" else set()
    assert used <= set(settings()) | of_an_instance
    assert not set(FROM_THE_CREDENTIAL_MANAGER) & set(read_yaml(FOLDER / "settings.yml"))


def test_no_image_and_no_type_of_resource_comes_from_anybody_else() -> None:
    for pipeline in PIPELINES:
        document = read_yaml(FOLDER / f"{pipeline}.yml")
        assert "resource_types" not in document
        assert {resource["type"] for resource in document["resources"]} == {"git"}


def test_no_long_lived_key_is_known() -> None:
    texts = "\n".join(file.read_text() for file in FOLDER.rglob("*.yml"))
    assert not re.search(r"ACCESS_KEY|SECRET_KEY|VAULT_TOKEN", texts)
