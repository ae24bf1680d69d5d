"""`kuber review` as a user runs it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kuber.command import kuber
from tests.review.repository import EKS, GKE, MORE_CLUSTERS, Repository, copy, everywhere, replace

PRICES = """\
currency: EUR
control_plane: {eks: 73}
machine_types:
  m7g.xlarge: {on_demand: 0.2}
  m7i.2xlarge: {on_demand: 0.4, spot: 0.2}
"""
PASSWORD = "hunter2-and-more"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture
def repository(shared: Repository) -> Iterator[Repository]:
    shared.reset()
    yield shared


def test_every_report_is_written_and_the_terminal_shows_one(repository: Repository, tmp_path: Path) -> None:
    repository.change(replace(EKS, "        max: 60", "        max: 90"))
    html, markdown = tmp_path / "review.html", tmp_path / "review.md"
    reviewed = repository.review("prod-eks", "--html", str(html), "--markdown", str(markdown))
    assert reviewed.code == 0, reviewed.told
    assert "scalingConfig.maxSize: 60 → 90" in reviewed.text
    assert "`scalingConfig.maxSize`: `60` → `90`" in markdown.read_text(encoding="utf-8")
    assert "Content-Security-Policy" in html.read_text(encoding="utf-8")
    assert reviewed.document["entries"][0]["change"].endswith("NodeGroup::prod-eks-workers-spot-e806c9")


def test_json_goes_to_standard_output_alone(repository: Repository) -> None:
    repository.change(replace(EKS, "        max: 60", "        max: 90"))
    done = run(repository, "prod-eks", "--base", "HEAD", "--json", "-")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["format"], document["clusters"][0]["counts"]) == (1, {"update": 1})


def test_the_base_is_where_the_branch_left_it(repository: Repository) -> None:
    git(repository, "branch", "--force", "other")
    git(repository, "checkout", "--quiet", "other")
    repository.change(replace(GKE, "        max: 6\n", "        max: 9\n"))
    repository.commit("on another branch")
    git(repository, "checkout", "--quiet", "main")
    repository.change(replace(EKS, "        max: 60", "        max: 90"))
    repository.commit("on main")
    reviewed = repository.review("--base", "other")
    assert reviewed.outcome("prod-eks") == "1 updated; nodes 6–106 → 6–136"
    assert reviewed.outcome("prod-gke") == "no change"
    assert re.match(r".*\nother \(commit\) → HEAD \(commit\)\n", reviewed.text)


def test_dangers_alone_do_not_fail_but_do_when_asked_to(repository: Repository) -> None:
    repository.change(
        replace(EKS, "    endpoint: # private only\n", "    endpoint:\n      public_cidrs: {office: 203.0.113.0/24}\n")
    )
    assert repository.review("prod-eks").code == 0
    assert repository.review("prod-eks", "--fail-on", "high").code == 1
    repository.reset()
    repository.change(replace(EKS, "        min: 3\n        max: 60", "        min: 6\n        max: 60"))
    assert repository.review("prod-eks", "--fail-on", "medium").code == 0
    assert repository.review("prod-eks", "--fail-on", "low").code == 1


def test_money_comes_from_the_user_s_own_prices(repository: Repository, tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text(PRICES, encoding="utf-8")
    repository.change(
        replace(
            EKS,
            "      workers:\n        machine_types: [m7i.2xlarge]\n        min: 0",
            "      workers:\n        machine_types: [m7i.2xlarge]\n        min: 2",
        )
    )
    told = repository.review("prod-eks", "--prices", str(prices)).outcome("prod-eks")
    # 73 + 730 h × (3 × 0.2 + 3 × 0.2), and two more at 0.4; the most: 6 × 0.2 + 60 × 0.2 + 20 × 0.4
    assert "EUR 949–15,549 → 1,533–15,549 a month" in told


def test_a_wrong_price_list_is_told_before_the_work(repository: Repository, tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("currency: EUR\nmachine_types: {m7g.large: {on_demand: -1}}\n", encoding="utf-8")
    reviewed = repository.review("prod-eks", "--prices", str(prices))
    assert reviewed.code == 2
    assert "machine_types.m7g.large.on_demand" in reviewed.told
    assert "plan" not in reviewed.told.splitlines()[0]


def test_a_change_alike_on_six_clusters_is_told_once(repository: Repository) -> None:
    repository.change(*MORE_CLUSTERS)
    repository.commit("six clusters")
    repository.change(*everywhere('release: "2026.11"', 'release: "2026.08"'))
    repository.change(*everywhere('release: "2026.11"', 'release: "2026.08"', ["stage-eks", "stage-gke", "colo-paris"]))
    reviewed = repository.review()
    assert reviewed.code == 0, reviewed.told
    assert reviewed.text.splitlines()[0].startswith("6 of 6 clusters change")
    told = [
        line for line in reviewed.text.splitlines() if "update  Deployment system-certificates/cert-manager " in line
    ]
    assert told == ["  update  Deployment system-certificates/cert-manager (all 6 clusters)"]


def test_what_was_planned_once_is_not_planned_again(repository: Repository) -> None:
    repository.change(replace(EKS, "        max: 60", "        max: 91"))
    repository.review("prod-eks")
    plans = {file.name for file in (repository.cache / "kuber" / "plans").iterdir()}
    again = repository.review("prod-eks")
    assert "plan" not in again.told
    repository.change(replace(EKS, "        max: 91", "        max: 92"))
    repository.review("prod-eks")
    assert len({file.name for file in (repository.cache / "kuber" / "plans").iterdir()} - plans) == 1


def test_parts_without_their_charts_are_left_out_of_both_sides_and_noted(
    repository: Repository, tmp_path: Path
) -> None:
    repository.change(*everywhere('release: "2026.11"', 'release: "2026.08"', ["prod-eks"]))
    repository.change(replace(EKS, "        max: 60", "        max: 90"))
    reviewed = repository.review("prod-eks", env={"XDG_CACHE_HOME": str(tmp_path)})
    assert reviewed.code == 0, reviewed.told
    assert reviewed.outcome("prod-eks").startswith("1 updated;")
    assert "not compared, since their charts aren't all on this machine: autoscaling, certificates" in reviewed.text


def test_secrets_never_show_and_a_changed_one_is_told(repository: Repository, tmp_path: Path) -> None:
    registries = (
        "      base: {{registries: {{hub: {{address: docker.io, username: shop, password: {{secure: {}}}}}}}}}\n"
    )
    monitoring = "      monitoring:\n"
    repository.change(replace(EKS, monitoring, registries.format("v1:b25l:" + "QUFB" * 8) + monitoring))
    repository.commit("a registry")
    repository.change(replace(EKS, "v1:b25l:" + "QUFB" * 8, "v1:dHdv:" + "QkJC" * 8))
    html = tmp_path / "review.html"
    reviewed = repository.review("prod-eks", "--html", str(html), "--diff")
    assert reviewed.outcome("prod-eks").startswith("1 updated"), reviewed.text
    assert re.search(r"\[secret\]?, changed", reviewed.text)
    everything = reviewed.text + json.dumps(reviewed.document) + html.read_text(encoding="utf-8")
    assert not re.search(r"\[secret [0-9a-f]", everything)
    assert "QUFB" not in everything and "QkJC" not in everything


def test_a_password_that_nobody_declared_secret_does_not_show(repository: Repository) -> None:
    part = "components/standard_stack/metrics_api.py"
    line = 'action="See why its pods'
    repository.change(
        replace(part, line, f'action="Look at https://me:{PASSWORD}@proxy.shop.example. See why its pods')
    )
    repository.commit("a proxy")
    repository.change(replace(part, PASSWORD, PASSWORD[::-1]))
    reviewed = repository.review("prod-eks", "--diff")
    assert reviewed.outcome("prod-eks").startswith("1 updated"), reviewed.text
    everything = reviewed.text + json.dumps(reviewed.document)
    assert PASSWORD not in everything and PASSWORD[::-1] not in everything
    assert re.search(r"https://me:\[secret[^@]*@proxy.shop.example.*changed|secret.*changed", everything)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--base", "nowhere"], "--base nowhere: "),
        (["prod-esk", "--base", "HEAD"], "there is no stack prod-esk, neither at HEAD nor here"),
        (["--engine"], "--engine asks the engine of stacks that are named"),
        (["-", "prod-eks"], "- stands for a preview on standard input"),
        (["--json", "-", "--html", "-"], "only one of --json, --markdown and --html can go to standard output"),
        (["--html", "no/such/folder/review.html"], "can't be written: there is no folder"),
        (["--engine", "prod-eks", "--rehearse"], "--rehearse goes with a comparison of revisions"),
    ],
)
def test_wrong_use_is_one_clear_error(repository: Repository, arguments: list[str], told: str) -> None:
    done = run(repository, *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_no_preview_is_told(repository: Repository) -> None:
    done = run(repository, "-", stdin="error: no stack selected\n")
    assert done.returncode == 2
    assert "no preview: this is no JSON" in done.stderr
    assert "pulumi preview --json" in done.stderr


def test_a_comment_without_a_token_is_an_error_after_the_review_was_shown(repository: Repository) -> None:
    done = run(repository, "prod-eks", "--base", "HEAD", "--post", "github", env={"GITHUB_TOKEN": ""})
    assert done.returncode == 1
    assert "no change on any cluster" in done.stdout
    assert "GITHUB_TOKEN is not set" in done.stderr


def test_a_new_cluster_is_counted_not_listed(repository: Repository) -> None:
    repository.change(copy(EKS, "Pulumi.stage-eks.yaml", ("prod-eks", "stage-eks"), ("10.20.", "10.60.")))
    reviewed = repository.review("stage-eks")
    assert "New clusters  " in reviewed.text
    assert len(reviewed.text.splitlines()) < 60


def test_help_has_examples() -> None:
    told = kuber("review", "--help").stdout
    assert "kuber review --base origin/main --post github --fail-on high" in told


def run(
    repository: Repository, *arguments: str, stdin: str = "", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kuber", "review", *arguments],
        cwd=repository.folder,
        env={**repository.environment, "COLUMNS": "200", **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
    )


def git(repository: Repository, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(repository.folder), *arguments], check=True, capture_output=True)
