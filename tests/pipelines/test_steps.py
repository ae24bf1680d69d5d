"""The commands behind the pipelines: who sees which token, what a cancelled job does, and by what a preview is known."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.pipelines.workplace import Workplace, preview_of
from tests.rehearsal.cluster import until

GOOGLE = {
    "GOOGLE_ID_TOKEN": "token-for-google",
    "GOOGLE_SERVICE_ACCOUNT": "kuber-up@shop.iam.gserviceaccount.com",
    "GOOGLE_WORKLOAD_IDENTITY_PROVIDER": "projects/1/locations/global/workloadIdentityPools/ci/providers/ci",
}


class Servers:
    """A stand-in for Vault, and for what gives identity tokens on GitHub.

    Attributes:
        asked: Method, path, headers and document of each request.
        status: What is answered.
        document: The same, where it isn't what is usual.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.status = 200
        self.document: Any = None
        self.url = ""


@contextmanager
def serving() -> Iterator[Servers]:
    servers = Servers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({"value": "token-of-github"})

        def do_POST(self) -> None:
            self._answer({"auth": {"client_token": "hvs.token-of-vault"}})

        def _answer(self, document: Any) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            servers.asked.append((self.command, self.path, dict(self.headers), json.loads(body) if body else None))
            self.send_response(servers.status)
            self.end_headers()
            answer = servers.document or document if servers.status == 200 else {"errors": ["role could not be found"]}
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        servers.url = f"http://127.0.0.1:{server.server_port}"
        yield servers
        server.shutdown()


def test_the_sdks_of_aws_find_the_role_and_a_token_that_nobody_else_can_read(workplace: Workplace) -> None:
    role = "arn:aws:iam::210987654321:role/kuber-up"
    done = workplace.run("pipelines/steps/preview prod-eks", {"AWS_ID_TOKEN": "token-for-aws", "AWS_ROLE_ARN": role})
    assert done.returncode == 0, done.stderr
    seen = workplace.seen_by_pulumi()
    assert (seen["AWS_ROLE_ARN"], seen["AWS_ROLE_SESSION_NAME"]) == (role, "kuber-prod-eks")
    assert (workplace.state / "AWS_WEB_IDENTITY_TOKEN_FILE").read_text() == "token-for-aws"
    assert (workplace.state / "AWS_WEB_IDENTITY_TOKEN_FILE.mode").read_text() == "700\n"
    assert not Path(seen["AWS_WEB_IDENTITY_TOKEN_FILE"]).exists(), "the token goes with the step"


def test_the_sdks_of_google_find_whom_to_be_and_how(workplace: Workplace) -> None:
    done = workplace.run("pipelines/steps/preview prod-gke", GOOGLE)
    assert done.returncode == 0, done.stderr
    credentials = json.loads((workplace.state / "GOOGLE_APPLICATION_CREDENTIALS").read_text())
    assert credentials["type"] == "external_account"
    assert credentials["audience"] == f"//iam.googleapis.com/{GOOGLE['GOOGLE_WORKLOAD_IDENTITY_PROVIDER']}"
    assert f"/serviceAccounts/{GOOGLE['GOOGLE_SERVICE_ACCOUNT']}:" in credentials["service_account_impersonation_url"]
    seen = workplace.seen_by_pulumi()
    assert seen["CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE"] == seen["GOOGLE_APPLICATION_CREDENTIALS"]
    assert not Path(credentials["credential_source"]["file"]).exists(), "the token goes with the step"


def test_a_service_account_without_a_provider_is_told(workplace: Workplace) -> None:
    done = workplace.run("pipelines/steps/preview prod-gke", GOOGLE | {"GOOGLE_WORKLOAD_IDENTITY_PROVIDER": ""})
    assert done.returncode != 0 and "GOOGLE_WORKLOAD_IDENTITY_PROVIDER: name the provider" in done.stderr
    assert workplace.calls("pulumi") == []


def test_the_program_gets_no_token_with_which_it_could_ask_for_another_role(workplace: Workplace) -> None:
    tokens = {"AWS_ID_TOKEN": "1", "VAULT_ID_TOKEN": "2", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "3", **GOOGLE}
    done = workplace.run("pipelines/steps/preview prod-gke", tokens)
    assert done.returncode == 0, done.stderr
    assert not [name for name in workplace.seen_by_pulumi() if "ID_TOKEN" in name]


