"""What every cluster offers, whatever platform it stands on: one test for all three."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.plans import Plan, Resource, plan, plan_program
from tests.support import EKS, GKE, METAL, StackFile


@dataclass(frozen=True)
class Platform:
    """A platform's stack file, and what is to be had there."""

    file: StackFile
    identifier: str
    capabilities: tuple[str, ...]
    brings: tuple[str, ...]
    sdks: tuple[str, ...]
    command: str


CLOUD = ("autoscaling", "cloud_load_balancer", "spot", "workload_identity")
PLATFORMS = [
    Platform(
        EKS,
        identifier="arn:aws:eks:eu-west-1:210987654321:cluster/prod-eks",
        capabilities=CLOUD,
        brings=("block_storage", "cluster_dns", "network_policies"),
        sdks=("pulumi_aws", "pulumi_kubernetes"),
        command="aws eks get-token --region eu-west-1 --cluster-name prod-eks",
    ),
    Platform(
        GKE,
        identifier="projects/shop-production-7f3a/locations/europe-west1/clusters/prod-gke",
        capabilities=CLOUD,
        brings=("autoscaler", "block_storage", "cluster_dns", "metrics_api", "network_policies"),
        sdks=("pulumi_gcp", "pulumi_kubernetes"),
        command="gke-gcloud-auth-plugin",
    ),
    Platform(
        METAL,
        identifier="london/colo-london",
        capabilities=(),
        brings=("cluster_dns",),
        sdks=("pulumi_kubernetes",),
        command="kubelogin get-token --oidc-issuer-url=https://login.shop.example --oidc-client-id=colo-london",
    ),
]

GRANT = """
import pulumi, clusters, config
from clusters.errors import UnsupportedError
from components.identity.rights import AwsStatement, Rights

cluster = clusters.create(pulumi.get_stack(), config.load(pulumi.get_stack(), pulumi.Config().require_object("cluster")))
for name, value in cluster.outputs.items():
    pulumi.export(name, value)
rights = Rights(
    aws_statements=[AwsStatement(actions=["route53:ListHostedZones"], resources=["*"])],
    gcp_project_roles=["roles/dns.admin"],
)
try:
    identity = cluster.grant(rights, "system-dns", "external-dns")
    pulumi.export("annotations", dict(identity.annotations))
except UnsupportedError as error:
    pulumi.export("unsupported", str(error))
"""
"""The program with one workload that has cloud rights."""


@pytest.fixture(params=PLATFORMS, ids=lambda platform: platform.file.stack)
def platform(request: pytest.FixtureRequest) -> Platform:
    return request.param


def test_a_plan_tells_what_the_stack_exports(platform: Platform) -> None:
    outputs = plan(platform.file).outputs
    settings = platform.file.read()
    assert outputs["cluster"] == platform.file.stack
    assert outputs["kubernetesVersion"] == settings.kubernetes.version
    assert outputs["capabilities"] == list(platform.capabilities)
    assert outputs["brings"] == list(platform.brings)
    assert outputs["zones"] == _zones(platform.file)


def test_the_kubeconfig_gets_its_token_by_a_command_and_holds_none(platform: Platform) -> None:
    kubeconfig = json.loads(plan_program(platform.file, GRANT).outputs["kubeconfig"])
    [user] = kubeconfig["users"]
    [cluster] = kubeconfig["clusters"]
    [context] = kubeconfig["contexts"]
    assert set(user["user"]) == {"exec"}
    command = user["user"]["exec"]
    assert " ".join([command["command"], *command["args"]]) == platform.command
    spoken = "v1" if platform.file.stack == "colo-london" else "v1beta1"
    assert command["apiVersion"] == f"client.authentication.k8s.io/{spoken}" and command["installHint"]
    assert cluster["cluster"]["server"].startswith("https://")
    assert set(cluster["cluster"]) == {"server", "certificate-authority-data"}
    assert context["context"] == {"cluster": cluster["name"], "user": user["name"]}
    assert kubeconfig["current-context"] == context["name"] == platform.file.stack


def test_the_provider_survives_a_changed_kubeconfig_and_applies_server_side(platform: Platform) -> None:
    provider = kubernetes_provider(plan(platform.file))
    assert provider.inputs["clusterIdentifier"] == platform.identifier
    assert provider.inputs["enableServerSideApply"] == "true"
    assert "deleteUnreachable" not in provider.inputs


def test_kubernetes_objects_are_made_by_the_cluster_s_own_provider(platform: Platform) -> None:
    planned = plan(platform.file)
    provider = kubernetes_provider(planned)
    objects = [r for r in planned.resources.values() if r.type.startswith("kubernetes:")]
    assert {one.provider for one in objects} <= {provider.urn}


def test_resources_of_a_cloud_are_made_by_the_cluster_s_own_provider(platform: Platform) -> None:
    """A default provider would take region, project and account from the environment of whoever runs it."""
    planned = plan(platform.file)
    clouds = [r for r in planned.resources.values() if r.type.startswith(("aws:", "gcp:"))]
    assert [one.urn for one in clouds if one.provider is None] == []
    assert len({one.provider for one in clouds}) == (1 if clouds else 0)


def test_a_plan_asks_nobody_and_loads_the_sdk_of_its_platform_alone(platform: Platform) -> None:
    planned = plan(platform.file)
    assert planned.connections == []
    vault = ["pulumi_vault"] if platform.file.read().standard_stack.secrets.enabled else []
    assert planned.packages == [*platform.sdks, *vault]


