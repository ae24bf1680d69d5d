"""`kuber versions`: the table, and bringing it up to date with stand-ins for aws, gcloud and the release server."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from config.kubernetes import TABLE, version_table
from config.yaml_source import parse
from kuber.round_trip import dump, load
from tests.kuber.conftest import Ended, Kuber
from tests.support import EKS, GKE, PROJECT, StackFile

StandIns = Callable[[str, str], Path]

TABLE_TEXT = """# What the table is.
platforms:
  eks:
    as_of: "2026-10-04"
    node_skew: 3
    sources:
      - >-
        A user guide, that says much in words
        on two lines
    minors:
      "1.34":
        patch: "1.34.11"  # seen on a cluster
        released: "2025-10-02"
        standard_support_until: "2026-12-02"
        extended_support_until: "2027-12-02"
      "1.35":
        patch: "1.35.8"
        released: "2026-01-27"
        # Support dates: not at hand.

  gke:
    as_of: "2026-10-08"
    node_skew: 2
    sources:
      - "Release notes"
    minors:
      "1.35":
        patch: "1.35.8"
        build: "1.35.8-gke.1626001"
        standard_support_until: "2027-04-11"
      "1.37": {}  # not offered yet

  upstream:
    as_of: "2026-11-22"
    node_skew: 3
    sources:
      - "Release pages"
    minors:
      "1.35":
        patch: "1.35.10"
        standard_support_until: "2027-02-28"
"""

EKS_ANSWER = {
    "clusterVersions": [
        {
            "clusterVersion": "1.36",
            "clusterType": "eks",
            "defaultPlatformVersion": "eks.4",
            "defaultVersion": True,
            "releaseDate": "2026-06-02T02:00:00+02:00",
            "endOfStandardSupportDate": "2027-08-01T17:00:00-07:00",
            "endOfExtendedSupportDate": "2028-08-02T00:00:00+00:00",
            "status": "standard-support",
            "versionStatus": "STANDARD_SUPPORT",
            "kubernetesPatchVersion": "1.36.4",
        },
        {
            "clusterVersion": "1.35",
            "releaseDate": 1769472000.0,
            "endOfStandardSupportDate": 1806105600.0,
            "endOfExtendedSupportDate": 1837728000.0,
            "versionStatus": "STANDARD_SUPPORT",
            "kubernetesPatchVersion": "1.35.7",
        },
        {"clusterVersion": "1.34", "endOfStandardSupportDate": "2026-12-09T00:00:00+00:00"},
        {"clusterVersion": "1.30", "versionStatus": "UNSUPPORTED", "kubernetesPatchVersion": "1.30.14"},
    ]
}
"""Both ways of the AWS command line to write a moment; 1.35 in a region that is a patch behind; a minor of long ago."""

GKE_ANSWER = {
    "channels": [
        {"channel": "RAPID", "validVersions": ["1.38.0-gke.100"]},
        {
            "channel": "REGULAR",
            "validVersions": ["1.37.2-gke.200", "1.35.8-gke.1626002", "1.35.10-gke.100", "1.35.9-gke.7"],
        },
        {"channel": "EXTENDED", "validVersions": ["1.35.11-gke.1", "1.34.11-gke.1209000"]},
    ],
    "defaultClusterVersion": "1.35.8-gke.1626002",
    "validMasterVersions": ["1.38.0-gke.100", "1.37.2-gke.200"],
}


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small table in place of the repository's."""
    path = tmp_path / "kubernetes_versions.yaml"
    path.write_text(TABLE_TEXT, encoding="utf-8")
    for module in ("config.kubernetes", "kuber.cli.versions"):
        monkeypatch.setattr(f"{module}.TABLE", path)
    version_table.cache_clear()
    yield path
    version_table.cache_clear()


