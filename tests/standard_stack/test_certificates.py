"""Certificates: cert-manager, its issuers, and bundles of authorities."""

from __future__ import annotations

import base64
from typing import Any

from tests.plans import plan
from tests.standard_stack.promtool import assert_rules
from tests.standard_stack.rendered import Objects, allowances, stack_of
from tests.support import EKS, GKE, METAL

ZONE = {"shop.example": {"hosted_zone_id": "Z0457831PRODEKS0SHOP"}}
KEY = {"nameserver": "10.40.0.53:53", "key_name": "kuber", "secret": {"secure": "v1:abc"}}
AUTHORITY = METAL.value()["provisioner"]["certificate_authority"]


def solvers(objects: Objects, issuer: str = "letsencrypt") -> list[dict[str, Any]]:
    return objects.one("ClusterIssuer", issuer)["spec"]["acme"]["solvers"]


def policy(objects: Objects, name: str) -> dict[str, Any]:
    return objects.allowed(name, "system-certificates")


def test_both_issuers_of_lets_encrypt_have_an_account_of_their_own() -> None:
    objects = stack_of(EKS)
    accounts = {
        name: objects.one("ClusterIssuer", name)["spec"]["acme"] for name in ("letsencrypt", "letsencrypt-staging")
    }
    assert {one["email"] for one in accounts.values()} == {"platform@shop.example"}
    assert len({one["privateKeySecretRef"]["name"] for one in accounts.values()}) == 2
    assert "staging" in accounts["letsencrypt-staging"]["server"] and "staging" not in accounts["letsencrypt"]["server"]


def test_hosts_of_a_zone_are_proved_by_dns_and_all_others_through_the_ingress() -> None:
    by_dns, by_http = solvers(stack_of(EKS))
    assert by_dns["selector"] == {"dnsZones": ["shop.example"]}
    assert by_dns["dns01"] == {"route53": {"region": "eu-west-1", "hostedZoneID": "Z0457831PRODEKS0SHOP"}}
    assert "selector" not in by_http
    assert by_http["http01"]["ingress"]["ingressClassName"] == "public"


def test_what_answers_a_challenge_runs_on_the_system_pool() -> None:
    spec = solvers(stack_of(EKS))[-1]["http01"]["ingress"]["podTemplate"]["spec"]
    assert spec["nodeSelector"] == {"kuber.dev/pool": "system"}
    assert [one["key"] for one in spec["tolerations"]] == ["CriticalAddonsOnly"]


def test_on_aws_cert_manager_may_write_challenges_into_the_named_zones_and_nothing_else() -> None:
    changes = [
        one
        for one in stack_of(EKS).rights("certificates")["cert-manager"].aws_statements
        if "route53:ChangeResourceRecordSets" in one.actions
    ]
    assert [one.resources for one in changes] == [["arn:aws:route53:::hostedzone/Z0457831PRODEKS0SHOP"]]
    assert changes[0].conditions == {
        "ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsRecordTypes": "TXT"},
        "ForAllValues:StringLike": {"route53:ChangeResourceRecordSetsNormalizedRecordNames": "_acme-challenge.*"},
    }


def test_on_google_cloud_it_has_rights_on_the_named_zones_alone() -> None:
    objects = stack_of(GKE)
    rights = objects.rights("certificates")["cert-manager"]
    assert [(one.project, one.name) for one in rights.gcp_dns_zones] == [("shop-network-31c5", "shop-example")]
    assert not rights.gcp_project_roles
    assert solvers(objects)[0]["dns01"] == {
        "cloudDNS": {"project": "shop-network-31c5", "hostedZoneName": "shop-example"}
    }


def test_the_right_is_given_on_the_zone_and_not_on_its_project() -> None:
    made = [
        one.inputs
        for one in plan(GKE).resources.values()
        if one.type.startswith("gcp:") and "role" in one.inputs and "cert-manager" in one.urn
    ]
    roles = {(one["role"], one.get("managedZone")) for one in made}
    assert roles == {("roles/dns.admin", "shop-example"), ("roles/iam.workloadIdentityUser", None)}


