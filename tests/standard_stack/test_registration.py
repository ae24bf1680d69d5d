"""What comes first: an object after all that it can't be without."""

from __future__ import annotations

from typing import Any

from components.charts.manifests import identity
from components.standard_stack.registration import Carried, Dependencies, Origin

NAMESPACE = "system-certificates"
CRDS = {
    "cert-manager.io": Origin(part="certificates", chart="cert-manager"),
    "gateway.networking.k8s.io": Origin(part="mesh", chart=None),
}


def carried(kind: str, name: str, *, part: str = "certificates", chart: str | None = None, **content: Any) -> Carried:
    versions = {
        "Deployment": "apps/v1",
        "Certificate": "cert-manager.io/v1",
        "HTTPRoute": "gateway.networking.k8s.io/v1",
    }
    version = versions.get(kind, "v1")
    manifest = {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}, **content}
    return Carried(part=part, manifest=manifest, chart=chart)


def workload(name: str, *, part: str = "certificates", chart: str | None = None) -> Carried:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": []}}
    return carried("Deployment", name, part=part, chart=chart, spec={"template": template})


def webhook(*groups: str) -> Carried:
    service = {"namespace": NAMESPACE, "name": "cert-manager"}
    rules = [{"apiGroups": list(groups)}]
    manifest = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "webhook"},
        "webhooks": [{"clientConfig": {"service": service}, "rules": rules}],
    }
    return Carried(part="certificates", manifest=manifest, chart="cert-manager")


def needed_by(one: Carried, *others: Carried) -> set[str]:
    ordered = Dependencies([*others, one], {"mesh": ["certificates"]}, CRDS).ordered()
    return {
        name for found, needed in ordered if identity(found.manifest) == identity(one.manifest) for _, _, name in needed
    }


def test_an_object_waits_for_the_pods_of_the_chart_that_works_on_it() -> None:
    assert needed_by(carried("Certificate", "one"), workload("cert-manager", chart="cert-manager")) == {"cert-manager"}


def test_an_object_waits_for_no_other_chart_of_the_part_which_may_be_waiting_for_it() -> None:
    others = (workload("cert-manager", chart="cert-manager"), workload("trust-manager", chart="trust-manager"))
    assert needed_by(carried("Certificate", "trust-manager", chart="trust-manager"), *others) == {"cert-manager"}


def test_an_object_whose_crd_no_chart_brings_waits_for_all_pods_of_the_part() -> None:
    others = (workload("identity", part="mesh", chart="control-plane"), workload("plugin", part="mesh", chart="cni"))
    assert needed_by(carried("HTTPRoute", "one", part="mesh"), *others) == {"identity", "plugin"}


def test_a_part_that_doesnt_need_the_other_waits_for_nothing_of_it() -> None:
    at = carried("HTTPRoute", "one", part="certificates")
    assert needed_by(at, workload("identity", part="mesh", chart="control-plane")) == set()


def test_a_webhook_comes_after_the_pods_behind_it() -> None:
    service = carried("Service", "cert-manager", spec={"selector": {"app": "cert-manager"}})
    others = (service, workload("cert-manager", chart="cert-manager"))
    assert needed_by(webhook("", "cert-manager.io"), *others) == {"cert-manager"}


def test_a_webhook_for_crds_of_the_stack_is_there_before_so_that_it_has_its_authority_in_time() -> None:
    service = carried("Service", "cert-manager", spec={"selector": {"app": "cert-manager"}})
    assert needed_by(webhook("cert-manager.io"), service, workload("cert-manager", chart="cert-manager")) == set()
