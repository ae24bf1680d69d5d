"""The bucket gateway's objects and rights."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plans import plan
from tests.standard_stack.promtool import assert_rules
from tests.standard_stack.rendered import stack_of
from tests.support import EKS, GKE, METAL, StackFile

KEY = "arn:aws:kms:eu-west-1:210987654321:key/0f0e0d0c-1111-2222-3333-444455556666"


def gateway(file: StackFile, sites: dict[str, Any], **settings: Any) -> StackFile:
    return file.set("standard_stack", {"bucket_gateway": {"enabled": True, "sites": sites, **settings}})


PRIVATE = gateway(
    EKS,
    {
        "shop": {"host": "shop.example", "bucket": "shop-frontend", "prefix": "web", "private": True, "kms_key": KEY},
        "back-office": {
            "host": "office.shop.example",
            "bucket": "back-office",
            "private": True,
            "ingress_class": "internal",
        },
        "press": {
            "host": "press.example",
            "bucket": "press.example",
            "provider": "gcs",
            "issuer": "letsencrypt-staging",
        },
    },
    replicas=3,
    resources={"cpu": "1", "memory": "99Mi"},
    signer={"cpu": "2", "memory": "98Mi"},
)
PRIVATE_GKE = gateway(GKE, {"shop": {"host": "shop.example", "bucket": "shop-frontend", "private": True}})
PUBLIC = gateway(
    METAL, {"shop": {"host": "shop.example", "bucket": "shop-frontend", "provider": "s3", "region": "eu-west-2"}}
)


def pod(file: StackFile) -> dict[str, Any]:
    return stack_of(file).one("Deployment", "bucket-gateway")["spec"]["template"]["spec"]


def purposes(file: StackFile) -> list[str]:
    return stack_of(file).purposes("system-bucket-gateway")


def test_it_is_not_there_unless_asked_for() -> None:
    objects = stack_of(EKS.set("standard_stack", {}))
    assert not [at for at in objects.identities if "bucket-gateway" in at[1] + at[2]]


def test_each_site_has_an_ingress_of_its_class_with_a_certificate() -> None:
    objects = stack_of(PRIVATE)
    shop = objects.one("Ingress", "shop", "system-bucket-gateway")
    assert shop["spec"]["ingressClassName"] == "public"
    assert shop["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] == "letsencrypt"
    assert shop["spec"]["tls"] == [{"hosts": ["shop.example"], "secretName": "shop-tls"}]
    [rule] = shop["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    assert rule["host"] == "shop.example"
    service = objects.one("Service", backend["name"], "system-bucket-gateway")
    assert backend["port"]["name"] in {port["name"] for port in service["spec"]["ports"]}
    office = objects.one("Ingress", "back-office", "system-bucket-gateway")
    assert office["spec"]["ingressClassName"] == "internal"
    assert office["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] == "vault"
    press = objects.one("Ingress", "press", "system-bucket-gateway")
    assert press["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] == "letsencrypt-staging"


def test_replicas_and_resources_are_those_of_the_stack_file() -> None:
    objects = stack_of(PRIVATE)
    assert objects.one("Deployment", "bucket-gateway")["spec"]["replicas"] == 3
    assert objects.has("PodDisruptionBudget", "bucket-gateway")
    limits = {one["name"]: one["resources"]["limits"] for one in pod(PRIVATE)["containers"]}
    assert limits == {"nginx": {"memory": "99Mi"}, "signer": {"memory": "98Mi"}}


def test_rights_in_s3_reach_no_further_than_the_folder_that_is_shown() -> None:
    [(account, rights)] = stack_of(PRIVATE).rights("bucket_gateway").items()
    assert account == pod(PRIVATE)["serviceAccountName"]
    assert [(list(one.actions), list(one.resources)) for one in rights.aws_statements] == [
        (["s3:GetObject"], ["arn:aws:s3:::back-office/*", "arn:aws:s3:::shop-frontend/web/*"]),
        (["kms:Decrypt"], [KEY]),
    ]
    assert not rights.gcp_readable_buckets


def test_rights_in_google_s_storage_are_to_read_objects_of_that_bucket() -> None:
    planned = plan(PRIVATE_GKE)
    [member] = [one for one in planned.resources.values() if one.type == "gcp:storage/bucketIAMMember:BucketIAMMember"]
    assert member.inputs["bucket"] == "shop-frontend" and member.inputs["role"] == "roles/storage.legacyObjectReader"
    [account] = [
        one
        for one in planned.resources.values()
        if one.type == "kubernetes:core/v1:ServiceAccount" and one.name == "system-bucket-gateway/bucket-gateway"
    ]
    assert account.inputs["metadata"]["annotations"]["iam.gke.io/gcp-service-account"].endswith(
        "@shop-production-7f3a.iam.gserviceaccount.com"
    )


def test_public_buckets_need_no_rights_no_signer_and_no_credentials() -> None:
    assert stack_of(PUBLIC).rights("bucket_gateway") == {}
    assert [one["name"] for one in pod(PUBLIC)["containers"]] == ["nginx"]
    assert purposes(PUBLIC) == ["buckets", "ingress", "metrics"]


def test_requests_are_signed_for_the_cluster_s_region() -> None:
    signer = stack_of(PRIVATE).container("Deployment", "bucket-gateway", "signer")
    assert "--region=eu-west-1" in signer["args"] and "--port=127.0.0.1:8082" in signer["args"]


def test_only_private_buckets_let_the_gateway_ask_for_credentials() -> None:
    assert purposes(PRIVATE) == ["buckets", "cloud", "cloud-credentials", "ingress", "metrics"]
    assert purposes(PRIVATE_GKE) == ["cloud", "cloud-credentials", "ingress", "metrics"]


def test_controllers_of_the_sites_classes_alone_reach_it() -> None:
    def classes(file: StackFile) -> list[str]:
        [rule] = stack_of(file).allowed("ingress", "system-bucket-gateway")["ingress"]
        assert [one["port"] for one in rule["ports"]] == [8080]
        return [one["podSelector"]["matchLabels"]["kuber.dev/ingress-class"] for one in rule["from"]]

    assert classes(PRIVATE) == ["internal", "public"]
    assert classes(PUBLIC) == ["public"]


def test_pods_start_anew_when_a_site_changes() -> None:
    def mark(file: StackFile) -> str:
        template = stack_of(file).one("Deployment", "bucket-gateway")["spec"]["template"]
        return template["metadata"]["annotations"]["kuber.dev/config-hash"]

    changed = PUBLIC.set("standard_stack.bucket_gateway.sites.shop.prefix", "next")
    assert mark(PUBLIC) != mark(changed)


def test_alerts_fire_for_sites_that_can_not_be_read_and_stay_silent_otherwise() -> None:
    labels = '{namespace="system-bucket-gateway",deployment="bucket-gateway"}'

    def case(up: str, available: int, unavailable: int, fires: tuple[str, ...]) -> dict[str, Any]:
        return {
            "interval": "1m",
            "input_series": [
                {"series": 'bucket_gateway_site_up{site="shop",pod="a"}', "values": up},
                {"series": 'bucket_gateway_site_up{site="shop",pod="b"}', "values": "0x60"},
                {"series": f"kube_deployment_status_replicas_available{labels}", "values": f"{available}x60"},
                {"series": f"kube_deployment_status_replicas_unavailable{labels}", "values": f"{unavailable}x60"},
            ],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertstate="firing",alertname="{name}"}})',
                    "eval_time": "50m",
                    "exp_samples": [{"value": 1}] if name in fires else [],
                }
                for name in every
            ],
        }

    every = ("BucketSiteUnreadable", "BucketGatewayDown", "BucketGatewayDegraded")
    assert_rules(stack_of(PUBLIC), "bucket_gateway", [case("1x60", 2, 0, ()), case("0x60", 0, 2, every)])


@pytest.mark.parametrize(
    ("file", "path", "told"),
    [
        (gateway(EKS, {}), "bucket_gateway.sites", "the gateway has nothing to show"),
        (
            gateway(EKS, {"a": {"host": "a.example", "bucket": "one"}, "b": {"host": "a.example", "bucket": "two"}}),
            "sites.b.host",
            "is the host of a too",
        ),
        (
            gateway(METAL, {"a": {"host": "a.example", "bucket": "one"}}),
            "sites.a.provider",
            "has no buckets of its own",
        ),
        (
            gateway(METAL, {"a": {"host": "a.example", "bucket": "one", "provider": "s3"}}),
            "sites.a.region",
            "where is the bucket?",
        ),
        (
            gateway(METAL, {"a": {"host": "a.example", "bucket": "one", "provider": "gcs", "private": True}}),
            "sites.a.private",
            "workloads on bare_metal have no rights in gcs",
        ),
        (
            gateway(EKS, {"a": {"host": "a.example", "bucket": "one", "provider": "gcs", "private": True}}),
            "sites.a.private",
            "workloads on eks have no rights in gcs",
        ),
        (
            gateway(EKS, {"a": {"host": "a.example", "bucket": "one", "region": "us-east-1", "private": True}}),
            "sites.a.region",
            "in the cluster's own region",
        ),
        (
            gateway(EKS, {"a": {"host": "a.example", "bucket": "a.example"}}),
            "sites.a.bucket",
            "can't be reached over TLS",
        ),
        (gateway(GKE, {"a": {"host": "a.example", "bucket": "one", "kms_key": KEY}}), "sites.a.kms_key", "is of S3"),
        (
            gateway(EKS, {"a": {"host": "a.example", "bucket": "one", "kms_key": KEY}}),
            "sites.a.kms_key",
            "private buckets",
        ),
        (gateway(EKS, {"a": {"host": "a.example", "bucket": "one", "prefix": "../b"}}), "sites.a.prefix", "right form"),
        (
            gateway(EKS, {"a": {"host": "a.example", "bucket": "one", "cache": {"immutable": "("}}}),
            "sites.a.cache.immutable",
            "not a regular expression",
        ),
        (
            gateway(EKS, {"a": {"host": "a.example", "bucket": "one", "cache": {"immutable": '" ; return 200 "'}}}),
            "sites.a.cache.immutable",
            "right form",
        ),
    ],
)
def test_settings_that_can_not_be_are_told(file: StackFile, path: str, told: str) -> None:
    error = file.error()
    assert path in error and told in error
    assert error.count(f"Pulumi.{file.stack}.yaml:") == 1


def test_it_needs_the_ingress() -> None:
    error = PUBLIC.set("standard_stack.ingress", {"enabled": False}).error()
    assert "standard_stack.ingress.enabled: bucket_gateway needs ingress" in error