def test_a_plan_is_the_same_each_time_and_whatever_the_order_of_the_stack_file(platform: Platform) -> None:
    again = plan(platform.file.reordered())
    assert differing(again, plan(platform.file)) == []
    assert again == plan(platform.file)


def test_a_date_without_quotes_can_be_planned() -> None:
    exception = "{version: '1.35', reason: the old one has no user namespaces, approved_by: Jane, expires: 2026-12-31}"
    file = METAL.replacing('version: "1.35"\n', f'version: "1.35"\n      early_adoption: {exception}\n')
    assert plan(file).outputs["cluster"] == "colo-london"


def test_a_plan_holds_what_a_cluster_is_made_of_below_the_cluster(platform: Platform) -> None:
    planned = plan(platform.file)
    elsewhere = set(planned.resources) - set(_cluster_urns(planned)) - set(_stack_urns(planned))
    assert {planned.resources[urn].type for urn in elsewhere} <= {
        "pulumi:pulumi:Stack",
        "pulumi:providers:aws",
        "pulumi:providers:gcp",
    }


def test_names_and_types_stay_since_a_change_of_them_replaces_infrastructure(platform: Platform, snapshot: Any) -> None:
    planned = plan(platform.file)
    assert "".join(f"{_short(urn)}\n" for urn in sorted(set(planned.resources) - set(_stack_urns(planned)))) == snapshot


def test_rights_on_eks_are_a_role_that_one_service_account_can_take() -> None:
    planned = plan_program(EKS, GRANT)
    name = "prod-eks-system-dns-external-dns"
    role = planned.one("aws:iam/role:Role", name)
    [trust] = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert trust["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert trust["Condition"]["StringEquals"] == {
        "aws:RequestTag/eks-cluster-arn": "arn:aws:eks:eu-west-1:210987654321:cluster/prod-eks",
        "aws:RequestTag/kubernetes-namespace": "system-dns",
        "aws:RequestTag/kubernetes-service-account": "external-dns",
    }
    association = planned.one("aws:eks/podIdentityAssociation:PodIdentityAssociation", name)
    assert association.inputs["namespace"] == "system-dns"
    assert association.inputs["serviceAccount"] == "external-dns"
    assert {role, planned.one("aws:eks/cluster:Cluster")} <= planned.before(association)
    [allowed] = json.loads(planned.one("aws:iam/rolePolicy:RolePolicy", name).inputs["policy"])["Statement"]
    assert allowed == {"Effect": "Allow", "Action": ["route53:ListHostedZones"], "Resource": ["*"]}
    assert planned.outputs["annotations"] == {}


def test_rights_on_gke_are_an_account_whose_address_is_known_before_it_is_there() -> None:
    planned = plan_program(GKE, GRANT)
    name = "prod-gke-system-dns-external-dns"
    account = planned.one("gcp:serviceaccount/account:Account", name)
    address = f"{account.inputs['accountId']}@shop-production-7f3a.iam.gserviceaccount.com"
    assert planned.outputs["annotations"] == {"iam.gke.io/gcp-service-account": address}
    binding = planned.one("gcp:serviceaccount/iAMMember:IAMMember", name)
    assert binding.inputs["role"] == "roles/iam.workloadIdentityUser"
    assert binding.inputs["member"] == ("serviceAccount:shop-production-7f3a.svc.id.goog[system-dns/external-dns]")
    assert {account, planned.one("gcp:container/cluster:Cluster")} <= planned.before(binding)
    assert planned.one("gcp:projects/iAMMember:IAMMember", f"{name}-dns.admin").inputs["role"] == "roles/dns.admin"


def test_an_account_s_id_fits_google_s_thirty_characters() -> None:
    accounts = plan_program(GKE, GRANT).all("gcp:serviceaccount/account:Account")
    assert [a.inputs["accountId"] for a in accounts if not 6 <= len(a.inputs["accountId"]) <= 30] == []


def test_rights_on_bare_metal_are_refused_with_the_way_out() -> None:
    assert plan_program(METAL, GRANT).outputs["unsupported"] == (
        "system-dns/external-dns asks for cloud rights, and colo-london is on bare metal: "
        "leave the part out, or give it a secret of its own from Vault"
    )


def differing(one: Plan, other: Plan) -> list[str]:
    """URNs of what is in one plan alone, or is not the same in both."""
    urns = sorted({*one.resources, *other.resources})
    return [urn for urn in urns if one.resources.get(urn) != other.resources.get(urn)]


def kubernetes_provider(planned: Plan) -> Resource:
    return planned.one("pulumi:providers:kubernetes")


def _cluster_urns(planned: Plan) -> list[str]:
    return _urns_below(planned, "kuber:clusters:")


def _stack_urns(planned: Plan) -> list[str]:
    return _urns_below(planned, "kuber:standard_stack:StandardStack")


def _urns_below(planned: Plan, component_type: str) -> list[str]:
    [component] = [one for one in planned.resources.values() if one.type.startswith(component_type)]
    return [component.urn, *(one.urn for one in planned.below(component))]


def _zones(file: StackFile) -> list[str]:
    settings: Any = file.read()
    return sorted({one.zone for one in settings.machines.values()}) if file is METAL else list(settings.zones)


def _short(urn: str) -> str:
    """`urn:pulumi:<stack>::<project>::<types>::<name>` without what is the same for all."""
    return urn.split("::", 2)[2]
