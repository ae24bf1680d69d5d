"""The job of a pull or merge request: what it runs, what it says where, and that no name that a stranger chose is run."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.pipelines import concourse, gitlab
from tests.pipelines.github import Runner
from tests.pipelines.workplace import Outcome, Workplace

EVIL = "x\"'; touch ran-by-quote; `touch ran-by-backtick`$(touch ran-by-dollar)\n&touch ran-by-line"


def on_github(workplace: Workplace, **others: Any) -> Outcome:
    pull_request = {"number": 17, "head": {"repo": {"full_name": others.pop("head", "shop/kuber")}}}
    context = {
        "repository": "shop/kuber",
        "server_url": "https://github.com",
        "run_id": 99,
        "base_ref": "main",
        "token": "token-of-the-job",
        "event": {"pull_request": pull_request},
    }
    return Runner(workplace, context | others).run("kuber-review")


def on_gitlab(workplace: Workplace, **others: str) -> Outcome:
    context = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": "0123abc", "CI_JOB_URL": "https://git.shop.example/jobs/5"}
    return gitlab.run(workplace, {**gitlab.MERGE_REQUEST, **context, **others})


def on_concourse(workplace: Workplace, **others: str) -> Outcome:
    return concourse.run(workplace, "review", concourse.settings(**{"branch": "more-nodes", "request": "17"} | others))


def test_a_pull_request_is_validated_and_reviewed_and_the_comment_leads_to_the_page(workplace: Workplace) -> None:
    assert on_github(workplace).jobs == {"review": "success"}
    assert [" ".join(call.split()[:3]) for call in workplace.calls("make", "kuber")] == [
        "make uses actions/checkout",
        "make uses actions/cache",
        "make uses actions/cache",
        "make install",
        "kuber charts fetch",
        "kuber validate --base",
        "kuber review --base",
        "make uses actions/upload-artifact",
    ]
    arguments = workplace.arguments("kuber review")
    assert option(arguments, "--base") == "origin/main"
    assert option(arguments, "--post") == "github"
    assert option(arguments, "--page-url") == "https://github.com/shop/kuber/actions/runs/99#artifacts"
    assert option(arguments, "--fail-on") == "never"


def test_a_pull_request_from_a_fork_gets_the_page_and_no_comment(workplace: Workplace) -> None:
    assert on_github(workplace, head="stranger/kuber").jobs == {"review": "success"}
    assert "--post" not in workplace.arguments("kuber review")
    assert (workplace.folder / "build/review/index.html").exists()


def test_a_merge_request_is_compared_with_where_it_left_its_base_and_commented_with_a_token(
    workplace: Workplace,
) -> None:
    assert on_gitlab(workplace, GITLAB_TOKEN="glpat").jobs == {"review a merge request": "success"}
    arguments = workplace.arguments("kuber review")
    assert (option(arguments, "--base"), option(arguments, "--post")) == ("0123abc", "gitlab")
    assert option(arguments, "--page-url") == "https://git.shop.example/jobs/5/artifacts/file/build/review/index.html"


def test_a_merge_request_of_a_fork_whose_pipeline_has_no_token_gets_no_comment(workplace: Workplace) -> None:
    assert on_gitlab(workplace).jobs == {"review a merge request": "success"}
    assert "--post" not in workplace.arguments("kuber review")


def test_concourse_reviews_a_branch_against_main_and_comments_without_a_link(workplace: Workplace) -> None:
    assert on_concourse(workplace).jobs == {"review": "success"}
    arguments = workplace.arguments("kuber review")
    assert (option(arguments, "--base"), option(arguments, "--post")) == ("main", "github")
    assert "--page-url" not in arguments


@pytest.mark.parametrize("review", [on_github, on_gitlab, on_concourse])
def test_charts_of_every_release_are_there_as_the_base_may_have_an_older_one(workplace: Workplace, review: Any) -> None:
    review(workplace)
    assert "--all" in workplace.arguments("kuber charts fetch")


@pytest.mark.parametrize("review", [on_github, on_gitlab, on_concourse])
def test_where_a_stack_file_is_wrong_the_review_is_still_written_and_the_job_fails(
    workplace: Workplace, review: Any
) -> None:
    workplace.validate_fails()
    assert review(workplace).are("failure")
    assert workplace.arguments("kuber review")
    assert (workplace.folder / "build/review/review.md").exists()


def test_what_a_stranger_named_is_never_run(workplace: Workplace) -> None:
    on_github(workplace, base_ref=EVIL, head_ref=EVIL)
    assert option(workplace.arguments("kuber review"), "--base") == f"origin/{EVIL}"
    assert ran(workplace) == []


@pytest.mark.parametrize("variable", ["CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_MERGE_REQUEST_TITLE", "GITLAB_TOKEN"])
def test_what_a_stranger_named_is_never_run_on_gitlab(workplace: Workplace, variable: str) -> None:
    assert on_gitlab(workplace, **{variable: EVIL}).jobs == {"review a merge request": "success"}
    assert ran(workplace) == []


def test_what_a_stranger_named_is_never_run_on_concourse(workplace: Workplace) -> None:
    assert on_concourse(workplace, branch=EVIL, request=EVIL).jobs == {"review": "success"}
    assert ran(workplace) == []


def test_a_review_has_no_credential_of_a_cloud(workplace: Workplace) -> None:
    workplace.program("kuber/.venv/bin/kuber", f"env >>{workplace.state}/environment")
    for review in (on_github, on_gitlab, on_concourse):
        review(workplace)
    names = {line.partition("=")[0] for line in (workplace.state / "environment").read_text().splitlines()}
    assert not [name for name in names if name.startswith(("AWS_", "GOOGLE_", "VAULT_", "PULUMI_", "ACTIONS_ID_TOKEN"))]


def test_the_summary_of_the_run_on_github_has_the_review(workplace: Workplace, tmp_path: Path) -> None:
    summary = tmp_path / "summary"
    done = workplace.run("pipelines/steps/review", {"KUBER_BASE": "main", "GITHUB_STEP_SUMMARY": str(summary)})
    assert (done.returncode, summary.read_text()) == (0, "the review\n")


def test_without_a_revision_nothing_is_reviewed_and_it_is_told(workplace: Workplace) -> None:
    done = workplace.run("pipelines/steps/review", {})
    assert done.returncode != 0 and "name the revision to compare with" in done.stderr
    assert workplace.calls() == []


def option(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]


def ran(workplace: Workplace) -> list[str]:
    found = subprocess.run(["find", workplace.folder.parent, "-name", "ran-by-*"], capture_output=True, text=True)
    return found.stdout.splitlines()
