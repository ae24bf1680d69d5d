"""Policies and webhooks that stay, and refuse less than they did."""

from __future__ import annotations

from typing import Any

import pytest

from tests.review.cases import Cluster, found, of_rule, only, whole
from tests.support import EKS

POLICY, BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"
VALIDATING, MUTATING = "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"
NAME = "mesh-trust-anchor"
CHECKS = ("object.spec.a == 1", "object.spec.b == 1", "object.spec.c == 1")


def checking(*expressions: str) -> Cluster:
    """EKS with a policy of some checks."""
    return whole(EKS).set(POLICY, NAME, "spec.validations", [{"expression": one} for one in expressions])


@pytest.mark.parametrize("actions", [["Audit"], ["Warn", "Audit"], []])
def test_a_binding_that_no_longer_denies_is_told_with_what_it_does_instead(actions: list[str]) -> None:
    told = only("guard-loosened", whole(EKS), whole(EKS).set(BINDING, NAME, "spec.validationActions", actions))
    assert (told.level, told.what) == ("high", f"{BINDING} {NAME} refuses less")
    assert told.reason == f"{', '.join(actions) or 'nothing'} instead of Deny: its policy no longer refuses"


def test_a_binding_that_denies_from_now_on_or_warns_too_loosens_nothing() -> None:
    warning = whole(EKS).set(BINDING, NAME, "spec.validationActions", ["Audit"])
    assert not of_rule("guard-loosened", warning, whole(EKS))
    assert not of_rule(
        "guard-loosened", whole(EKS), whole(EKS).set(BINDING, NAME, "spec.validationActions", ["Deny", "Audit"])
    )


def test_a_binding_that_holds_for_other_objects_is_told() -> None:
    selector = {"namespaceSelector": {"matchLabels": {"kuber.dev/part": "mesh"}}}
    told = only("guard-loosened", whole(EKS), whole(EKS).set(BINDING, NAME, "spec.matchResources", selector))
    assert (told.level, told.reason) == ("medium", "matchResources is another")


@pytest.mark.parametrize(
    ("after", "level", "reason"),
    [
        (CHECKS[:2], "high", "of its 3 checks, 1 is no longer asked"),
        (CHECKS[:1], "high", "of its 3 checks, 2 are no longer asked"),
        (("object.spec.a == 2", *CHECKS[1:]), "medium", "of its 3 checks, 1 is written otherwise"),
    ],
)
def test_checks_that_a_policy_loses_are_told_with_how_many(after: tuple[str, ...], level: str, reason: str) -> None:
    told = only("guard-loosened", checking(*CHECKS), checking(*after))
    assert (told.level, told.what, told.reason) == (level, f"{POLICY} {NAME} refuses less", reason)


def test_a_check_more_loosens_nothing() -> None:
    assert not of_rule("guard-loosened", checking(*CHECKS[:2]), checking(*CHECKS))


def test_a_policy_that_lets_in_what_it_can_not_judge_is_told_and_the_other_way_round_is_not() -> None:
    ignoring = whole(EKS).set(POLICY, NAME, "spec.failurePolicy", "Ignore")
    told = only("guard-loosened", whole(EKS), ignoring)
    assert (told.level, told.reason) == ("high", "it lets in what can't be judged")
    assert not of_rule("guard-loosened", ignoring, whole(EKS))


@pytest.mark.parametrize(
    ("kind", "name", "level", "verb"),
    [
        (VALIDATING, "cert-manager-webhook", "high", "refuses"),
        (MUTATING, "linkerd-proxy-injector-webhook-config", "medium", "adds"),
    ],
)
def test_a_webhook_that_lets_in_what_it_can_not_judge_is_told(kind: str, name: str, level: str, verb: str) -> None:
    before, after = (whole(EKS).set(kind, name, "webhooks[0].failurePolicy", policy) for policy in ("Fail", "Ignore"))
    told = only("guard-loosened", before, after)
    assert (told.level, told.what) == (level, f"{kind} {name} {verb} less")
    assert told.reason == f"{whole(EKS).inputs(kind, name)['webhooks'][0]['name']} lets in what can't be judged"
    assert not of_rule("guard-loosened", after, before)


def test_a_webhook_that_is_no_longer_asked_is_told_by_its_name() -> None:
    hooks = whole(EKS).inputs(VALIDATING, "cert-manager-webhook")["webhooks"]
    more = [*hooks, {**hooks[0], "name": "more.example.com"}]
    before = whole(EKS).set(VALIDATING, "cert-manager-webhook", "webhooks", more)
    told = only("guard-loosened", before, whole(EKS))
    assert (told.level, told.reason) == ("high", "more.example.com is no longer asked")
    assert not of_rule("guard-loosened", whole(EKS), before)


@pytest.mark.parametrize(
    ("path", "value"),
    [("timeoutSeconds", 5), ("admissionReviewVersions", ["v1", "v2"]), ("clientConfig.caBundle", "eA==")],
)
def test_how_a_webhook_is_asked_loosens_nothing(path: str, value: Any) -> None:
    after = whole(EKS).set(VALIDATING, "cert-manager-webhook", f"webhooks[0].{path}", value)
    assert found(whole(EKS), after) == []


def test_a_webhook_that_is_asked_of_other_objects_is_told() -> None:
    after = whole(EKS).set(
        VALIDATING, "cert-manager-webhook", "webhooks[0].namespaceSelector", {"matchLabels": {"a": "b"}}
    )
    told = only("guard-loosened", whole(EKS), after)
    assert (told.level, told.reason) == ("medium", "namespaceSelector of webhook.cert-manager.io is another")