def test_on_own_machines_records_are_written_with_a_signed_update() -> None:
    file = METAL.set(
        "standard_stack.certificates",
        {"acme": {"email": "p@shop.example", "http01": False, "zones": {"shop.example": {}}, "rfc2136": KEY}},
    )
    objects = stack_of(file)
    assert objects.rights("certificates") == {}
    (solver,) = solvers(objects)
    update = solver["dns01"]["rfc2136"]
    assert (update["nameserver"], update["tsigKeyName"]) == ("10.40.0.53:53", "kuber")
    assert update["tsigAlgorithm"] == "HMACSHA256"
    at = "standard_stack.certificates.acme.rfc2136.algorithm"
    (stronger,) = solvers(stack_of(file.set(at, "HMACSHA512")))
    assert stronger["dns01"]["rfc2136"]["tsigAlgorithm"] == "HMACSHA512"
    reference = update["tsigSecretSecretRef"]
    secret = objects.one("Secret", reference["name"], "system-certificates")
    assert str(secret["stringData"][reference["key"]]) == "[secret]"


def test_replicas_resources_and_name_servers_reach_cert_manager() -> None:
    small = {"cpu": "1", "memory": "1Gi"}
    file = EKS.set(
        "standard_stack.certificates",
        {
            "replicas": 4,
            "webhook_replicas": 5,
            "controller": small,
            "trust_manager": small,
            "acme": {"email": "p@shop.example", "ingress_class": "internal", "recursive_nameservers": ["1.1.1.1:53"]},
        },
    )
    objects = stack_of(file)
    replicas = {
        name: objects.one("Deployment", name)["spec"]["replicas"]
        for name in ("cert-manager", "cert-manager-cainjector", "cert-manager-webhook", "trust-manager")
    }
    assert list(replicas.values()) == [4, 4, 5, 4]
    controller = objects.container("Deployment", "cert-manager", "cert-manager-controller")
    assert controller["resources"]["limits"] == {"memory": "1Gi"}
    assert objects.container("Deployment", "trust-manager", "trust-manager")["resources"]["limits"] == {"memory": "1Gi"}
    assert "--dns01-recursive-nameservers=1.1.1.1:53" in controller["args"]
    assert "--dns01-recursive-nameservers-only" in " ".join(controller["args"])
    assert "--leader-election-namespace=system-certificates" in controller["args"]
    assert [one["http01"]["ingress"]["ingressClassName"] for one in solvers(objects)] == ["internal"]


def test_the_companys_authorities_are_in_every_namespace() -> None:
    settings = {"company_authorities": AUTHORITY, "public_authorities": False}
    bundle = stack_of(EKS.set("standard_stack.certificates", settings)).one("Bundle", "company-ca")["spec"]
    assert bundle["sources"] == [{"inLine": AUTHORITY}]
    assert bundle["target"] == {"configMap": {"key": "ca-bundle.crt"}, "namespaceSelector": {"matchLabels": {}}}
    with_public = stack_of(EKS.set("standard_stack.certificates", {"company_authorities": AUTHORITY}))
    assert {"useDefaultCAs": True} in with_public.one("Bundle", "company-ca")["spec"]["sources"]


def test_without_acme_there_is_no_issuer_of_it_no_right_and_no_way_out() -> None:
    objects = stack_of(EKS.set("standard_stack.certificates", {}).set("standard_stack.mesh", {}))
    assert not objects.has("ClusterIssuer", "letsencrypt")
    assert objects.rights("certificates") == {}
    reached = [
        peer.get("ipBlock", {}).get("cidr")
        for policy in objects.all("NetworkPolicy", "system-certificates")
        for direction, purpose, rule in allowances(policy)
        if direction == "egress" and purpose != "vault"
        for peer in rule["to"]
    ]
    assert "0.0.0.0/0" not in reached


