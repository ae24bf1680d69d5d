"""Passwords of registries: composed into one Secret, and seen nowhere on the way."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from typing import Any

import pytest

import config
from components.charts.secret_texts import without_secret_texts
from components.standard_stack import house_rules
from components.standard_stack.absence import going_without
from components.standard_stack.rendered import RenderedStack, rendered_stack
from components.standard_stack.site import Site
from config.cluster import ClusterSettings
from config.model import SecretText, compose
from config.release import read_release
from tests.plans import plan
from tests.standard_stack.alone import alone
from tests.standard_stack.rendered import stack_of
from tests.support import METAL, PROJECT, TODAY, StackFile

PASSWORD, OTHER = 'correct "horse" battery', "staple"
REGISTRIES: dict[str, Any] = {
    "own": {"address": "registry.shop.example:5000", "username": "pull", "password": {"secure": "v1:not:encrypted"}},
    "hub": {"address": "docker.io", "username": "shop", "password": {"secure": "v1:not:either"}},
}
FILE = alone(METAL, base={"registries": REGISTRIES})
SECRET = "kubernetes:core/v1:Secret"
PATCH = "kubernetes:core/v1:ServiceAccountPatch"

RUN_IN_THE_CLEAR = """
import json, sys
from pathlib import Path
from google.protobuf import json_format
from kuber.plan import monitor, program

sent = []

class Listening(monitor.PlanMonitor):
    def RegisterResource(self, request):
        sent.append((request.type, json_format.MessageToDict(request.object)))
        return super().RegisterResource(request)

