"""Objects come after what they can't be without, and so go before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from components.charts.errors import ChartError
from components.charts.manifests import Manifest
from components.standard_stack.registration import Carried, Dependencies, Origin

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}
OTHER_NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "b"}}


def test_an_object_comes_after_its_namespace() -> None:
    assert order([account(), NAMESPACE]) == {"ServiceAccount/web": ["Namespace/a"], "Namespace/a": []}


def test_a_workload_comes_after_its_account_rights_configuration_and_policy() -> None:
    deny = policy("default-deny", {})
    config, secret = manifest("v1", "ConfigMap", "settings"), manifest("v1", "Secret", "key")
    unread = manifest("v1", "ConfigMap", "other")
    spec = {
        "serviceAccountName": "web",
        "volumes": [{"projected": {"sources": [{"configMap": {"name": "settings"}}]}}],
        "containers": [{"name": "web", "envFrom": [{"secretRef": {"name": "key"}}]}],
    }
    made = order([deployment(spec), deny, config, secret, unread, account(), *rights(), NAMESPACE])
    assert made["Deployment/web"] == [
        "ConfigMap/settings",
        "NetworkPolicy/default-deny",
        "RoleBinding/web",
        "Secret/key",
        "ServiceAccount/web",
    ]
    assert made["RoleBinding/web"] == ["Role/web"]


def test_a_workload_comes_after_every_policy_about_its_pods_and_so_goes_before_it_loses_its_way_out() -> None:
    policies = [policy("default-deny", {}), policy("api-server", {"app": "web"}), policy("others", {"app": "other"})]
    made = order([deployment({"containers": []}), *policies, NAMESPACE])
    assert made["Deployment/web"] == ["NetworkPolicy/api-server", "NetworkPolicy/default-deny"]


def test_what_another_dependency_implies_is_left_out() -> None:
    made = order([deployment({"serviceAccountName": "web", "containers": []}), account(), NAMESPACE])
    assert made["Deployment/web"] == ["ServiceAccount/web"]  # which comes after the namespace itself


def test_a_webhook_comes_after_what_answers_it() -> None:
    webhook: Manifest = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "web"},
        "webhooks": [{"clientConfig": {"service": {"namespace": "a", "name": "web"}}}],
    }
    service = manifest("v1", "Service", "web", spec={"selector": {"app": "web"}})
    made = order([webhook, service, deployment({"containers": []}), NAMESPACE])
    assert made["ValidatingWebhookConfiguration/web"] == ["Deployment/web", "Service/web"]


def test_a_custom_resource_comes_after_the_operator_of_its_own_part() -> None:
    made = order(
        [thing(), deployment({"containers": []}), NAMESPACE], owners={"example.com": Origin(part="part", chart=None)}
    )
    assert made["Thing/one"] == ["Deployment/web"]


def test_a_custom_resource_waits_for_another_part_s_operator_only_if_its_part_needs_that_part() -> None:
    operator = Carried(part="operators", manifest=deployment({"containers": []}))
    user = Carried(part="user", manifest=thing("b"))
    namespaces = [Carried(part="operators", manifest=NAMESPACE), Carried(part="user", manifest=OTHER_NAMESPACE)]
    owners = {"example.com": Origin(part="operators", chart=None)}
    assert _named(Dependencies([operator, user, *namespaces], {}, owners))["Thing/one"] == ["Namespace/b"]
    needing = _named(Dependencies([operator, user, *namespaces], {"user": ["operators"]}, owners))
    assert needing["Namespace/b"] == ["Deployment/web"]
    assert needing["Thing/one"] == ["Namespace/b"]


def test_a_circle_is_told_and_not_hung_on() -> None:
    service = manifest("v1", "Service", "web", spec={"selector": {"app": "web"}})
    first = Carried(part="one", manifest=NAMESPACE)
    second = Carried(part="two", manifest=OTHER_NAMESPACE)
    there = Carried(part="two", manifest=deployment({"containers": []}, "b"))
    here = Carried(part="one", manifest=deployment({"containers": []}, "a"))
    with pytest.raises(ChartError, match="objects depend on each other"):
        Dependencies(
            [first, second, here, there, Carried(part="one", manifest=service)], {"one": ["two"], "two": ["one"]}, {}
        ).ordered()


def order(objects: Sequence[Manifest], owners: Mapping[str, Origin] | None = None) -> dict[str, list[str]]:
    """What each object of one part depends on."""
    return _named(Dependencies([Carried(part="part", manifest=one) for one in objects], {}, owners or {}))


def _named(dependencies: Dependencies) -> dict[str, list[str]]:
    ordered = dependencies.ordered()
    seen: set[Any] = set()
    named = {}
    for one, needed in ordered:
        kind, name = one.manifest["kind"], one.manifest["metadata"]["name"]
        assert {f"{at[0].rpartition('/')[2]}/{at[2]}" for at in needed} <= seen, (
            "something comes before what it depends on"
        )
        seen.add(f"{kind}/{name}")
        named[f"{kind}/{name}"] = sorted(f"{at[0].rpartition('/')[2]}/{at[2]}" for at in needed)
    return named


def manifest(version: str, kind: str, name: str, namespace: str = "a", **more: Any) -> Manifest:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **more}


def policy(name: str, pods: Mapping[str, str]) -> Manifest:
    spec = {"podSelector": {"matchLabels": dict(pods)} if pods else {}}
    return manifest("networking.k8s.io/v1", "NetworkPolicy", name, spec=spec)


def account() -> Manifest:
    return manifest("v1", "ServiceAccount", "web")


def thing(namespace: str = "a") -> Manifest:
    return manifest("example.com/v1", "Thing", "one", namespace)


def rights() -> list[Manifest]:
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "web"}
    subjects = [{"kind": "ServiceAccount", "name": "web"}]
    group = "rbac.authorization.k8s.io/v1"
    return [manifest(group, "RoleBinding", "web", roleRef=role, subjects=subjects), manifest(group, "Role", "web")]


def deployment(spec: dict[str, Any], namespace: str = "a") -> Manifest:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": spec}
    return manifest("apps/v1", "Deployment", "web", namespace, spec={"template": template})
