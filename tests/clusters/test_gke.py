"""A GKE cluster as its plan shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.plans import gke_pools, plan
from tests.support import GKE, GKE_OTHERWISE

CLUSTER = "gcp:container/cluster:Cluster"


def cluster() -> Mapping[str, Any]:
    return plan(GKE).one(CLUSTER).inputs


def test_google_upgrades_neither_minors_nor_nodes_by_itself() -> None:
    assert cluster()["releaseChannel"] == {"channel": "REGULAR"}
    [exclusion] = cluster()["maintenancePolicy"]["maintenanceExclusions"]
    assert exclusion["exclusionOptions"] == {
        "scope": "NO_MINOR_OR_NODE_UPGRADES",
        "endTimeBehavior": "UNTIL_END_OF_SUPPORT",
    }
    assert "endTime" not in exclusion
    assert cluster()["minMasterVersion"] == "1.35"


def test_the_stack_file_picks_the_channel() -> None:
    assert plan(GKE_OTHERWISE).one(CLUSTER).inputs["releaseChannel"] == {"channel": "STABLE"}


def test_pools_are_resources_of_their_own_and_the_default_one_goes() -> None:
    assert cluster()["removeDefaultNodePool"] is True
    assert cluster()["initialNodeCount"] == 1
    assert "nodePools" not in cluster()
    assert plan(GKE).one(CLUSTER).options["ignoreChanges"] == ["nodePools", "nodeConfig", "initialNodeCount"]


def test_nodes_and_endpoint_are_private() -> None:
    private = cluster()["privateClusterConfig"]
    assert private["enablePrivateNodes"] is True
    assert private["enablePrivateEndpoint"] is True
    assert private["masterIpv4CidrBlock"] == "10.30.32.0/28"


def test_the_endpoint_is_reached_from_named_ranges() -> None:
    allowed = cluster()["masterAuthorizedNetworksConfig"]
    assert {one["displayName"]: one["cidrBlock"] for one in allowed["cidrBlocks"]} == {
        "office-vpn": "10.250.0.0/20",
        "build-machines": "10.251.4.0/24",
        "london-colo": "10.40.0.0/20",
    }
    assert allowed["gcpPublicCidrsAccessEnabled"] is False


def test_a_public_endpoint_is_open_to_the_named_ranges_alone() -> None:
    inputs = plan(GKE_OTHERWISE).one(CLUSTER).inputs
    assert inputs["privateClusterConfig"]["enablePrivateEndpoint"] is False
    ranges = [one["cidrBlock"] for one in inputs["masterAuthorizedNetworksConfig"]["cidrBlocks"]]
    assert "198.51.100.0/24" in ranges and "0.0.0.0/0" not in ranges


def test_etcd_is_encrypted_under_a_key_that_rotates_and_that_google_s_agent_may_use() -> None:
    key = plan(GKE).one("gcp:kms/cryptoKey:CryptoKey")
    binding = plan(GKE).one("gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember")
    assert key.inputs["rotationPeriod"] == f"{90 * 24 * 3600}s"
    assert cluster()["databaseEncryption"]["state"] == "ENCRYPTED"
    assert binding.inputs["role"] == "roles/cloudkms.cryptoKeyEncrypterDecrypter"
    assert binding.inputs["member"] == (
        "serviceAccount:service-481516234299@container-engine-robot.iam.gserviceaccount.com"
    )
    assert {key, binding} <= plan(GKE).before(plan(GKE).one(CLUSTER))


def test_the_hardening_that_benchmarks_ask_for() -> None:
    found = cluster()
    assert found["enableShieldedNodes"] is True
    assert found["enableLegacyAbac"] is False
    assert found["enableIntranodeVisibility"] is True
    assert found["datapathProvider"] == "ADVANCED_DATAPATH"
    assert found["masterAuth"] == {"clientCertificateConfig": {"issueClientCertificate": False}}
    assert found["workloadIdentityConfig"] == {"workloadPool": "shop-production-7f3a.svc.id.goog"}
    for pool in gke_pools(plan(GKE)).values():
        node = pool.inputs["nodeConfig"]
        assert node["shieldedInstanceConfig"] == {"enableSecureBoot": True, "enableIntegrityMonitoring": True}
        assert node["workloadMetadataConfig"] == {"mode": "GKE_METADATA"}
        assert node["metadata"] == {"disable-legacy-endpoints": "true"}
        assert node["kubeletConfig"]["insecureKubeletReadonlyPortEnabled"] == "FALSE"


def test_the_control_plane_logs_what_an_audit_needs() -> None:
    assert {"SYSTEM_COMPONENTS", "APISERVER"} <= set(cluster()["loggingConfig"]["enableComponents"])


def test_nodes_run_under_an_account_of_their_own_with_the_least_rights() -> None:
    planned = plan(GKE)
    account = planned.one("gcp:serviceaccount/account:Account", "prod-gke-nodes")
    role = planned.one("gcp:projects/iAMMember:IAMMember", "prod-gke-nodes")
    assert role.inputs["role"] == "roles/container.defaultNodeServiceAccount"
    for pool in gke_pools(planned).values():
        assert account.urn in pool.options["dependsOn"] and "nodeConfig.serviceAccount" in pool.unknown


def test_people_find_the_cluster_and_have_their_roles_in_it() -> None:
    planned = plan(GKE)
    found = {
        one.inputs["member"]
        for one in planned.all("gcp:projects/iAMMember:IAMMember")
        if one.inputs["role"] == "roles/container.clusterViewer"
    }
    assert found == {"group:platform@shop.example", "user:break-glass@shop.example", "group:developers@shop.example"}
    binding = planned.one("kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding", "prod-gke-cluster-admin")
    assert binding.inputs["roleRef"]["name"] == "cluster-admin"
    assert {(one["kind"], one["name"]) for one in binding.inputs["subjects"]} == {
        ("Group", "platform@shop.example"),
        ("User", "break-glass@shop.example"),
    }
    assert planned.one(CLUSTER).inputs["authenticatorGroupsConfig"] == {
        "securityGroup": "gke-security-groups@shop.example"
    }


def test_without_viewers_there_is_no_binding_for_them() -> None:
    names = {one.name for one in plan(GKE_OTHERWISE).all("kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding")}
    assert {name for name in names if name.startswith("prod-gke-")} == {"prod-gke-cluster-admin"}


def test_kubernetes_objects_go_before_the_nodes_do() -> None:
    pools = set(gke_pools(plan(GKE)).values())
    assert pools <= plan(GKE).before(plan(GKE).one("pulumi:providers:kubernetes"))


def test_cluster_network_and_keys_are_protected_and_pools_are_not() -> None:
    assert {one.type for one in plan(GKE).resources.values() if one.protected} == {
        CLUSTER,
        "gcp:compute/network:Network",
        "gcp:kms/keyRing:KeyRing",
        "gcp:kms/cryptoKey:CryptoKey",
    }
    assert cluster()["deletionProtection"] is True


def test_protection_can_be_lifted() -> None:
    assert [one.name for one in plan(GKE_OTHERWISE).resources.values() if one.protected] == []
    assert plan(GKE_OTHERWISE).one(CLUSTER).inputs["deletionProtection"] is False


def test_flow_logs_can_be_off() -> None:
    assert "logConfig" in plan(GKE).one("gcp:compute/subnetwork:Subnetwork").inputs
    assert "logConfig" not in plan(GKE_OTHERWISE).one("gcp:compute/subnetwork:Subnetwork").inputs


def test_everything_is_labelled_with_its_cluster_and_owner() -> None:
    labels = json.loads(plan(GKE).one("pulumi:providers:gcp").inputs["defaultLabels"])
    assert labels == {
        "kuber-cluster": "prod-gke",
        "kuber-environment": "production",
        "owner": "platform",
        "cost-center": "shop",
    }