def test_vault_signs_where_the_secrets_say_how() -> None:
    secrets = {
        "enabled": True,
        "address": "https://vault.shop.example:8200",
        "certificate_authority": AUTHORITY,
        "pki": {"path": "pki-internal", "role": "kubernetes"},
    }
    objects = stack_of(EKS.set("standard_stack.secrets", secrets))
    vault = objects.one("ClusterIssuer", "vault")["spec"]["vault"]
    assert (vault["server"], vault["path"]) == ("https://vault.shop.example:8200", "pki-internal/sign/kubernetes")
    assert base64.b64decode(vault["caBundle"]).decode() == AUTHORITY
    login = vault["auth"]["kubernetes"]
    assert login["mountPath"] == "/v1/auth/k8s-prod-eks"
    account = login["serviceAccountRef"]["name"]
    assert objects.one("ServiceAccount", account, "system-certificates")
    (rule,) = objects.one("Role", account, "system-certificates")["rules"]
    assert (rule["resources"], rule["resourceNames"], rule["verbs"]) == (
        ["serviceaccounts/token"],
        [account],
        ["create"],
    )
    assert policy(objects, "vault")["egress"][0]["ports"] == [{"protocol": "TCP", "port": 8200}]
    unread = EKS.set("standard_stack.monitoring", {"enabled": False})
    without = stack_of(unread.set("standard_stack.secrets", {"enabled": False}))
    assert not without.has("ClusterIssuer", "vault")


def test_only_the_api_server_reaches_the_webhooks() -> None:
    for name, port in (("webhooks", 10250), ("trust-webhook", 6443)):
        (rule,) = policy(stack_of(EKS), name)["ingress"]
        assert rule == {"from": [{"ipBlock": {"cidr": "10.20.0.0/16"}}], "ports": [{"protocol": "TCP", "port": port}]}


def test_its_own_check_of_a_challenge_never_leads_to_the_machines_credentials() -> None:
    to = policy(stack_of(EKS), "own-check")["egress"][0]["to"]
    assert {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}} in to


def test_a_metric_tells_the_certificates_own_namespace() -> None:
    (endpoint,) = stack_of(EKS).one("ServiceMonitor", "cert-manager")["spec"]["endpoints"]
    assert endpoint["honorLabels"] is True


def test_turned_off_nothing_of_it_is_left() -> None:
    file = METAL.set("standard_stack.certificates", {"enabled": False})
    stack = METAL.read().standard_stack
    for name in stack.parts():
        if "certificates" in stack.needed_by(name):
            file = file.set(f"standard_stack.{name}", {"enabled": False})
    objects = stack_of(file)
    assert objects.part("certificates") == []
    assert not [one for one in objects.stack.objects if one["metadata"].get("namespace") == "system-certificates"]


def test_lets_encrypt_needs_somebody_to_write_to() -> None:
    error = EKS.set("standard_stack.certificates", {"acme": {"zones": ZONE}}).error()
    assert "standard_stack.certificates.acme.email" in error


def test_there_is_a_way_to_prove_control() -> None:
    error = EKS.set("standard_stack.certificates", {"acme": {"email": "p@shop.example", "http01": False}}).error()
    assert "standard_stack.certificates.acme.zones: there is no way to prove control of a host" in error


def test_a_zone_is_given_as_its_platform_knows_it() -> None:
    def error(file: Any, **acme: Any) -> str:
        return file.set("standard_stack.certificates", {"acme": {"email": "p@shop.example", **acme}}).error()

    at = "standard_stack.certificates.acme"
    assert f"{at}.zones.shop.example: `hosted_zone_id` is missing" in error(EKS, zones={"shop.example": {}})
    assert f"{at}.zones.shop.example.hosted_zone_id: is nothing that gke has" in error(GKE, zones=ZONE)
    assert f"{at}.rfc2136: no name server takes the records" in error(METAL, zones={"shop.example": {}})
    assert f"{at}.rfc2136: zones of eks are written through the cloud" in error(EKS, zones=ZONE, rfc2136=KEY)


DAY = 86400