def test_the_engine_collects_memory_less_often_unless_the_pipeline_says_otherwise(workplace: Workplace) -> None:
    assert workplace.run("pipelines/steps/preview prod-gke", {**GOOGLE}).returncode == 0
    seen = workplace.seen_by_pulumi()
    assert (seen["GOGC"], seen["GOMEMLIMIT"]) == ("400", "1GiB")
    assert workplace.run("pipelines/steps/preview prod-gke", {**GOOGLE, "GOGC": "50"}).returncode == 0
    assert workplace.seen_by_pulumi()["GOGC"] == "50"


def test_vault_trades_the_identity_token_for_its_own(workplace: Workplace) -> None:
    with serving() as servers:
        settings = {"VAULT_ADDR": f"{servers.url}/", "VAULT_ROLE": "kuber-up", "VAULT_ID_TOKEN": "token-for-vault"}
        done = workplace.run("pipelines/steps/preview prod-eks", settings)
    assert done.returncode == 0, done.stderr
    ((method, path, _, document),) = servers.asked
    assert (method, path) == ("POST", "/v1/auth/jwt/login")
    assert document == {"role": "kuber-up", "jwt": "token-for-vault"}
    assert workplace.seen_by_pulumi()["VAULT_TOKEN"] == "hvs.token-of-vault"
    assert "token-of-vault" not in done.stdout + done.stderr


def test_on_github_the_token_for_vault_is_asked_for_by_its_audience(workplace: Workplace) -> None:
    with serving() as servers:
        settings = {
            "VAULT_ADDR": servers.url,
            "VAULT_ROLE": "kuber-up",
            "VAULT_AUTH_PATH": "github",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{servers.url}/token?api-version=2",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job",
        }
        done = workplace.run("pipelines/steps/preview prod-eks", settings)
    assert done.returncode == 0, done.stderr
    (_, asked, headers, _), (_, login, _, document) = servers.asked
    assert (asked, headers["Authorization"]) == ("/token?api-version=2&audience=kuber-vault", "Bearer of-the-job")
    assert (login, document["jwt"]) == ("/v1/auth/github/login", "token-of-github")


def test_a_token_that_no_header_can_hold_is_told_without_it(workplace: Workplace) -> None:
    with serving() as servers:
        settings = {
            "VAULT_ADDR": servers.url,
            "VAULT_ROLE": "kuber-up",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{servers.url}/token?api-version=2",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job\nand-more",
        }
        done = workplace.run("pipelines/steps/preview prod-eks", settings)
    assert done.returncode != 0 and "no token of Vault: GET" in done.stderr and "can't be sent" in done.stderr
    assert "of-the-job" not in done.stderr and "Traceback" not in done.stderr
    assert servers.asked == []


def test_where_vault_refuses_nothing_is_previewed_and_no_token_is_told(workplace: Workplace) -> None:
    with serving() as servers:
        servers.status = 400
        settings = {"VAULT_ADDR": servers.url, "VAULT_ROLE": "kuber-up", "VAULT_ID_TOKEN": "token-for-vault"}
        done = workplace.run("pipelines/steps/preview prod-eks", settings)
    assert done.returncode != 0
    assert "no token of Vault: POST" in done.stderr and "role could not be found" in done.stderr
    assert "token-for-vault" not in done.stdout + done.stderr
    assert workplace.calls("pulumi") == []


def test_an_answer_without_a_token_is_told(workplace: Workplace) -> None:
    with serving() as servers:
        servers.document = ["please log in"]
        settings = {"VAULT_ADDR": servers.url, "VAULT_ROLE": "kuber-up", "VAULT_ID_TOKEN": "token-for-vault"}
        done = workplace.run("pipelines/steps/preview prod-eks", settings)
    assert done.returncode != 0 and "there is no auth.client_token in the answer" in done.stderr


def test_where_vault_does_not_answer_it_is_told(workplace: Workplace) -> None:
    settings = {"VAULT_ADDR": "http://127.0.0.1:1", "VAULT_ROLE": "kuber-up", "VAULT_ID_TOKEN": "token-for-vault"}
    done = workplace.run("pipelines/steps/preview prod-eks", settings)
    assert done.returncode != 0 and "no answer" in done.stderr and "token-for-vault" not in done.stderr