@pytest.fixture
def release_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, dict[str, str]]]:
    """A stand-in for dl.k8s.io: its address, and the texts of its pages by path; what isn't there is 404."""
    pages: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = pages.get(self.path)
            self.send_response(404 if text is None else 200)
            self.end_headers()
            self.wfile.write((text or "not found").encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=partial(server.serve_forever, poll_interval=0.01), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", pages
    server.shutdown()
    server.server_close()


def write(project: Path, stack_file: StackFile) -> None:
    """Put a stack file into the project, in place of the one of this name."""
    project.joinpath(f"Pulumi.{stack_file.stack}.yaml").write_text(stack_file.text, encoding="utf-8")


def prints(answer: Any) -> str:
    """A script that prints an answer, and writes down how it was called."""
    return f'echo "$0 $*" >> "${{0%/*}}/calls"\n/bin/cat <<"END"\n{json.dumps(answer)}\nEND'


def refresh(kuber: Kuber, platform: str, *arguments: str) -> Ended:
    return kuber("versions", "--refresh", "--platform", platform, *arguments)


# The table


def test_the_table_says_what_may_be_adopted_how_long_it_is_supported_and_who_runs_it(kuber: Kuber, table: Path) -> None:
    ended = kuber("versions")
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert (ended.code, ended.err) == (0, "")
    assert lines[0] == "platform minor patch may be adopted standard support extended support stacks"
    assert "eks 1.34 1.34.11 yes 2026-12-02 (10 days left) 2027-12-02" in lines
    assert "eks 1.35 1.35.8 yes - - prod-eks" in lines
    assert "gke 1.35 1.35.8 yes 2027-04-11 (140 days left) - prod-gke" in lines
    assert "gke 1.37 - no: not offered - -" in lines
    assert "bare_metal 1.35 1.35.10 yes 2027-02-28 (98 days left) - colo-london" in lines
    assert "As known on: eks 2026-10-04, gke 2026-10-08, bare_metal 2026-11-22." in ended.out
    assert "\x1b" not in ended.out, "piped output has no colour"


def test_too_early_and_too_late_are_not_to_be_adopted(kuber: Kuber, table: Path) -> None:
    text = TABLE_TEXT.replace('"1.35.10"', '"1.35.1"').replace('"2027-04-11"', '"2026-04-11"')
    table.write_text(text, encoding="utf-8")
    out = kuber("versions").out
    assert "no: before patch 2" in out
    assert "no: support ended" in out
    assert "2026-04-11 (ended)" in out


def test_pools_with_a_version_of_their_own_are_named(kuber: Kuber, table: Path, project: Path) -> None:
    write(project, EKS.set("pools.workers.version", "1.34"))
    out = kuber("versions", "--platform", "eks").out
    assert out.splitlines()[1].endswith("prod-eks/workers")
    assert "gke" not in out


def test_programs_get_json(kuber: Kuber, table: Path) -> None:
    said = json.loads(kuber("versions", "--platform", "eks", "--json").out)
    assert said["format"] == 1
    assert said["as_of"] == {"eks": "2026-10-04"}
    assert said["changes"] == []
    assert said["versions"][0] == {
        "platform": "eks",
        "minor": "1.34",
        "patch": "1.34.11",
        "adoptable": True,
        "standard_support_until": "2026-12-02",
        "days_left": 10,
        "extended_support_until": "2027-12-02",
        "stacks": [],
    }


def test_a_stack_file_that_cannot_be_used_is_left_out_and_said(kuber: Kuber, table: Path, project: Path) -> None:
    write(project, EKS.without("region"))
    ended = kuber("versions")
    assert ended.code == 0
    assert "prod-eks is left out: its stack file can't be used; `kuber validate prod-eks` says why" in ended.err
    assert "prod-gke" in ended.out


def test_the_table_needs_no_project(kuber: Kuber, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert kuber("versions").code == 0


def test_the_repositorys_table_can_be_edited_without_a_trace() -> None:
    text = TABLE.read_text(encoding="utf-8")
    assert dump(load(text)) == text


# Refreshing


def test_eks_is_brought_up_to_date_with_the_aws_command_line(kuber: Kuber, table: Path, stand_ins: StandIns) -> None:
    aws = stand_ins("aws", prints(EKS_ANSWER))
    ended = refresh(kuber, "eks")
    assert ended.code == 0
    assert ended.err == "eks: asking `aws eks describe-cluster-versions`\n"
    assert ended.out.startswith(
        "Changed in config/kubernetes_versions.yaml:\n"
        "  eks 1.34 standard_support_until: 2026-12-02 → 2026-12-09\n"
        "  eks 1.35 standard_support_until: 2027-03-27 (new)\n"
        "  eks 1.35 extended_support_until: 2028-03-27 (new)\n"
        "  eks 1.36 patch: 1.36.4 (new)\n"
        "  eks 1.36 released: 2026-06-02 (new)\n"
        "  eks 1.36 standard_support_until: 2027-08-02 (new)\n"
        "  eks 1.36 extended_support_until: 2028-08-02 (new)\n"
        "  eks as_of: 2026-10-04 → 2026-11-22\n"
    )
    assert "1.36.4" in ended.out.partition("As known on")[0].splitlines()[-2], "the table that is shown is the new one"
    assert (
        aws.with_name("calls")
        .read_text()
        .endswith(" eks describe-cluster-versions --include-all --output json --region eu-west-1\n")
    )


def test_the_rest_of_the_file_stays_as_people_wrote_it(kuber: Kuber, table: Path, stand_ins: StandIns) -> None:
    stand_ins("aws", prints(EKS_ANSWER))
    refresh(kuber, "eks")
    before, gke_before = TABLE_TEXT.split("  gke:\n")
    after, gke_after = table.read_text(encoding="utf-8").split("  gke:\n")
    assert gke_after == gke_before
    assert after == before.replace("2026-10-04", "2026-11-22").replace("2026-12-02", "2026-12-09").replace(
        "    sources:\n", '    sources:\n      - "aws eks describe-cluster-versions, 2026-11-22"\n'
    ).replace(
        "        # Support dates: not at hand.\n",
        '        standard_support_until: "2027-03-27"\n'
        '        extended_support_until: "2028-03-27"\n'
        "        # Support dates: not at hand.\n"
        '      "1.36":\n'
        '        patch: "1.36.4"\n'
        '        released: "2026-06-02"\n'
        '        standard_support_until: "2027-08-02"\n'
        '        extended_support_until: "2028-08-02"\n',
    )


def test_a_second_refresh_of_the_day_changes_nothing(kuber: Kuber, table: Path, stand_ins: StandIns) -> None:
    stand_ins("aws", prints(EKS_ANSWER))
    refresh(kuber, "eks")
    once = table.read_text(encoding="utf-8")
    assert "  nothing: it was up to date\n" in refresh(kuber, "eks").out
    assert table.read_text(encoding="utf-8") == once


def test_gke_is_brought_up_to_date_from_the_regular_channel(kuber: Kuber, table: Path, stand_ins: StandIns) -> None:
    gcloud = stand_ins("gcloud", prints(GKE_ANSWER))
    ended = refresh(kuber, "gke", "--json")
    changes = {(one["minor"], one["key"]): (one["before"], one["after"]) for one in json.loads(ended.out)["changes"]}
    assert changes == {
        ("1.35", "patch"): ("1.35.8", "1.35.10"),
        ("1.35", "build"): ("1.35.8-gke.1626001", "1.35.10-gke.100"),
        ("1.37", "patch"): (None, "1.37.2"),
        ("1.37", "build"): (None, "1.37.2-gke.200"),
        (None, "as_of"): ("2026-10-08", "2026-11-22"),
    }
    assert '"1.37": {patch: "1.37.2", build: "1.37.2-gke.200"}' in table.read_text(encoding="utf-8")
    assert version_table("gke").minors["1.35"].standard_support_until is not None, "facts that weren't told stay"
    assert (
        gcloud.with_name("calls")
        .read_text()
        .endswith("get-server-config --format json --region europe-west1 --project shop-production-7f3a --quiet\n")
    )


def test_upstream_is_brought_up_to_date_from_its_release_server(
    kuber: Kuber, table: Path, release_server: tuple[str, dict[str, str]]
) -> None:
    url, pages = release_server
    pages |= {
        "/release/stable-1.35.txt": "v1.35.11",
        "/release/stable-1.36.txt": "v1.36.6\n",
        "/release/stable-1.37.txt": "v1.37.2",
    }
    ended = refresh(kuber, "bare_metal", "--upstream-url", url)
    assert ended.code == 0
    assert ended.err == f"upstream: asking {url} for 1.35 (1 of 1)\nupstream: 1.36 is new\nupstream: 1.37 is new\n"
    assert "  upstream 1.35 patch: 1.35.10 → 1.35.11\n  upstream 1.36 patch: 1.36.6 (new)\n" in ended.out
    assert list(version_table("upstream").minors) == ["1.35", "1.36", "1.37"]


def test_a_page_that_is_no_version_is_no_fact(
    kuber: Kuber, table: Path, release_server: tuple[str, dict[str, str]]
) -> None:
    url, pages = release_server
    pages["/release/stable-1.35.txt"] = "<html>log in to the guest network</html>"
    ended = refresh(kuber, "bare_metal", "--upstream-url", url)
    assert ended.code == 1
    assert f"upstream: skipped: {url} knows none of 1.35\n" in ended.err
    assert table.read_text(encoding="utf-8") == TABLE_TEXT


def test_a_server_that_does_not_answer_is_told(kuber: Kuber, table: Path) -> None:
    ended = refresh(kuber, "bare_metal", "--upstream-url", "http://127.0.0.1:1")
    assert ended.code == 1
    assert "http://127.0.0.1:1/release/stable-1.35.txt: no answer: " in ended.err
    assert ended.err.endswith("no platform could be asked; the table is as it was\n")
    assert table.read_text(encoding="utf-8") == TABLE_TEXT


def test_a_missing_tool_skips_its_platform_and_the_others_go_on(
    kuber: Kuber, table: Path, stand_ins: StandIns, release_server: tuple[str, dict[str, str]]
) -> None:
    stand_ins("gcloud", prints(GKE_ANSWER))
    url, pages = release_server
    pages["/release/stable-1.35.txt"] = "v1.35.10"
    ended = kuber("versions", "--refresh", "--upstream-url", url)
    assert ended.code == 0
    assert (
        "eks: skipped: `aws` is not on PATH\n"
        "    hint:     install the AWS command line, 2.22 or newer: https://aws.amazon.com/cli/\n"
    ) in ended.err
    assert version_table("eks").as_of.isoformat() == "2026-10-04"
    assert version_table("gke").as_of.isoformat() == "2026-11-22"


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (
            'echo >&2; echo "Unable to locate credentials. You can configure them." >&2; exit 253',
            "eks: skipped: `aws` failed: Unable to locate credentials. You can configure them.\n"
            "    hint:     log in (`aws sso login`), or name a profile in AWS_PROFILE",
        ),
        ("exit 3", "eks: skipped: `aws` failed: exit code 3\n"),
        ("echo oops", "eks: skipped: `aws eks describe-cluster-versions` gave no JSON\n"),
        ("echo '{}'", "eks: skipped: `aws eks describe-cluster-versions` gave no `clusterVersions`\n"),
        (
            "echo '{\"clusterVersions\": []}'",
            "gave no `clusterVersions`\n    expected: a list with one entry at least\n",
        ),
    ],
)
def test_a_tool_that_fails_is_told_in_its_own_words(
    script: str, told: str, kuber: Kuber, table: Path, stand_ins: StandIns
) -> None:
    stand_ins("aws", script)
    ended = refresh(kuber, "eks")
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err
    assert table.read_text(encoding="utf-8") == TABLE_TEXT