monitor.PlanMonitor = Listening
value = json.load(sys.stdin)
program.cluster_value = lambda source: value
plan = program.plan_stack(sys.argv[1], Path(sys.argv[2]))
json.dump({"plan": plan.to_json(), "shown": repr(plan), "sent": sent}, sys.stdout)
"""
"""A plan of what the engine hands over: secrets in the clear. Tells also what an engine would have been sent."""


def in_the_clear(file: StackFile) -> Any:
    """What stands under `kuber:cluster`, as the engine hands it over."""
    value = file.value()
    registries = value["standard_stack"]["base"]["registries"]
    registries["own"]["password"], registries["hub"]["password"] = PASSWORD, OTHER
    return value


def loaded(file: StackFile) -> ClusterSettings:
    with file.folder() as folder:
        return config.load(file.stack, in_the_clear(file), folder, TODAY)


def rendered(settings: ClusterSettings) -> RenderedStack:
    with going_without():
        return rendered_stack(Site(name=METAL.stack, settings=settings, release=read_release(settings.release)))


def pull_secret(stack: RenderedStack) -> dict[str, Any]:
    return next(one for one in stack.objects if one["metadata"]["name"] == "image-pull")


def test_the_kubelet_finds_user_and_password_of_each_registry() -> None:
    secret = pull_secret(rendered(loaded(FILE)))
    assert secret["type"] == "kubernetes.io/dockerconfigjson"
    text = secret["stringData"][".dockerconfigjson"]
    assert isinstance(text, SecretText) and text.value is not None
    assert json.loads(text.value) == {
        "auths": {
            "registry.shop.example:5000": {
                "username": "pull",
                "password": PASSWORD,
                "auth": base64.b64encode(f"pull:{PASSWORD}".encode()).decode(),
            },
            "docker.io": {
                "username": "shop",
                "password": OTHER,
                "auth": base64.b64encode(f"shop:{OTHER}".encode()).decode(),
            },
        }
    }


def test_pods_of_the_default_service_account_pull_with_it() -> None:
    made = plan(FILE)
    account = made.one(PATCH)
    assert account.name == "default/default"
    assert account.inputs["kind"] == "ServiceAccount"
    assert account.inputs["imagePullSecrets"] == [{"name": "image-pull"}]
    assert made.one(SECRET, "default/image-pull") in made.before(account)


def test_without_registries_the_service_account_is_left_alone() -> None:
    made = plan(alone(METAL))
    assert made.none(PATCH) and made.none(SECRET)


def test_a_plan_shows_that_there_is_a_secret_and_not_what_it_is() -> None:
    secret = plan(FILE).one(SECRET, "default/image-pull")
    assert secret.inputs["stringData"] == "[secret]"
    assert "v1:not" not in json.dumps(secret.inputs)


def test_what_the_engine_hands_over_in_the_clear_is_sent_as_a_secret_and_shown_nowhere() -> None:
    with FILE.folder() as folder:
        (folder / "__main__.py").write_text((PROJECT / "__main__.py").read_text())
        done = subprocess.run(
            [sys.executable, "-c", RUN_IN_THE_CLEAR, FILE.stack, str(folder)],
            input=json.dumps(in_the_clear(FILE)),
            env={"PATH": os.defpath, "PYTHONPATH": str(PROJECT)},
            cwd=folder,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    for written in (told["plan"], told["shown"], done.stderr):
        for secret in (PASSWORD, json.dumps(PASSWORD)[1:-1], OTHER, _in_base64(OTHER), _in_base64(PASSWORD)):
            assert secret not in written
    sent = next(inputs for token, inputs in told["sent"] if token == SECRET)["stringData"]
    assert sent["4dabf18193072939515e22adb298388d"] == "1b47061264138c4ac30d75fd1eb44270", "the SDK's sign of a secret"
    assert json.loads(sent["value"][".dockerconfigjson"])["auths"]["docker.io"]["password"] == OTHER
    others = [inputs for token, inputs in told["sent"] if token != SECRET]
    assert OTHER not in json.dumps(others)


def _in_base64(password: str) -> str:
    return base64.b64encode(f"{'shop' if password == OTHER else 'pull'}:{password}".encode()).decode()


def test_nothing_that_holds_a_password_shows_it() -> None:
    settings = loaded(FILE)
    stack = rendered(settings)
    for shown in (
        repr(settings),
        str(settings),
        repr(stack),
        str(pull_secret(stack)),
        f"{settings.standard_stack.base}",
    ):
        assert "[secret]" in shown or "SecretText()" in shown
        assert OTHER not in shown and "horse" not in shown
    assert without_secret_texts(pull_secret(stack))["stringData"] == {".dockerconfigjson": "[secret]"}


def test_an_error_about_something_else_shows_no_password() -> None:
    file = FILE.set("standard_stack.base.registries.hub.address", "https://docker.io")
    with file.folder() as folder, pytest.raises(config.StackFileError) as caught:
        config.load(file.stack, in_the_clear(file), folder, TODAY)
    assert "standard_stack.base.registries.hub.address: not of the right form" in str(caught.value)
    assert OTHER not in str(caught.value) and "horse" not in str(caught.value)


def test_a_password_that_isn_t_encrypted_is_refused_without_being_shown() -> None:
    error = FILE.set("standard_stack.base.registries.hub.password", "staple").error()
    assert "standard_stack.base.registries.hub.password: a secret in the clear" in error
    assert "pulumi config set --secret --path 'kuber:cluster.standard_stack.base.registries.hub.password'" in error
    assert "staple" not in error


def test_one_registry_can_t_have_two_passwords() -> None:
    error = FILE.set("standard_stack.base.registries.hub.address", "registry.shop.example:5000").error()
    assert "registries.hub.address: the same registry as own" in error


def test_a_secret_made_of_one_that_isn_t_known_isn_t_known() -> None:
    text = pull_secret(stack_of(FILE).stack)["stringData"][".dockerconfigjson"]
    assert text == SecretText(None)
    assert compose(lambda *all_: "".join(all_), SecretText("a"), SecretText(None)) == SecretText(None)


class TestPodsThatReadASecret:
    """They start anew when it changes, and the mark on them that does that tells nobody what the secret is."""

    def mark(self, secret: SecretText | str) -> Any:
        settings = METAL.read()
        site = Site(name=METAL.stack, settings=settings, release=read_release(settings.release))
        metadata = {"name": "one", "namespace": "system-test"}
        container = {"name": "one", "image": site.image("busybox"), "envFrom": [{"secretRef": {"name": "one"}}]}
        workload = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {"selector": {}, "template": {"metadata": {}, "spec": {"containers": [container]}}},
        }
        read = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"key": secret}}
        done = house_rules.applied([workload, read], site)
        return done[0]["spec"]["template"]["metadata"]["annotations"][house_rules.CONFIG_HASH]

    def test_are_marked_otherwise_when_it_is_another(self) -> None:
        one, other = self.mark(SecretText("a")), self.mark(SecretText("b"))
        assert one.value != other.value and one == self.mark(SecretText("a"))

    def test_have_the_same_mark_as_if_the_value_stood_there_but_secret(self) -> None:
        assert self.mark(SecretText("a")) == SecretText(self.mark("a"))

    def test_have_a_mark_that_isn_t_known_where_the_value_isn_t(self) -> None:
        assert self.mark(SecretText(None)) == SecretText(None)