def test_an_identity_token_is_never_sent_unencrypted(workplace: Workplace) -> None:
    settings = {
        "VAULT_ADDR": "http://vault.shop.example",
        "VAULT_ROLE": "kuber-up",
        "VAULT_ID_TOKEN": "token-for-vault",
    }
    done = workplace.run("pipelines/steps/preview prod-eks", settings)
    assert done.returncode != 0 and "VAULT_ADDR isn't encrypted" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_cancelled_job_tells_the_engine_once_and_waits_for_it(workplace: Workplace, number: signal.Signals) -> None:
    told, ready = workplace.state / "told", workplace.state / "ready"
    workplace.program(
        "bin/pulumi",
        f"""if [[ $1 == preview ]]; then exec cat {workplace.state}/prod-eks.json; fi
trap 'echo told >>{told}' INT TERM
touch {ready}
for _ in $(seq 100); do
  if [[ -e {told} ]]; then sleep 0.5; echo ended >>{told}; exit 130; fi
  sleep 0.1
done""",
    )
    with subprocess.Popen(
        ["pipelines/steps/up", "prod-eks", "any"],
        cwd=workplace.folder,
        env=workplace.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as step:
        until(ready.exists)
        os.killpg(step.pid, number)
        said, _ = step.communicate(timeout=30)
    assert step.returncode == 130
    assert b"prod-eks: cancelled; the engine ends what it has begun" in said
    assert told.read_text().split() == ["told", "ended"]


def test_up_wants_to_know_what_was_approved(workplace: Workplace) -> None:
    for missing in ("", '""'):
        done = workplace.run(f"pipelines/steps/up prod-eks {missing}", {})
        assert done.returncode != 0 and "give the digest of the preview that was approved" in done.stderr
    assert workplace.calls("pulumi") == []


def test_up_never_goes_without_the_engines_own_preview_and_shows_no_outputs(workplace: Workplace) -> None:
    workplace.run("pipelines/steps/up prod-eks any", {})
    arguments = workplace.arguments("pulumi up")
    assert {"--yes", "--non-interactive", "--suppress-outputs"} <= set(arguments)
    assert not {"--skip-preview", "--force", "--target"} & set(arguments)


def test_a_preview_is_known_by_what_it_does_and_not_by_values_that_are_others_each_time(workplace: Workplace) -> None:
    def digest(document: dict[str, Any]) -> str:
        workplace.previews("prod-eks", document)
        done = workplace.run("pipelines/steps/preview prod-eks", {})
        assert done.returncode == 0, done.stderr
        return (workplace.folder / "build/deploy/prod-eks.digest").read_text().strip()

    document = preview_of("prod-eks", "network", "gateway")
    first = digest(document)
    for step in document["steps"]:
        step["newState"] = {**step["newState"], "inputs": {"name": "name-8c6de1f5"}}
    document["steps"].reverse()
    assert digest(document) == first
    document["steps"][0]["detailedDiff"] = {"cidrBlock": {"kind": "update-replace"}}
    others = [preview_of("prod-eks", "network"), preview_of("prod-eks", "network", "gateway", operation="delete")]
    assert len({first, *map(digest, [document, *others])}) == 4
    assert digest(preview_of("prod-eks")) == "none"


def test_what_an_earlier_run_left_is_never_taken_for_this_one_s(workplace: Workplace) -> None:
    workplace.run("pipelines/steps/preview prod-eks", {})
    workplace.previews("prod-eks", {"diagnostics": []}, status=255)
    assert workplace.run("pipelines/steps/preview prod-eks", {}).returncode != 0
    assert not (workplace.folder / "build/deploy/prod-eks.digest").exists()


def test_the_lines_behind_a_digest_name_what_would_change_without_values(workplace: Workplace) -> None:
    workplace.run("pipelines/steps/preview prod-eks", {})
    (line,) = (workplace.folder / "build/deploy/prod-eks.intent").read_text().splitlines()
    assert json.loads(line) == {
        "urn": "urn:pulumi:prod-eks::kuber::aws:ec2/vpc:Vpc::network",
        "operation": "update",
        "differing": {"tags.owner": "update"},
        "replacing": [],
    }