def test_a_table_that_can_not_be_written_stays_as_it_was(
    kuber: Kuber, table: Path, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    stand_ins("aws", prints(EKS_ANSWER))
    monkeypatch.setattr("os.replace", full)
    ended = refresh(kuber, "eks")
    assert ended.code == 1
    assert "kubernetes_versions.yaml: can't be written: No space left on device" in ended.err
    assert table.read_text(encoding="utf-8") == TABLE_TEXT
    assert not list(table.parent.glob(".kubernetes_versions*")), "no temporary file stays"


def test_a_refresh_that_is_interrupted_changes_nothing(project: Path, stand_ins: StandIns) -> None:
    shutil.copytree(PROJECT / "config", project / "config")
    for folder in ("clusters", "components", "kuber"):
        project.joinpath(folder).symlink_to(PROJECT / folder)
    aws = stand_ins("aws", 'echo > "${0%/*}/asked"\nexec /bin/sleep 30')
    before = project.joinpath("config", TABLE.name).read_bytes()
    running = subprocess.Popen(
        [sys.executable, "-m", "kuber", "versions", "--refresh", "--platform", "eks"],
        cwd=project,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 20
    while not aws.with_name("asked").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGINT)  # as the terminal does for Ctrl-C
    _, err = running.communicate(timeout=10)
    assert running.returncode == 130
    assert "Traceback" not in err
    assert project.joinpath("config", TABLE.name).read_bytes() == before


def test_the_small_table_of_these_tests_is_like_the_repositorys() -> None:
    platforms = parse(TABLE_TEXT, "table").value["platforms"]
    assert list(platforms) == list(parse(TABLE.read_text(encoding="utf-8"), "table").value["platforms"])


def test_a_region_of_the_projects_stacks_is_asked_if_there_is_one(
    kuber: Kuber, table: Path, stand_ins: StandIns, project: Path
) -> None:
    project.joinpath(f"Pulumi.{GKE.stack}.yaml").unlink()
    gcloud = stand_ins("gcloud", prints(GKE_ANSWER))
    refresh(kuber, "gke")
    assert "--region" not in gcloud.with_name("calls").read_text(), "gcloud's own settings count then"