def _certificate(name: str, metric: str, at: int) -> dict[str, str]:
    series = f'certmanager_certificate_{metric}_timestamp_seconds{{namespace="default", name="{name}"}}'
    return {"series": series, "values": f"{at}x240"}


def _alert(name: str, labels: dict[str, str], annotations: dict[str, str], severity: str) -> dict[str, Any]:
    return {
        "exp_labels": {"alertname": name, "severity": severity, "part": "certificates", **labels},
        "exp_annotations": annotations,
    }


def _annotations(name: str, **changed: str) -> dict[str, str]:
    groups = [
        group
        for one in stack_of(EKS).part("certificates")
        if one["kind"] == "PrometheusRule"
        for group in one["spec"]["groups"]
    ]
    (rule,) = [rule for group in groups for rule in group["rules"] if rule["alert"] == name]
    return rule["annotations"] | changed


def test_alerts_fire_for_what_is_late_or_broken_and_for_nothing_else() -> None:
    at = {"namespace": "default", "name": "late"}
    down = 'up{namespace="system-certificates", job="cert-manager"}'
    ready = 'certmanager_certificate_ready_status{{namespace="default", name="{}", condition="True"}}'
    issuer = 'certmanager_clusterissuer_ready_status{{name="{}", condition="True"}}'
    requests = 'certmanager_http_acme_client_request_count{{host="acme.example", status="{}"}}'
    series = [
        {"series": down, "values": "1x60 _x180"},
        # At 4 hours: one should have been renewed at 1 hour and ends in 20 hours, the other is renewed when its time comes.
        _certificate("late", "renewal", 3600),
        _certificate("late", "expiration", DAY),
        _certificate("short-lived", "renewal", 4 * 3600 + 600),
        _certificate("short-lived", "expiration", 6 * 3600),
        _certificate("never-issued", "renewal", 0),
        _certificate("never-issued", "expiration", 0),
        {"series": ready.format("late"), "values": "0x240"},
        {"series": ready.format("short-lived"), "values": "1x240"},
        {"series": issuer.format("vault"), "values": "0x240"},
        {"series": issuer.format("letsencrypt"), "values": "1x240"},
        {"series": requests.format(429), "values": "0x230 1+1x10"},
        {"series": requests.format(200), "values": "0+1x240"},
    ]

    def expected(name: str, labels: dict[str, str], severity: str, **annotations: str) -> dict[str, Any]:
        wanted = _alert(name, labels, _annotations(name, **annotations), severity)
        return {"eval_time": "4h", "alertname": name, "exp_alerts": [wanted]}

    assert_rules(
        stack_of(EKS),
        "certificates",
        [
            {
                "interval": "1m",
                "input_series": series,
                "alert_rule_test": [
                    expected(
                        "CertificateExpiresSoon",
                        at,
                        "critical",
                        summary="Certificate default/late expires in 20h 0m 0s",
                    ),
                    expected(
                        "CertificateRenewalOverdue",
                        at,
                        "warning",
                        summary="Certificate default/late should have been renewed 3h 0m 0s ago",
                    ),
                    expected("CertificateNotReady", at, "warning", summary="Certificate default/late isn't ready"),
                    expected(
                        "CertificateIssuerNotReady",
                        {"name": "vault"},
                        "warning",
                        summary="Issuer vault can't issue",
                        description="`kubectl describe clusterissuer vault` tells what its authority answered.",
                    ),
                    expected(
                        "AcmeRateLimited",
                        {"host": "acme.example"},
                        "warning",
                        summary="acme.example refuses certificate orders: too many requests",
                    ),
                    expected("CertManagerDown", {}, "critical"),
                    {"eval_time": "55m", "alertname": "CertificateExpiresSoon", "exp_alerts": []},
                    {"eval_time": "55m", "alertname": "CertificateRenewalOverdue", "exp_alerts": []},
                    {"eval_time": "55m", "alertname": "AcmeRateLimited", "exp_alerts": []},
                    {"eval_time": "55m", "alertname": "CertManagerDown", "exp_alerts": []},
                ],
            }
        ],
    )
